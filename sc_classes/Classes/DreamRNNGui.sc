// DreamRNNGui: a small window on the daemon: how it learns, the voices and how well they have been
// learned, what is being dreamt, and the last dreams. One asks for more in DreamRNNGuiAsk, the
// last ones are the rows of DreamRNNGuiDreams.
//
// DreamRNN.gui opens one. It asks for the status twice a second, until it is closed.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNGui {
	const every = 0.5, told = 3; // seconds; dreams under way that are told of

	var client, <window, head, asking, tree, making, dreams, watch, known;

	// In a Routine, too: the window is there a moment later.
	*new { |client|
		^super.newCopyArgs(client).init
	}

	*font { |size = 12| ^Font(Font.defaultSansFace, size, usePointSize: false) }

	// A dream in words, of what the daemon says of it.
	*words { |dream|
		var words = "% of %".format(dream[\approach], dream[\voice]);
		var starter = dream[\starter], seed = dream[\seed];
		starter !? { words = "% (starter model %)".format(words, starter) };
		^seed !? { "%, from %".format(words, seed.asString.basename) } ? words
	}

	init { { this.prOpen }.defer }

	close { { window !? { window.close } }.defer }

	// PRIVATE

	prOpen {
		window = Window("DreamRNN", Rect(80, 40, 720, 670));
		head = StaticText();
		asking = DreamRNNGuiAsk(client);
		tree = TreeView().columns_(["voice", "approach", "error", "steps", "times real time"]);
		[150, 150, 130, 110].do { |width, i| tree.setColumnWidth(i, width) };
		making = StaticText().align_(\topLeft).fixedHeight_(48);
		dreams = DreamRNNGuiDreams(client.files);
		[head, tree, making].do { |view| view.font = this.class.font };
		window.layout = VLayout(head, asking.view, [tree, stretch: 1], making, dreams.view).spacing_(6);
		watch = SkipJack({ this.prAsk }, every, { window.isClosed }, "DreamRNNGui", AppClock);
		window.onClose = {
			watch.stop;
			asking.free;
			dreams.stop
		};
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
		making.string = "";
		asking.disable
	}

	prShow { |status|
		if(window.isClosed) { ^this };
		head.string = this.prHead(status);
		making.string = this.prMaking(status[\making] ? ());
		asking.show(status);
		this.prShowVoices(this.prVoices(status));
		dreams.show
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

	prMaking { |making|
		var ids = making.keys.asArray.sort, lines = ids.keep(told).collect { |id|
			this.prUnderWay(making[id])
		};
		if(ids.size > told) {
			lines[told - 1] = "and % more are being made".format(ids.size - told + 1)
		};
		^lines.join("\n")
	}

	prUnderWay { |dream|
		var words = this.class.words(dream);
		if(dream[\endless] == 1) {
			dream[\name] !? { |name| words = "%: %".format(name, words) };
			^"%, endless, % s so far".format(words, dream[\seconds].round.asInteger)
		};
		^"%, % s: % of 100, % s to go".format(words, dream[\secs].round(0.1),
			(dream[\progress] * 100).round.asInteger, dream[\eta].round(0.1))
	}

	// rows of text
	prVoices { |status|
		var rows = List.new;
		status[\voices].keys.asArray.sort.do { |name|
			var voice = status[\voices][name], models = voice[\models];
			rows.add([name.asString, "% files, % s".format(voice[\recordings],
				voice[\seconds].round.asInteger), "", "", ""]);
			models.keys.asArray.sort.do { |approach|
				rows.add(["", approach.asString] ++ this.prModel(models[approach]))
			}
		};
		^rows.asArray
	}

	prModel { |model|
		var speed = model[\dream_speed].round(0.1).asString;
		model[\starter] !? { |name| ^["starter model", name.asString, speed] };
		^[model[\error].round(0.001).asString, model[\steps].asString, speed]
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
