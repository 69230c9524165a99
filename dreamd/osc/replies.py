"""What the daemon says: each OSC message as a frozen dataclass, pure values, no socket.

``osc()`` of each is its exact wire form ``(address, arguments)``.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

OscArg = int | float | str
Wire = tuple[str, list[OscArg]]
Pair = tuple[str, OscArg]

LARGEST_PACKET = 9216
"""Bytes. macOS sends no more at once."""


@dataclass(frozen=True)
class _Reply:
    address: ClassVar[str]

    def osc(self) -> Wire:
        """The wire form: the fields in order."""
        return self.address, [getattr(self, f.name) for f in fields(self)]


@dataclass(frozen=True)
class Accepted(_Reply):
    """The request is valid and queued; ``path`` holds ``frames`` frames of silence.

    >>> Accepted(7, "/d/00001.wav", 44100, 11025, 3.5, 1).osc()
    ('/dream/accepted', [7, '/d/00001.wav', 44100, 11025, 3.5, 1])
    """

    address: ClassVar[str] = "/dream/accepted"
    id: int
    path: str
    frames: int
    rate: int
    eta: float
    channels: int = 1


@dataclass(frozen=True)
class Chunk(_Reply):
    """Frames ``start`` to ``start + frames`` of the dream's file are final."""

    address: ClassVar[str] = "/dream/chunk"
    id: int
    start: int
    frames: int


@dataclass(frozen=True)
class Leap(_Reply):
    """Before ``frame`` of the dream its cursor went to ``second`` of the recording at ``path``."""

    address: ClassVar[str] = "/dream/leap"
    id: int
    frame: int
    path: str
    second: float


@dataclass(frozen=True)
class Done(_Reply):
    """The file is final; ``seconds`` is how long the dreaming took, ``index`` its number."""

    address: ClassVar[str] = "/dream/done"
    id: int
    path: str
    frames: int
    rate: int
    seconds: float
    index: int
    channels: int = 1


@dataclass(frozen=True)
class Failed(_Reply):
    """The request came to nothing; ``code`` is one word, ``text`` one line."""

    address: ClassVar[str] = "/dream/failed"
    id: int
    code: str
    text: str


@dataclass(frozen=True)
class Warned(_Reply):
    """To who asked alone: the request goes on, but not as it may have been meant, or it waits or
    comes too late; or what was said of a dream cannot be done.

    >>> Warned(7, "column cannot keep up here: 0.70 times real time").osc()
    ('/dream/warning', [7, 'column cannot keep up here: 0.70 times real time'])
    """

    address: ClassVar[str] = "/dream/warning"
    id: int
    text: str


@dataclass(frozen=True)
class Ingested(_Reply):
    """A recording of ``seconds`` joined the corpus of ``voice``."""

    address: ClassVar[str] = "/dream/ingested"
    voice: str
    path: str
    seconds: float


@dataclass(frozen=True)
class Skipped(_Reply):
    """A file did not join the corpus."""

    address: ClassVar[str] = "/dream/skipped"
    path: str
    reason: str


@dataclass(frozen=True)
class Forgotten(_Reply):
    """The recording at ``path`` is no longer part of ``voice``."""

    address: ClassVar[str] = "/dream/forgotten"
    id: int
    voice: str
    path: str


@dataclass(frozen=True)
class Trained(_Reply):
    """Now and then while training; ``loss`` is the error (1.0 predicts silence)."""

    address: ClassVar[str] = "/dream/trained"
    voice: str
    approach: str
    step: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class Ping(_Reply):
    """Are you there? ``/dream/notify 1 cookie`` answers it: see :mod:`dreamd.daemon.clients`."""

    address: ClassVar[str] = "/dream/ping"
    cookie: int


@dataclass(frozen=True)
class Status:
    """The daemon's state: a nested dict, flattened on the wire with ``/`` in the keys.

    >>> Status({"queue": 0, "voices": {"guitar": {"recordings": 2}}}).osc()
    ('/dream/status', ['queue', 0, 'voices/guitar/recordings', 2])
    >>> nested(dict(zip(_[1][::2], _[1][1::2])))
    {'queue': 0, 'voices': {'guitar': {'recordings': 2}}}
    """

    state: Mapping[str, Any]
    address: ClassVar[str] = "/dream/status"

    def osc(self) -> Wire:
        return self.address, _flat(_pairs("", self.state))

    def pages(self, most: int = LARGEST_PACKET) -> list[Wire]:
        """The same as messages of at most so many bytes each.

        Where one does not hold it each says which ``page`` of how many ``pages`` it is, and has
        all that is neither about a voice nor about a dream; no voice is torn.

        >>> state = {"queue": 0, "voices": {"a": {"recordings": 2}, "b": {"recordings": 3}}}
        >>> for _, said in Status(state).pages(most=140): said
        ['page', 1, 'pages', 2, 'queue', 0, 'voices/a/recordings', 2]
        ['page', 2, 'pages', 2, 'queue', 0, 'voices/b/recordings', 3]
        """
        every = [pair for pair in _pairs("", self.state) if "/" not in pair[0]]
        groups = _groups(pair for pair in _pairs("", self.state) if "/" in pair[0])
        room = most - _OUTSIDE - _size(every)
        bodies: list[list[Pair]] = [[]]
        left = room
        for group in groups if room > 0 else ():
            for part in [group] if _size(group) <= room else [[pair] for pair in group]:
                if _size(part) > left:
                    bodies.append([])
                    left = room
                bodies[-1] += part
                left -= _size(part)
        if len(bodies) == 1:
            return [self.osc()]
        numbered = [("pages", len(bodies)), *every]
        return [
            (self.address, _flat([("page", k), *numbered, *body]))
            for k, body in enumerate(bodies, 1)
        ]


_OUTSIDE = 80
"""Bytes of a status's address, of the numbers of its page, and of what is filled up with zeros."""


def _pairs(prefix: str, node: Mapping[str, Any]) -> Iterator[Pair]:
    for key, value in node.items():
        if isinstance(value, Mapping) and value:
            yield from _pairs(f"{prefix}{key}/", value)
        elif isinstance(value, Mapping):
            yield f"{prefix}{key}", "{}"
        else:
            yield f"{prefix}{key}", int(value) if isinstance(value, bool) else value


def _flat(pairs: Iterable[Pair]) -> list[OscArg]:
    return [each for pair in pairs for each in pair]


def _groups(pairs: Iterable[Pair]) -> list[list[Pair]]:
    """Those that are about one voice, or one dream, together."""
    groups: dict[tuple[str, ...], list[Pair]] = {}
    for pair in pairs:
        groups.setdefault(tuple(pair[0].split("/")[:2]), []).append(pair)
    return list(groups.values())


def _size(pairs: Iterable[Pair]) -> int:
    """Bytes on the wire at most, with a letter for each type."""
    return sum(
        5 + len(each.encode("utf-8", "surrogateescape")) if isinstance(each, str) else 9
        for pair in pairs
        for each in pair
    )


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The dict that :class:`Status` flattened (an empty one travels as ``"{}"``)."""
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = json.loads(value) if value == "{}" else value
    return tree


OfARequest = Accepted | Chunk | Leap | Done | Failed | Warned
Reply = OfARequest | Ingested | Skipped | Forgotten | Trained | Status | Ping
