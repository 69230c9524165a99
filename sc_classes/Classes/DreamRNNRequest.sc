// DreamRNNRequest: one dream under way, from the call to the filled Buffer or the failure.
//
//     start -> (writing the seed) -> asked -> dreaming -> reading -> action
//
// Each stage knows how long it may take and what to say if it takes longer; the client's watch
// calls check. Every way out goes through prEnd.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNRequest {
	const serverPatience = 30;

	var client, msg, server, action, onError;
	var <id, <buffer, stage, seedServer, seedFile, responders, deadline, verdict, idleSince;

	*new { |client, msg, server, action, onError|
		^super.newCopyArgs(client, msg, server, action, onError).init
	}

	init {
		var asked = ().putPairs(msg.drop(1));
		id = asked[\id];
		buffer = Buffer.alloc(server, (asked[\secs] * client.rate).round(1).max(1).asInteger)
	}

	start { |source, path|
		var needed = [server, source !? { source.server }].reject(_.isNil);
		needed.do { |each|
			if(each.serverRunning.not) {
				^this.abandon('no-server', "the server % is not running".format(each))
			}
		};
		if(source.isNil) { this.prAsk } { this.prWrite(source, path) }
	}

	isDreaming { ^stage == \dreaming }

	uses { |argServer| ^argServer === server or: { argServer === seedServer } }

	cancel { |reason = "cancelled by its client"| this.abandon('cancelled', reason, true) }

	// what the daemon says

	accepted { |frames|
		stage = \dreaming;
		this.heard;
		this.prResize(frames)
	}

	heard {
		if(this.isDreaming) {
			// it is asked for a sign of life once in client.timeout, and may be very busy
			this.prExpect(client.timeout * 5, 'no-daemon', "the daemon has stopped answering")
		}
	}

	// A daemon that still has nothing to do at the next status was restarted meanwhile and has
	// forgotten us.
	daemonIdle { |isIdle|
		if((isIdle and: { this.isDreaming }).not) {
			idleSince = nil;
			^this
		};
		idleSince = idleSince ? client.now;
		if(client.now - idleSince >= client.timeout) {
			this.fail('no-daemon', "the daemon was restarted and has lost this dream")
		}
	}

	done { |path, frames|
		if(stage == \reading) { ^this };
		if(this.prIsFreed) { ^this.cancel("its Buffer was freed") };
		this.prResize(frames);
		this.prRead(path, frames)
	}

	// what can go wrong

	check {
		if(this.prIsFreed) { ^this.cancel("its Buffer was freed") };
		if(deadline.notNil and: { client.now > deadline }) { this.abandon(*verdict) }
	}

	abandon { |code, text, quiet = false|
		if([\asked, \dreaming].includes(stage)) { client.send("/dream/cancel", id) };
		this.fail(code, text, quiet)
	}

	fail { |code, text, quiet = false|
		this.prEnd;
		DreamRNN.prReport(code, text, onError, quiet)
	}

	// PRIVATE

	prWrite { |source, path|
		stage = \writing;
		seedServer = source.server;
		seedFile = path;
		this.prComplete(seedServer, source.bufnum, 'no-such-seed',
			{ |sync| source.writeMsg(path, "wav", "float", -1, 0, false, sync) },
			{ this.prAsk }
		)
	}

	prAsk {
		stage = \asked;
		this.prExpect(client.timeout, 'no-daemon', client.prAbsence);
		client.send(*msg)
	}

	prRead { |path, frames|
		stage = \reading;
		this.prComplete(server, buffer.bufnum, \unreadable,
			{ |sync| buffer.readMsg(path, 0, -1, 0, false, sync) },
			{ this.prQuery(frames) }
		)
	}

	// The Buffer learns the file's sample rate from the server, and we that it is truly filled.
	prQuery { |frames|
		this.prRespond([OSCFunc({ |info| this.prFilled(info, frames) }, '/b_info', server.addr,
			argTemplate: [buffer.bufnum])]);
		server.listSendMsg(["/b_query", buffer.bufnum])
	}

	prFilled { |info, frames|
		if(info[2] != frames) {
			^this.fail(\unreadable, "the server's buffer has % of % frames".format(info[2], frames))
		};
		buffer.numFrames_(info[2]).numChannels_(info[3]).sampleRate_(info[4]);
		this.prEnd;
		action.value(buffer)
	}

	prResize { |frames|
		if(this.prIsFreed or: { buffer.numFrames == frames }) { ^this };
		buffer.numFrames = frames;
		buffer.alloc
	}

	prIsFreed { ^buffer.bufnum.isNil }

	// Sends an asynchronous command; next is evaluated when the server has completed it. Its own
	// /sync, and not Buffer's one callback slot, so that requests do not disturb each other.
	prComplete { |argServer, bufnum, code, makeMsg, next|
		var sync = UniqueID.next;
		var command = makeMsg.value(["/sync", sync]);
		this.prExpect(serverPatience, 'no-server', "the server % does not answer".format(argServer));
		this.prRespond([
			OSCFunc({ this.prRespond; next.value }, '/synced', argServer.addr, argTemplate: [sync]),
			OSCFunc({ |reply| this.fail(code, reply[2].asString) }, '/fail', argServer.addr,
				argTemplate: [command[0], nil, bufnum])
		]);
		argServer.listSendMsg(command)
	}

	prRespond { |newResponders = #[]|
		responders.do(_.free);
		responders = newResponders.collect(_.fix)
	}

	prExpect { |seconds, code, text|
		deadline = client.now + seconds;
		verdict = [code, text]
	}

	prEnd {
		stage = \ended;
		this.prRespond;
		client.prForget(this);
		seedFile !? { File.delete(seedFile) }
	}
}
