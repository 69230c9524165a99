// DreamRNNBoot: one start of the daemon, from the call to its first answer or the reason why not.
//
//     asking -> (starting) -> answered -> actions
//
// It asks first whether a daemon answers already, starts the program if none does, and then asks
// on. The program ends at once where another dreamd is just starting, from a terminal, or ending:
// then it is tried again, until either answers. One that is busy may answer late: so whatever else
// the program ends for, an answer is waited for a moment longer, and when one has come it only
// matters if nobody is there any more who gave it. The client's clock calls check. The program
// writes into a file and not to sclang: so it goes on when sclang ends, and its last line says why
// it could not.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNBoot {
	const askEvery = 0.5, firstPatience = 1, patience = 60, tryEvery = 3;

	var client, recordings, flags, restart, onEnd, waiting, stage = \asking, deadline, asked = -1;
	var log, retry, verdict; // when to try again; code and text of why the last try came to nothing
	var daemon; // the process that has answered

	*new { |client, recordings, flags, restart, onEnd|
		^super.newCopyArgs(client, recordings, flags, restart, onEnd).init
	}

	init {
		waiting = List.new;
		deadline = client.now + firstPatience
	}

	add { |action, onError| waiting.add([action, onError]) }

	check {
		case
		{ client.now <= deadline } {
			this.prAsk;
			if(retry.notNil and: { client.now > retry }) { this.prRun }
		}
		{ stage == \asking } { this.prStart }
		{ this.prFail(*verdict ?? { ['no-daemon',
			"% has not answered in % seconds; see %".format(DreamRNN.program, patience, log)
		] }) }
	}

	answered { |status|
		if(restart) { ^this.prReplace };
		stage = \answered;
		daemon = status[\pid];
		onEnd.value;
		this.prCompare(status[\folder]);
		waiting.do { |each|
			DreamRNNFailure.guard({ each[0].value(client) },
				{ |code, text| DreamRNNFailure.tell(code, text, each[1]) })
		}
	}

	// PRIVATE

	prAsk {
		if(client.now - asked > askEvery) {
			asked = client.now;
			client.send("/dream/status")
		}
	}

	// It may have answered late, when one was started beside it already, which could not be.
	prReplace {
		restart = false;
		stage = \asking;
		verdict = retry = nil;
		deadline = client.now + firstPatience;
		client.quit
	}

	// It may be learning from elsewhere.
	prCompare { |folder|
		var isOther = recordings.notNil and: { folder.notNil } and: { client.addr.isLocal } and: {
			this.prRealPath(folder.asString) != this.prRealPath(this.prPath(recordings))
		};
		if(isOther) {
			DreamRNNFailure.post("DreamRNN: the daemon that runs learns from %; to have one that "
				"learns from %, add restart: true to DreamRNN.boot".format(folder, recordings))
		}
	}

	prRealPath { |path| ^if(File.exists(path)) { File.realpath(path) } { path } }

	prStart {
		if(client.addr.isLocal.not) { ^this.prFail('no-daemon', client.absence + "there") };
		stage = \starting;
		deadline = client.now + patience;
		log = Platform.userAppSupportDir +/+ "dreamd-%.log".format(client.addr.port);
		File.mkdir(log.dirname);
		this.prRun
	}

	prRun {
		retry = nil;
		File.delete(log); // a daemon that is ending goes on writing into its own
		// "exit", for by itself unixCmd takes an end by a signal for a good one
		"% > % 2>&1; exit $?".format(this.prCommand, log.shellQuote)
		.unixCmd({ |status| this.prEnded(status) }, false)
	}

	prCommand {
		^[this.prProgram, "run", recordings !? { this.prPath(recordings).shellQuote }, "--plain",
			"--port", client.addr.port, flags].reject(_.isNil).join(" ")
	}

	// A path may have spaces in it; and a command, arguments.
	prProgram {
		var path = this.prPath(DreamRNN.program);
		^if(path.includes($/) and: { File.exists(path) }) { path.shellQuote } { DreamRNN.program }
	}

	prPath { |path|
		^if(path.isKindOf(PathName)) { path.fullPath } { path.asString.standardizePath }
	}

	prEnded { |status|
		var text = this.prEnd(status);
		case
		{ stage == \failed or: { status == 0 } } { }
		{ stage == \answered } { if(this.prIsThere.not) { DreamRNNFailure.tell('no-daemon', text) } }
		{ text.contains("another dreamd") } { this.prWait(text) }
		{ status == 127 } {
			this.prGiveUp('no-program', "cannot find the program %; run dreamd install in a terminal, "
				"or set DreamRNN.program to where it is, such as \"~/DreamRNN/.venv/bin/dreamd\""
				.format(DreamRNN.program))
		}
		{ this.prGiveUp('no-daemon', text) }
	}

	// Whether it was another process, which runs, that has answered, and not ours.
	prIsThere { ^daemon.notNil and: { daemon.pidRunning } }

	prWait { |text|
		if(verdict.isNil) { "DreamRNN: another dreamd is starting or ending, and waited for".postln };
		verdict = ['no-daemon', text];
		retry = client.now + tryEvery
	}

	prGiveUp { |code, text|
		verdict = [code, text];
		deadline = client.now + firstPatience
	}

	prEnd { |status|
		var said = if(File.exists(log)) { File.readAllString(log) } { "" };
		^"% has ended with status %: %".format(DreamRNN.program, status,
			said.split(Char.nl).reject(_.isEmpty).last ? "")
	}

	// One line, however many have called boot meanwhile.
	prFail { |code, text|
		stage = \failed;
		onEnd.value;
		waiting.do { |each, i| DreamRNNFailure.tell(code, text, each[1], i > 0) }
	}
}

+ DreamRNN {
	*boot { |recordings, action, flags, onError, restart = false|
		this.default.boot(recordings, action, flags, onError, restart)
	}

	boot { |recordings, action, flags, onError, restart = false|
		booting = booting ?? { DreamRNNBoot(this, recordings, flags, restart, { booting = nil }) };
		booting.add(action, onError);
		clock.start
	}
}
