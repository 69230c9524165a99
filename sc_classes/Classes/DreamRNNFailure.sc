// DreamRNNFailure: how a performer is told that something has failed: a line is posted, and
// onError is called with a code and the text.
//
// All classes that ask for dreams, or read and write them, tell of it here. Many lines that are the
// same, from many dreams that were asked for at once, become one with a count.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNFailure {
	const gather = 0.2; // seconds in which lines that are the same become one
	classvar unsaid, lines; // functions; Events of a line and how often

	*initClass {
		unsaid = List.new;
		lines = OrderedIdentitySet.new;
		CmdPeriod.add(this);
		ShutDown.add { this.prPostAll }
	}

	// Deferred, so that onError never runs before the call that caused it has returned. What guard
	// has caught was posted as an Error.
	*tell { |code, text, onError, quiet = false|
		var line = text.replace("\n", " ").stripWhiteSpace;
		if(quiet.not and: { code != 'error' }) { this.post("DreamRNN: %: %".format(code, line)) };
		unsaid.add({ onError.value(code, line) });
		this.prSayNext
	}

	// A warning, a moment later.
	*post { |line|
		var same = lines.detect { |each| each[\line] == line };
		if(same.notNil) { same[\count] = same[\count] + 1 } {
			same = (line: line, count: 1);
			lines.add(same);
			SystemClock.sched(gather, { this.prPost(same); nil })
		}
	}

	// Evaluates what may throw. Its Error is posted as any, and onFail is called with 'error' and
	// its text, so that nobody waits for ever.
	*guard { |func, onFail|
		^try { func.value } { |error|
			error.reportError;
			onFail.value('error', error.errorString.split(Char.nl)[0].replace("ERROR: ", ""))
		}
	}

	// The server, or without one the default server. An Error, by the name of who asks, for what is
	// none.
	*checkServer { |server, who|
		server = server ?? { Server.default };
		if(server.isKindOf(Server).not) {
			Error("%: server must be a Server, got %".format(who, server)).throw
		};
		^server
	}

	*noBuffer { |server|
		^"the server % has no buffer left: free some, or boot it with more numBuffers".format(server)
	}

	// It clears the clock, and what waits for an answer would wait for ever.
	*doOnCmdPeriod {
		this.prPostAll;
		unsaid.size.do { this.prSayNext }
	}

	// What the daemon says of a request that goes on: it waits, or a key means nothing.
	*warn { |text, request|
		"DreamRNN: %".format(text).warn;
		if(text.beginsWith("it waits")) { request !? { request.waits } }
	}

	// PRIVATE

	*prSayNext {
		SystemClock.sched(0, {
			if(unsaid.notEmpty) { unsaid.removeAt(0).value };
			nil
		})
	}

	*prPostAll { lines.copy.do { |each| this.prPost(each) } }

	*prPost { |each|
		var times = if(each[\count] > 1) { " (% times)".format(each[\count]) } { "" };
		if(lines.includes(each)) {
			lines.remove(each);
			(each[\line] ++ times).warn
		}
	}
}
