"""Recordings are decoded here, in a process that may be lost."""
