"""Signals, without networks: files, vocoder, linear prediction, what a loudspeaker is given."""
