// What DreamRNN sends, without a server and without a daemon.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamRNN : UnitTest {
	var client;

	setUp { client = DreamRNN("127.0.0.1", 57999) }
	tearDown { client.free }

	// the message's arguments as a dictionary
	asked { |... args|
		^IdentityDictionary.new.putPairs(client.dreamMsg(*args).drop(1))
	}

	test_address {
		this.assertEquals(client.dreamMsg(\column)[0], "/dream/request", "goes to /dream/request")
	}

	test_whole_message {
		this.assertEquals(
			client.dreamMsg(\column, "guitar:2", 2, (id: 7, rand: 3, voice: \guitar)),
			["/dream/request", \approach, \column, \id, 7, \rand, 3, \secs, 2, \seed, "guitar:2",
				\voice, \guitar],
			"pairs of keys and values, in the order of the keys"
		)
	}

	test_defaults {
		var asked = this.asked(\vector);
		this.assertEquals(asked.keys, Set[\approach, \id, \secs], "only what is needed is sent");
		this.assertEquals(asked[\secs], 4, "four seconds where nothing is said");
		this.assertEquals(this.asked(\vector, nil, nil)[\secs], 4, "and where nil is said")
	}

	test_ids {
		var ids = { this.asked(\vector)[\id] } ! 100;
		this.assertEquals(ids.asSet.size, 100, "each id is new");
		this.assert(ids.every { |id| id.isInteger and: { id.inclusivelyBetween(1, 2 ** 30) } },
			"ids are integers from 1 to 2^30")
	}

	test_ids_differ_between_clients_with_the_same_random_seed {
		var other, mine = this.asked(\vector)[\id];
		thisThread.randSeed = 1;
		other = DreamRNN("127.0.0.1", 57999);
		this.assert((mine - other.dreamMsg(\vector)[4]).abs > 1, "two clients start elsewhere");
		other.free
	}

	test_seed_names {
		this.assertEquals(this.asked(\vector, "guitar:2")[\seed], "guitar:2", "a String as it is");
		this.assertEquals(this.asked(\vector, \guitar)[\seed], "guitar", "a Symbol by its name");
		this.assertEquals(this.asked(\vector, nil)[\seed], nil, "nil is left to the daemon")
	}

	test_seed_paths {
		var here = File.getcwd +/+ "no such file.wav";
		this.assertEquals(this.asked(\vector, PathName("/a/b.wav"))[\seed], "/a/b.wav", "a PathName");
		this.assertEquals(this.asked(\vector, "/a/b.wav")[\seed], "/a/b.wav", "an absolute path");
		this.assertEquals(this.asked(\vector, PathName("no such file.wav"))[\seed], here,
			"a relative PathName becomes absolute")
	}

	test_seed_notes {
		var asked = this.asked(\vector, [60, 64, 67.5]);
		this.assertEquals(asked[\notes], "60 64 67.5", "MIDI notes in one string");
		this.assertEquals(asked[\seed], nil, "and no seed besides");
		this.assertEquals(this.asked(\vector, 60)[\notes], "60", "a number is one note")
	}

	test_options {
		this.assertEquals(this.asked(\vector, nil, 1, [\pace, 0.5, "learn", 0])[\pace], 0.5,
			"an Array of pairs");
		this.assertEquals(this.asked(\vector, nil, 1, [\pace, 0.5, "learn", 0])[\learn], 0,
			"keys may be Strings");
		this.assertEquals(this.asked(\vector, nil, 1, (notes: [60, 62]))[\notes], "60 62",
			"notes among the options");
		this.assertEquals(this.asked(\vector, nil, 1, (secs: 3))[\secs], 3,
			"an option wins over the argument");
		this.assertEquals(this.asked(\vector, nil, 1, Dictionary["blend" -> 0.5])[\blend], 0.5,
			"a Dictionary");
		this.assertEquals(client.dreamMsg(\vector, nil, 1, [\id, 1, \voice, nil, \secs, nil]),
			client.dreamMsg(\vector, nil, 1, (id: 1)), "what is nil is not said")
	}

	test_misuse {
		[
			["no approach", { client.dreamMsg }],
			["a number as approach", { client.dreamMsg(3) }],
			["negative time", { client.dreamMsg(\vector, nil, -1) }],
			["time in words", { client.dreamMsg(\vector, nil, \long) }],
			["an empty seed", { client.dreamMsg(\vector, []) }],
			["a seed of words", { client.dreamMsg(\vector, [\a, \b]) }],
			["a function as seed", { client.dreamMsg(\vector, { }) }],
			["a function as options", { client.dreamMsg(\vector, nil, 1, { }) }],
			["an object as an option", { client.dreamMsg(\vector, nil, 1, (voice: Object.new)) }],
			["an odd number of options", { client.dreamMsg(\vector, nil, 1, [\pace, 1, \learn]) }],
			["options in words", { client.dreamMsg(\vector, nil, 1, "pace 1") }],
			["a number as a key", { client.dreamMsg(\vector, nil, 1, [1, 2]) }],
			["nil as a key", { client.dreamMsg(\vector, nil, 1, [nil, 2]) }],
			["a word as id", { client.dreamMsg(\vector, nil, 1, (id: \a)) }],
			["a Buffer without frames", {
				client.dream(\vector, Buffer.new(Server.default, 0, 1, 1))
			}],
			["a number as server", { client.dream(\vector, server: 3) }],
			["a Buffer without a file", {
				client.dreamMsg(\vector, Buffer.new(Server.default, 100, 1, 1))
			}],
			["a freed Buffer", {
				var buffer = Buffer.new(Server.default, 100, 1, 2);
				buffer.freeMsg;
				client.dreamMsg(\vector, buffer)
			}]
		].do { |pair|
			var said = try { pair[1].value; "nothing" } { |error|
				if(error.class == Error) { error.what } { error.class.name.asString }
			};
			this.assert(said.beginsWith("DreamRNN.dream: "), "% is one line, not: %"
				.format(pair[0], said))
		}
	}

	test_misuse_of_others {
		[
			["DreamListener.new", { DreamListener.new }],
			["DreamListener.new", { DreamListener(Buffer.new(Server.default, 1, 1, 1)) }],
			["DreamEcho.new", { DreamEcho(3) }],
			["DreamEcho.new", { DreamEcho(window: 0) }],
			["DreamEcho.new", { DreamEcho(secs: nil) }],
			["DreamBank.new", { DreamBank(\localhost) }],
			["DreamBank.fill", { DreamBank.new.fill(\column) }],
			["DreamBank.fill", { DreamBank.new.fill(\column, "guitar") }]
		].do { |pair|
			var said = try { pair[1].value; "nothing" } { |error| error.what };
			this.assert(said.beginsWith(pair[0] ++ ": "), "one line of %, not: %"
				.format(pair[0], said))
		}
	}

	test_an_endless_dream_takes_no_memory_before_its_ring_is_known {
		[0, 0.0, inf].do { |secs|
			var request = DreamRNNRequest(client, client.dreamMsg(\vector, nil, secs),
				Server.default);
			this.assert(request.isEndless, "% seconds are endless".format(secs));
			this.assertEquals(request.buffer.numFrames, 11025);
			request.buffer.free
		}
	}

	test_a_buffer_for_a_dream_that_is_too_long {
		var message = client.dreamMsg(\vector, nil, 1e7);
		var buffer = DreamRNNRequest(client, message, Server.default).buffer;
		this.assertEquals(buffer.numFrames, 600 * 11025, "does not take the server's memory");
		this.assertEquals(message[6], 1e7, "but the daemon refuses it");
		buffer.free
	}

	test_free_and_use_anew {
		var own = DreamRNN("127.0.0.1", NetAddr.langPort), answered; // hears what it sends
		own.free;
		own.status({ answered = true });
		this.wait({ answered.notNil }, "it listens again", 60);
		own.free
	}

	test_cmd_period_twice_at_once {
		var said = List.new;
		2.do { |i| DreamRNNFailure.tell(\code, "", { said.add(i) }, true) };
		CmdPeriod.run;
		CmdPeriod.run;
		this.wait({ said.size == 2 }, "who waits for an answer has it", 60);
		this.assertEquals(said.asArray, [0, 1], "once, and in order")
	}

	// What is sent to this sclang comes from it as well, as from a daemon.
	test_status_in_pages {
		var trees = List.new, page = { |number, name|
			["/dream/status", "page", number, "pages", 3, "queue", number, "voices/%/recordings".format(name), 7]
		};
		var me = NetAddr("127.0.0.1", NetAddr.langPort);
		var replies = DreamRNNReplies(me, (status: { |tree| trees.add(tree) }));
		[page.(1, "a"), page.(3, "c"), page.(2, "b"), page.(3, "c")].do { |msg| me.sendMsg(*msg) };
		[page.(1, "a"), page.(2, "b"), page.(3, "c")].do { |msg| me.sendMsg(*msg) };
		me.sendMsg("/dream/status", "queue", 5);
		this.wait({ trees.size > 1 }, "a status comes through", 60);
		this.assertEquals(trees.asArray, [
			(queue: 3, voices: (a: (recordings: 7), b: (recordings: 7), c: (recordings: 7))),
			(queue: 5)
		], "whole, or not at all");
		replies.free
	}

	test_a_ping_is_answered {
		var client = DreamRNN("127.0.0.1", NetAddr.langPort), heard;
		var listener = OSCFunc({ |msg| heard = msg }, '/dream/notify');
		client.addr.sendMsg("/dream/ping", 0x7FFFFFFF);
		this.wait({ heard.notNil }, "it answers", 60);
		this.assertEquals(heard, ['/dream/notify', 1, 0x7FFFFFFF], "with the same number");
		[listener, client].do(_.free)
	}

	test_status_tree {
		this.assertEquals(
			DreamRNNReplies.tree([\queue, 0, 'voices/guitar/recordings', 2, 'voices/guitar/models', '{}']),
			(queue: 0, voices: (guitar: (recordings: 2, models: ()))),
			"slashes in the keys are levels"
		)
	}

	test_default_client {
		var mine = DreamRNN.default;
		this.assertEquals(mine.addr, NetAddr("127.0.0.1", 57130), "the daemon's own port");
		this.assert(DreamRNN.default === mine, "made once");
		this.assertEquals(DreamRNN.dreamMsg(\column)[0], "/dream/request", "asked by the class")
	}
}
