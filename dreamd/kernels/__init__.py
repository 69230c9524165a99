"""Compiled arithmetic of the networks: each equal to a plain loop, and many times as fast."""
