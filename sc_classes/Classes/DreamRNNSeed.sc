// DreamRNNSeed: a Buffer that is no file, as one for the daemon: written by its server, and deleted
// when nobody needs it any more. Where it is still being dreamt, it is the file of that dream, as soon
// as that is known; the daemon itself waits until it is whole.
//
// A DreamRNNRequest has one for its seed, a DreamStream one for each that joins later. While it waits
// the client's clock calls check.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNSeed {
	const patience = 30, quiet = 1; // seconds until that is given up, and until it is told

	var client, source, path, action, onFail, command, isWriting = false, since, isTold = false;

	*new { |client, source, path| ^super.newCopyArgs(client, source, path) }

	server { ^source.server }

	// action gets the file's path
	make { |argAction, argOnFail|
		action = argAction;
		onFail = argOnFail;
		if(client.maker(source).isNil) { ^this.prWrite };
		since = client.now;
		client.register(this);
		this.check
	}

	// A server that is still writing it would make it anew.
	free {
		var delete = { File.delete(path) };
		command.free;
		client.unregister(this);
		if(isWriting) {
			DreamRNNCommand.sync(client, this.server, { |sync| sync }, 'no-server', delete, delete)
		} {
			delete.value
		}
	}

	// as what the client has under way

	uses { |argServer| ^argServer === this.server }

	check {
		var maker = client.maker(source), waited = client.now - since;
		var file = if(maker.isNil) { source.path } { maker.file }; // by now it may be whole
		case
		{ file.notNil } {
			client.unregister(this);
			action.value(file)
		}
		{ maker.isNil } { this.fail('no-such-seed', "the dream that is its seed has failed") }
		{ waited > patience } {
			this.fail('no-such-seed', "its seed is still being dreamt, after % s".format(patience))
		}
		{ waited > quiet and: { isTold.not } } {
			isTold = true;
			DreamRNNFailure.warn("it waits: its seed is still being dreamt")
		}
	}

	fail { |code, text|
		client.unregister(this);
		command = nil;
		isWriting = false;
		onFail.value(code, text)
	}

	// PRIVATE

	// The server's own word on the sample rate: ours may not have been told of what was read.
	prWrite {
		var bufnum = source.bufnum, failed = { |code, text| this.fail(code, text) };
		isWriting = true;
		command = DreamRNNCommand.sync(client, this.server,
			{ |sync| source.writeMsg(path, "wav", "float", -1, 0, false, sync) }, 'no-such-seed', {
				isWriting = false;
				command = DreamRNNCommand.query(client, this.server, bufnum, 'no-such-seed',
					{ |frames, channels, rate|
						command = nil;
						DreamRNNCommand.setRate(path, channels, rate);
						action.value(path)
					}, failed)
			}, failed)
	}
}
