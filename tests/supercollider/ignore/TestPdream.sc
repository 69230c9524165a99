// The streams of Pdream, with a double of their client.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestPdream : UnitTest {
	var client;

	setUp { client = DreamRNNDouble.new }
	tearDown { PdreamStream.doOnCmdPeriod }

	stream { |approach, seed, secs = 4, options, first|
		^Pdream(approach, seed, secs, options, first).client_(client).asStream
	}

	are { |yielded, dream| ^yielded.every { |each| each === dream } }

	arrive { |n| ^client.arrive(n) }

	test_before_the_first_dream {
		var given = Buffer.new(Server.default, 10, 1, 99);
		this.assert(this.stream(\vector).next.isRest, "a rest");
		this.assertEquals(this.stream(\vector, first: given).next, given, "or what was given");
		this.assertEquals(this.stream(\vector, first: Pseq([1, 2])).nextN(3).drop(-1), [1, 2],
			"or a pattern")
	}

	test_asks_ahead_and_repeats {
		var stream = this.stream(\vector, "guitar"), dreams;
		stream.nextN(3);
		this.assertEquals(client.asked.size, 1, "asks once");
		dreams = [this.arrive(0)];
		this.assert(this.are(stream.nextN(3), dreams[0]), "repeats the last");
		this.assertEquals(client.asked.size, 2, "and has asked for the next at the first event");
		dreams = dreams.add(this.arrive(1));
		this.assert(this.are(stream.nextN(2), dreams[1]), "the next is there")
	}

	test_every_argument_may_be_a_pattern {
		var stream = this.stream(Pseq([\vector, \column], inf), Pseq(["a", [60, 64]], inf),
			Pseq([1, 2], inf), (pace: Pseq([0.5, 2], inf), voice: \guitar));
		stream.next;
		this.arrive(0);
		stream.next;
		client.asked.do { |asked, i|
			this.assertEquals(asked[\approach], [\vector, \column][i], "approach");
			this.assertEquals(asked[\seed], ["a", [60, 64]][i], "seed");
			this.assertEquals(asked[\secs], [1, 2][i], "secs");
			this.assertEquals(asked[\options], (pace: [0.5, 2][i], voice: \guitar), "options")
		}
	}

	test_options_of_other_kinds {
		this.stream(\vector, options: [pace: Pseq([0.5])]).next;
		this.stream(\vector, options: Pbind(\pace, Pseq([2], inf))).next(());
		this.stream(\vector).next;
		this.assertEquals(client.asked.collect(_[\options]).asArray, [(pace: 0.5), (pace: 2), nil],
			"an Array of pairs, a pattern of Events, nothing")
	}

	test_arguments_know_the_event {
		this.stream(\vector, Pkey(\who)).next((who: "guitar", server: Server.internal));
		this.assertEquals(client.asked[0][\seed], "guitar", "Pkey works");
		this.assertEquals(client.asked[0][\server], Server.internal, "on the event's server")
	}

	test_the_end_of_an_argument {
		var stream = this.stream(\vector, Pseq(["a", "b"])), last;
		stream.next;
		this.arrive(0);
		stream.next;
		last = this.arrive(1);
		this.assert(this.are(stream.nextN(5), last), "the last dream is repeated");
		this.assertEquals(client.asked.size, 2, "and no more is asked for");
		stream = this.stream(\vector, options: (pace: Pseq([1], 1)));
		stream.next;
		this.arrive(2);
		stream.nextN(3);
		this.assertEquals(client.asked.size, 3, "an option may end, too")
	}

	test_streams_are_independent {
		var pattern = Pdream(\vector, Pseq(["a", "b"], inf)).client_(client);
		var one = pattern.asStream, two = pattern.asStream;
		one.next;
		two.next;
		this.assertEquals(client.asked.collect(_[\seed]).asArray, ["a", "a"], "each asks for itself");
		this.arrive(1);
		this.assert(one.next.isRest, "one has nothing yet");
		this.assertEquals(two.next, client.asked[1][\buffer], "two has")
	}

	test_failures_change_nothing {
		var stream = this.stream(Pseq([\vector, \vector, \nonsense, \vector], inf)), dream;
		stream.next;
		dream = this.arrive(0);
		stream.next;
		client.fail(1, 'busy');
		this.assert(this.are(stream.nextN(3), dream), "the last dream goes on");
		this.assertEquals(client.asked.size, 2, "it does not ask again at every event");
		1.1.wait;
		this.assertEquals(stream.next, dream, "what makes no sense is no error in the pattern");
		this.wait({ stream.next; client.asked.size == 3 }, "and then it asks for the next", 60)
	}

	test_stop_and_go_on {
		var stream = this.stream(\vector), before = DreamBin.size, dream;
		stream.next;
		dream = this.arrive(0);
		stream.next;
		PdreamStream.doOnCmdPeriod;
		this.assertEquals(client.cancelled.asArray, [client.asked[1][\buffer]], "cancels what it awaits");
		this.assertEquals(DreamBin.size - before, 2, "what it had is to be freed");
		client.fail(1, 'cancelled');
		this.assertEquals(stream.next, dream, "it may go on with the same dream");
		this.assertEquals(client.asked.size, 3, "and asks anew");
		stream.check(Main.elapsedTime + 500);
		this.assertEquals(client.cancelled.size, 1, "a long event is no end");
		stream.check(Main.elapsedTime + 601);
		this.assertEquals(client.cancelled.size, 2, "but ten minutes are")
	}

	test_many_streams_rest_sooner {
		var streams = { this.stream(\vector) } ! 17;
		streams.do(_.next);
		streams[0].check(Main.elapsedTime + 59);
		this.assertEquals(client.cancelled.size, 0, "a minute is none too long");
		streams[0].check(Main.elapsedTime + 61);
		this.assertEquals(client.cancelled.size, 1, "for one of many");
		streams[1].check(Main.elapsedTime + 61);
		this.assertEquals(client.cancelled.size, 1, "but not for one of few")
	}

	test_cleanup_of_a_player {
		var pattern = Pbind(\type, \none, \buf, Pdream(\vector).client_(client), \dur, 0.01);
		var player = pattern.play(TempoClock(1));
		this.wait({ client.asked.notEmpty }, "it asks");
		player.stop;
		this.assertEquals(client.cancelled.size, 1, "a player that is stopped awaits no dream")
	}

	test_a_server_that_quits_takes_its_numbers {
		var stream = this.stream(\vector), before = DreamBin.size;
		stream.next;
		this.arrive(0);
		stream.next;
		PdreamStream.doOnServerQuit(Server.default);
		this.assert(stream.next.isRest, "a rest, as at the start");
		this.assertEquals(DreamBin.size, before, "and nothing is freed")
	}

	test_a_number_that_belongs_to_another_buffer {
		var stream = this.stream(\vector), dream;
		stream.next;
		dream = this.arrive(0);
		this.assertEquals(stream.next, dream, "the dream");
		Buffer.new(Server.default, 10, 1, dream.bufnum); // as after Buffer.freeAll
		this.assert(stream.next.isRest, "what is not its own is neither played");
		this.assert(DreamBin.lives(dream).not, "nor freed")
	}

	test_reset {
		var stream = this.stream(\vector, Pseq(["a", "b"])), dream;
		stream.next;
		dream = this.arrive(0);
		stream.next;
		stream.reset;
		this.assertEquals(stream.next, dream, "no gap");
		this.arrive(1);
		stream.next;
		this.assertEquals(client.asked[2][\seed], "a", "its arguments begin anew")
	}
}
