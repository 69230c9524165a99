// What happens when nobody ever answers, with a client whose clock the test turns.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

TestDreamRNNPatience : UnitTest {
	var client, failed;

	setUp {
		client = DreamRNNDouble.new;
		failed = List.new
	}

	test_a_server_that_does_not_answer {
		var command = DreamRNNCommand.sync(client, Server.default, { |sync| sync }, \code, { },
			{ |code, text| failed.add(code) });
		client.now = 29;
		command.check;
		this.assertEquals(failed.size, 0, "half a minute is for a server that is very busy");
		client.now = 31;
		command.check;
		this.assertEquals(failed.asArray, ['no-server'], "then it is thought gone")
	}

	test_a_daemon_that_does_not_answer {
		var boot = DreamRNNBoot(client, nil, nil, false), before = DreamRNN.program;
		DreamRNN.program = "sleep 0.1; exit 3;"; // and when that ends, nothing more is said
		boot.add({ failed.add(\booted) }, { |code, text| failed.add("% %".format(code, text)) });
		boot.check;
		this.assertEquals(client.sent.asArray, [["/dream/status"]], "asks first");
		client.now = 2;
		boot.check;
		client.now = 61;
		boot.check;
		this.assertEquals(client.sent.size, 2, "asks on");
		client.now = 63;
		boot.check;
		0.5.wait;
		this.assertEquals(failed.size, 1, "one failure");
		this.assert("no-daemon .* has not answered in 60 seconds; see .*dreamd-57999.log"
			.matchRegexp(failed[0]), "that says where to look");
		DreamRNN.program = before
	}

	test_another_daemon_that_is_just_starting {
		var boot = DreamRNNBoot(client, nil, nil, false), before = DreamRNN.program;
		var log = PathName.tmp +/+ "tries-%".format(NetAddr.langPort), count = 0;
		var pass = { |seconds|
			client.now = client.now + seconds;
			boot.check;
			count = if(File.exists(log)) { File.readAllString(log).split(Char.nl).size - 1 } { 0 }
		};
		DreamRNN.program = "sh -c 'echo try >> %; echo anoth\"\"er dreamd uses this; exit 1'".format(log);
		boot.add({ failed.add(\booted) }, { |code, text| failed.add(text) });
		pass.(2);
		this.wait({ pass.(0); count == 1 }, "it is started", 60);
		this.wait({ pass.(0.01); count == 2 }, "and tried again, as the other may be ending", 60);
		boot.answered((pid: thisProcess.pid));
		this.assertEquals(failed.asArray, [\booted], "until either answers");
		DreamRNN.program = before;
		File.delete(log)
	}

	// It is busy, and answers when it was tried to start another, which fails for the folder's sake.
	test_a_daemon_that_answers_late {
		var before = DreamRNN.program, there = PathName.tmp +/+ "ends-%".format(NetAddr.langPort);
		var begin = { |first|
			var boot = DreamRNNBoot(client, nil, nil, false);
			File.delete(there);
			DreamRNN.program = "sh -c '% echo no such folder; touch %; exit 1'".format(first, there);
			boot.add({ failed.add(\booted) }, { |code, text| failed.add(text) });
			client.now = client.now + 2;
			boot.check
		};
		var end = { this.wait({ File.exists(there) }, "it ends", 60); 0.3.wait };
		var boot = begin.("");
		end.value;
		boot.check;
		this.assertEquals(failed.size, 0, "an answer is awaited for a moment longer");
		client.now = client.now + 2;
		boot.check;
		this.wait({ failed.notEmpty }, "it fails", 60);
		this.assert(".* has ended with status 1: no such folder".matchRegexp(failed[0]), "but no longer");
		failed.clear;
		boot = begin.("");
		end.value;
		boot.answered((pid: thisProcess.pid));
		boot = begin.("sleep 0.5;");
		boot.answered((pid: thisProcess.pid));
		end.value;
		this.assertEquals(failed.asArray, [\booted, \booted]);
		DreamRNN.program = before;
		File.delete(there)
	}

	// The same, and it is to be replaced: it is given the time that it takes to end.
	test_a_daemon_to_be_replaced_that_answers_late {
		var boot = DreamRNNBoot(client, nil, nil, true), before = DreamRNN.program;
		var log = PathName.tmp +/+ "replaces-%".format(NetAddr.langPort);
		var tries = { if(File.exists(log)) { File.readAllString(log).split(Char.nl).size - 1 } { 0 } };
		var pass = { |seconds|
			client.now = client.now + seconds;
			boot.check
		};
		File.delete(log);
		DreamRNN.program = "sh -c 'echo try >> %; echo anoth\"\"er dreamd uses this; exit 1'".format(log);
		boot.add({ failed.add(\booted) }, { |code, text| failed.add(text) });
		pass.(2);
		this.wait({ tries.value == 1 }, "it is started beside it", 60);
		0.3.wait;
		boot.answered((pid: 0));
		this.assert(client.sent.includesEqual(["/dream/quit"]), "it is told to quit");
		pass.(2);
		this.wait({ pass.(0.01); tries.value > 1 }, "and tried again, as it may be ending", 60);
		pass.(30);
		this.assertEquals(failed.size, 0, "for as long as any start");
		boot.answered((pid: thisProcess.pid));
		this.assertEquals(failed.asArray, [\booted]);
		DreamRNN.program = before;
		File.delete(log)
	}

	test_the_rate_in_a_file {
		var path = PathName.tmp +/+ "rate.wav", file = SoundFile().headerFormat_("WAV")
		.sampleFormat_("float").numChannels_(2).sampleRate_(48000);
		file.openWrite(path);
		file.writeData(FloatArray[0.1, 0.2, 0.3, 0.4]);
		file.close;
		DreamRNNCommand.setRate(path, 2, 11025);
		file = SoundFile.openRead(path);
		this.assertEquals([file.sampleRate, file.numFrames, file.numChannels], [11025, 2, 2],
			"nothing else has changed");
		file.close;
		File.delete(path)
	}
}
