// DreamBin: Buffers (DreamStreams, and their Buses) that are no longer needed, kept until nothing can be playing
// them any more.
//
// Pdream, DreamBank and the players put in here what has had its time.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamBin {
	classvar dues, watch; // Buffer -> when to free it

	*initClass {
		dues = IdentityDictionary.new;
		ServerQuit.add(this)
	}

	*add { |buffer, seconds = 0|
		var isIdle = dues.isEmpty; // else it is watched, and may be what a tick frees that adds this
		dues[buffer] = Main.elapsedTime + seconds;
		watch = watch ?? { SkipJack({ this.prTick }, 0.25, { dues.isEmpty }, "DreamBin", SystemClock) };
		if(isIdle) { watch.start }
	}

	// It is needed again.
	*remove { |buffer| dues.removeAt(buffer) }

	*size { ^dues.size }

	// Whether a Buffer's number is still its own: it is not after free, Buffer.freeAll, a reboot.
	*lives { |buffer|
		^buffer.bufnum.notNil and: {
			Buffer.cachedBufferAt(buffer.server, buffer.bufnum) === buffer
		}
	}

	// Its numbers belong to the next server, or to nobody.
	*doOnServerQuit { |server|
		dues.keys.do { |buffer| if(buffer.server === server) { dues.removeAt(buffer) } }
	}

	// PRIVATE

	*prTick {
		var now = Main.elapsedTime;
		dues.keys.do { |buffer|
			if(now >= dues[buffer]) {
				if(this.prMayFree(buffer)) { buffer.free };
				dues.removeAt(buffer)
			}
		}
	}

	*prMayFree { |each|
		if(each.server.serverRunning.not) { ^false };
		if(each.isKindOf(Bus)) { ^each.index.notNil };
		^this.lives(if(each.isKindOf(DreamStream)) { each.buffer } { each })
	}
}
