// DreamEvent: (type: \dream) asks for a dream, and plays it when it is there.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamEvent {
	*initClass {
		Class.initClassTree(Event);
		Event.addEventType(\dream, { |server| DreamEvent.ask(currentEnvironment.copy, server) })
	}

	// The event as it is, with the dream in its buf; DreamBin has the Buffer when it has sounded.
	*ask { |event, server|
		var client = event[\client] ?? { DreamRNN.default }, buffer;
		try {
			buffer = client.dream(event[\approach] ? \spectrum, event[\seed], event[\secs] ? 4,
				{ |made| this.prPlay(event, made) }, event[\options],
				{ buffer !? { DreamBin.add(buffer) } }, server)
		} { |error|
			DreamRNNFailure.tell('bad-request', error.what)
		}
	}

	// PRIVATE

	// The instrument's sustain is in seconds.
	*prPlay { |event, buffer|
		var own = event.select { |value, key| [\type, \client, \options, \seed].includes(key).not };
		var secs = buffer.duration / (event[\rate] ? 1).abs.max(0.01);
		if(own[\amp].isNil and: { own[\db].isNil }) { own[\amp] = 0.8 }; // an Event's own 0.1 is soft
		own.parent = event.parent;
		own.proto = event.proto;
		own.putAll((type: \note, buf: buffer, sustain: event.at(\length) ? secs));
		if(own[\instrument] == \default) { own[\instrument] = \dreamPlay };
		own.play;
		DreamBin.add(buffer, secs + 1)
	}
}
