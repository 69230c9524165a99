"""The screen of ``dreamd run``."""
