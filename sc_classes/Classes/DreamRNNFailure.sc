// DreamRNNFailure: how a performer is told that something has failed: a line is posted, and
// onError is called with a code and the text.
//
// All classes that ask for dreams, or read and write them, tell of it here.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNFailure {
	classvar unsaid;

	*initClass {
		unsaid = List.new;
		CmdPeriod.add(this)
	}

	// Deferred, so that onError never runs before the call that caused it has returned.
	*tell { |code, text, onError, quiet = false|
		var line = text.replace("\n", " ").stripWhiteSpace;
		unsaid.add({
			if(quiet.not) { "DreamRNN: %: %".format(code, line).warn };
			onError.value(code, line)
		});
		this.prSayNext
	}

	// It clears the clock, and what waits for an answer would wait for ever.
	*doOnCmdPeriod { unsaid.size.do { this.prSayNext } }

	// PRIVATE

	*prSayNext {
		SystemClock.sched(0, {
			if(unsaid.notEmpty) { unsaid.removeAt(0).value };
			nil
		})
	}
}
