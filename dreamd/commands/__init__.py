"""Commands that need no running daemon: dream, train, doctor, install."""
