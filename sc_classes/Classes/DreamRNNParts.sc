// DreamRNNParts: which parts of a dream's file are final, which of them the server has read, and
// so how far a synth may play. DreamRNNRing: the same for an endless dream, whose file is a ring.
//
// A DreamRNNRequest has one of them. A part is an Array of two frames, from and to.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNParts {
	var frames, unread, final;

	*new { |frames| ^super.newCopyArgs(frames, [[0, frames]], []) }

	add { |start, size| final = final.add([start, start + size]) }

	// All that is still missing is final.
	finish { final = unread }

	// The next part to be read, nil as long as there is none.
	next { ^if(final.notEmpty) { final.removeAt(0) } }

	read { |from, to|
		unread = unread.collect { |part|
			[[part[0], min(part[1], from)], [max(part[0], to), part[1]]]
		}.flatten(1).select { |part| part[0] < part[1] }
	}

	// Where the writing is, and how many frames before that hold sound.
	position { ^if(unread.isEmpty) { frames } { unread[0][0] } ! 2 }
}

DreamRNNRing {
	var frames, at, ahead = 0, held = 0; // at: the next frame to be read; ahead: how many are final

	*new { |frames| ^super.newCopyArgs(frames, 0) }

	// Where the word of one part was lost, the next one tells of both. Less than nothing: it came
	// twice.
	add { |start, size|
		var more = (start + size - at) % frames;
		if(more < (frames / 2)) { ahead = more }
	}

	finish { }

	next { ^if(ahead > 0) { [at, min(at + ahead, frames)] } }

	read { |from, to|
		at = to % frames;
		ahead = ahead - (to - from);
		held = min(held + to - from, frames)
	}

	// Not 0 once there is any sound: that is what a bus says before.
	position { ^[if(at == 0 and: { held > 0 }) { frames } { at }, held] }
}
