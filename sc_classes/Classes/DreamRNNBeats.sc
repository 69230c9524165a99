// DreamRNNBeats: the options of a dream that are a clock's: its length in beats, and the grid on
// which its action begins. They are no keys of a request; its secs come of them.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNBeats {
	// From the clock's tempo now; nil where no beats are asked for.
	*secs { |options|
		var given = this.prEvent(options);
		^given[\beats] !? { |beats|
			if(beats.isKindOf(SimpleNumber).not or: { beats <= 0 }) {
				DreamRNNMessage.misuse("the option beats must be a number above 0", beats)
			};
			beats / this.prClock(given).tempo
		}
	}

	// What is left for the daemon.
	*others { |options|
		var given = this.prEvent(options);
		if([\beats, \clock, \quant].any { |key| given[key].notNil }.not) { ^options };
		^given.reject { |value, key| [\beats, \clock, \quant].includes(key) }
	}

	// An action that waits for the grid, where quant is given.
	*onGrid { |options, action|
		var given = this.prEvent(options), clock = this.prClock(given), quant = given[\quant];
		^if(quant.isNil or: { action.isNil }) { action } {
			{ |... args| clock.play({ action.valueArray(args); nil }, quant.asQuant) }
		}
	}

	// The clock of the pattern or routine that asks, where it has a tempo.
	*clock {
		var clock = thisThread.clock;
		^if(clock.isKindOf(TempoClock)) { clock } { TempoClock.default }
	}

	// PRIVATE

	*prClock { |given| ^given[\clock] ?? { this.clock } }

	// What is no such thing is complained of by DreamRNNMessage.
	*prEvent { |options|
		^case
		{ options.isKindOf(Dictionary) } { options }
		{ options.isArray and: { options.clump(2).every { |pair| pair.size == 2 and: { pair[0].notNil } } } } {
			().putPairs(options)
		}
		{ () }
	}
}
