// DreamRNNFiles: the dreams that lie in the daemon's bank, a folder of numbered sound files.
//
// DreamDirt asks which are there, and DreamRNN keeps the last of them in mind; the window keeps copies
// of some, and throws others away.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNFiles {
	const <remembered = 10;

	var folder, <recent; // (path, secs, index, approach, …) of the last dreams, the newest first

	*new { ^super.new.init }

	init { recent = List.new }

	// Those that are whole: number -> path.
	*whole { |folder|
		var files = IdentityDictionary.new;
		var unfinished = (folder.dirname +/+ "unfinished" +/+ "*").pathMatch.collect(_.basename).asSet;
		(folder +/+ "*.wav").pathMatch.do { |path|
			var name = path.basename.splitext[0];
			if(name.every(_.isDecDigit) and: { unfinished.includes(name).not }) {
				files[name.asInteger] = path
			}
		};
		^files
	}

	// Whoever asked for it.
	add { |path, secs, index|
		recent.removeAllSuchThat { |each| each[\path] == path };
		recent.addFirst((path: path, secs: secs, index: index));
		if(recent.size > remembered) { recent.pop }
	}

	// What was dreamt before we were there; once.
	recall { |argFolder|
		var files;
		if(folder.notNil) { ^this };
		folder = argFolder;
		files = this.class.whole(folder);
		files.keys.asArray.sort.keep(remembered.neg).do { |index|
			var file = SoundFile.openRead(files[index]);
			file !? {
				file.close;
				this.add(files[index], file.duration, index)
			}
		}
	}

	// What the daemon says of them: number -> (approach:, voice:, seed:, starter:)
	describe { |told|
		recent.do { |dream| told[dream[\index].asSymbol] !? { |said| dream.putAll(said) } }
	}

	// A copy, of which the daemon knows nothing.
	keep { |dream|
		var place = Platform.recordingsDir;
		var path = place +/+ "dream-%-%.wav".format(Date.getDate.stamp, dream[\index]);
		try {
			File.mkdir(place);
			File.copy(dream[\path], path);
			dream[\isKept] = true;
			"DreamRNN: dream:% is kept as %".format(dream[\index], path).postln
		} { |error|
			DreamRNNFailure.tell('unwritable', "cannot keep dream:% as %: %"
				.format(dream[\index], path, error.what))
		}
	}

	// Nothing but a file of the bank: its number is free then.
	throwAway { |dream|
		recent.remove(dream);
		if(dream[\path].dirname == folder and: { File.delete(dream[\path]) }) {
			"DreamRNN: dream:% is thrown away".format(dream[\index]).postln
		}
	}
}
