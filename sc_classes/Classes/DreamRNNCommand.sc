// DreamRNNCommand: one message to a server, followed to its answer, its failure, or to the moment
// when the server must be thought gone. Dreams and banks read and write Buffers with it.
//
// It waits for an answer of its own, where a Buffer has one callback slot for everything: so what
// is under way at the same time does not disturb each other. Its client's clock calls check.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNCommand {
	const patience = 30;

	var client, server, action, onFail, responders, deadline;

	// reply: the answer's address and the beginning of its arguments; code: what a failure is
	*new { |client, server, msg, reply, code, action, onFail|
		^super.newCopyArgs(client, server, action, onFail).init(msg, reply, code)
	}

	// An asynchronous command, which tells of its completion by the message it is given.
	*sync { |client, server, makeMsg, code, action, onFail|
		var number = UniqueID.next;
		^this.new(client, server, makeMsg.value(["/sync", number]), ['/synced', number], code,
			action, onFail)
	}

	// What a server knows of a Buffer: action gets its numbers of frames and channels, and its
	// sample rate.
	*query { |client, server, bufnum, code, action, onFail|
		^this.new(client, server, ["/b_query", bufnum], ['/b_info', bufnum], code,
			{ |info| action.value(*info.drop(2)) }, onFail)
	}

	// A server that writes a Buffer as a sound file puts its own sample rate into the file's head,
	// whatever the Buffer's. This corrects it; the samples are 32-bit floats.
	*setRate { |path, channels, rate|
		File.use(path, "r+b") { |file|
			file.seek(24);
			file.putInt32LE(rate.asInteger);
			file.putInt32LE((rate * channels * 4).asInteger)
		}
	}

	init { |msg, reply, code|
		deadline = client.now + patience;
		responders = [
			OSCFunc({ |answer|
				this.free;
				DreamRNNFailure.guard({ action.value(answer) }, onFail)
			}, reply[0], server.addr, argTemplate: reply.drop(1)).fix,
			OSCFunc({ |answer| this.fail(code, answer[2].asString) }, '/fail', server.addr,
				argTemplate: [msg[0], nil, msg[1]]).fix
		];
		client.register(this);
		server.listSendMsg(msg)
	}

	uses { |argServer| ^argServer === server }

	check {
		if(client.now > deadline) {
			this.fail('no-server', "the server % does not answer".format(server))
		}
	}

	fail { |code, text|
		this.free;
		onFail.value(code, text)
	}

	// Its answer no longer matters.
	free {
		responders.do(_.free);
		client.unregister(this)
	}
}
