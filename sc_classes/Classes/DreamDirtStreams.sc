// DreamDirtStreams: endless dreams that patterns have begun, each under a name, played through an
// orbit of SuperDirt until they are ended, see DreamDirt.
//
// A pattern says the same words in each of its cycles, which changes nothing. Other words under
// the same name are another dream, and the one before sounds until that is there.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamDirtStreams {
	var dirt, client, named; // name -> (stream, words, orbit, before, synth, missed)

	*new { |dirt, client| ^super.newCopyArgs(dirt, client, IdentityDictionary.new) }

	begin { |name, orbit, approach, seed, options|
		var words = [orbit.orbitIndex, approach, seed, options], one;
		if(named[name].notNil and: { named[name][\words] == words }) { ^this };
		one = (words: words, orbit: orbit, before: named[name]);
		one[\stream] = client.stream(approach, seed, inf,
			{ this.prBegun(one) }, options, { this.prLost(name, one) }, dirt.server);
		named[name] = one
	}

	end { |name| named.removeAt(name) !? { |one| this.prEnd(one) } }

	// Called now and then: Cmd-period, or SuperDirt, may have ended their synths. One that is missing
	// twice is made anew: the groups are there again by then.
	mend {
		named.do { |one|
			one[\synth] !? { |synth|
				one[\missed] = if(synth.isPlaying) { 0 } { one[\missed] + 1 };
				if(one[\missed] > 1) { this.prPlay(one) }
			}
		}
	}

	free {
		named.do { |one| this.prEnd(one) };
		named.clear
	}

	// PRIVATE

	prBegun { |one|
		one[\before] !? { |before| this.prEnd(before) };
		one[\before] = nil;
		this.prPlay(one)
	}

	prPlay { |one|
		one[\missed] = 0;
		one[\synth] = Synth(\dreamChase,
			[buf: one[\stream], pos: one[\stream].bus, out: one[\orbit].dryBus, amp: 0.4],
			Group.basicNew(dirt.server, one[\orbit].group)).register
	}

	// The client has said why. What sounded before goes on.
	prLost { |name, one|
		if(named[name] === one) { named[name] = one[\before] } { this.prEnd(one[\before]) };
		one[\before] = nil;
		this.prEnd(one)
	}

	// Its synth fades out by itself.
	prEnd { |one|
		one !? {
			one[\stream].free;
			this.prEnd(one[\before])
		}
	}
}
