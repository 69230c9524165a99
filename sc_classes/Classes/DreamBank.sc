// DreamBank: a numbered set of dreams, filled in the background: one dream is asked for at a
// time, so that what a performer asks for meanwhile need not wait for all of them.
//
// On disk it is a folder: the dreams as sound files, and what they are in dreams.json.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamBank {
	// failures that the other dreams of a batch would meet as well
	const common = #['no-daemon', 'no-server', 'no-buffer', 'no-model', 'bad-request', 'busy',
		'cancelled'];

	var <server, client, dreams, batches, pending;

	*new { |server, client|
		^super.newCopyArgs(DreamRNNFailure.checkServer(server, "DreamBank.new"),
			client ?? { DreamRNN.default }).init
	}

	*load { |server, path, action, onError, client|
		^this.new(server, client).load(path, action, onError)
	}

	init {
		dreams = List.new;
		batches = List.new
	}

	// One dream, in the background.
	add { |approach, seed, secs = 4, action, options, onError|
		this.fill(approach, [seed], secs, action, options, onError)
	}

	// A dream of each of the seeds, where a number is one note.
	fill { |approach, seeds, secs = 4, action, options, onError|
		if(seeds.isSequenceableCollection.not or: { seeds.isString }) {
			Error("DreamBank.fill: seeds must be an Array of seeds, got %".format(seeds)).throw
		};
		seeds = seeds.asList.collect { |seed|
			if(seed.isKindOf(SimpleNumber)) { [seed] } { seed }
		};
		seeds.do { |seed| this.prCheck(approach, seed, secs, options) };
		batches.add((approach: approach, seeds: seeds, secs: secs, options: options,
			action: action, onError: onError));
		if(pending.isNil) { this.prNext }
	}

	size { ^dreams.size }

	// Numbers wrap round.
	at { |index| ^this.prAt(index, \buffer) }

	// The notes of a dream's seed; nil where it was something else.
	notes { |index| ^this.prAt(index, \notes) }

	choose { ^this.at(this.size.rand) }

	// A dream whose seed had a note nearest to this one.
	nearest { |midinote|
		var noted = dreams.select { |dream| dream[\notes].notNil };
		var distance = { |dream| (dream[\notes] - midinote).abs.minItem };
		var least = noted.collect(distance).minItem;
		^noted.select { |dream| distance.(dream) == least }.choose !? (_[\buffer])
	}

	indexOf { |buffer| ^dreams.detectIndex { |dream| dream[\buffer] === buffer } }

	save { |path, action, onError|
		var folder = path.standardizePath, saved = dreams.asArray;
		var failed = { |code, text| DreamRNNFailure.tell(code, text, onError) };
		case
		{ server.serverRunning.not } { failed.value('no-server', this.prAbsence) }
		{ this.prIsEmptyFolder(folder).not } {
			failed.value('unwritable', "cannot save in %: it must be a new folder, or an empty one"
				.format(folder))
		} {
			this.prEach(saved, { |dream, i, next| this.prWrite(folder, dream, i, next, failed) }, {
				this.prWriteList(folder, saved);
				action.value(this)
			})
		}
	}

	// Adds what was saved.
	load { |path, action, onError|
		var folder = path.standardizePath, saved = this.prReadList(folder);
		var failed = { |code, text| DreamRNNFailure.tell(code, text, onError) };
		case
		{ server.serverRunning.not } { failed.value('no-server', this.prAbsence) }
		{ saved.isNil } { failed.value('unreadable', "there is no bank of dreams in " ++ folder) }
		{
			this.prEach(saved, { |dream, i, next| this.prRead(folder, dream, next, failed) }, {
				action.value(this)
			})
		}
	}

	// What plays a dream once may come to its end.
	free {
		batches.clear;
		pending !? {
			client.cancel(pending);
			DreamBin.add(pending)
		};
		dreams.do { |dream|
			var buffer = dream[\buffer];
			if(DreamBin.lives(buffer)) { DreamBin.add(buffer, buffer.duration) }
		};
		this.prEmpty
	}

	doOnServerQuit {
		"DreamBank: its % dreams went with the server %".format(this.size, server).warn;
		this.prEmpty
	}

	// PRIVATE

	prAbsence { ^"the server % is not running".format(server) }

	prAdd { |dream|
		dreams.add(dream);
		ServerQuit.add(this, server)
	}

	// A new List, so that what is still being loaded is not added to it.
	prEmpty {
		if(dreams.notEmpty) { ServerQuit.remove(this, server) };
		dreams = List.new
	}

	prAt { |index, key| ^if(dreams.notEmpty) { dreams.wrapAt(index)[key] } }

	// What makes no sense is an Error now, and not later in the background.
	prCheck { |approach, seed, secs, options|
		client.dreamMsg(approach, if(seed.isKindOf(Buffer).not) { seed }, secs, options)
	}

	prNext {
		var batch = batches.first;
		case
		{ batch.isNil } { }
		{ batch[\seeds].notEmpty } { this.prAsk(batch, batch[\seeds].removeAt(0)) }
		{
			batches.remove(batch);
			batch[\action].value(this);
			this.prNext
		}
	}

	prAsk { |batch, seed|
		pending = client.dream(batch[\approach], seed, batch[\secs],
			{ |buffer| this.prArrived(batch, seed, buffer) },
			batch[\options],
			{ |code, text| this.prFailed(batch, code, text) },
			server)
	}

	prArrived { |batch, seed, buffer|
		pending = nil;
		this.prAdd((
			buffer: buffer, approach: batch[\approach], secs: batch[\secs],
			notes: if(seed.isArray and: { seed.isString.not }) { seed },
			seed: if(seed.isString or: { seed.isKindOf(Symbol) }) { seed.asString }
		));
		this.prNext
	}

	prFailed { |batch, code, text|
		pending !? { DreamBin.add(pending) };
		pending = nil;
		if(common.includes(code)) { batches.remove(batch) };
		batch[\onError].value(code, text);
		this.prNext
	}

	// One after the other: step gets an item, its number, and what to do when it is through.
	prEach { |items, step, action, i = 0|
		if(i >= items.size) { ^action.value };
		step.value(items[i], i, { this.prEach(items, step, action, i + 1) })
	}

	prIsEmptyFolder { |folder|
		^(folder +/+ "*").pathMatch.isEmpty and: {
			try { File.mkdir(folder) } { ^false };
			File.type(folder) == \directory
		}
	}

	prFileName { |i| ^i.asString.padLeft(5, "0") ++ ".wav" }

	prWrite { |folder, dream, i, next, failed|
		var buffer = dream[\buffer], path = folder +/+ this.prFileName(i);
		var channels = buffer.numChannels, rate = buffer.sampleRate; // as it may be freed meanwhile
		if(buffer.bufnum.isNil) { ^failed.value('unwritable', "dream % was freed".format(i)) };
		DreamRNNCommand.sync(client, server,
			{ |sync| buffer.writeMsg(path, "wav", "float", -1, 0, false, sync) }, 'unwritable',
			{
				DreamRNNCommand.setRate(path, channels, rate);
				next.value
			}, failed)
	}

	prWriteList { |folder, saved|
		File.use(folder +/+ "dreams.json", "w") { |file|
			file.write("[\n" ++ saved.collect(this.prLine(_, _)).join(",\n") ++ "\n]\n")
		}
	}

	prLine { |dream, i|
		var pairs = [file: this.prFileName(i), approach: dream[\approach].asString,
			secs: dream[\secs], notes: dream[\notes], seed: dream[\seed]];
		^"{" ++ pairs.clump(2).reject { |pair| pair[1].isNil }.collect { |pair|
			"\"%\": %".format(pair[0], pair[1].asCompileString)
		}.join(", ") ++ "}"
	}

	// nil if there is none, or it is none
	prReadList { |folder|
		var path = folder +/+ "dreams.json";
		var list = if(File.exists(path)) { try { path.parseYAMLFile } };
		^if(list.isArray and: { list.every { |each| each.isKindOf(Dictionary) and: { each["file"].notNil } } }) { list }
	}

	prRead { |folder, saved, next, failed|
		var path = folder +/+ saved["file"], file = SoundFile.openRead(path), buffer, into = dreams;
		if(file.isNil) { ^failed.value('unreadable', path + "cannot be read") };
		file.close;
		buffer = try { Buffer(server, file.numFrames, file.numChannels) }
		?? { ^failed.value('no-buffer', DreamRNNFailure.noBuffer(server)) };
		buffer.sampleRate = file.sampleRate;
		DreamRNNCommand.sync(client, server, { |sync| buffer.allocReadMsg(path, 0, -1, sync) },
			'unreadable',
			{
				if(into === dreams) {
					this.prAdd((
						buffer: buffer, approach: saved["approach"].asSymbol,
						secs: saved["secs"].asFloat, seed: saved["seed"],
						notes: saved["notes"] !? (_.collect(_.asFloat))
					));
					next.value
				} { DreamBin.add(buffer) } // the bank was freed
			},
			{ |code, text|
				DreamBin.add(buffer);
				failed.value(code, text)
			})
	}
}
