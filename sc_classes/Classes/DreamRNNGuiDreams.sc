// DreamRNNGuiDreams: the last dreams in the window, a row for each: what it is, its waveform, which
// a click plays, and two buttons.
//
// DreamRNNGui shows it.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNGuiDreams {
	var files, <view, rows, player;

	*new { |files| ^super.newCopyArgs(files).init }

	init {
		player = DreamRNNGuiPlayer();
		rows = { DreamRNNGuiDream(this) } ! DreamRNNFiles.remembered;
		view = View().layout_(VLayout(*(rows.collect(_.view) ++ [nil])).margins_(0).spacing_(2))
			.fixedHeight_(rows.size * (DreamRNNGuiDream.height + 2))
	}

	show {
		var dreams = files.recent.select { |dream| File.exists(dream[\path]) };
		rows.do { |row, i| row.show(dreams[i], player.isPlaying(dreams[i])) }
	}

	stop { player.stop }

	// what the rows do

	play { |dream|
		player.play(dream);
		this.show
	}

	keep { |dream|
		files.keep(dream);
		this.show
	}

	throwAway { |dream|
		if(player.isPlaying(dream)) { player.stop };
		files.throwAway(dream);
		this.show
	}
}

// One of the last dreams.
DreamRNNGuiDream {
	const <height = 30;

	var dreams, <view, wave, label, keep, away, dream;

	*new { |dreams| ^super.newCopyArgs(dreams).init }

	init {
		wave = SoundFileView().gridOn_(false).timeCursorOn_(false).fixedHeight_(height);
		wave.background_(Color.white).peakColor_(Color.gray(0.6)).rmsColor_(Color.gray(0.35));
		label = StaticText().fixedWidth_(300);
		keep = Button().fixedWidth_(48).action_({ dreams.keep(dream) })
			.toolTip_("copy it into the folder of recordings: %".format(Platform.recordingsDir));
		away = Button().string_("throw away").fixedWidth_(84).action_({ dreams.throwAway(dream) })
			.toolTip_("delete its file");
		[label, keep, away].do { |each| each.font = DreamRNNGui.font(11) };
		view = View().layout_(HLayout(label, [wave, stretch: 1], keep, away).margins_(0).spacing_(4))
			.fixedHeight_(height).visible_(false);
		wave.mouseDownAction = { dreams.play(dream); true }; // true: no selection
		label.mouseDownAction = { dreams.play(dream) }
	}

	// A number may be another dream's meanwhile.
	show { |argDream, isPlaying|
		view.visible = argDream.notNil;
		if(argDream.isNil) { ^dream = nil };
		if(argDream !== dream) { wave.load(argDream[\path]) };
		dream = argDream;
		label.string = this.prWords;
		label.toolTip = label.string;
		label.background = if(isPlaying) { Color.green(1, 0.35) } { Color.clear };
		keep.string = if(dream[\isKept] == true) { "kept" } { "keep" };
		keep.enabled = (dream[\isKept] != true)
	}

	// PRIVATE

	prWords {
		var words = "dream:%, % s".format(dream[\index], dream[\secs].round(0.1));
		if(dream[\approach].isNil) { ^words }; // of before the daemon's start
		^"%\n%".format(words, DreamRNNGui.words(dream))
	}
}

// One dream at a time: another takes its place, and the same once more ends it.
DreamRNNGuiPlayer {
	const fade = 0.1; // seconds

	var dream, buffer, synth;

	play { |argDream|
		var wasPlaying = this.isPlaying(argDream), server = Server.default;
		this.stop;
		if(wasPlaying) { ^this };
		if(server.serverRunning.not) {
			^"DreamRNN: the server % is not running".format(server).warn
		};
		dream = argDream;
		buffer = Buffer.read(server, dream[\path], action: { |filled|
			DreamBin.add(filled, filled.duration + 1);
			if(filled === buffer) { this.prBegin } // nobody has clicked meanwhile
		})
	}

	stop {
		if(synth.notNil and: { synth.isPlaying }) { synth.release };
		dream = buffer = synth = nil
	}

	isPlaying { |argDream|
		^dream.notNil and: { dream === argDream } and: { synth.isNil or: { synth.isPlaying } }
	}

	// PRIVATE

	prBegin {
		synth = Synth(\dreamRing, [buf: buffer, ring: 0, amp: 0.3, attack: 0.01, release: fade]);
		NodeWatcher.register(synth, true)
	}
}
