// What of a dream is there: parts of a file with an end, and of a ring.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamRNNParts : UnitTest {
	var parts;

	reads { |from, to|
		this.assertEquals(parts.next, [from, to]);
		parts.read(from, to)
	}

	test_the_position_is_where_the_first_hole_begins {
		parts = DreamRNNParts(100);
		this.assertEquals(parts.next, nil);
		parts.add(0, 20);
		parts.add(50, 30);
		this.reads(0, 20);
		this.reads(50, 80);
		this.assertEquals(parts.position, [20, 20]);
		parts.finish;
		this.reads(20, 50);
		this.assertEquals(parts.position, [80, 80]);
		this.reads(80, 100);
		this.assertEquals(parts.position, [100, 100]);
		this.assertEquals(parts.next, nil)
	}

	test_a_ring_goes_round {
		parts = DreamRNNRing(100);
		this.assertEquals(parts.position, [0, 0], "nothing yet");
		parts.add(0, 40);
		this.reads(0, 40);
		this.assertEquals(parts.position, [40, 40]);
		parts.add(40, 20);
		this.reads(40, 60);
		parts.add(60, 40);
		this.reads(60, 100);
		this.assertEquals(parts.position, [100, 100], "not 0, which is nothing");
		parts.add(0, 30);
		this.reads(0, 30);
		this.assertEquals(parts.position, [30, 100]);
		this.assertEquals(parts.next, nil)
	}

	test_a_part_across_a_rings_end_is_read_as_two {
		parts = DreamRNNRing(100);
		parts.add(0, 40);
		parts.read(*parts.next);
		parts.add(40, 40);
		parts.read(*parts.next);
		parts.add(80, 40);
		this.reads(80, 100);
		this.reads(0, 20);
		this.assertEquals(parts.position, [20, 100])
	}

	test_words_that_were_lost_or_come_twice {
		parts = DreamRNNRing(100);
		parts.add(0, 20);
		parts.read(*parts.next);
		parts.add(40, 20); // that of 20 to 40 was lost
		this.reads(20, 60);
		parts.add(40, 20);
		this.assertEquals(parts.next, nil, "the same twice");
		parts.add(20, 20);
		this.assertEquals(parts.next, nil, "an older one")
	}

	test_parts_that_come_while_one_is_read {
		parts = DreamRNNRing(100);
		parts.add(0, 20);
		parts.next;
		parts.add(20, 20);
		parts.read(0, 20);
		this.reads(20, 40)
	}
}
