// DreamStream: a dream that can be played while it is being made. Its Buffer, and a control Bus
// with the write position: so many frames, from the start, has the server read into the Buffer.
//
// DreamRNN.stream makes one. ar and phase, of the class, are for SynthDefs that chase it.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamStream {
	const fade = 0.01;

	var client, <buffer, <bus;

	*new { |client, buffer, bus|
		^super.newCopyArgs(client, buffer, bus)
	}

	server { ^buffer.server }
	bufnum { ^buffer.bufnum }

	// What has not arrived by now never will; synths that chase it come to their end.
	free {
		client.cancel(buffer);
		buffer.bufnum !? { buffer.free }; // the server may have had none left
		bus.free
	}

	// in a SynthDef

	// Plays from the start, waits in silence where nothing has been written yet, goes on.
	*ar { |buf, pos, rate = 1, doneAction = 0|
		var phase, goes;
		#phase, goes = this.prWalk(buf, pos, rate);
		^BufRd.ar(1, buf, phase, 0, 4)
		* Lag.kr(goes, fade)
		* EnvGen.kr(Env.asr(0, 1, fade), A2K.kr(phase) < BufFrames.kr(buf), doneAction: doneAction)
	}

	// The frame to play now, for UGens of your own choice.
	*phase { |buf, pos, rate = 1| ^this.prWalk(buf, pos, rate)[0] }

	// PRIVATE

	// In this block the phase moves on only if it cannot pass the write position: it was last
	// known a block ago, and interpolation looks three frames ahead.
	*prWalk { |buf, pos, rate|
		var known = LocalBuf(1).clear;
		var step = BufRateScale.kr(buf) * rate.max(0);
		var reach = BufRd.kr(1, known, 0, 0, 1) + (2 * step * SampleRate.ir * ControlDur.ir) + 3;
		var written = In.kr(pos);
		var goes = (reach < written) max: (written >= BufFrames.kr(buf));
		var phase = Sweep.ar(0, step * SampleRate.ir * goes);
		BufWr.kr(A2K.kr(phase), known, 0);
		^[phase, goes]
	}
}
