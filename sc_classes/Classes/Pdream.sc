// Pdream: a pattern of dreams, as Buffers, for events that are playing.
//
// Each of its streams asks for the next dream while the last one plays, repeats the last until
// the next is there, and never waits. Buffers that have had their time go to DreamBin.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

Pdream : Pattern {
	var <>approach, <>seed, <>secs, <>options, <>first, <>keep, <>beats, <>client;

	*new { |approach = \spectrum, seed, secs = 4, options, first, keep = 30, beats|
		^super.newCopyArgs(approach, seed, secs, options, first, keep, beats)
	}

	storeArgs { ^[approach, seed, secs, options, first, keep, beats] }

	asStream { ^PdreamStream(this) }
}

PdreamStream : Stream {
	// seconds: after so long a stream that is not asked any more has ended, or where there are many
	// streams; between two tries
	const longestRest = 600, crowdedRest = 60, longestPause = 60;
	const crowd = 16;
	classvar alive, watch;

	var pattern, client, arguments, options, first, keep, keepFor = 30;
	var current, ready, pending, isOver, touched, retry = 0, pause = 1;

	*initClass {
		alive = IdentitySet.new;
		CmdPeriod.add(this);
		ServerQuit.add(this)
	}

	*new { |pattern| ^super.newCopyArgs(pattern).reset }

	reset {
		client = pattern.client ?? { DreamRNN.default };
		arguments = [pattern.approach, pattern.seed, pattern.beats ? pattern.secs].collect(_.asStream);
		options = this.prOptions(pattern.options);
		first = pattern.first.asStream;
		keep = pattern.keep.asStream;
		isOver = false
	}

	// The newest dream that is there; until there is one, what was given for that, or a rest.
	next { |inval|
		this.prWake(inval);
		ready !? {
			this.prDiscard(current);
			current = ready;
			ready = nil
		};
		if(pending.isNil) { this.prAsk(inval) };
		if(current.notNil and: { DreamBin.lives(current).not }) { current = nil };
		^current ?? { first.next(inval) ?? { Rest() } }
	}

	// Nobody asks any more: the player has stopped. It may go on later.
	stop {
		var asked = pending;
		alive.remove(this);
		pending = nil;
		asked !? {
			client.cancel(asked);
			DreamBin.add(asked)
		};
		ready !? { DreamBin.add(ready) };
		ready = nil;
		this.prDiscard(current)
	}

	*doOnCmdPeriod { alive.copy.do(_.stop) }
	*doOnServerQuit { |server| alive.copy.do(_.forget(server)) }

	// Pn around a Pbind makes a stream each time: in ten minutes they would take all Buffers.
	check { |now|
		var patience = if(alive.size > crowd) { crowdedRest } { longestRest };
		if(now - touched > patience) { this.stop }
	}

	forget { |server|
		if(pending.notNil and: { pending.server === server }) { pending = nil };
		if(ready.notNil and: { ready.server === server }) { ready = nil };
		if(current.notNil and: { current.server === server }) { current = nil }
	}

	// PRIVATE

	prWake { |inval|
		touched = Main.elapsedTime;
		if(alive.includes(this)) { ^this };
		alive.add(this);
		EventStreamCleanup.new.addFunction(inval, { this.stop });
		current !? { DreamBin.remove(current) };
		this.class.prWatch
	}

	// A pattern that ends by itself tells nobody, so its streams are known by their silence.
	*prWatch {
		watch = watch ?? {
			SkipJack({ alive.copy.do(_.check(Main.elapsedTime)) }, 1, { alive.isEmpty }, "Pdream",
				SystemClock)
		};
		watch.start
	}

	prDiscard { |buffer|
		// it is nil at first, and freed if the performer did that
		if(buffer.notNil and: { DreamBin.lives(buffer) }) {
			DreamBin.add(buffer, keepFor + buffer.duration)
		}
	}

	prAsk { |inval|
		var values, asked, server = if(inval.isKindOf(Event)) { inval[\server] };
		if(isOver or: { Main.elapsedTime < retry }) { ^this };
		keepFor = keep.next(inval) ? keepFor;
		values = this.prValues(inval);
		if(values.isNil) {
			isOver = true;
			^this
		};
		try {
			asked = client.dream(values[0], values[1], values[2],
				{ |buffer| if(pending === buffer) { this.prArrived } },
				values[3],
				{ if(pending === asked) { this.prFailed } },
				server);
			pending = asked
		} { |error|
			DreamRNNFailure.tell('bad-request', error.what);
			this.prLater
		}
	}

	prArrived {
		ready = pending;
		pending = nil;
		pause = 1
	}

	prFailed {
		DreamBin.add(pending);
		pending = nil;
		this.prLater
	}

	// Not at every event: each try that fails posts a line.
	prLater {
		retry = Main.elapsedTime + pause;
		pause = (pause * 2).min(longestPause)
	}

	// nil when one of the arguments' patterns has ended
	prValues { |inval|
		var values = arguments.collect { |stream| stream.next(inval) };
		var given = if(options.isKindOf(Dictionary)) {
			options.collect { |stream| stream.next(inval) }
		} {
			options.next(()) // the event's own keys are no options of a dream
		};
		if(this.prHasEnded(values, given)) { ^nil };
		if(pattern.beats.notNil) { values[2] = values[2] / DreamRNNBeats.clock.tempo };
		^values ++ [given]
	}

	prHasEnded { |values, given|
		^arguments.any { |stream, i| stream.notNil and: { values[i].isNil } }
		or: { options.notNil and: { given.isNil or: { given.size < options.size } } }
	}

	prOptions { |given|
		if(given.isArray) { given = ().putPairs(given) };
		^if(given.isKindOf(Dictionary)) { given.collect(_.asStream) } { given.asStream }
	}
}
