// DreamRNNGui: a small window that shows what the daemon is doing: voices and how well they have
// been learned, what is being dreamt, and the last dreams. A click on one of these plays it.
//
// DreamRNN.gui opens one. It asks for the status twice a second, until it is closed.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNGui {
	const every = 0.5, shown = 6; // seconds; dreams

	var client, <window, head, tree, making, players, watch, known;

	// In a Routine, too: the window is there a moment later.
	*new { |client|
		^super.newCopyArgs(client).init
	}

	init { { this.prOpen }.defer }

	close { { window !? { window.close } }.defer }

	// PRIVATE

	prOpen {
		window = Window("DreamRNN", Rect(80, 80, 560, 640));
		head = StaticText();
		tree = TreeView().columns_(["voice", "approach", "error", "steps", "times real time"]);
		[120, 120, 75, 75].do { |width, i| tree.setColumnWidth(i, width) };
		making = StaticText().align_(\topLeft).minHeight_(36);
		players = { DreamRNNGuiDream() } ! shown;
		window.layout = VLayout(*([head, [tree, stretch: 1], making] ++ players.collect(_.view)));
		watch = SkipJack({ this.prAsk }, every, { window.isClosed }, "DreamRNNGui", AppClock);
		window.onClose = { watch.stop };
		this.prAsk;
		window.front
	}

	prAsk {
		client.status(
			{ |status| { this.prShow(status) }.defer },
			{ |code, text| { this.prShowAbsence(text) }.defer },
			true
		)
	}

	prShowAbsence { |text|
		if(window.isClosed) { ^this };
		head.string = text;
		making.string = ""
	}

	prShow { |status|
		if(window.isClosed) { ^this };
		head.string = this.prHead(status);
		making.string = this.prMaking(status);
		this.prShowVoices(this.prVoices(status));
		players.do { |player, i| player.show(client.recent[i]) }
	}

	prHead { |status|
		^"%: %, % dreaming, % waiting, % made".format(
			client.addr.hostname ++ ":" ++ client.addr.port,
			this.prLearning(status),
			status[\running], status[\queue], status[\dreams])
	}

	prLearning { |status|
		case
		{ status[\training] != 1 } { ^"learning paused" }
		{ status[\learning_slowly] == 1 } { ^"learning slowly: the machine is busy" };
		^"learning"
	}

	prMaking { |status|
		var making = status[\making] ? ();
		^making.keys.asArray.sort.collect { |id|
			var dream = making[id];
			"%: % of 100, % s to go".format(dream[\approach],
				(dream[\progress] * 100).round.asInteger, dream[\eta].round(0.1))
		}.join("\n")
	}

	// rows of text
	prVoices { |status|
		var rows = List.new;
		status[\voices].keys.asArray.sort.do { |name|
			var voice = status[\voices][name], models = voice[\models];
			rows.add([name.asString, "% files, % s".format(voice[\recordings],
				voice[\seconds].round.asInteger), "", "", ""]);
			models.keys.asArray.sort.do { |approach|
				var model = models[approach];
				rows.add(["", approach.asString, model[\error].round(0.001).asString,
					model[\steps].asString, model[\dream_speed].round(0.1).asString])
			}
		};
		^rows.asArray
	}

	// Only what has changed, so that the list can be scrolled.
	prShowVoices { |rows|
		if(rows == known) { ^this };
		if(rows.size != known.size) {
			tree.clear;
			rows.do { |row| tree.addItem(row) }
		} {
			rows.do { |row, i| tree.itemAt(i).strings = row }
		};
		known = rows
	}
}

// One of the last dreams: its waveform, and its number.
DreamRNNGuiDream {
	var <view, wave, label, dream;

	*new { ^super.new.init }

	init {
		wave = SoundFileView().gridOn_(false).timeCursorOn_(false).fixedHeight_(44);
		label = StaticText().fixedWidth_(90);
		view = View().layout_(HLayout(label, wave).margins_(0)).visible_(false);
		wave.mouseDownAction = { this.play; true }; // true: no selection
		label.mouseDownAction = { this.play }
	}

	show { |argDream|
		if(argDream.isNil or: { argDream == dream }) { ^this };
		dream = argDream;
		label.string = "dream:%\n% s".format(dream[\index], dream[\secs].round(0.1));
		wave.load(dream[\path]);
		view.visible = true
	}

	play {
		var server = Server.default;
		dream ?? { ^this };
		if(server.serverRunning.not) {
			^"DreamRNN: the server % is not running".format(server).warn
		};
		if(File.exists(dream[\path]).not) {
			^"DreamRNN: % is gone".format(dream[\path]).warn
		};
		Buffer.read(server, dream[\path], action: { |buffer|
			Synth(\dreamPlay, [buf: buffer, sustain: buffer.duration]);
			DreamBin.add(buffer, buffer.duration + 1)
		})
	}
}
