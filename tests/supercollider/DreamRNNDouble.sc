// A client that keeps what it is asked for, and answers when a test tells it to.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNDouble {
	var <asked, <cancelled;

	*new { ^super.new.init }
	init { asked = List.new; cancelled = List.new }

	dream { |approach, seed, secs, action, options, onError, server|
		var buffer = Buffer.new(server ? Server.default, 100, 1, asked.size).sampleRate_(11025);
		if(approach == \nonsense) { Error("nonsense").throw };
		asked.add((approach: approach, seed: seed, secs: secs, options: options, server: server,
			action: { action.value(buffer) }, onError: onError, buffer: buffer));
		^buffer
	}

	dreamMsg { |... args| ^DreamRNN.dreamMsg(*args) }

	cancel { |buffer| cancelled.add(buffer) }

	// the nth dream is there
	arrive { |n|
		asked[n][\action].value;
		^asked[n][\buffer]
	}

	fail { |n, code| asked[n][\onError].value(code, "") }
}
