// DreamRNN asks the daemon `dreamd` for dreams and puts them into Buffers.
//
// A client sends /dream/request over OSC; the daemon writes a sound file and says which frames
// of it are final; the server reads them into the Buffer which the call returned at once.
// This class is what a performer calls, and knows what is under way: DreamRNNRequest follows one
// dream from the call to the filled Buffer, DreamRNNCommand one message to the server, DreamRNNBoot
// a start of the daemon, DreamRNNQuestions those about its state. What is said to the daemon is
// made by DreamRNNMessage, what it says is heard by DreamRNNReplies, and DreamRNNClock counts the
// time until it does.
// Nothing here waits, so all of it works inside and outside of a Routine.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNN {
	classvar >default, >program;

	var <addr, <>timeout = 4, <rate = 11025;
	var <recordings, <files, requests, questions, commands, booting, replies, clock, lastID, pinged = 0;
	var pid, leaving; // the daemon's process; those that were told to quit

	*default { ^default ?? { default = this.new } }

	// as dreamd install has left it, or on the PATH
	*program {
		var installed = Platform.userAppSupportDir +/+ "dreamd";
		^program ?? { if(File.exists(installed)) { installed } { "dreamd" } }
	}

	*new { |host = "127.0.0.1", port = 57130|
		^super.new.init(host, port)
	}

	init { |host, port|
		addr = NetAddr(host, port);
		// not .rand: two sclangs with the same randSeed must not share their ids
		lastID = Date.seed.bitXor(NetAddr.langPort * 40503).bitAnd(0x3FFFFFFF);
		files = DreamRNNFiles.new;
		requests = IdentityDictionary.new;
		questions = DreamRNNQuestions(this);
		commands = IdentitySet.new;
		recordings = DreamRNNRecordings(this);
		leaving = IdentitySet.new;
		clock = DreamRNNClock("DreamRNN", 0.25, { this.isIdle }, { this.prTick });
		this.prListen
	}

	// the default client does as any other

	*dream { |approach, seed, secs = 4, action, options, onError, server|
		^this.default.dream(approach, seed, secs, action, options, onError, server)
	}

	*stream { |approach, seed, secs = 4, action, options, onError, server|
		^this.default.stream(approach, seed, secs, action, options, onError, server)
	}

	*dreamMsg { |approach, seed, secs = 4, options, server|
		^this.default.dreamMsg(approach, seed, secs, options, server)
	}

	*cancel { |dream| this.default.cancel(dream) }
	*hush { this.default.hush }
	*status { |action, onError, quiet = false| this.default.status(action, onError, quiet) }
	*pause { this.default.pause }
	*resume { this.default.resume }
	*newSet { this.default.newSet }
	*quit { this.default.quit }
	*gui { ^this.default.gui }

	// dreams

	dream { |approach, seed, secs = 4, action, options, onError, server|
		^this.prDream(approach, seed, secs, action, options, onError, server).buffer
	}

	stream { |approach, seed, secs = 4, action, options, onError, server|
		var stream, request = this.prDream(approach, seed, secs, { action.value(stream) }, options,
			onError, server);
		^stream = DreamStream(this, request)
	}

	dreamMsg { |approach, seed, secs = 4, options, server|
		var asked = DreamRNNMessage.keys(this.nextID, approach, seed, secs, options, server);
		if(requests[asked[\id]].notNil) {
			DreamRNNMessage.misuse("id must be new, a dream under way has it", asked[\id])
		};
		^["/dream/request"] ++ asked.asSortedArray.flatten(1)
	}

	cancel { |dream|
		if(dream.isKindOf(DreamStream)) { dream = dream.buffer };
		requests.values.do { |request|
			if(request.buffer === dream or: { request.id == dream }) { request.cancel }
		}
	}

	// All that this client has asked for, patterns' dreams too.
	hush {
		this.send("/dream/cancel", "all");
		requests.values.do(_.cancel("hushed"))
	}

	// the daemon

	status { |action, onError, quiet = false|
		questions.add(action, onError, quiet);
		clock.start;
		this.send("/dream/status")
	}

	// A daemon that is there answers the status, and one line is posted where none is.
	pause { this.send("/dream/pause"); this.status }
	resume { this.send("/dream/resume"); this.status }
	newSet { this.send("/dream/newset"); this.status }
	quit {
		pid !? { leaving.add(pid) };
		this.status({ |tree| leaving.add(tree[\pid] ? 0) }); // what it still answers is none to a boot
		this.send("/dream/quit")
	}

	gui { ^DreamRNNGui(this) }

	recent { ^files.recent }

	// A daemon that was started after us, or anew, does not know us yet: so each time.
	send { |... msg|
		if(replies.isNil) { this.prListen }; // it was freed
		addr.sendMsg("/dream/notify", 1);
		addr.sendMsg(*msg)
	}

	free {
		requests.values.do(_.cancel);
		questions.clear;
		recordings.clear;
		replies.free;
		replies = nil;
		clock.stop;
		ServerQuit.remove(this)
	}

	doOnServerQuit { |server|
		var text = "the server % has quit".format(server);
		requests.values.do { |each| if(each.uses(server)) { each.abandon('no-server', text) } };
		commands.copy.do { |each| if(each.uses(server)) { each.fail('no-server', text) } }
	}

	// called by what is under way

	now { ^clock.now }

	absence {
		^"no daemon answers at %:%; start one with DreamRNN.boot, or in a terminal: dreamd run"
		.format(addr.hostname, addr.port)
	}

	ended { |request| requests.removeAt(request.id) }

	// The request that a Buffer is still being filled by.
	maker { |buffer| ^requests.detect { |each| each.buffer === buffer } }

	register { |command|
		commands.add(command);
		clock.start
	}

	unregister { |command| commands.remove(command) }

	isIdle {
		^requests.isEmpty and: { questions.isEmpty } and: { commands.isEmpty } and: { booting.isNil }
	}

	// PRIVATE

	prDream { |approach, seed, secs, action, options, onError, server|
		var source, request;
		server = DreamRNNFailure.checkServer(server ?? { if(seed.isKindOf(Buffer)) { seed.server } },
			"DreamRNN.dream");
		if(DreamRNNMessage.hasNoFile(seed)) {
			source = seed;
			seed = DreamRNNMessage.newFile
		};
		request = DreamRNNRequest(this, this.dreamMsg(approach, seed, secs, options, server),
			server, DreamRNNBeats.onGrid(options, action), onError);
		requests[request.id] = request;
		clock.start;
		request.start(source, seed);
		^request
	}

	// From elsewhere a daemon wants to know first whether we truly are there, and asks now and then.
	prListen {
		ServerQuit.add(this);
		replies = DreamRNNReplies(addr, (
			accepted: { |id, path, frames, rate, eta, channels|
				this.prAttempt(id, \accepted, path.asString, frames, rate, channels ? 1)
			},
			chunk: { |id, start, frames| this.prAttempt(id, \chunk, start, frames) },
			done: { |id, path, frames, rate, seconds, index, channels|
				files.add(path.asString, frames / rate, index);
				this.prAttempt(id, \done, path.asString, frames, rate, channels ? 1)
			},
			failed: { |id, code, text|
				requests[id] !? { |request| request.fail(code, text.asString) };
				recordings.failed(id, code, text)
			},
			warning: { |id, text| DreamRNNFailure.warn(text.asString, requests[id]) },
			status: { |tree| this.prStatus(tree) },
			ping: { |cookie| addr.sendMsg("/dream/notify", 1, cookie) }
		).putAll(recordings.replies), { requests.do(_.heard) });
		if(addr.isLocal.not) { addr.sendMsg("/dream/notify", 1) }
	}

	prAttempt { |id, selector ... args|
		requests[id] !? { |each| each.attempt(selector, *args) }
	}

	prStatus { |tree|
		var idle = (tree[\queue] == 0) and: { tree[\running] == 0 };
		rate = tree[\rate] ? rate;
		tree[\bank] !? { |folder| files.recall(folder.asString) };
		files.describe(tree[\recent] ? ());
		requests.values.do(_.daemonIdle(idle));
		pid = tree[\pid];
		questions.answer(tree);
		if(booting.notNil and: { leaving.includes(pid).not }) { booting.answered(tree) }
	}

	prTick {
		requests.values.do(_.attempt(\check));
		commands.copy.do(_.check);
		questions.check;
		booting !? { booting.check };
		this.prPing
	}

	prPing {
		if(this.now - pinged > timeout and: { requests.any(_.isDreaming) }) {
			pinged = this.now;
			this.send("/dream/status")
		}
	}

	nextID {
		lastID = lastID % 0x3FFFFFFF + 1; // those from 2 ** 30 on are the daemon's
		^lastID
	}
}
