// A client that keeps what it is asked for, and answers when a test tells it to.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNDouble {
	var <asked, <cancelled, <sent, <>addr, <>now = 0;

	*new { ^super.new.init }
	init {
		asked = List.new;
		cancelled = List.new;
		sent = List.new;
		addr = NetAddr("127.0.0.1", 57999)
	}

	dream { |approach, seed, secs, action, options, onError, server|
		var buffer = Buffer.new(server ? Server.default, 100, 1, asked.size).sampleRate_(11025);
		if(approach == \nonsense) { Error("nonsense").throw };
		asked.add((approach: approach, seed: seed, secs: secs, options: options, server: server,
			action: { action.value(buffer) }, onError: onError, buffer: buffer));
		^buffer
	}

	// for commands and boots
	send { |... msg| sent.add(msg) }
	quit { sent.add(["/dream/quit"]) }
	register { }
	unregister { }

	dreamMsg { |... args| ^DreamRNN.dreamMsg(*args) }

	cancel { |buffer| cancelled.add(buffer) }

	// the nth dream is there
	arrive { |n|
		asked[n][\action].value;
		^asked[n][\buffer]
	}

	fail { |n, code| asked[n][\onError].value(code, "") }
}
