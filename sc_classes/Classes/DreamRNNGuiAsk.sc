// DreamRNNGuiAsk: the part of the window where one asks for dreams, and pauses, records and stops.
//
// DreamRNNGui shows it, and the daemon's status in it. All it does a line of code does as well:
// DreamRNN.dream, stream, hush, pause, resume, record.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNGuiAsk {
	const anyVoice = "any voice", anywhere = "anywhere";

	var client, <view, approach, voice, seed, secs, ask, endless, stop, pause, record, meter, share;
	var isLearning = true, take, stream, synth; // the dream without end, and what plays it

	*new { |client| ^super.newCopyArgs(client).init }

	init {
		approach = PopUpMenu().items_([]).toolTip_("approach");
		voice = PopUpMenu().items_([anyVoice]).toolTip_("voice").action_({ this.prShowTake });
		seed = TextField().string_(anywhere).minWidth_(160).action_({ this.prAsk })
			.toolTip_("guitar:2, guitar, dream:3, a path, or notes such as 60 64 67");
		secs = NumberBox().value_(4).clipLo_(0.1).decimals_(1).fixedWidth_(50);
		ask = Button().string_("ask").action_({ this.prAsk }).enabled_(false);
		endless = Button().action_({ this.prStream })
			.toolTip_("a dream without end, which plays until this is pressed again");
		stop = Button().string_("stop").action_({ client.hush })
			.toolTip_("cancel all dreams that were asked for here");
		pause = Button().string_("pause learning").action_({ this.prPause });
		record = Button().action_({ this.prRecord })
			.toolTip_("record the first input into the voice");
		meter = LevelIndicator().fixedSize_(120 @ 12);
		share = StaticText();
		this.prShowTake;
		this.prShowStream;
		this.prLayOut
	}

	show { |status|
		var voices = status[\voices] ? (), approaches;
		approaches = voices.values.collect { |each| each[\models].keys.asArray }.flatten.asSet.asArray;
		this.prOffer(approach, approaches.sort.collect(_.asString));
		this.prOffer(voice, [anyVoice] ++ voices.keys.asArray.sort.collect(_.asString));
		isLearning = (status[\training] == 1);
		pause.string = if(isLearning) { "pause learning" } { "resume learning" };
		ask.enabled = approach.items.notEmpty;
		this.prShowShare(status[\learning_share] ? 0);
		this.prShowTake;
		if(synth.notNil and: { synth.isPlaying.not }) { this.prEndStream(stream) }; // Cmd-period
		this.prShowStream
	}

	// Nobody is there to ask.
	disable {
		ask.enabled = false;
		this.prShowShare(0);
		this.prShowStream
	}

	// The window is closed.
	free { this.prEndStream(stream) }

	// PRIVATE

	prLayOut {
		var asking = HLayout(approach, voice, this.prText("from"), [seed, stretch: 1], secs,
			this.prText("s"), ask, endless);
		var learning = HLayout(stop, record, nil, pause, meter, share);
		var views = [approach, voice, seed, secs, ask, endless, stop, pause, record, share];
		views.do { |each| each.font = DreamRNNGui.font };
		view = View().layout_(VLayout(*[asking, learning].collect(_.spacing_(6))).margins_(0).spacing_(6))
	}

	prText { |words| ^StaticText().string_(words).font_(DreamRNNGui.font) }

	prShowShare { |cores|
		meter.value = cores.clip(0, 1);
		share.string = "% cores".format(cores.round(0.01))
	}

	// What was chosen stays chosen.
	prOffer { |menu, items|
		var chosen;
		if(menu.items == items) { ^this };
		chosen = menu.items[menu.value ? 0];
		menu.items = items;
		menu.value = items.indexOfEqual(chosen) ? 0
	}

	prVoice { if(voice.value > 0) { ^voice.items[voice.value].asSymbol } { ^nil } }

	// The window shows its file when it is made: the Buffer is not needed.
	prAsk {
		var buffer;
		if(ask.enabled.not) { ^this };
		this.prAttempt {
			buffer = client.dream(approach.items[approach.value], this.prSeed, secs.value,
				{ |made| DreamBin.add(made) }, (voice: this.prVoice),
				{ buffer !? { DreamBin.add(buffer) } })
		}
	}

	// It plays as soon as there is any of it. The button "stop" ends it, too.
	prStream {
		var one;
		if(stream.notNil) { ^this.prEndStream(stream) };
		this.prAttempt {
			one = client.stream(approach.items[approach.value], this.prSeed, inf,
				{ if(stream === one) { this.prPlay } }, (voice: this.prVoice), { this.prEndStream(one) });
			stream = one
		};
		this.prShowStream
	}

	prPlay {
		synth = Synth(\dreamChase, [buf: stream, pos: stream.bus]);
		NodeWatcher.register(synth, true)
	}

	// Its synth fades out by itself.
	prEndStream { |one|
		if(one.isNil or: { stream !== one }) { ^this };
		stream = synth = nil;
		one.free;
		{ this.prShowStream }.defer
	}

	prShowStream {
		if(endless.isClosed) { ^this };
		endless.string = if(stream.isNil) { "endless" } { "end" };
		endless.enabled = ask.enabled or: { stream.notNil }
	}

	prSeed {
		var words = seed.string.stripWhiteSpace;
		if(words.isEmpty or: { words == anywhere }) { ^nil };
		^if(words.every { |char| char.isDecDigit or: { " .".includes(char) } }) {
			words.split($ ).reject(_.isEmpty).collect(_.asFloat)
		} {
			words
		}
	}

	prPause { if(isLearning) { client.pause } { client.resume } }

	prRecord {
		if(this.prIsRecording) { take.stop } {
			this.prAttempt { take = client.record(this.prVoice) }
		};
		this.prShowTake
	}

	prIsRecording { ^take.notNil and: { [\kept, \failed].includes(take.stage).not } }

	prShowTake {
		record.string = if(this.prIsRecording) { "stop recording" } {
			"record %".format(this.prVoice ? \default)
		}
	}

	prAttempt { |func|
		try { func.value } { |error| DreamRNNFailure.tell('bad-request', error.what) }
	}
}
