"""What every child process says and hears; what only some say lies in their own rooms.

Down: :class:`End`, :class:`AreYouThere`. Up: :class:`Ready`, :class:`Note`, :class:`Here`. Plain
values, pickled in pipes.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class End:
    """Finish what must be finished (save), and exit."""


@dataclass(frozen=True)
class Ready:
    """The child is up."""


@dataclass(frozen=True)
class Note:
    """One line for the performer."""

    text: str
    problem: bool = False


@dataclass(frozen=True)
class AreYouThere:
    """Say a word: it was silent, and nobody knows whether it has nothing to say."""


@dataclass(frozen=True)
class Here:
    """The word."""
