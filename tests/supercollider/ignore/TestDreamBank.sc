// What is in a DreamBank, and what it asks for, with a double of its client.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamBank : UnitTest {
	var client, bank, done, failed;

	setUp {
		client = DreamRNNDouble.new;
		bank = DreamBank(nil, client);
		done = failed = 0
	}

	tearDown { bank.free }

	fill { |approach, seeds| bank.fill(approach, seeds, 1, { done = done + 1 }, (pace: 2),
		{ failed = failed + 1 }) }

	test_nothing_yet {
		this.assertEquals(bank.size, 0, "empty");
		this.assertEquals([bank.at(0), bank.choose, bank.nearest(60), bank.notes(1)], nil ! 4, "nil")
	}

	test_one_at_a_time {
		this.fill(\column, [60, [60, 64], "guitar:2", nil]);
		this.fill(\vector, ["a"]);
		5.do { |i|
			this.assertEquals(client.asked.size, i + 1, "one at a time");
			this.assertEquals(bank.size, i, "those that are there");
			client.arrive(i)
		};
		this.assertEquals(client.asked.collect(_[\seed]).asArray, [[60], [60, 64], "guitar:2", nil, "a"],
			"in order, numbers being notes");
		this.assertEquals(client.asked.collect(_[\approach]).last, \vector, "the second batch");
		this.assertEquals(client.asked[0][\options], (pace: 2), "with the options");
		this.assertEquals(done, 2, "and each batch is told of")
	}

	test_numbers {
		var dreams;
		this.fill(\column, [60, "guitar"]);
		dreams = [client.arrive(0), client.arrive(1)];
		this.assert((0..5).every { |i| bank.at(i) === dreams[i % 2] }, "wrap round");
		this.assertEquals(bank.indexOf(dreams[1]), 1, "indexOf");
		this.assertEquals(bank.indexOf(3), nil, "of something else");
		this.assertEquals([bank.notes(0), bank.notes(1)], [[60], nil], "notes");
		this.assert({ dreams.includes(bank.choose) }.dup(20).every(_ == true), "choose")
	}

	test_nearest {
		var dreams, both;
		this.fill(\column, [60, 67, [72, 76], "guitar", 60]);
		dreams = { |i| client.arrive(i) } ! 5;
		[[10, 0], [63, 0], [64, 1], [67, 1], [69, 1], [70, 2], [75, 2], [127, 2]].do { |pair|
			var found = bank.notes(bank.indexOf(bank.nearest(pair[0])));
			this.assertEquals(found, bank.notes(pair[1]), "nearest to %".format(pair[0]))
		};
		both = { bank.nearest(60) } ! 50;
		this.assert(both.includes(dreams[0]) and: { both.includes(dreams[4]) }, "any of the nearest")
	}

	test_a_failure_of_one {
		this.fill(\column, [60, 61]);
		client.fail(0, 'diverged');
		client.arrive(1);
		this.assertEquals([bank.size, done, failed], [1, 1, 1], "the others come all the same")
	}

	test_a_failure_of_all {
		this.fill(\column, [60, 61, 62]);
		this.fill(\vector, ["a"]);
		client.fail(0, 'no-model');
		this.assertEquals(client.asked.size, 2, "the batch is given up");
		client.arrive(1);
		this.assertEquals([bank.size, done, failed], [1, 1, 1], "and the next one made")
	}

	test_free {
		var before = DreamBin.size;
		this.fill(\column, [60, 61, 62]);
		client.arrive(0);
		bank.free;
		this.assertEquals(bank.size, 0, "empty");
		this.assertEquals(client.cancelled.size, 1, "what is awaited is cancelled");
		this.assertEquals(DreamBin.size - before, 2, "and freed, with what was there");
		client.fail(1, 'cancelled');
		this.assertEquals(client.asked.size, 2, "nothing more is asked for")
	}

	test_free_and_fill_anew {
		var registered = { ServerQuit.objects[Server.default].asArray.includes(bank) };
		this.fill(\column, [60, 61]);
		client.arrive(0).freeMsg; // by the performer
		client.arrive(1);
		this.assert(registered.value, "it must hear of a server that quits");
		bank.free;
		this.assert(registered.value.not, "and need not, empty");
		this.fill(\column, [62]);
		client.arrive(2);
		this.assert(registered.value, "but when it is filled anew");
		bank.doOnServerQuit;
		this.assertEquals(bank.size, 0, "empty")
	}

	test_misuse {
		this.assertException({ this.fill(3, [60]) }, Error, "a number as approach");
		this.assertException({ this.fill(\vector, [60, { }]) }, Error, "a function as seed");
		this.assertEquals(client.asked.size, 0, "before anything is asked for")
	}

	test_without_a_server {
		var other;
		bank.save("/tmp", { done = 1 }, { |code| failed = code });
		this.wait({ failed != 0 }, maxTime: 60);
		this.assertEquals([done, failed], [0, 'no-server'], "there is nothing to save");
		failed = 0;
		other = DreamBank.load(nil, "/tmp", { done = 1 }, { |code| failed = code }, client);
		this.wait({ failed != 0 }, maxTime: 60);
		this.assertEquals([done, failed], [0, 'no-server'], "and nothing to load it into");
		this.assertEquals(other.class, DreamBank, "but a bank it is, to be filled later")
	}
}
