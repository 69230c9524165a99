// DreamRNNBoot: one start of the daemon, from the call to its first answer or the reason why not.
//
//     asking -> (starting) -> answered -> actions
//
// It asks first whether a daemon answers already, starts the program if none does, and then asks
// on. The client's clock calls check. The program writes into a file and not to sclang: so it
// goes on when sclang ends, and its last line says why it could not.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNBoot {
	const askEvery = 0.5, firstPatience = 1, patience = 60;

	var client, recordings, flags, onEnd, waiting, stage = \asking, deadline, asked = -1, log;

	*new { |client, recordings, flags, onEnd|
		^super.newCopyArgs(client, recordings, flags, onEnd).init
	}

	init {
		waiting = List.new;
		deadline = client.now + firstPatience
	}

	add { |action, onError| waiting.add([action, onError]) }

	check {
		case
		{ client.now <= deadline } { this.prAsk }
		{ stage == \asking } { this.prStart }
		{ this.prFail('no-daemon', "% has not answered in % seconds; see %"
			.format(DreamRNN.program, patience, log)) }
	}

	answered {
		stage = \answered;
		onEnd.value;
		waiting.do { |each| each[0].value(client) }
	}

	// PRIVATE

	prAsk {
		if(client.now - asked > askEvery) {
			asked = client.now;
			client.send("/dream/status")
		}
	}

	prStart {
		if(client.addr.isLocal.not) { ^this.prFail('no-daemon', client.absence + "there") };
		stage = \starting;
		deadline = client.now + patience;
		log = Platform.userAppSupportDir +/+ "dreamd-%.log".format(client.addr.port);
		File.mkdir(log.dirname);
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
		case
		{ stage == \failed } { } // it was given up before
		{ stage == \answered } {
			if(status != 0) { DreamRNNFailure.tell('no-daemon', this.prEnd(status)) }
		}
		{ status == 127 } {
			this.prFail('no-program', "cannot find the program %; run dreamd install in a terminal, "
				"or set DreamRNN.program to where it is, such as \"~/DreamRNN/.venv/bin/dreamd\"".format(DreamRNN.program))
		}
		{ stage == \starting } { this.prFail('no-daemon', this.prEnd(status)) }
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
	*boot { |recordings, action, flags, onError|
		this.default.boot(recordings, action, flags, onError)
	}

	boot { |recordings, action, flags, onError|
		booting = booting ?? { DreamRNNBoot(this, recordings, flags, { booting = nil }) };
		booting.add(action, onError);
		clock.start
	}
}
