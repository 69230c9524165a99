// DreamDirt lets a running SuperDirt play dreams and ask for them, for every front-end that
// reaches it: Tidal and any other.
//
//     /dream/done -> DreamDirtBank -> sound "dream:3" plays it
//     sound "dreamer" -> prAsk -> /dream/request
//     sound "dreamrec" -> prRecord -> a take from an input
//     sound "dreamstream" -> prStream -> DreamDirtStreams plays a dream without end
//
// Whatever stops in between (the daemon, the server, SuperDirt, all routines) is found and made
// good by prTick.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDirt {
	const asker = \dreamer, recorder = \dreamrec, streamer = \dreamstream;
	// what a pattern may say besides approach, seed and secs
	const keys = #[\seedn, \seedat, \notes, \voice, \sampling, \follow, \followat, \pace, \learn,
		\temperature, \wander, \outline, \dreamgain, \vector, \steps, \blend, \rand, \outrate, '_id_'];
	classvar <default, <>longest = 900; // seconds of dreams in the server's memory

	var <dirt, <client, bank, streams, replies, clock, asked, isAbsent = false;

	*start { |dirt, client|
		dirt = dirt ?? { \SuperDirt.asClass !? { |class| class.default } };
		if(dirt.isNil) { Error("DreamDirt.start: start SuperDirt first, then pass it on").throw };
		this.stop;
		^default = super.newCopyArgs(dirt, client ?? { DreamRNN.default }).init
	}

	*stop {
		default !? { default.free };
		default = nil
	}

	init {
		bank = DreamDirtBank(dirt, client);
		streams = DreamDirtStreams(dirt, client);
		asked = IdentityDictionary.new; // id -> when a pattern asked, inf once the daemon knows
		clock = DreamRNNClock("DreamDirt", 0.5, tick: { this.prTick });
		this.prListen;
		clock.start;
		ServerQuit.add(this, dirt.server);
		client.status // which says so if no daemon answers
	}

	// Its sounds leave SuperDirt.
	free {
		clock.stop;
		replies.free;
		ServerQuit.remove(this, dirt.server);
		[asker, recorder, streamer].do { |name| dirt.soundLibrary.synthEvents.removeAt(name) };
		streams.free;
		bank.free
	}

	doOnServerQuit { bank.forget }

	// PRIVATE

	prListen {
		replies = DreamRNNReplies(client.addr, (
			status: { |tree|
				this.prTellRate; // whoever says it may be a new daemon
				bank.sync(tree)
			},
			warning: { |id| asked[id] !? { asked[id] = inf } }, // the client posts it
			accepted: { |id| asked[id] !? { asked[id] = inf } },
			done: { |id, path, frames, rate, seconds, number|
				asked.removeAt(id);
				bank.add(number, path.asString)
			},
			failed: { |id, code, text| asked.removeAt(id) !? { this.prFail(code, text) } }
		), { isAbsent = false })
	}

	// What front-ends ask of the daemon directly is played here as well.
	prTellRate {
		dirt.server.sampleRate !? { |rate| client.addr.sendMsg("/dream/outrate", rate) }
	}

	prTick {
		client.addr.sendMsg("/dream/notify", 1); // answered by the status if the daemon is new
		this.prCheck;
		if(dirt.server.serverRunning and: { dirt.orbits.notNil }) {
			this.prMend;
			bank.mend;
			streams.mend
		}
	}

	prCheck {
		if(isAbsent.not and: { asked.any { |time| clock.now - time > client.timeout } }) {
			isAbsent = true;
			asked.clear;
			"DreamDirt: no daemon answers at %:%; start one in a terminal: dreamd run"
			.format(client.addr.hostname, client.addr.port).warn
		}
	}

	// After a start, and when SuperDirt has freed its sounds.
	prMend {
		var library = dirt.soundLibrary;
		library.synthEvents[asker] ?? {
			library.addSynth(asker, (play: { |dirtEvent| this.prAsk(dirtEvent.orbit.orbitIndex) }))
		};
		library.synthEvents[recorder] ?? {
			library.addSynth(recorder, (play: { this.prRecord }))
		};
		library.synthEvents[streamer] ?? {
			library.addSynth(streamer, (play: { |dirtEvent| this.prStream(dirtEvent.orbit) }))
		}
	}

	// Called by SuperDirt in the environment of an event whose sound is the asker's.
	prAsk { |orbit|
		var options = (orbit: orbit), msg;
		keys.do { |key| currentEnvironment[key] !? { |value| options[key] = value } };
		try {
			msg = client.dreamMsg(~approach ? ~dream ? \spectrum, ~seed, ~secs ?? { ~delta.value },
				options, dirt.server);
			asked[msg[msg.indexOf(\id) + 1]] = clock.now;
			client.send(*msg)
		} { |error|
			this.prFail('bad-request', error.what)
		}
	}

	// The same: so much of an input becomes a recording of a voice, from the beat on.
	prRecord {
		try {
			client.record(~voice, (~dreamin ? 0).asInteger, ~secs ?? { ~delta.value }, server: dirt.server,
				latency: ~latency.value ? 0)
		} { |error|
			this.prFail('bad-request', error.what)
		}
	}

	// The same: a dream without end begins under a name, or ends.
	prStream { |orbit|
		var name = (~name ? streamer).asSymbol, options = (name: name);
		if(~ending.notNil) { ^streams.end(name) };
		(keys ++ [\lead]).do { |key| currentEnvironment[key] !? { |value| options[key] = value } };
		options.removeAt('_id_'); // it is no pattern's: it outlives it
		try {
			streams.begin(name, orbit, ~approach ? ~dream ? \column, ~seed, options)
		} { |error|
			this.prFail('bad-request', error.what)
		}
	}

	// A pattern that asks again and again is cancelled all the time, which is nothing to report.
	prFail { |code, text|
		if(code != \cancelled) { "DreamDirt: %: %".format(code, text).warn }
	}
}
