// DreamTake: one recording, from the call to a file in the daemon's folder, from which its voice
// learns.
//
//     asking where -> opening -> recording -> closing -> keeping -> kept
//
// While it is being recorded the file is called NAME.wav.recording: the daemon learns from it as it
// grows. It is renamed when the server has closed it. Cmd-period, an end of the server and errors
// end a take, and what was recorded until then is kept. The client's clock calls check.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamTake {
	// seconds of fading in and out; from the synth's end until the server has written the rest
	const fade = 0.005, rest = 0.3, bufferSize = 65536, shortest = 0.05;

	var client, <voice, source, <secs, action, onError, <server, begins;
	var <path, <stage, <isLearned = false, <>onLearned;
	var buffer, node, ending, isStopped = false, isThere = false, deadline;

	*new { |client, voice, in, secs, action, onError, server, latency = 0|
		^super.newCopyArgs(client, voice.asSymbol, in, secs, action, onError, server)
		.init(latency)
	}

	init { |latency|
		begins = client.now + latency;
		this.prCheckName;
		if(secs == inf) { secs = nil };
		if(secs.notNil and: { secs.isKindOf(SimpleNumber).not or: { secs < shortest } }) {
			this.prMisuse("secs must be % or more, or nil".format(shortest), secs)
		};
		if(source.isKindOf(SimpleNumber)) {
			source = Bus(\audio, server.options.numOutputBusChannels + source, 1, server)
		};
		if(source.isKindOf(Bus).not or: { source.rate != \audio }) {
			this.prMisuse("in must be the number of an input or an audio Bus", source)
		}
	}

	start {
		var reason = case
		{ client.addr.isLocal.not or: { server.isLocal.not } } {
			['no-daemon', "the daemon or the server is on another computer: "
				"only where both are on this one a take can be recorded into the daemon's folder"]
		}
		{ server.serverRunning.not } { ['no-server', "the server % is not running".format(server)] };
		reason !? { ^this.prEnd(*reason) };
		client.register(this);
		CmdPeriod.add(this);
		stage = \asking;
		client.status({ |tree| this.prOpen(tree) }, { |code, text| this.prEnd(code, text, true) })
	}

	isRecording { ^stage == \recording }

	// As soon as there is anything to stop.
	stop {
		isStopped = true;
		if(this.isRecording) {
			server.sendBundle(this.prDelay(fade), ["/n_set", node.nodeID, \gate, 0])
		}
	}

	// what the daemon says

	ingested { |argVoice, file|
		if(this.prIs(file)) {
			voice = argVoice.asSymbol;
			isThere = true
		}
	}

	trained { |argVoice|
		if(isThere and: { argVoice.asSymbol == voice } and: { isLearned.not }) {
			isLearned = true;
			client.recordings.learned(this);
			"DreamRNN: % has learned its first of %".format(voice, path.basename).postln;
			DreamRNNFailure.guard({ onLearned.value(this) }, onError)
		}
	}

	skipped { |file, reason|
		if(stage == \kept and: { this.prIs(file) }) {
			client.recordings.learned(this);
			DreamRNNFailure.tell('not-learned', "% %".format(path.basename, reason), onError)
		}
	}

	// as what the client has under way

	uses { |argServer| ^argServer === server }

	check {
		if(stage == \closing and: { client.now > deadline }) { this.prClose }
	}

	// The server has quit.
	fail { |code, text|
		if([\recording, \closing].includes(stage)) {
			this.prKeep(code, "%; what was recorded is kept: %".format(text, path))
		} {
			if([\asking, \opening].includes(stage)) { this.prEnd(code, text) }
		}
	}

	doOnCmdPeriod {
		isStopped = true;
		if(this.isRecording) { this.prEnded }
	}

	// PRIVATE

	prCheckName {
		var name = voice.asString; // letters of all alphabets: their bytes are below zero
		var isWord = { |char| char.isAlphaNum or: { char.ascii < 0 } };
		if(name.isEmpty or: { isWord.(name.first).not }
			or: { name.every { |char| isWord.(char) or: { "._-".includes(char) } }.not }) {
			this.prMisuse("voice must be a letter or digit, then letters, digits, . - _", voice)
		}
	}

	prMisuse { |what, got| Error("DreamRNN.record: %, got %".format(what, got)).throw }

	prOpen { |tree|
		var folder = tree[\folder], said = tree[\voices][voice];
		var within = (said !? { said[\folder] }) ? if(voice == \default) { "." } { voice };
		if(stage != \asking) { ^this };
		if(isStopped) { ^this.prEnd('cancelled', "stopped before it began", true) };
		if(folder.isNil) { ^this.prEnd('no-daemon', "the daemon is older than these classes") };
		stage = \opening;
		folder = folder.asString +/+ within;
		File.mkdir(folder);
		path = this.prFree(folder);
		try {
			File.use(this.prFile, "w", { });
			buffer = Buffer.alloc(server, bufferSize, source.numChannels)
		} { |error| ^this.prEnd('unwritable', "cannot record into %: %".format(folder, error.what)) };
		this.prDef.send(server);
		DreamRNNCommand.sync(client, server,
			{ |sync| buffer.writeMsg(this.prFile, "wav", "float", 0, 0, true, sync) }, 'unwritable',
			{ this.prRecord }, { |code, text| this.prEnd(code, text) })
	}

	prFile { ^path ++ ".recording" }

	// Sorted by name takes are sorted by time.
	prFree { |folder|
		var name = folder +/+ "take-" ++ Date.getDate.stamp, number = 1, free = name;
		while { [".wav", ".wav.recording"].any { |end| File.exists(free ++ end) } } {
			number = number + 1;
			free = "%-%".format(name, number)
		};
		^free ++ ".wav"
	}

	prDef {
		^SynthDef(this.prDefName, { |in, buf, secs = 1, gate = 1|
			var env = EnvGen.ar(Env.asr(fade, 1, fade, 0), gate, doneAction: 2);
			if(this.secs.notNil) {
				env = env * EnvGen.ar(Env.linen(fade, secs - (2 * fade), fade), doneAction: 2)
			};
			DiskOut.ar(buf, In.ar(in, source.numChannels) * env)
		})
	}

	prDefName {
		^"dreamTake%%".format(source.numChannels, if(secs.isNil) { "" } { "For" })
	}

	prRecord {
		if(stage != \opening) { ^this };
		if(isStopped) { ^this.prEnd('cancelled', "stopped before it began", true) };
		stage = \recording;
		node = Synth.basicNew(this.prDefName, server);
		ending = OSCFunc({ this.prEnded }, '/n_end', server.addr, argTemplate: [node.nodeID]).fix;
		server.sendBundle(this.prDelay(0), node.newMsg(RootNode(server),
			[in: source, buf: buffer, secs: secs ? 1], \addToTail))
	}

	// Until it begins, and so many seconds more; nil: at once.
	prDelay { |more|
		var delay = begins - client.now;
		^if(delay > 0) { delay + more }
	}

	// What the server has not written to the disk yet it writes within a moment.
	prEnded {
		if(this.isRecording) {
			stage = \closing;
			deadline = client.now + rest
		}
	}

	prClose {
		stage = \closing;
		deadline = inf;
		DreamRNNCommand.sync(client, server, { |sync| buffer.closeMsg(sync) }, 'no-server',
			{ this.prKeep }, { |code, text| this.fail(code, text) })
	}

	// Where it cannot be renamed here, the daemon does it.
	prKeep { |code, text|
		stage = \keeping;
		["mv", this.prFile, path].unixCmd({ this.prEnd(code, text) }, false)
	}

	// However it ends.
	prEnd { |code, text, quiet = false|
		var isKept = (stage == \keeping), wasOpening = (stage == \opening);
		stage = if(isKept) { \kept } { \failed };
		ending.free;
		client.unregister(this);
		CmdPeriod.remove(this);
		if(server.serverRunning and: { buffer.notNil }) { buffer.free };
		if(wasOpening and: { path.notNil }) { File.delete(this.prFile) };
		if(isKept.not) { client.recordings.learned(this) };
		code !? { ^DreamRNNFailure.tell(code, text, onError, quiet) };
		"DreamRNN: recorded %".format(path).postln;
		DreamRNNFailure.guard({ action.value(this) }, onError)
	}

	// The name, and the voice's folder: what lies above it may be shown in other letters.
	prIs { |file| ^path.notNil and: { this.prEndOf(file.asString) == this.prEndOf(path) } }

	prEndOf { |file| ^file.dirname.basename +/+ file.basename }
}
