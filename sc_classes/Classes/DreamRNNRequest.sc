// DreamRNNRequest: one dream under way, from the call to the filled Buffer or the failure.
//
//     start -> (writing the seed) -> asked -> dreaming -> reading -> action
//
// While the daemon dreams it names stretches of frames that are final, and the server reads
// them into place, one stretch after the other; once all is final, whatever is still missing.
// Each stage knows how long it may take and what to say if it takes longer; the client's clock
// calls check. Every way out goes through prEnd.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNRequest {
	// seconds for which a Buffer is made before the daemon has said whether it dreams as long
	const longest = 600;

	var client, msg, server, action, onError;
	var <id, <buffer, stage, seedServer, seedFile, command, deadline, verdict, idleSince;
	var path, unread, final; // the dream's file; stretches [from, to[ of its frames
	var bus; // nil, or what has the write position

	*new { |client, msg, server, action, onError|
		^super.newCopyArgs(client, msg, server, action, onError).init
	}

	init {
		var asked = ().putPairs(msg.drop(1));
		var frames = (asked[\secs].min(longest) * client.rate).round(1).max(1).asInteger;
		id = asked[\id];
		// without a number, as one that was freed, where the server has none left
		buffer = try { Buffer.alloc(server, frames) } { Buffer.newCopyArgs(server, nil, frames, 1) }
	}

	start { |source, path|
		var needed = [server, source !? { source.server }].reject(_.isNil);
		needed.do { |each|
			if(each.serverRunning.not) {
				^this.abandon('no-server', "the server % is not running".format(each))
			}
		};
		if(buffer.bufnum.isNil) { ^this.abandon('no-buffer', DreamRNNFailure.noBuffer(server)) };
		if(source.isNil) { this.prAsk } { this.prWrite(source, path) }
	}

	// nil where the server has none left
	giveBus {
		var index = server.controlBusAllocator.alloc(1);
		if(index.isNil) {
			this.abandon('no-bus', "the server % has no control bus left".format(server));
			^nil
		};
		bus = Bus(\control, index, 1, server).set(0);
		^bus
	}

	isDreaming { ^stage == \dreaming }

	uses { |argServer| ^argServer === server or: { argServer === seedServer } }

	cancel { |reason = "cancelled by its client"| this.abandon('cancelled', reason, true) }

	// One of the methods below. Whatever it throws is the end of this dream.
	attempt { |selector ... args|
		DreamRNNFailure.guard({ this.performList(selector, args) },
			{ |code, text| this.abandon(code, text) })
	}

	// what the daemon says

	accepted { |argPath, frames|
		if(stage != \asked or: { this.prEndsIfFreed }) { ^this };
		stage = \dreaming;
		this.heard;
		this.prBegin(argPath, frames)
	}

	// Its word may have been lost that it accepts: without a path this waits until all is done.
	chunk { |start, frames|
		if(this.isDreaming) {
			final = final.add([start, start + frames]);
			this.prRead
		}
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

	done { |argPath, frames|
		if(stage == \reading or: { this.prEndsIfFreed }) { ^this };
		if(path.isNil) { this.prBegin(argPath, frames) };
		path = argPath;
		stage = \reading;
		deadline = nil;
		final = unread;
		this.prRead
	}

	// what can go wrong

	check {
		if(this.prEndsIfFreed) { ^this };
		if(deadline.notNil and: { client.now > deadline }) { this.abandon(*verdict) }
	}

	abandon { |code, text, quiet = false|
		if([\asked, \dreaming].includes(stage)) { client.send("/dream/cancel", id) };
		this.fail(code, text, quiet)
	}

	fail { |code, text, quiet = false|
		this.prEnd;
		DreamRNNFailure.tell(code, text, onError, quiet)
	}

	// PRIVATE

	// The server's own word on the sample rate: ours may not have been told of what was read.
	prWrite { |source, path|
		var bufnum = source.bufnum;
		stage = \writing;
		seedServer = source.server;
		seedFile = path;
		command = DreamRNNCommand.sync(client, seedServer,
			{ |sync| source.writeMsg(path, "wav", "float", -1, 0, false, sync) }, 'no-such-seed',
			this.prThen {
				this.prQuery(seedServer, bufnum, 'no-such-seed', { |frames, channels, rate|
					DreamRNNCommand.setRate(path, channels, rate);
					this.prAsk
				})
			}, this.prFailure)
	}

	prAsk {
		stage = \asked;
		this.prExpect(client.timeout, 'no-daemon', client.absence);
		client.send(*msg)
	}

	prBegin { |argPath, frames|
		path = argPath;
		unread = [[0, frames]];
		final = [];
		if(buffer.numFrames != frames) {
			buffer.numFrames = frames;
			buffer.alloc
		}
	}

	// One stretch after the other, so that all before the write position has truly been read.
	prRead {
		case
		{ command.notNil or: { this.prEndsIfFreed } } { }
		{ final.notEmpty } { this.prReadStretch(*final.removeAt(0)) }
		{ stage == \reading } {
			this.prQuery(server, buffer.bufnum, \unreadable, { |frames, channels, rate|
				this.prFilled(frames, channels, rate)
			})
		}
	}

	prReadStretch { |from, to|
		unread = this.prWithout(from, to);
		command = DreamRNNCommand.sync(client, server,
			{ |sync| buffer.readMsg(path, from, to - from, from, false, sync) }, \unreadable,
			this.prThen {
				bus !? { bus.set(this.prPosition) };
				this.prRead
			}, this.prFailure)
	}

	// Frames from the start that have been read.
	prPosition { ^if(unread.isEmpty) { buffer.numFrames } { unread[0][0] } }

	prWithout { |from, to|
		^unread.collect { |stretch|
			[[stretch[0], min(stretch[1], from)], [max(stretch[0], to), stretch[1]]]
		}.flatten(1).select { |stretch| stretch[0] < stretch[1] }
	}

	// The Buffer learns the file's sample rate from the server, and we that it is truly filled.
	prFilled { |frames, channels, rate|
		if(this.prEndsIfFreed) { ^this };
		if(frames != buffer.numFrames) {
			^this.fail(\unreadable, "the server's buffer has % of % frames"
				.format(frames, buffer.numFrames))
		};
		buffer.numChannels_(channels).sampleRate_(rate);
		this.prEnd;
		action.value(buffer)
	}

	// Where the performer has freed the Buffer there is nothing left to do.
	prEndsIfFreed {
		if(DreamBin.lives(buffer)) { ^false };
		this.cancel("its Buffer was freed");
		^true
	}

	// next is evaluated with the server's own numbers of frames and channels, and sample rate.
	prQuery { |argServer, bufnum, code, next|
		command = DreamRNNCommand(client, argServer, ["/b_query", bufnum], ['/b_info', bufnum], code,
			this.prThen { |info| next.value(*info.drop(2)) }, this.prFailure)
	}

	// One command at a time: the next may begin when this one is through.
	prThen { |next| ^{ |answer| command = nil; next.value(answer) } }

	prFailure { ^{ |code, text| this.abandon(code, text) } }

	prExpect { |seconds, code, text|
		deadline = client.now + seconds;
		verdict = [code, text]
	}

	prEnd {
		var isWriting = (stage == \writing);
		stage = \ended;
		command.free;
		client.forget(this);
		seedFile !? { this.prDeleteSeed(isWriting) }
	}

	// A server that is still writing it would make it anew.
	prDeleteSeed { |isWriting|
		var delete = { File.delete(seedFile) };
		if(isWriting) {
			DreamRNNCommand.sync(client, seedServer, { |sync| sync }, 'no-server', delete, delete)
		} {
			delete.value
		}
	}
}
