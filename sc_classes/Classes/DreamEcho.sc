// DreamEcho: takes melodies from a live player as seeds, and plays dreams of them in near real
// time, staggered or when it is triggered.
//
//     input -> a tape of the last seconds -> seed -> dream -> output
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamEcho : DreamPlayer {
	// dreams that can be triggered; how soft a melody is none; seconds of tape besides the melody,
	// for it runs on while a melody is copied
	const kept = 4, silence = 0.003, spare = 1;

	var client, <window, <secs, <>approach = \spectrum, <>options, <dreams;
	var tape, meter, isTaking = false, routine;

	*new { |server, in, out = 0, window = 3, secs = 6, options, client|
		[window: window, secs: secs].pairsDo { |name, value|
			if((value.isKindOf(SimpleNumber) and: { value > 0 }).not) {
				Error("DreamEcho.new: % must be a number above 0, got %".format(name, value)).throw
			}
		};
		^super.newCopyArgs(DreamRNNFailure.checkServer(server, "DreamEcho.new"), in, out)
		.initEcho(client ?? { DreamRNN.default }, window, secs, options)
	}

	initEcho { |argClient, argWindow, argSecs, argOptions|
		client = argClient;
		window = argWindow;
		secs = argSecs;
		options = argOptions;
		dreams = List.new // the newest first
	}

	// Takes what was just played as a seed, and plays its dream as soon as there is any of it.
	take { |action, onError| this.prTake(true, false, action, onError) }

	// Plays the newest dream, and takes what was just played for the next.
	trigger {
		dreams.first !? { |stream| this.prPlay(stream) };
		this.prTake(false, true)
	}

	// take, every so many seconds: dreams that are longer overlap. nil ends it.
	stagger { |gap|
		if(gap.notNil and: { (gap > 0).not }) {
			Error("DreamEcho.stagger: gap must be a number above 0, got %".format(gap)).throw
		};
		routine.stop;
		routine = gap !? {
			Routine { loop { this.prTake(true, true); gap.wait } }.play(SystemClock)
		}
	}

	// as a player

	makeEar { |bus|
		var synth = Synth.basicNew(\dreamTape, server);
		meter = Bus.control(server, 2) ?? { Error("it has no control bus left").throw };
		tape = Buffer.alloc(server, (window + spare * server.sampleRate).asInteger, 1, { |buffer|
			synth.newMsg(group, [in: bus, buf: buffer, meter: meter, span: window], \addToHead)
		});
		^synth
	}

	cleanUp {
		super.cleanUp;
		this.stagger(nil);
		meter.free;
		tape !? { DreamBin.add(tape) };
		meter = tape = nil;
		dreams.do { |stream|
			client.cancel(stream.buffer); // if it is still being made
			DreamBin.add(stream, secs)
		};
		dreams.clear
	}

	// PRIVATE

	// The melody goes on from its beginning and is followed, unless the options say otherwise.
	prOptions {
		var said = IdentityDictionary.new;
		(options ?? { () }).asPairs.pairsDo { |key, value| said[key.asSymbol] = value };
		^(seedat: 0, outline: 1).putAll(said)
	}

	// quiet: no line where there is nothing to take
	prTake { |isPlayed, quiet, action, onError|
		var miss = { |code, text|
			isTaking = false;
			DreamRNNFailure.tell(code, text, onError, quiet)
		};
		client.dreamMsg(approach, nil, secs, this.prOptions); // misuse is an Error now, not in between
		if(isTaking) { ^DreamRNNFailure.tell('busy', "one melody is taken at a time", onError, quiet) };
		if(this.isPlaying.not) { ^miss.value('silence', "DreamEcho.play comes first") };
		isTaking = true;
		DreamRNNCommand(client, server, ["/c_getn", meter.index, 2], ['/c_setn', meter.index, 2],
			'no-server', { |answer|
				if(this.isPlaying and: { answer[4] > silence }) {
					this.prDream(this.prMelody(answer[3].asInteger), isPlayed, action, onError, miss)
				} {
					miss.value('silence', "nothing was played in the last % seconds".format(window))
				}
			}, miss)
	}

	// A Buffer with what the tape has up to this frame; nil where the server has none left.
	prMelody { |head|
		var frames = (window * server.sampleRate).asInteger;
		var start = (head - frames) % tape.numFrames;
		var first = min(frames, tape.numFrames - start);
		var melody = try { Buffer.alloc(server, frames) };
		melody ?? { ^nil };
		tape.copyData(melody, 0, start, first);
		if(first < frames) { tape.copyData(melody, first, 0, frames - first) };
		^melody
	}

	prDream { |melody, isPlayed, action, onError, miss|
		var stream, over = { isTaking = false; DreamBin.add(melody) };
		if(melody.isNil) { ^miss.value('no-buffer', DreamRNNFailure.noBuffer(server)) };
		stream = client.stream(approach, melody, secs,
			{ over.value; action.value(stream) },
			this.prOptions,
			{ |code, text|
				over.value;
				dreams.remove(stream);
				DreamBin.add(stream); // which ends what waits for the rest of it
				onError.value(code, text)
			}, server);
		dreams.addFirst(stream);
		if(dreams.size > kept) { DreamBin.add(dreams.pop, secs) };
		if(isPlayed) { this.prPlaySoon(stream) }
	}

	// When the server has made its Buffer.
	prPlaySoon { |stream|
		DreamRNNCommand.sync(client, server, { |sync| sync }, 'no-server', {
			if(dreams.includes(stream)) { this.prPlay(stream) }
		})
	}

	prPlay { |stream| this.playVoice(\dreamChase, [buf: stream.buffer, pos: stream.bus]) }
}
