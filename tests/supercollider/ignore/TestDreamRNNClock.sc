// How DreamRNNClock counts the time.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamRNNClock : UnitTest {
	var clock, ticks, isIdle;

	setUp {
		ticks = 0;
		isIdle = false;
		clock = DreamRNNClock("TestDreamRNNClock", 0.05, { isIdle }, { ticks = ticks + 1 })
	}

	tearDown { clock.stop }

	ticksOn { |words|
		var before = ticks;
		this.wait({ ticks > (before + 1) }, words, 60)
	}

	isWatching { ^SkipJack.all.any { |each| each.name == "TestDreamRNNClock" } }

	test_it_stands_still_while_the_interpreter_is_blocked {
		var now, before, start;
		clock.start;
		this.ticksOn("it ticks");
		this.assert(clock.now > 0, "and time goes on");
		#now, before, start = [clock.now, ticks, Main.elapsedTime];
		while { Main.elapsedTime - start < 1 };
		this.ticksOn("it ticks on");
		this.assert(clock.now - now <= (ticks - before * 0.1 + 1e-6), "two ticks' time at most in each")
	}

	test_it_ends_where_nothing_is_awaited_and_begins_anew {
		clock.start;
		isIdle = true;
		this.wait({ this.isWatching.not }, "it ends", 60);
		isIdle = false;
		clock.start;
		this.ticksOn("it begins anew");
		clock.stop;
		this.assert(this.isWatching.not, "it is stopped at once")
	}

	test_it_survives_cmd_period {
		clock.start;
		CmdPeriod.run;
		this.ticksOn("it goes on")
	}
}
