// DreamRNNReplies: hears what a daemon says, through Cmd-period, until it is freed.
//
// DreamRNN and DreamDirt have one each: a function for each reply that they want to hear, by its
// name, and one more for any of these, because each shows that the daemon lives. A status that is
// too long for one packet comes in pages.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNReplies {
	var responders, pages;

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
				this.prArguments(each.key, msg.drop(1)) !? { |said| each.value.valueArray(said) }
			}, "/dream/" ++ each.key, addr).fix
		}
	}

	free { responders.do(_.free) }

	// PRIVATE

	prArguments { |name, said|
		^if(name == \status) { this.prStatus(said) !? { |tree| [tree] } } { said }
	}

	// Nil until its last page is there. Where one was lost, the next status is waited for.
	prStatus { |said|
		var tree, page = this.class.tree(said);
		var number = page[\page] ? 1, isLast = (number == (page[\pages] ? 1));
		if(number == 1) { pages = List.new };
		pages !? { pages.add(said) };
		if(pages.size != number or: { isLast.not }) { ^nil };
		tree = this.class.tree(pages.flatten(1));
		[\page, \pages].do { |key| tree.removeAt(key) };
		^tree
	}
}
