// DreamDefs: the SynthDefs of DreamRNN. dreamPlay and dreamChase are for patterns and you; the
// others belong to the players. All are at hand on every server as soon as it has booted.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDefs {
	*initClass { StartUp.add { this.add } }

	*add {
		// one event of a pattern: sustain seconds of a dream, from begin (0 to 1) on; it fades out
		// before the dream's end
		SynthDef(\dreamPlay, { |out = 0, buf, amp = 0.3, pan = 0, rate = 1, begin = 0, attack = 0.01,
			release = 0.05, sustain = 1|
			var sig = DreamBuf.ar(2, buf, BufRateScale.kr(buf) * rate, 1,
				begin * BufFrames.kr(buf), doneAction: 2);
			var left = BufDur.kr(buf) * Select.kr(rate > 0, [begin, 1 - begin]) / rate.abs.max(0.001);
			var fall = release.min(left / 2), hold = sustain.min(left - fall) - attack;
			var env = EnvGen.kr(Env.linen(attack.min(left / 2), hold.max(0), fall), doneAction: 2);
			Out.ar(out, Balance2.ar(sig[0] * env, sig[1] * env, pan, amp))
		}).add;

		// a dream while it is being made, see DreamStream
		SynthDef(\dreamChase, { |out = 0, buf, pos, amp = 0.3, pan = 0, rate = 1, gate = 1|
			var env = EnvGen.kr(Env.asr(0, 1, 0.1), gate, doneAction: 2);
			var sig = DreamStream.ar(buf, pos, rate, 2, 2) * env;
			Out.ar(out, Balance2.ar(sig[0], sig[1], pan, amp))
		}).add;

		this.prAddPlayers
	}

	*prAddPlayers {
		// all that a DreamPlayer plays passes here: never louder than level, and silent rather
		// than not a number
		SynthDef(\dreamLimit, { |in, out = 0, level = 0.5, gate = 1|
			var sig = LeakDC.ar(Sanitize.ar(In.ar(in, 2)));
			var env = EnvGen.kr(Env.asr(0, 1, 0.1), gate, doneAction: 14);
			Out.ar(out, Limiter.ar(sig, level, 0.01).clip2(level) * env)
		}).add;

		// One /dreamHeard for each onset, as soon as its pitch is clear. Just after the onset it
		// is not, and the median still has the note before.
		SynthDef(\dreamEar, { |in, threshold = 0.02|
			var sig = LeakDC.ar(In.ar(in));
			var amp = Amplitude.kr(sig, 0.01, 0.1);
			var freq, clear, onset, count, age;
			#freq, clear = Pitch.kr(sig, 220, 50, 2000, median: 5, ampThreshold: threshold, clar: 1);
			onset = Onsets.kr(FFT(LocalBuf(512), sig), 0.3) * (amp > threshold);
			count = PulseCount.kr(onset);
			age = Sweep.kr(onset);
			SendReply.kr((count > 0) * (age > 0.08) * (age < 0.5) * (clear > 0.8), '/dreamHeard',
				[count, freq, amp])
		}).add;

		// a dream times a sine: ring is how much of it, 0 to 1
		SynthDef(\dreamRing, { |out, buf, freq = 440, ring = 0.5, amp = 0.5, attack = 0.05,
			release = 1, pan = 0, gate = 1|
			var sig = DreamBuf.ar(2, buf, BufRateScale.kr(buf), doneAction: 2);
			// a release that is longer than half the dream begins there
			var held = Sweep.kr < max(BufDur.kr(buf) - release, BufDur.kr(buf) / 2);
			var env = EnvGen.kr(Env.asr(attack, 1, release), gate * held, doneAction: 2);
			sig = sig * env * (1 - ring + (ring * SinOsc.ar(freq)));
			Out.ar(out, Balance2.ar(sig[0], sig[1], pan, amp))
		}).add;

		// the last seconds of an input, where the tape's head is, and how loud it has been
		SynthDef(\dreamTape, { |in, buf, meter, span = 3|
			var sig = In.ar(in), head = Phasor.ar(0, 1, 0, BufFrames.kr(buf));
			BufWr.ar(sig, buf, head);
			Out.kr(meter, [A2K.kr(head), Amplitude.kr(LeakDC.ar(sig), 0.01, span)])
		}).add
	}
}
