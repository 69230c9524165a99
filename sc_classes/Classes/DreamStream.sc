// DreamStream: a dream that can be played while it is being made, and if it is endless goes on
// until it is freed. Its Buffer, and a control Bus with what of it there is.
//
// DreamRNN.stream makes one. ar and phase, of the class, are for SynthDefs that chase it.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamStream {
	const fading = 0.3; // seconds that its Buffer outlives it
	const mostSeeds = 8; // files of those that joined: the daemon has long read the others

	var client, request, <buffer, position, seeds;

	*new { |client, request|
		^super.newCopyArgs(client, request, request.buffer, request.givePosition, List.new)
	}

	// nil where the server had none left
	bus { ^position !? { position.bus } }
	server { ^buffer.server }
	bufnum { ^buffer.bufnum }

	asUGenInput { ^this.bufnum }
	asControlInput { ^this.bufnum }

	// What has not arrived by now never will; synths that play it fade out.
	free {
		client.cancel(buffer);
		position !? { position.close };
		[buffer, this.bus].do { |each| each !? { DreamBin.add(each, fading) } };
		seeds.do(_.free);
		seeds.clear
	}

	// what is not made yet

	set { |... pairs|
		pairs.pairsDo { |key, value|
			if(key == \lead and: { position.notNil }) { position.lead = value }
		};
		request.tell("/dream/set", DreamRNNMessage.set(pairs))
	}

	setMsg { |... pairs| ^["/dream/set", request.id] ++ DreamRNNMessage.set(pairs) }

	// Another seed takes the dream over, as if it had got there by itself.
	seed { |seed, options, onError|
		var path = DreamRNNMessage.newFile, file;
		var tell = { |place| request.tell("/dream/seed", DreamRNNMessage.seed(place, options)) };
		if(DreamRNNMessage.hasNoFile(seed).not) { ^tell.value(seed) };
		file = DreamRNNSeed(client, seed, path);
		file.make({ |place| tell.value(place) },
			{ |code, text| DreamRNNFailure.tell(code, text, onError) });
		seeds.add(file);
		if(seeds.size > mostSeeds) { seeds.removeAt(0).free }
	}

	seedMsg { |seed, options| ^["/dream/seed", request.id] ++ DreamRNNMessage.seed(seed, options) }

	// in a SynthDef

	// Plays once from the start, waits in silence where nothing has been written yet, goes on. An
	// endless dream never waits.
	*ar { |buf, pos, rate = 1, doneAction = 0, numChannels = 1|
		^DreamPlay.ar(buf, rate, loop: 0, pos: pos, doneAction: doneAction,
			numChannels: numChannels)
	}

	// The frame to play now, for UGens of your own choice.
	*phase { |buf, pos, rate = 1| ^DreamPlay.phase(buf, rate, pos) }
}
