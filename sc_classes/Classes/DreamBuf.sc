// DreamBuf: a PlayBuf for dreams, of one channel or of two: a SynthDef need not know which.
//
// DreamPlay, and the SynthDefs of DreamDefs, play Buffers with it. A PlayBuf plays a Buffer of as
// many channels as itself and no other. So there are two: one has the dream, the other silence.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamBuf {
	// As many channels as you want, 1 or 2: of one, two are their mean; one is on both sides.
	*ar { |numChannels, buf, rate = 1, trigger = 1, startPos = 0, loop = 0, doneAction = 0|
		var channels = BufChannels.kr(buf);
		var sigs = [1, 2].collect { |count|
			var isIts = if(count == 1) { channels < 2 } { channels > 1 };
			var its = Select.kr(isIts, [LocalBuf(64, count).clear, buf]);
			PlayBuf.ar(count, its, rate, trigger, startPos * isIts, loop max: (1 - isIts), doneAction)
		};
		^if(numChannels == 1) { sigs[0] + (sigs[1].sum / 2) } { sigs[0] + sigs[1] }
	}
}
