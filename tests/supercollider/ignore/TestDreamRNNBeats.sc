// Lengths in beats, the grid, and events that are dreams, with a double of the client.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamRNNBeats : UnitTest {
	test_beats_are_seconds_of_the_clock {
		var clock = TempoClock(2), msg;
		msg = DreamRNN.dreamMsg(\column, nil, 9, (beats: 8, clock: clock, quant: 4, rand: 1));
		this.assertEquals(().putPairs(msg.drop(1))[\secs], 4, "at the tempo of now");
		clock.tempo = 4;
		msg = DreamRNN.dreamMsg(\column, nil, 9, [beats: 8, clock: clock]);
		msg = ().putPairs(msg.drop(1));
		this.assertEquals(msg[\secs], 2, "and later at another");
		this.assertEquals(msg.keys, Set[\id, \approach, \secs], "the daemon knows of no clock");
		this.assertException({ DreamRNN.dreamMsg(\column, nil, 4, (beats: 0)) }, Error, "no beats");
		clock.stop
	}

	test_the_action_begins_on_the_grid {
		var clock = TempoClock(8), beat, value, plain = { }, waits;
		this.assert(DreamRNNBeats.onGrid(nil, plain) === plain, "without a quant it is as it was");
		waits = DreamRNNBeats.onGrid((quant: 4, clock: clock), { |buf| beat = clock.beats; value = buf });
		waits.value(7);
		this.wait({ beat.notNil }, "the grid", 60);
		this.assertFloatEquals(beat % 4, 0, "on it", 0.01);
		this.assertEquals(value, 7, "with what it is given");
		clock.stop
	}

	test_a_pattern_asks_in_beats {
		var client = DreamRNNDouble.new, clock = TempoClock(4);
		var stream = Pdream(\column, secs: 9, beats: Pseq([8, 2])).client_(client).asStream;
		Routine({ stream.next }).play(clock);
		this.wait({ client.asked.size == 1 }, "it asks", 60);
		this.assertEquals(client.asked[0][\secs], 2, "eight beats at four in a second");
		PdreamStream.doOnCmdPeriod;
		clock.stop
	}

	test_an_event_is_a_dream {
		var client = DreamRNNDouble.new, played, buffer, asked;
		var event = (type: \dream, approach: \column, seed: "guitar", secs: 2, amp: 0.25, pan: 1,
			client: client, options: (rand: 1), play: { played = currentEnvironment.copy });
		Event.eventTypes[\dream].notNil.not.if { this.failed(thisMethod, "no such type") };
		event.copy.parent_(Event.parentEvents.default).use { ~eventTypes[\dream].value(Server.default) };
		asked = client.asked[0];
		this.assertEquals([asked[\approach], asked[\seed], asked[\secs], asked[\options]],
			[\column, "guitar", 2, (rand: 1)], "it asks");
		this.assert(played.isNil, "and plays nothing yet");
		buffer = client.arrive(0);
		this.assert(played[\buf] === buffer, "then its dream");
		this.assertEquals([played[\instrument], played[\amp], played[\pan], played[\type]],
			[\dreamPlay, 0.25, 1, \note], "with its own keys");
		this.assertFloatEquals(played[\sustain], buffer.duration, "the whole of it")
	}
}
