// DreamDirtBank: the daemon's dreams as SuperDirt's sound "dream", see DreamDirt.
//
//     add -> the server reads the file -> prTake -> prPublish
//
// A number in the bank is the daemon's number. The bank's Buffers are ours and not SuperDirt's,
// which would free them while they sound.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDirtBank {
	const sound = \dream;

	var dirt, client, server, folder, count = 0, oldest = 0, slots, silence, published;
	var queue, reading, command; // one at a time is read

	*new { |dirt, client|
		^super.newCopyArgs(dirt, client, dirt.server).init
	}

	init {
		slots = IdentityDictionary.new; // number -> (buffer, event for SuperDirt, secs, written)
		queue = List.new // [number, path, written] still to be read, the next one last
	}

	// What the daemon says it has.
	sync { |status|
		var isNew = status[\bank].asString != folder;
		folder = status[\bank].asString;
		if(isNew) {
			oldest = 0;
			"DreamDirt: play % dreams with sound \"dream\", ask for more with sound \"dreamer\""
			.format(status[\dreams]).postln
		};
		if(isNew or: { status[\dreams] != count }) { this.prScan }
	}

	// A dream that has just been made.
	add { |number, path|
		if(this.prNumbers.includes(number).not) { count = count + 1 };
		queue.removeAllSuchThat { |each| each[0] == number };
		queue.add([number, path, this.prWritten(number, path)]);
		this.prNext
	}

	// After a start, after a boot of the server, and when SuperDirt has freed its sounds.
	mend {
		if(this.prIsPublished.not) {
			slots = slots.reject { |slot| slot[\buffer].bufnum.isNil };
			if(silence.isNil or: { silence[\buffer].bufnum.isNil }) {
				silence = this.prSlot(Buffer.alloc(server, 1024))
			};
			folder !? { this.prScan };
			this.prPublish
		};
		this.prNext
	}

	// The server has quit, and the Buffers with it.
	forget {
		this.prEndReading;
		[slots, queue].do(_.clear);
		silence = published = nil
	}

	// SuperDirt has the bank no more, and the Buffers are freed when they have sounded.
	free {
		var library = dirt.soundLibrary;
		reading !? { DreamBin.add(reading[\buffer]) };
		this.prEndReading;
		if(this.prIsPublished) {
			library.buffers.removeAt(sound);
			library.bufferEvents.removeAt(sound)
		};
		slots.do { |slot| this.prRetire(slot) };
		silence !? { this.prRetire(silence) }
	}

	// PRIVATE

	// What lies in the folder and is whole joins, what has left it leaves.
	prScan {
		var there = DreamRNNFiles.whole(folder);
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

	// One file at a time, so that others' work on the server comes in between; none before mend.
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
		^try {
			Buffer(server, file.numFrames, file.numChannels).sampleRate_(file.sampleRate)
		} {
			queue.clear;
			"DreamDirt: the server has no buffer left for %; boot it with more numBuffers"
			.format(path).warn;
			nil
		}
	}

	prTake { |number, buffer, written|
		this.prEndReading;
		slots[number] !? { |slot| this.prRetire(slot) };
		slots[number] = this.prSlot(buffer, written);
		this.prMakeRoom;
		if(this.prIsPublished) { this.prPublish }; // else mend finds out first what was freed
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
		while { slots.size > 1 and: { slots.sum { |slot| slot[\secs] } > DreamDirt.longest } } {
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
		library.buffers[sound] = published;
		library.bufferEvents[sound] = all.collect(_[\event])
	}

	prIsPublished {
		^published.notNil and: { dirt.soundLibrary.buffers[sound] === published }
	}

	// It may be sounding, at a quarter of its speed. What SuperDirt has freed has no number left.
	prRetire { |slot|
		var buffer = slot[\buffer];
		buffer.bufnum !? { DreamBin.add(buffer, slot[\secs] * 4 + 2) }
	}
}
