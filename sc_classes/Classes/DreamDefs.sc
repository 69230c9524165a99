// DreamDefs: the SynthDefs of DreamRNN. dream and dreamChase are for patterns and for you; the
// others belong to the players. All are at hand on every server as soon as it has booted.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDefs {
	*initClass { StartUp.add { this.add } }

	*add {
		// one event of a pattern: sustain seconds of a dream, from begin (0 to 1) on
		SynthDef(\dream, { |out = 0, buf, amp = 0.3, pan = 0, rate = 1, begin = 0, attack = 0.01,
			release = 0.05, sustain = 1|
			var sig = PlayBuf.ar(1, buf, BufRateScale.kr(buf) * rate, 1,
				begin * BufFrames.kr(buf), doneAction: 2);
			var env = EnvGen.kr(Env.linen(attack, (sustain - attack).max(0), release), doneAction: 2);
			Out.ar(out, Pan2.ar(sig * env, pan, amp))
		}).add;

		// a dream while it is being made, see DreamStream
		SynthDef(\dreamChase, { |out = 0, buf, pos, amp = 0.3, pan = 0, rate = 1|
			Out.ar(out, Pan2.ar(DreamStream.ar(buf, pos, rate, 2), pan, amp))
		}).add
	}
}
