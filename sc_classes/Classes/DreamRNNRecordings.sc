// DreamRNNRecordings: what a client of the daemon does to its recordings, until the daemon has
// said that it is done: takes that are to be learned, and recordings that are to be forgotten.
//
// DreamRNN has one; while somebody waits for an answer its clock calls check.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNRecordings {
	var client, takes, questions; // id -> who wants something forgotten

	*new { |client| ^super.newCopyArgs(client, List.new, IdentityDictionary.new) }

	record { |voice, in, secs, action, onError, server, latency|
		var take = DreamTake(client, voice, in, secs, action, onError, server, latency);
		takes.add(take);
		take.start;
		^take
	}

	forget { |recording, action, onError|
		var id = client.nextID;
		questions[id] = (deadline: client.now + client.timeout, action: action, onError: onError);
		client.register(this);
		client.send("/dream/forget", recording, id)
	}

	clear {
		takes.copy.do(_.stop);
		questions.clear
	}

	// A take has no more to wait for.
	learned { |take| takes.remove(take) }

	// as what the client has under way

	uses { ^false }

	check {
		questions.keys.do { |id|
			if(client.now > questions[id][\deadline]) {
				this.failed(id, 'no-daemon', client.absence)
			}
		};
		if(questions.isEmpty) { client.unregister(this) }
	}

	// what the daemon says

	replies {
		^(
			ingested: { |voice, path| takes.copy.do(_.ingested(voice, path)) },
			trained: { |voice| takes.copy.do(_.trained(voice)) },
			skipped: { |path, reason| takes.copy.do(_.skipped(path, reason)) },
			forgotten: { |id, voice, path| this.prForgotten(id, voice, path) }
		)
	}

	failed { |id, code, text|
		questions.removeAt(id) !? { |question|
			DreamRNNFailure.tell(code, text.asString, question[\onError])
		}
	}

	// PRIVATE

	prForgotten { |id, voice, path|
		questions.removeAt(id) !? { |question|
			"DreamRNN: % has forgotten %".format(voice, path).postln;
			DreamRNNFailure.guard({ question[\action].value(path.asString) }, question[\onError])
		}
	}
}

+ DreamRNN {
	*record { |voice, in = 0, secs, action, onError, server, latency = 0|
		^this.default.record(voice, in, secs, action, onError, server, latency)
	}

	*forget { |recording, action, onError| this.default.forget(recording, action, onError) }

	record { |voice, in = 0, secs, action, onError, server, latency = 0|
		^recordings.record(voice ? \default, in, secs, action, onError,
			DreamRNNFailure.checkServer(server, "DreamRNN.record"), latency)
	}

	forget { |recording, action, onError|
		recordings.forget(DreamRNNMessage.recording(recording), action, onError)
	}
}
