"""Everything that can go wrong for a user, each with the word that OSC clients see.

Raised anywhere, turned into ``/dream/failed`` by the daemon and into one line on
standard error by the command line. The message says what is wrong and what to do.
"""

from typing import ClassVar


class DreamError(Exception):
    """A failure the user can understand; ``code`` is the word in ``/dream/failed``."""

    code: ClassVar[str] = "bad-request"


class BadRequest(DreamError):
    """A request whose keys or values make no sense."""


class NoSuchSeed(DreamError):
    """The seed names nothing that can be read as audio."""

    code = "no-such-seed"


class NoModel(DreamError):
    """No voice or model answers to that name."""

    code = "no-model"


class TooLong(DreamError):
    """More seconds than the daemon is willing to dream at once."""

    code = "too-long"


class Cancelled(DreamError):
    """A client, or the end of the daemon, stopped this dream."""

    code = "cancelled"


class Diverged(DreamError):
    """The dream broke while it was made: not finite, or its process died."""

    code = "diverged"


class Busy(DreamError):
    """The queue is full."""

    code = "busy"


class NoAnswer(DreamError):
    """A disk that does not answer."""

    code = "busy"


class SetupError(DreamError):
    """The machine, the folder, the port or a file is not as a command needs it."""


class BadRecording(DreamError):
    """An audio file that holds nothing to learn from; the message says why."""

    code = "no-such-seed"
