"""What the daemon asks of the process that decodes, and hears from it.

Down: :class:`PourFile`, and :class:`dreamd.workers.messages.End`. Up:
:class:`dreamd.workers.messages.Ready`, :class:`PouredSoFar`, :class:`PouringEnded`.
"""

from dataclasses import dataclass
from pathlib import Path

from dreamd.corpus.decoding import Form, Poured
from dreamd.corpus.found import Found


@dataclass(frozen=True)
class PourFile:
    """Decode a file into a cache of this form: see :func:`dreamd.corpus.decoding.pour`."""

    number: int
    found: Found
    cache: Path
    form: Form


@dataclass(frozen=True)
class PouredSoFar:
    """How much of it is decoded, 0…1."""

    number: int
    fraction: float


@dataclass(frozen=True)
class PouringEnded:
    """What came of it, or what it raised; ``remarks`` say what was odd about the file."""

    number: int
    outcome: Poured | Exception
    remarks: tuple[str, ...] = ()
