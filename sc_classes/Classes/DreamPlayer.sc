// DreamPlayer: what DreamListener and DreamEcho have in common. Both hear an input, and play
// dreams to an output, through a limiter, in a group of their own: right behind the server's
// default group, so that it hears what is played there, and recorders, meters and limiters hear it.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamPlayer {
	const mostVoices = 8;

	var <server, <in, <out, <>amp = 0.5, <level = 0.5;
	var <group, ear, limiter, bus, voices;

	isPlaying { ^group.notNil }

	// Begins to listen.
	play {
		if(this.isPlaying) { ^this };
		if(server.serverRunning.not) {
			"%: the server % is not running".format(this.class.name, server).warn;
			^this
		};
		bus = Bus.audio(server, 2);
		if(bus.isNil) { ^this }; // which says so itself
		voices = List.new;
		group = Group.tail(RootNode(server));
		this.doOnServerTree;
		limiter = this.prLimiter(bus);
		CmdPeriod.add(this);
		ServerTree.add(this, server);
		ServerQuit.add(this, server);
		try { ear = this.makeEar(in ?? { server.inputBus }) } { |error|
			"%: %".format(this.class.name, error.what).warn;
			this.stop
		}
	}

	// Fades out what is playing.
	stop {
		if(this.isPlaying.not) { ^this };
		limiter.set(\gate, 0); // frees the group, too
		this.cleanUp
	}

	// The loudest that comes out, 0 to 1.
	level_ { |argLevel|
		level = argLevel.clip(0, 1);
		limiter !? { limiter.set(\level, level) }
	}

	// When the default group has been made anew. When play comes it may not be there yet, which is
	// no failure to be posted.
	doOnServerTree {
		server.listSendBundle(nil, [
			["/error", -1], ["/n_after", group.nodeID, server.defaultGroup.nodeID]
		])
	}

	doOnCmdPeriod { this.prEnd }
	doOnServerQuit { this.prEnd }

	// for DreamListener and DreamEcho

	// The synth that hears the input.
	makeEar { |bus| ^this.subclassResponsibility(thisMethod) }

	// Its synths are gone, or fading out.
	cleanUp {
		group = ear = limiter = bus = nil;
		CmdPeriod.remove(this);
		ServerTree.remove(this, server);
		ServerQuit.remove(this, server)
	}

	// One more voice; too many, and the oldest is faded out.
	playVoice { |def, args|
		var voice = Synth.head(group, def, args ++ [out: bus, amp: amp]);
		voices.add(voice);
		voice.onFree { voices.remove(voice) };
		if(voices.size > mostVoices) { voices.removeAt(0).set(\gate, 0) }
	}

	// PRIVATE

	// The last synth to go, and its bus with it. It may be gone by s.freeAll, too.
	prLimiter { |itsBus|
		var synth = Synth.head(group, \dreamLimit, [in: itsBus, out: out, level: level]);
		synth.onFree {
			itsBus.free;
			if(bus === itsBus) { this.prEnd }
		};
		^synth
	}

	// Cmd-period is heard of twice, from the synths and by itself.
	prEnd { if(this.isPlaying) { this.cleanUp } }
}
