// DreamRNNReplies: hears what a daemon says, through Cmd-period, until it is freed.
//
// DreamRNN and DreamDirt have one each: a function for each reply that they want to hear, by its
// name, and one more for any of these, because each shows that the daemon lives.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNReplies {
	var responders;

	// functions get their reply's arguments, that of status a tree of them; heard comes before
	*new { |addr, functions, heard|
		^super.new.init(addr, functions, heard)
	}

	// [\queue, 0, 'voices/guitar/recordings', 2] -> (queue: 0, voices: (guitar: (recordings: 2)))
	*tree { |pairs|
		var tree = ();
		pairs.pairsDo { |path, value|
			var keys = path.asString.split($/).collect(_.asSymbol);
			var node = keys.drop(-1).inject(tree, { |parent, key|
				if(parent[key].isKindOf(Event).not) { parent[key] = () };
				parent[key]
			});
			node[keys.last] = if(value == '{}') { () } { value }
		};
		^tree
	}

	init { |addr, functions, heard|
		responders = functions.asAssociations.collect { |each|
			OSCFunc({ |msg|
				heard.value;
				each.value.valueArray(this.prArguments(each.key, msg.drop(1)))
			}, "/dream/" ++ each.key, addr).fix
		}
	}

	free { responders.do(_.free) }

	// PRIVATE

	prArguments { |name, said| ^if(name == \status) { [this.class.tree(said)] } { said } }
}
