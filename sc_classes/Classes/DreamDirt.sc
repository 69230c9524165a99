// DreamDirt lets a running SuperDirt play dreams and ask for them, for every front-end that
// reaches it: Tidal and any other.
//
//     /dream/done -> prAdd -> the server reads the file -> prTake -> sound "dream:3" plays it
//     sound "dreamer" -> prAsk -> /dream/request
//
// A number in the bank is the daemon's number. The bank's Buffers are ours and not SuperDirt's,
// which would free them while they sound. Whatever stops in between (the daemon, the server,
// SuperDirt, all routines) is found and made good by prTick.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDirt {
	const bank = \dream, asker = \dreamer;
	// what a pattern may say besides approach, seed and secs
	const keys = #[\seedn, \seedat, \notes, \voice, \sampling, \follow, \followat, \pace, \learn,
		\temperature, \vector, \steps, \blend, \rand, '_id_'];
	classvar <default, <>longest = 3600; // seconds of dreams in the server's memory

	var <dirt, <client, server, folder, count = 0, oldest = 0, slots, silence, published;
	var queue, reading, command, asked;
	var responders, watch, now = 0, ticked, isAbsent = false;

	*start { |dirt, client|
		dirt = dirt ?? { \SuperDirt.asClass !? { |class| class.default } };
		if(dirt.isNil) { Error("DreamDirt.start: start SuperDirt first, then pass it on").throw };
		this.stop;
		^default = super.newCopyArgs(dirt, client ?? { DreamRNN.default }).init
	}

	*stop {
		default !? { default.prFree };
		default = nil
	}

	init {
		server = dirt.server;
		slots = IdentityDictionary.new; // number -> (buffer, event for SuperDirt, secs, written)
		queue = List.new; // [number, path, written] still to be read, the next one last
		asked = IdentityDictionary.new; // id -> when a pattern asked, inf once the daemon knows
		ticked = Main.elapsedTime;
		this.prListen;
		watch = SkipJack({ this.prTick }, 0.5, name: "DreamDirt", clock: SystemClock);
		ServerQuit.add(this, server);
		client.status // which says so if no daemon answers
	}

	doOnServerQuit {
		this.prEndReading;
		[slots, queue].do(_.clear); // the Buffers are gone
		silence = published = nil
	}

	// PRIVATE

	// The bank and the asker leave SuperDirt, the Buffers when they have sounded.
	prFree {
		var library = dirt.soundLibrary;
		watch.stop;
		ServerQuit.remove(this, server);
		responders.do(_.free);
		reading !? { DreamBin.add(reading[\buffer]) };
		this.prEndReading;
		library.synthEvents.removeAt(asker);
		if(this.prIsPublished) {
			library.buffers.removeAt(bank);
			library.bufferEvents.removeAt(bank)
		};
		slots.do { |slot| this.prRetire(slot) };
		silence !? { this.prRetire(silence) }
	}

	prListen {
		responders = [
			this.prOn("/dream/status", { |... pairs| this.prSync(().putPairs(pairs)) }),
			this.prOn("/dream/accepted", { |id| asked[id] !? { asked[id] = inf } }),
			this.prOn("/dream/done", { |id, path, frames, rate, seconds, number|
				asked.removeAt(id);
				this.prAdd(number, path.asString)
			}),
			this.prOn("/dream/failed", { |id, code, text|
				asked.removeAt(id) !? { this.prFail(code, text) }
			})
		]
	}

	prOn { |path, func|
		^OSCFunc({ |msg|
			isAbsent = false;
			func.valueArray(msg.drop(1))
		}, path, client.addr).fix
	}

	// now stands still while the interpreter is blocked: replies that wait in its queue are not late.
	prTick {
		var time = Main.elapsedTime;
		now = now + min(time - ticked, 1);
		ticked = time;
		client.addr.sendMsg("/dream/notify", 1); // answered by the status if the daemon is new
		this.prCheck;
		if(server.serverRunning and: { dirt.orbits.notNil }) {
			this.prMend;
			this.prNext
		}
	}

	prCheck {
		if(isAbsent.not and: { asked.any { |time| now - time > client.timeout } }) {
			isAbsent = true;
			asked.clear;
			"DreamDirt: no daemon answers at %:%; start one in a terminal: dreamd run"
			.format(client.addr.hostname, client.addr.port).warn
		}
	}

	// After a start, after a boot of the server, and when SuperDirt has freed its sounds.
	prMend {
		var library = dirt.soundLibrary;
		library.synthEvents[asker] ?? {
			library.addSynth(asker, (play: { |dirtEvent| this.prAsk(dirtEvent.orbit.orbitIndex) }))
		};
		if(this.prIsPublished.not) {
			slots = slots.reject { |slot| slot[\buffer].bufnum.isNil };
			if(silence.isNil or: { silence[\buffer].bufnum.isNil }) {
				silence = this.prSlot(Buffer.alloc(server, 1024))
			};
			folder !? { this.prScan };
			this.prPublish
		}
	}

	// the bank

	prSync { |status|
		var isNew = status[\bank].asString != folder;
		folder = status[\bank].asString;
		if(isNew) {
			oldest = 0;
			"DreamDirt: play % dreams with sound \"dream\", ask for more with sound \"dreamer\""
			.format(status[\dreams]).postln
		};
		if(isNew or: { status[\dreams] != count }) { this.prScan }
	}

	// What lies in the folder and is whole joins, what has left it leaves.
	prScan {
		var there = DreamRNN.prFiles(folder);
		count = there.size;
		(slots.keys - there.keys).do { |number| this.prRetire(slots.removeAt(number)) };
		(there.keys - this.prNumbers).asArray
		.collect { |number| [number, there[number], this.prWritten(number, there[number])] }
		.select { |each| each[2] > oldest }.sort { |a, b| a[2] < b[2] }
		.do { |each| queue.add(each) };
		this.prNext
	}

	// The newest is what was written last, for the daemon gives free numbers again; of what was
	// written in the same second, the highest number.
	prWritten { |number, path|
		^if(File.exists(path)) { File.mtime(path) + (number * 1e-6) } { 0 }
	}

	prNumbers {
		var numbers = slots.keys ++ queue.collect(_.first);
		reading !? { numbers.add(reading[\number]) };
		^numbers
	}

	prAdd { |number, path|
		if(this.prNumbers.includes(number).not) { count = count + 1 };
		queue.removeAllSuchThat { |each| each[0] == number };
		queue.add([number, path, this.prWritten(number, path)]);
		this.prNext
	}

	// One file at a time, so that others' work on the server comes in between; none before prMend.
	prNext {
		while { reading.isNil and: { queue.notEmpty } and: { silence.notNil } } {
			this.prRead(*queue.pop)
		}
	}

	prRead { |number, path, written|
		var buffer = this.prBuffer(path);
		if(buffer.isNil) { ^this };
		reading = (number: number, buffer: buffer);
		command = DreamRNNCommand.sync(client, server,
			{ |sync| buffer.allocReadMsg(path, 0, -1, sync) }, \unreadable,
			{ this.prTake(number, buffer, written) }, { |code, text| this.prGiveUp(text) })
	}

	// SuperDirt wants to know a Buffer's length before the server does.
	prBuffer { |path|
		var file = SoundFile.openRead(path);
		if(file.isNil) {
			"DreamDirt: there is no dream in %".format(path).warn;
			^nil
		};
		file.close;
		try {
			^Buffer(server, file.numFrames, file.numChannels).sampleRate_(file.sampleRate)
		} {
			queue.clear;
			"DreamDirt: the server has no buffer left for %; boot it with more numBuffers"
			.format(path).warn;
			^nil
		}
	}

	prTake { |number, buffer, written|
		this.prEndReading;
		slots[number] !? { |slot| this.prRetire(slot) };
		slots[number] = this.prSlot(buffer, written);
		this.prMakeRoom;
		if(this.prIsPublished) { this.prPublish }; // else prMend finds out first what was freed
		this.prNext
	}

	// A server that has quit has said so itself; its dreams are read anew when it has booted.
	prGiveUp { |why|
		if(server.serverRunning) {
			"DreamDirt: dream:% cannot be read: %".format(reading[\number], why).warn
		};
		DreamBin.add(reading[\buffer]);
		this.prEndReading
	}

	prEndReading {
		command.free;
		reading = command = nil
	}

	prSlot { |buffer, written|
		var event = dirt.soundLibrary.makeEventForBuffer(buffer);
		^(buffer: buffer, event: event.put(\notYetRead, false), secs: buffer.duration,
			written: written)
	}

	// The newest are held: a year of dreams must not fill the server's memory.
	prMakeRoom {
		while { slots.size > 1 and: { slots.sum { |slot| slot[\secs] } > longest } } {
			var number = slots.keys.minItem { |each| slots[each][\written] };
			oldest = slots[number][\written];
			this.prRetire(slots.removeAt(number));
			queue.removeAllSuchThat { |each| each[2] < oldest }
		}
	}

	// A number without a dream plays another one; without any dream there is silence.
	prPublish {
		var library = dirt.soundLibrary, held = slots.keys.asArray.sort;
		var all = if(held.isEmpty) { [silence] } {
			Array.fill(held.last + 1, { |number| slots[number] ?? { slots[held.wrapAt(number)] } })
		};
		published = all.collect(_[\buffer]);
		library.buffers[bank] = published;
		library.bufferEvents[bank] = all.collect(_[\event])
	}

	prIsPublished {
		^published.notNil and: { dirt.soundLibrary.buffers[bank] === published }
	}

	// It may be sounding, at a quarter of its speed. What SuperDirt has freed has no number left.
	prRetire { |slot|
		var buffer = slot[\buffer];
		buffer.bufnum !? { DreamBin.add(buffer, slot[\secs] * 4 + 2) }
	}

	// the asker

	// Called by SuperDirt in the environment of an event whose sound is the asker's.
	prAsk { |orbit|
		var options = (orbit: orbit), msg;
		keys.do { |key| currentEnvironment[key] !? { |value| options[key] = value } };
		try {
			msg = client.dreamMsg(~approach ? ~dream ? \spectrum, ~seed, ~secs ?? { ~delta.value },
				options);
			asked[msg[msg.indexOf(\id) + 1]] = now;
			client.send(*msg)
		} { |error|
			this.prFail('bad-request', error.what)
		}
	}

	// A pattern that asks again and again is cancelled all the time, which is nothing to report.
	prFail { |code, text|
		if(code != \cancelled) { "DreamDirt: %: %".format(code, text).warn }
	}
}
