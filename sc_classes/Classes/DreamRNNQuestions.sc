// DreamRNNQuestions: who has asked how the daemon is doing and has not been answered yet.
//
// DreamRNN has one; its clock calls check.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNQuestions {
	var client, asked;

	*new { |client| ^super.newCopyArgs(client, List.new) }

	isEmpty { ^asked.isEmpty }

	clear { asked.clear }

	add { |action, onError, quiet|
		asked.add((deadline: client.now + client.timeout, action: action, onError: onError,
			quiet: quiet))
	}

	answer { |tree|
		var all = asked.asArray;
		asked.clear;
		all.do { |each|
			DreamRNNFailure.guard({ each[\action].value(tree) },
				{ |code, text| DreamRNNFailure.tell(code, text, each[\onError]) })
		}
	}

	check {
		asked.asArray.do { |each|
			if(client.now > each[\deadline]) {
				asked.remove(each);
				DreamRNNFailure.tell('no-daemon', client.absence, each[\onError], each[\quiet])
			}
		}
	}
}
