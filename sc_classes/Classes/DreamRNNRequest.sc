// DreamRNNRequest: one dream under way, from the call to the filled Buffer or the failure.
//
//     start -> (making the seed's file) -> asked -> dreaming -> reading -> action
//
// While the daemon dreams it names parts of the file that are final, and the server reads them
// into place, one after the other; once all is final, whatever is still missing. An endless dream
// goes on until it is cancelled.
// Each stage knows how long it may take and what to say if it takes longer; the client's clock
// calls check. Every way out goes through prEnd.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNRequest {
	// seconds for which a Buffer is made before the daemon has said whether it dreams as long
	const longest = 600;

	var client, msg, server, action, onError;
	var <id, <buffer, <isEndless, stage, untold, seedFile, command, deadline, verdict, idleSince;
	var path, parts; // the dream's file, and what of it is there
	var lead, position; // seconds; nil, or what synths know of it

	*new { |client, msg, server, action, onError|
		^super.newCopyArgs(client, msg, server, action, onError).init
	}

	init {
		var asked = ().putPairs(msg.drop(1));
		var secs = asked[\secs], rate = asked[\outrate] ? client.rate, frames;
		id = asked[\id];
		isEndless = DreamRNNMessage.isEndless(secs);
		lead = if(isEndless) { asked[\lead] ? 0.5 };
		if(isEndless) { secs = 1 }; // until its ring is known
		frames = (secs.min(longest) * rate).round(1).max(1).asInteger;
		// without a number, as one that was freed, where the server has none left
		buffer = try { Buffer.alloc(server, frames) } { Buffer.newCopyArgs(server, nil, frames, 1) }
	}

	start { |source, path|
		var away = [server, (source ? buffer).server].detect { |each| each.serverRunning.not };
		away !? { ^this.abandon('no-server', "the server % is not running".format(away)) };
		if(buffer.bufnum.isNil) { ^this.abandon('no-buffer', DreamRNNFailure.noBuffer(server)) };
		if(source.isNil) { this.prAsk } {
			stage = \seeding;
			seedFile = DreamRNNSeed(client, source, path);
			seedFile.make({ |file|
				msg[msg.indexOfEqual(path)] = file;
				this.prAsk
			}, this.prFailure)
		}
	}

	// What synths are to know of it; nil where the server has no Bus left.
	givePosition {
		position = DreamRNNPosition(server, lead);
		if(position.isNil) {
			this.abandon('no-bus', "the server % has no control bus left".format(server))
		};
		^position
	}

	// What it is told of what is not made yet: it may not be asked for yet, or have ended.
	tell { |address, pairs|
		case
		{ stage == \seeding } { untold = untold.add([address, pairs]) }
		{ stage == \ended } {
			DreamRNNFailure.tell('ended', "this dream is not being made any more")
		}
		{ client.send(address, id, *pairs) }
	}

	isDreaming { ^stage == \dreaming }

	// For others to dream from; of one without end as soon as there is anything.
	file { ^path !? { if(isEndless.not or: { parts.position[1] > 0 }) { path } } }

	uses { |argServer|
		^argServer === server
		or: { seedFile.notNil and: { argServer === seedFile.server } }
	}

	cancel { |reason = "cancelled by its client"| this.abandon('cancelled', reason, true) }

	// One of the methods below. Whatever it throws is the end of this dream.
	attempt { |selector ... args|
		DreamRNNFailure.guard({ this.performList(selector, args) },
			{ |code, text| this.abandon(code, text) })
	}

	// what the daemon says

	accepted { |argPath, frames, rate, channels|
		if(stage != \asked or: { this.prEndsIfFreed }) { ^this };
		stage = \dreaming;
		this.heard;
		this.prBegin(argPath, frames, rate, channels)
	}

	// Its word may have been lost that it accepts: without a path this waits until all is done.
	chunk { |start, frames|
		if(this.isDreaming) {
			parts.add(start, frames);
			this.prRead
		}
	}

	// The daemon knows of it, and waits itself, for the seed or the voice.
	waits { if(stage == \asked) { this.prExpect(60, 'no-daemon', client.absence) } }

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

	done { |argPath, frames, rate, channels|
		if(stage == \reading or: { this.prEndsIfFreed }) { ^this };
		if(isEndless) { ^this.fail('ended', "the daemon has ended an endless dream") };
		if(path.isNil) { this.prBegin(argPath, frames, rate, channels) };
		path = argPath;
		stage = \reading;
		deadline = nil;
		parts.finish;
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

	prAsk {
		stage = \asked;
		this.prExpect(client.timeout, 'no-daemon', client.absence);
		client.send(*msg);
		untold.do { |each| this.tell(*each) }
	}

	// The Buffer is made anew like the file, and silent, where that has another length or number of
	// channels; and another rate than the server's: supernova reads no other into what is there.
	prBegin { |argPath, frames, rate, channels|
		path = argPath;
		parts = if(isEndless) { DreamRNNRing(frames) } { DreamRNNParts(frames) };
		position !? { position.begin(rate) };
		buffer.sampleRate = rate;
		if([buffer.numFrames, buffer.numChannels, server.sampleRate] != [frames, channels, rate]) {
			buffer.numFrames_(frames).numChannels_(channels);
			[buffer.allocReadMsg(path, 0, -1), buffer.zeroMsg].do { |each| server.listSendMsg(each) }
		}
	}

	// One part after the other, so that all before the write position has truly been read.
	prRead {
		var part;
		if(command.notNil or: { this.prEndsIfFreed }) { ^this };
		part = parts.next;
		case
		{ part.notNil } { this.prReadPart(*part) }
		{ stage == \reading } {
			command = DreamRNNCommand.query(client, server, buffer.bufnum, \unreadable,
				this.prThen { |frames, channels, rate| this.prFilled(frames, channels, rate) },
				this.prFailure)
		}
	}

	prReadPart { |from, to|
		command = DreamRNNCommand.sync(client, server,
			{ |sync| buffer.readMsg(path, from, to - from, from, false, sync) }, \unreadable,
			this.prThen {
				parts.read(from, to);
				position !? { position.move(*parts.position) };
				if(isEndless) { this.prPlayable };
				this.prRead
			}, this.prFailure)
	}

	// Whoever waits for an endless dream waits until DreamPlay begins.
	prPlayable {
		var waiting = action;
		if(waiting.notNil and: { parts.position[1] >= (lead / 2 * buffer.sampleRate) }) {
			action = nil;
			waiting.value(buffer)
		}
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

	// One command at a time: the next may begin when this one is through.
	prThen { |next| ^{ |... answer| command = nil; next.value(*answer) } }

	prFailure { ^{ |code, text| this.abandon(code, text) } }

	prExpect { |seconds, code, text|
		deadline = client.now + seconds;
		verdict = [code, text]
	}

	prEnd {
		stage = \ended;
		command.free;
		position.free;
		client.ended(this);
		seedFile.free
	}
}
