// DreamRNNFiles: the dreams that lie in the daemon's bank, a folder of numbered sound files.
//
// DreamDirt asks which are there, and DreamRNN keeps the last of them in mind.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNFiles {
	const remembered = 8;

	var <recent, isRecalled = false; // (path, secs, index) of the last dreams, the newest first

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
	recall { |folder|
		var files;
		if(isRecalled) { ^this };
		isRecalled = true;
		files = this.class.whole(folder);
		files.keys.asArray.sort.keep(remembered.neg).do { |index|
			var file = SoundFile.openRead(files[index]);
			file !? {
				file.close;
				this.add(files[index], file.duration, index)
			}
		}
	}
}
