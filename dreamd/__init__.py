"""DreamRNN's daemon: learns from a folder of recordings and dreams new audio over OSC."""

__version__ = "0.1.0"
