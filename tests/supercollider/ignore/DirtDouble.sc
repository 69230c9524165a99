// A double of SuperDirt for its relay: the sound library keeps what it is given, as the real one
// does, and an event is looked up and played as far as the relay has to do with it.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DirtDouble {
	var <server, <soundLibrary, <>orbits;

	*new { |server| ^super.newCopyArgs(server).init }

	init {
		soundLibrary = DirtDoubleLibrary.new;
		orbits = [0, 1].collect { |i| DirtDoubleOrbit(i, 1, Bus(\audio, 0, 2, server)) }
	}

	// As the real one, from now on what Tidal sends. It plays no samples; each orbit is a Bus apart.
	listen {
		orbits = [0, 1].collect { |i| DirtDoubleOrbit(i, 1, Bus.audio(server, 2)) };
		OSCFunc({ |msg, time|
			var event = ().putPairs(msg.drop(1));
			if(soundLibrary.synthEvents[event[\s]].notNil) {
				this.play(*event.put(\latency, time - thisThread.seconds).asPairs)
			}
		}, '/dirt/play').fix
	}

	// What /dirt/play does: finds the sound; plays it, or gives the Buffer that would be played.
	play { |... pairs|
		var event = ().putPairs(pairs), orbit = orbits[event[\orbit] ? 0];
		var sound = soundLibrary.at(event[\s], event[\n] ? 0);
		event.parent = (delta: #{ ~dur.value }, dur: 1.5);
		event.proto = sound;
		^event.use { if(~play.isNil) { ~bufferObject } { ~play.((orbit: orbit)) } }
	}
}

DirtDoubleOrbit {
	var <orbitIndex, <group, <dryBus;

	*new { |index, group, bus| ^super.newCopyArgs(index, group, bus) }
}

DirtDoubleLibrary {
	var <buffers, <bufferEvents, <synthEvents, <heard;

	*new { ^super.new.init }

	init {
		heard = List.new; // a sample of each dream, as a synth would have heard it at once
		this.freeAll
	}

	freeAll {
		buffers.do { |all| all.do { |buffer| buffer.bufnum !? { buffer.free } } };
		#buffers, bufferEvents, synthEvents = { IdentityDictionary.new } ! 3
	}

	at { |name, index|
		^(bufferEvents[name] ? synthEvents[name]).wrapAt(index.asInteger)
	}

	addSynth { |name, event|
		synthEvents[name] = synthEvents[name].add(event)
	}

	makeEventForBuffer { |buffer|
		if(buffer.numFrames.isNil) { Error("SuperDirt would ask for numFrames").throw };
		if(buffer.numFrames > 2000) { this.hear(buffer) }; // not the relay's silence
		^(buffer: buffer.bufnum, bufferObject: buffer, notYetRead: true)
	}

	hear { |buffer|
		OSCFunc({ |msg| heard.add(msg[3]) }, '/b_set', buffer.server.addr,
			argTemplate: [buffer.bufnum]).fix.oneShot;
		buffer.server.sendMsg("/b_get", buffer.bufnum, 2000)
	}
}
