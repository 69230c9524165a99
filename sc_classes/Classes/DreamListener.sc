// DreamListener: chooses dreams that go with a live player, from a DreamBank of dreams from notes.
//
//     input -> onset and pitch -> nearest dream of the bank -> ring modulation, envelope -> output
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamListener : DreamPlayer {
	var <bank, <>ring = 0.5, <>attack = 0.05, <>release = 1, <>action;
	var responder, heard;

	// action is called with each note that is heard, and the number of the dream chosen for it
	*new { |bank, in, out = 0, action|
		if(bank.isKindOf(DreamBank).not) {
			Error("DreamListener.new: bank must be a DreamBank, got %".format(bank)).throw
		};
		^super.newCopyArgs(bank.server, in, out).initListener(bank, action)
	}

	initListener { |argBank, argAction|
		bank = argBank;
		action = argAction
	}

	// as a player

	makeEar { |bus|
		var synth = Synth.head(group, \dreamEar, [in: bus]);
		heard = 0;
		responder = OSCFunc({ |msg| this.prHear(*msg.drop(3)) }, '/dreamHeard', server.addr,
			argTemplate: [synth.nodeID]).fix;
		^synth
	}

	cleanUp {
		super.cleanUp;
		responder.free
	}

	// PRIVATE

	// An onset may be reported twice, where its pitch is clear, unclear and clear again.
	prHear { |count, freq, loudness|
		if(count > heard) {
			heard = count;
			this.prAnswer(freq)
		}
	}

	prAnswer { |freq|
		var dream = bank.nearest(freq.cpsmidi);
		dream !? {
			this.playVoice(\dreamRing, [buf: dream, freq: freq, ring: ring, attack: attack,
				release: release])
		};
		action.value(this, freq.cpsmidi, dream !? { bank.indexOf(dream) })
	}
}
