"""Recordings: the watched folder, what was read of it, and what was found in it."""
