// DreamPlay: a UGen that plays a dream, finite or endless, whole or still being made.
//
// It has two heads. Wherever it leaps (a loop's end, a restart, an endless dream that is not made
// fast enough and is played again) one head fades out where it is, the other fades in elsewhere.
// What has been made it knows from a Bus, see DreamRNNPosition.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamPlay {
	const fade = 0.05; // seconds of a crossfade
	const drift = 0.001; // the clocks of daemon and server differ less

	var buf, pos, rate, trigger, loop, doneAction, numChannels;
	var known, last, since, begun, again, stalled; // as of the block before
	var frames, block, reach, margin; // what a head plays in a block, may in two, and while fading
	var written, held, lead, isEndless, distance, isAlive, isOver, toLive, toBack, target;
	var phase, goes;

	// dream: a DreamStream, a Buffer or its number; pos: for a number, that of a DreamStream's Bus
	*ar { |dream, rate = 1, trigger = 1, loop = 1, pos, doneAction = 0, mul = 1, add = 0,
		numChannels = 1|
		^[dream, rate, trigger, loop, pos, doneAction, numChannels].flop.collect { |each|
			this.prOne(*each).signal
		}.unbubble.madd(mul, add)
	}

	// The frame that is played, once.
	*phase { |dream, rate = 1, pos| ^this.prOne(dream, rate, 1, 0, pos, 0, 1).phase }

	init {
		this.prRecall;
		this.prChoose;
		this.prWalk;
		pos !? { this.prTell }
	}

	phase { ^phase }

	signal {
		var isBegun = begun max: toLive, isB = ToggleFF.kr(toLive + toBack);
		var sig = [1 - isB, isB].collect { |isOn|
			var gain = Slew.kr(isOn * isBegun, 1 / fade, 1 / fade);
			var step = block * goes / (SampleRate.ir * ControlDur.ir);
			DreamBuf.ar(numChannels, buf, step, isOn * (toLive + toBack), target, 1)
			* (gain * 0.5pi).sin
		}.sum;
		var env = EnvGen.kr(Env.asr(0, 1, fade), isAlive * (1 - isOver), doneAction: doneAction);
		^sig * Lag.kr(goes, fade / 5) * env
	}

	// PRIVATE

	*prOne { |dream, rate, trigger, loop, pos, doneAction, numChannels|
		if(dream.isKindOf(DreamStream)) { pos = dream.bus.index };
		#dream, pos = [dream, pos].collect(_.asUGenInput);
		dream ?? { Error("DreamPlay.ar: the dream must be there, and not freed").throw };
		#rate, loop = [rate, loop].collect { |each| // a number compares as none of the UGens do
			if(each.rate == \audio) { A2K.kr(each) } { DC.kr(1) * each }
		};
		^super.newCopyArgs(dream, pos, rate, trigger, loop, doneAction, numChannels).init
	}

	// What there is, and where it played a block ago.
	prRecall {
		known = LocalBuf(1, 5).clear;
		#last, since, begun, again, stalled = BufRd.kr(5, known, 0, 1, 1);
		frames = BufFrames.kr(buf);
		#written, held, lead = if(pos.isNil) { [frames, frames, DC.kr(0)] } { In.kr(pos, 3) };
		isEndless = lead > 0;
		isAlive = SetResetFF.kr(written < 0, 0) < 1;
		distance = this.prAhead(last);
		block = BufRateScale.kr(buf) * rate.max(0) * this.prPace * SampleRate.ir * ControlDur.ir;
		reach = 3 * block + 4;
		margin = fade / ControlDur.ir * block + reach
	}

	// Frames from there to the write position.
	prAhead { |from| ^written - from + (frames * isEndless * (written < from)) }

	// A little faster where it falls behind: an hour later a dream is heard as soon as now.
	prPace {
		var late = Lag.kr(distance, 5) - lead / lead.max(1);
		^1 + (isEndless * begun * (1 - again) * (late * 0.01).clip(drift.neg, drift))
	}

	// Whether it leaps now, and where to.
	prChoose {
		var loops = isEndless max: loop, may = isAlive * begun * (since > fade);
		var recovered = again * isEndless * (this.prAhead(stalled) >= lead);
		var restart = Trig1.kr(trigger, ControlDur.ir), from;
		toLive = this.prBegins(loops) + (may * (recovered + restart + this.prIsFar)) > 0;
		toBack = may * (distance < margin) * loops * (1 - toLive);
		from = written - Select.kr(toBack, [held min: lead, (held min: (frames / 2)) - margin]);
		target = isEndless * (from + (frames * (from < 0)));
		isOver = begun * (1 - loops) * (written >= frames) * (distance < margin)
	}

	// What is played again at once if no more comes must not be too short.
	prBegins { |loops|
		var enough = Select.kr(isEndless, [BufSampleRate.kr(buf) / 4, lead / 2]) max: (3 * margin);
		^isAlive * (begun < 1) * (since > 0) * (held > 0) // not in the first block: no head is on yet
		* (held >= (Select.kr(loops, [2 * reach, enough]) min: frames))
	}

	// It was slowed down, or the daemon has made good what it owed.
	prIsFar {
		var most = Select.kr(rate >= 0.99, [frames, (2 * lead) + (BufSampleRate.kr(buf) / 2)]);
		^isEndless * (1 - again) * (distance > (most min: (frames * 0.75)))
	}

	// A dream with an end that is played once waits where there is no more, and stops at its end.
	prWalk {
		var leaps = toLive + toBack, isBegun = begun max: toLive;
		goes = isBegun * (1 - ((1 - (isEndless max: loop)) * (distance < reach)));
		phase = Phasor.ar(leaps, block * goes / (SampleRate.ir * ControlDur.ir), 0, frames.max(1),
			target);
		BufWr.kr([A2K.kr(phase), Sweep.kr(leaps), isBegun, (again max: toBack) * (1 - toLive),
			Select.kr(toBack * (again < 1), [stalled, written])], known, 0)
	}

	// Where it plays again, and where no more.
	prTell {
		var begins = isEndless * toBack * (again < 1), ends = isEndless * toLive * again;
		SendReply.kr(begins + ends, '/dreamLate', [pos, begins])
	}
}
