// DreamRNNMessage: what is said to the daemon to have a dream: the keys and values of
// /dream/request, from the arguments of DreamRNN.dream. What makes no sense in itself is an Error.
//
// DreamRNN, which sends it, asks here too whether a seed must first be written as a file.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNMessage {
	// An Event. The options win over the other arguments. A file at the server's own sample rate is
	// played as it is, and nothing between its samples must be guessed.
	*keys { |id, approach, seed, secs, options, server|
		var asked = (id: id, approach: approach, secs: DreamRNNBeats.secs(options) ? secs ? 4);
		options = DreamRNNBeats.others(options);
		server !? { asked[\outrate] = server.sampleRate !? { |rate| rate.round.asInteger } };
		asked.putAll(this.prSeed(seed), this.prOptions(options));
		this.prCheck(asked[\approach], asked[\secs]);
		^asked
	}

	// What /dream/set takes: keys and values.
	*set { |pairs| ^this.prOptions(pairs).asSortedArray.flatten(1) }

	// What /dream/seed takes.
	*seed { |seed, options| ^(this.prSeed(seed) ++ this.prOptions(options)).asSortedArray.flatten(1) }

	*isEndless { |secs| ^secs == inf or: { secs == 0 } }

	// A recording's name, or its file: "guitar:3", a path.
	*recording { |words|
		if(words.isKindOf(PathName)) { ^words.fullPath.absolutePath };
		if(words.isKindOf(DreamTake)) { words = words.path };
		if((words.isString or: { words.isKindOf(Symbol) }).not) {
			Error("DreamRNN.forget: recording must be a name, a path or a DreamTake, got %"
				.format(words)).throw
		};
		^this.prPlace(words.asString)
	}

	// A Buffer that is not just what is in a file.
	*hasNoFile { |seed|
		if(seed.isKindOf(Buffer).not) { ^false };
		if(seed.bufnum.isNil) { this.misuse("seed must be a Buffer that is not freed", seed) };
		if(seed.numFrames == 0) { this.misuse("seed must be a Buffer with frames in it", seed) };
		^seed.path.isNil or: { this.prHolds(seed.path.asString, seed).not }
	}

	// The path of one for it.
	*newFile {
		^Platform.defaultTempDir
		+/+ "dreamrnn-seed-%-%.wav".format(NetAddr.langPort, UniqueID.next)
	}

	*misuse { |what, got|
		Error("DreamRNN.dream: %, got %".format(what, got)).throw
	}

	// PRIVATE

	*prCheck { |approach, secs|
		if((approach.isKindOf(Symbol) or: { approach.isString }).not) {
			this.misuse("approach must be a Symbol", approach)
		};
		if((secs.isKindOf(SimpleNumber) and: { secs >= 0 }).not) {
			this.misuse("secs must be a number above 0, or 0 or inf for no end", secs)
		}
	}

	*prSeed { |seed|
		^case
		{ seed.isNil } { () }
		{ seed.isKindOf(Buffer) } { (seed: this.prFileOf(seed)) }
		{ seed.isKindOf(PathName) } { (seed: seed.fullPath.absolutePath) }
		{ seed.isString or: { seed.isKindOf(Symbol) } } { (seed: this.prPlace(seed.asString)) }
		{ seed.isKindOf(SimpleNumber) } { (notes: seed.asString) }
		{ this.prAreNotes(seed) } { (notes: seed.join(" ")) }
		{ this.misuse("seed must be a Buffer, path, name, MIDI note, Array of them or nil", seed) }
	}

	*prAreNotes { |seed|
		^seed.isSequenceableCollection and: { seed.notEmpty }
		and: { seed.every(_.isKindOf(SimpleNumber)) }
	}

	// "guitar:2" stays as it is; a path must mean the same file where the daemon runs.
	*prPlace { |text|
		var path;
		if(text.includes(thisProcess.platform.pathSeparator).not) { ^text };
		path = text.absolutePath;
		^if(File.exists(path)) { path } { text }
	}

	*prFileOf { |buffer|
		if(this.hasNoFile(buffer)) {
			this.misuse("seed has no file of its own to send; use dream, which writes one", buffer)
		};
		^buffer.path.asString.absolutePath
	}

	*prHolds { |path, buffer|
		var file = SoundFile.openRead(path);
		^file.notNil and: {
			file.close;
			file.numFrames == buffer.numFrames and: { file.numChannels == buffer.numChannels }
		}
	}

	// Without those whose value is nil.
	*prOptions { |options|
		var asked = ();
		this.prPairs(options).pairsDo { |key, value|
			if((key.isKindOf(Symbol) or: { key.isString }).not) {
				this.misuse("each option's key must be a Symbol", key)
			};
			value !? { asked[key.asSymbol] = this.prValue(key, value) }
		};
		asked[\id] !? { |id|
			if(id.isKindOf(SimpleNumber).not) { this.misuse("the option id must be a number", id) };
			asked[\id] = id.asInteger
		};
		^asked
	}

	*prPairs { |options|
		^case
		{ options.isNil } { [] }
		{ options.isKindOf(Dictionary) } { options.asPairs }
		{ options.isArray and: { options.isString.not } and: { options.size.even } } { options }
		{ this.misuse("options must be an Event or an Array of pairs", options) }
	}

	*prValue { |key, value|
		^case
		{ value.isKindOf(SimpleNumber) or: { value.isString } or: { value.isKindOf(Symbol) } } { value }
		{ value.isKindOf(PathName) } { value.fullPath.absolutePath }
		{ this.prAreNotes(value) } { value.join(" ") }
		{ this.misuse("the option % must be a number or a name".format(key), value) }
	}
}
