"""What performers of a cluster say to each other of voices that they share.

:class:`Offer` to all, :class:`Wish` to who offers, :class:`Loan` and :class:`Piece` back to who
wishes. Values only: recordings and checkpoints are bundles, called by their content
(:mod:`dreamd.cluster.shelf`), and nobody's path is in them.
"""

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dreamd.cluster.shelf import Files
from dreamd.corpus.recording import Recording

LARGEST_PIECE = 1 << 20
"""Bytes of a bundle that travel at once: what others say comes between."""


@dataclass(frozen=True)
class Offered:
    """A voice that is shared."""

    recordings: int
    seconds: float
    steps: Mapping[str, int]  # of its models, by approach
    version: str  # another where anything of it is


@dataclass(frozen=True)
class Offer:
    """Who shares which voices, and where they are asked for."""

    name: str
    topic: str
    rate: int  # of recordings and models, in Hz
    channels: int
    voices: Mapping[str, Offered]


@dataclass(frozen=True)
class Wish:
    """A voice is wanted: it goes to ``topic``, but for the bundles that are there."""

    voice: str
    topic: str
    has: frozenset[str]


@dataclass(frozen=True)
class Loan:
    """A voice: its recordings and its models' newest checkpoints, by their places on a shelf."""

    voice: str  # ada/guitar
    version: str
    recordings: tuple[Recording, ...]
    checkpoints: tuple[str, ...]
    keys: tuple[str, ...]  # of the bundles that they are in


@dataclass(frozen=True)
class Piece:
    """A part of a bundle, the ``nth`` of so many."""

    key: str
    nth: int
    count: int
    content: bytes


def in_pieces(key: str, files: Files) -> Iterator[Piece]:
    whole = pickle.dumps(dict(files))
    count = -(-len(whole) // LARGEST_PIECE)
    for nth in range(count):
        yield Piece(key, nth, count, whole[nth * LARGEST_PIECE : (nth + 1) * LARGEST_PIECE])


class Pieces:
    """Those that have come, of several bundles."""

    def __init__(self) -> None:
        self._parts: dict[str, dict[int, bytes]] = {}

    def add(self, piece: Piece) -> Files | None:
        """The bundle, with its last piece; the same piece may come twice."""
        parts = self._parts.setdefault(piece.key, {})
        parts[piece.nth] = piece.content
        if len(parts) < piece.count:
            return None
        del self._parts[piece.key]
        files: Files = pickle.loads(b"".join(parts[nth] for nth in range(piece.count)))
        return files

    def clear(self) -> None:
        self._parts.clear()
