// DreamRNNClock: how long an answer has been awaited, and a tick to look after those that are late.
//
// now stands still while the interpreter is blocked: replies that wait in its queue then are not
// late. The ticks survive Cmd-period, and end by themselves where nothing is awaited any more.
// DreamRNN and DreamDirt have one each.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNClock {
	var every, tick, <now = 0, ticked = 0, watch, isTicking = false;

	// every so many seconds, until isIdle
	*new { |name, every, isIdle = false, tick|
		^super.newCopyArgs(every, tick).init(name, isIdle)
	}

	init { |name, isIdle|
		watch = SkipJack({ this.prTick }, every, isIdle, name, SystemClock, false)
	}

	// A tick that gives cause for more ticks has them anyway; and a Routine cannot restart itself.
	start { if(isTicking.not) { watch.start } }
	stop { watch.stop }

	// PRIVATE

	prTick {
		var time = Main.elapsedTime;
		now = now + min(time - ticked, every * 2);
		ticked = time;
		isTicking = true;
		DreamRNNFailure.guard({ tick.value }); // else it were the last tick
		isTicking = false
	}
}
