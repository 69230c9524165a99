// DreamRNNSeed: a Buffer that is no file, written as one for the daemon, and deleted when nobody
// needs it any more.
//
// A DreamRNNRequest has one for its seed, a DreamStream one for each that joins later.
//
// This file is part of DreamRNN. License: GPL-3.0-or-later.

DreamRNNSeed {
	var client, source, path, command, isWriting = false;

	*new { |client, source, path| ^super.newCopyArgs(client, source, path) }

	server { ^source.server }

	// The server's own word on the sample rate: ours may not have been told of what was read.
	write { |action, onFail|
		var failed = { |code, text| command = nil; isWriting = false; onFail.value(code, text) };
		var bufnum = source.bufnum;
		isWriting = true;
		command = DreamRNNCommand.sync(client, this.server,
			{ |sync| source.writeMsg(path, "wav", "float", -1, 0, false, sync) }, 'no-such-seed', {
				isWriting = false;
				command = DreamRNNCommand.query(client, this.server, bufnum, 'no-such-seed',
					{ |frames, channels, rate|
						command = nil;
						DreamRNNCommand.setRate(path, channels, rate);
						action.value
					}, failed)
			}, failed)
	}

	// A server that is still writing it would make it anew.
	free {
		var delete = { File.delete(path) };
		command.free;
		if(isWriting) {
			DreamRNNCommand.sync(client, this.server, { |sync| sync }, 'no-server', delete, delete)
		} {
			delete.value
		}
	}
}
