// DreamRNNPosition: what synths know of a dream while it is being made, on a Bus: the write
// position, how many frames before it hold sound, and for an endless dream its lead in frames.
//
// A DreamRNNRequest has one if its dream is a DreamStream. What synths tell in turn it hears too:
// that they have come to the end of what there is, and when the dream is ahead of them again.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNPosition {
	const well = 20; // seconds without that before it is said again

	var all, lead, <bus, rate = 0, responder, isLate = false, lateUntil;

	// lead: seconds, nil for a dream that ends. Nil where the server has no Bus left.
	*new { |server, lead|
		var index = server.controlBusAllocator.alloc(3);
		^index !? { super.newCopyArgs(Bus(\control, index, 3, server), lead).init }
	}

	init {
		bus = all.subBus(0, 1); // what a performer asks is the write position alone
		all.setn([0, 0, 0]);
		responder = lead !? {
			OSCFunc({ |msg| this.prHear(msg[4] > 0) }, '/dreamLate', bus.server.addr,
				argTemplate: [nil, nil, bus.index.asFloat]).fix
		}
	}

	begin { |argRate|
		rate = argRate;
		this.lead = lead
	}

	lead_ { |seconds|
		lead !? {
			lead = seconds;
			all.setAt(2, lead * rate)
		}
	}

	move { |written, held| all.setn([written, held]) }

	// The DreamStream is freed: synths fade out.
	close { bus.index !? { bus.set(-1) } }

	// Nothing more comes. The Bus is the DreamStream's.
	free { responder.free }

	// PRIVATE

	prHear { |lateNow|
		var now = Main.elapsedTime;
		if(lateNow and: { isLate.not } and: { now - (lateUntil ? -inf) > well }) {
			"DreamRNN: a dream is not made fast enough; what there is of it is played again".warn
		};
		isLate = lateNow;
		lateUntil = now
	}
}
