// DreamRNN asks the daemon `dreamd` for dreams and puts them into Buffers.
//
// A client sends /dream/request over OSC; the daemon writes a sound file and says which frames
// of it are final; the server reads them into the Buffer which the call returned at once.
// This class talks with the daemon; DreamRNNRequest follows one dream from the call to the
// filled Buffer, DreamRNNCommand one message to the server, DreamRNNBoot a start of the daemon.
// Nothing here waits, so all of it works inside and outside of a Routine.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNN {
	classvar >default, >program, unsaid;

	const remembered = 8;

	var <addr, <>timeout = 4, <rate = 11025, <recent, <now = 0;
	var requests, questions, commands, booting, responders, watch, lastID, ticked = 0, pinged = 0,
		isRecalled = false;

	*initClass {
		unsaid = List.new;
		CmdPeriod.add(this)
	}

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
		recent = List.new;
		requests = IdentityDictionary.new;
		questions = List.new;
		commands = IdentitySet.new;
		watch = SkipJack({ this.prTick }, 0.25, { this.prIsIdle }, "DreamRNN", SystemClock, false);
		this.prListen
	}

	// the default client does as any other

	*dream { |approach, seed, secs = 4, action, options, onError, server|
		^this.default.dream(approach, seed, secs, action, options, onError, server)
	}

	*stream { |approach, seed, secs = 4, action, options, onError, server|
		^this.default.stream(approach, seed, secs, action, options, onError, server)
	}

	*dreamMsg { |approach, seed, secs = 4, options|
		^this.default.dreamMsg(approach, seed, secs, options)
	}

	*cancel { |dream| this.default.cancel(dream) }
	*status { |action, onError, quiet = false| this.default.status(action, onError, quiet) }
	*pause { this.default.pause }
	*resume { this.default.resume }
	*boot { |recordings, action, flags, onError|
		this.default.boot(recordings, action, flags, onError)
	}
	*quit { this.default.quit }
	*gui { ^this.default.gui }

	// dreams

	dream { |approach, seed, secs = 4, action, options, onError, server|
		^this.prDream(approach, seed, secs, action, options, onError, server).buffer
	}

	stream { |approach, seed, secs = 4, action, options, onError, server|
		var stream, request = this.prDream(approach, seed, secs, { action.value(stream) }, options,
			onError, server);
		^stream = DreamStream(this, request.buffer, request.giveBus)
	}

	dreamMsg { |approach, seed, secs = 4, options|
		var asked = (approach: approach, id: this.prNextID, secs: secs ? 4);
		asked.putAll(this.prSeed(seed), this.prOptions(options));
		this.prCheck(asked);
		^["/dream/request"] ++ asked.asSortedArray.flatten(1)
	}

	cancel { |dream|
		if(dream.isKindOf(DreamStream)) { dream = dream.buffer };
		requests.values.do { |request|
			if(request.buffer === dream or: { request.id == dream }) { request.cancel }
		}
	}

	// the daemon

	status { |action, onError, quiet = false|
		questions.add((deadline: now + timeout, action: action, onError: onError, quiet: quiet));
		watch.start;
		this.send("/dream/status")
	}

	// A daemon that is there answers the status, and one line is posted where none is.
	pause { this.send("/dream/pause"); this.status }
	resume { this.send("/dream/resume"); this.status }
	quit { this.status; this.send("/dream/quit") }

	boot { |recordings, action, flags, onError|
		booting = booting ?? { DreamRNNBoot(this, recordings, flags) };
		booting.add(action, onError);
		watch.start
	}

	gui { ^DreamRNNGui(this) }

	// A daemon that was started after us, or anew, does not know us yet: so each time.
	send { |... msg|
		if(responders.isNil) { this.prListen }; // it was freed
		addr.sendMsg("/dream/notify", 1);
		addr.sendMsg(*msg)
	}

	free {
		requests.values.do(_.cancel);
		questions.clear;
		responders.do(_.free);
		responders = nil;
		watch.stop;
		ServerQuit.remove(this)
	}

	doOnServerQuit { |server|
		requests.values.do { |request|
			if(request.uses(server)) { request.abandon('no-server', this.prLoss(server)) }
		};
		commands.copy.do { |command|
			if(command.uses(server)) { command.fail('no-server', this.prLoss(server)) }
		}
	}

	// PRIVATE

	prDream { |approach, seed, secs, action, options, onError, server|
		var source, request;
		server = server ?? { if(seed.isKindOf(Buffer)) { seed.server } { Server.default } };
		if(this.prHasNoFile(seed)) {
			source = seed;
			seed = this.prTempPath
		};
		request = DreamRNNRequest(this, this.dreamMsg(approach, seed, secs, options),
			server, action, onError);
		requests[request.id] = request;
		watch.start;
		request.start(source, seed);
		^request
	}

	prLoss { |server| ^"the server % has quit".format(server) }

	prAbsence {
		^"no daemon answers at %:%; start one with DreamRNN.boot, or in a terminal: dreamd run"
		.format(addr.hostname, addr.port)
	}

	prForget { |request| requests.removeAt(request.id) }

	prFollow { |command|
		commands.add(command);
		watch.start
	}

	prUnfollow { |command| commands.remove(command) }

	prBooted { booting = nil }

	prListen {
		ServerQuit.add(this);
		responders = [
			this.prOn("/dream/accepted", { |id, path, frames, rate|
				this.prRate(rate);
				requests[id] !? { |request| request.accepted(path.asString, frames) }
			}),
			this.prOn("/dream/chunk", { |id, start, frames|
				requests[id] !? { |request| request.chunk(start, frames) }
			}),
			this.prOn("/dream/done", { |id, path, frames, rate, seconds, index|
				this.prRemember(path.asString, frames / rate, index);
				requests[id] !? { |request| request.done(path.asString, frames) }
			}),
			this.prOn("/dream/failed", { |id, code, text|
				requests[id] !? { |request| request.fail(code, text.asString) }
			}),
			this.prOn("/dream/status", { |... pairs| this.prStatus(this.class.prTree(pairs)) })
		]
	}

	// Any word from the daemon, to whichever client, shows that it lives.
	prOn { |path, func|
		^OSCFunc({ |msg|
			requests.do(_.heard);
			func.valueArray(msg.drop(1))
		}, path, addr).fix
	}

	prStatus { |tree|
		var asked = questions.asArray;
		var idle = (tree[\queue] == 0) and: { tree[\running] == 0 };
		this.prRate(tree[\rate]);
		if(isRecalled.not) { tree[\bank] !? { |folder| this.prRecall(folder.asString) } };
		requests.values.do(_.daemonIdle(idle));
		questions.clear;
		asked.do { |question| question[\action].value(tree) };
		booting !? { booting.answered }
	}

	// The last dreams, the newest first, whoever asked for them.
	prRemember { |path, secs, index|
		recent.removeAllSuchThat { |each| each[\path] == path };
		recent.addFirst((path: path, secs: secs, index: index));
		if(recent.size > remembered) { recent.pop }
	}

	// What was dreamt before we were there.
	prRecall { |folder|
		var files = this.class.prFiles(folder);
		isRecalled = true;
		files.keys.asArray.sort.keep(remembered.neg).do { |index|
			var file = SoundFile.openRead(files[index]);
			file !? {
				file.close;
				this.prRemember(files[index], file.duration, index)
			}
		}
	}

	prRate { |argRate| argRate !? { rate = argRate } }

	// now stands still while the interpreter is blocked: replies that wait in its queue then
	// are not late.
	prTick {
		var time = Main.elapsedTime;
		now = now + min(time - ticked, 0.5);
		ticked = time;
		requests.values.do(_.check);
		commands.copy.do(_.check);
		questions.asArray.do { |question| this.prCheckQuestion(question) };
		booting !? { booting.check };
		this.prPing
	}

	prCheckQuestion { |question|
		if(now > question[\deadline]) {
			questions.remove(question);
			this.class.prReport('no-daemon', this.prAbsence, question[\onError], question[\quiet])
		}
	}

	prPing {
		if(now - pinged > timeout and: { requests.any(_.isDreaming) }) {
			pinged = now;
			this.send("/dream/status")
		}
	}

	prIsIdle {
		^requests.isEmpty and: { questions.isEmpty } and: { commands.isEmpty } and: { booting.isNil }
	}

	prNextID {
		lastID = lastID % 0x40000000 + 1;
		^lastID
	}

	prTempPath {
		^Platform.defaultTempDir
		+/+ "dreamrnn-seed-%-%.wav".format(NetAddr.langPort, UniqueID.next)
	}

	prCheck { |asked|
		var approach = asked[\approach], secs = asked[\secs];
		if((approach.isKindOf(Symbol) or: { approach.isString }).not) {
			this.prMisuse("approach must be a Symbol", approach)
		};
		if((secs.isKindOf(SimpleNumber) and: { secs > 0 } and: { secs < inf }).not) {
			this.prMisuse("secs must be a number above 0", secs)
		};
		if(requests[asked[\id]].notNil) {
			this.prMisuse("id must be new, a dream under way has it", asked[\id])
		}
	}

	prSeed { |seed|
		^case
		{ seed.isNil } { () }
		{ seed.isKindOf(Buffer) } { (seed: this.prFileOf(seed)) }
		{ seed.isKindOf(PathName) } { (seed: seed.fullPath.absolutePath) }
		{ seed.isString or: { seed.isKindOf(Symbol) } } { (seed: this.prPlace(seed.asString)) }
		{ this.prAreNotes(seed) } { (notes: seed.join(" ")) }
		{ this.prMisuse("seed must be a Buffer, path, name, Array of MIDI notes or nil", seed) }
	}

	prAreNotes { |seed|
		^seed.isSequenceableCollection and: { seed.notEmpty }
		and: { seed.every(_.isKindOf(SimpleNumber)) }
	}

	// "guitar:2" stays as it is; a path must mean the same file where the daemon runs.
	prPlace { |text|
		var path;
		if(text.includes(thisProcess.platform.pathSeparator).not) { ^text };
		path = text.absolutePath;
		^if(File.exists(path)) { path } { text }
	}

	prFileOf { |buffer|
		if(this.prHasNoFile(buffer)) {
			this.prMisuse("seed has no file of its own to send; use dream, which writes one", buffer)
		};
		^buffer.path.asString.absolutePath
	}

	prHasNoFile { |seed|
		if(seed.isKindOf(Buffer).not) { ^false };
		if(seed.bufnum.isNil) { this.prMisuse("seed must be a Buffer that is not freed", seed) };
		^seed.path.isNil or: { this.prHolds(seed.path.asString, seed).not }
	}

	prHolds { |path, buffer|
		var file = SoundFile.openRead(path);
		^file.notNil and: {
			file.close;
			file.numFrames == buffer.numFrames and: { file.numChannels == buffer.numChannels }
		}
	}

	prOptions { |options|
		var asked = ();
		if(options.isKindOf(Dictionary).not and: { options.isArray.not } and: { options.notNil }) {
			this.prMisuse("options must be an Event or an Array of pairs", options)
		};
		if(options.isArray) { options = ().putPairs(options) };
		options !? {
			options.keysValuesDo { |key, value| asked[key.asSymbol] = this.prValue(key, value) }
		};
		asked[\id] !? { |id| asked[\id] = id.asInteger };
		^asked
	}

	prValue { |key, value|
		^case
		{ value.isKindOf(SimpleNumber) or: { value.isString } or: { value.isKindOf(Symbol) } } { value }
		{ value.isKindOf(PathName) } { value.fullPath.absolutePath }
		{ this.prAreNotes(value) } { value.join(" ") }
		{ this.prMisuse("the option % must be a number or a name".format(key), value) }
	}

	prMisuse { |what, got|
		Error("DreamRNN.dream: %, got %".format(what, got)).throw
	}

	// Deferred, so that onError never runs before the call that caused it has returned.
	*prReport { |code, text, onError, quiet = false|
		var line = text.replace("\n", " ").stripWhiteSpace;
		unsaid.add({
			if(quiet.not) { "DreamRNN: %: %".format(code, line).warn };
			onError.value(code, line)
		});
		this.prSayNext
	}

	*prSayNext {
		SystemClock.sched(0, {
			if(unsaid.notEmpty) { unsaid.removeAt(0).value };
			nil
		})
	}

	// It clears the clock, and what waits for an answer would wait for ever.
	*doOnCmdPeriod { unsaid.size.do { this.prSayNext } }

	// The dreams that lie whole in the daemon's bank: number -> path.
	*prFiles { |folder|
		var files = IdentityDictionary.new;
		var unfinished = (folder.dirname +/+ "unfinished" +/+ "*").pathMatch.collect(_.basename).asSet;
		(folder +/+ "*.wav").pathMatch.do { |path|
			var name = path.basename.splitext[0];
			if(name.every(_.isDecDigit) and: { unfinished.includes(name).not }) {
				files[name.asInteger] = path
			}
		};
		^files
	}

	// [\queue, 0, 'voices/guitar/recordings', 2] -> (queue: 0, voices: (guitar: (recordings: 2)))
	*prTree { |pairs|
		var tree = ();
		pairs.pairsDo { |path, value|
			var keys = path.asString.split($/).collect(_.asSymbol);
			var node = keys.drop(-1).inject(tree, { |parent, key|
				if(parent[key].isKindOf(Event).not) { parent[key] = () };
				parent[key]
			});
			node[keys.last] = if(value == '{}') { () } { value }
		};
		^tree
	}
}
