"""What the daemon says: each OSC message as a frozen dataclass, pure values, no socket.

``osc()`` of each is its exact wire form ``(address, arguments)``.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

OscArg = int | float | str
Wire = tuple[str, list[OscArg]]


@dataclass(frozen=True)
class _Reply:
    address: ClassVar[str]

    def osc(self) -> Wire:
        """The wire form: the fields in order."""
        return self.address, [getattr(self, f.name) for f in fields(self)]


@dataclass(frozen=True)
class Accepted(_Reply):
    """The request is valid and queued; ``path`` holds ``frames`` frames of silence.

    >>> Accepted(7, "/d/00001.wav", 44100, 11025, 3.5).osc()
    ('/dream/accepted', [7, '/d/00001.wav', 44100, 11025, 3.5])
    """

    address: ClassVar[str] = "/dream/accepted"
    id: int
    path: str
    frames: int
    rate: int
    eta: float


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


@dataclass(frozen=True)
class Failed(_Reply):
    """The request came to nothing; ``code`` is one word, ``text`` one line."""

    address: ClassVar[str] = "/dream/failed"
    id: int
    code: str
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
class Trained(_Reply):
    """Now and then while training; ``loss`` is the error (1.0 predicts silence)."""

    address: ClassVar[str] = "/dream/trained"
    voice: str
    approach: str
    step: int
    loss: float
    seconds: float


@dataclass(frozen=True)
class Status:
    """The daemon's state: a nested dict, flattened on the wire with ``/`` in the keys.

    >>> Status({"queue": 0, "voices": {"guitar": {"recordings": 2}}}).osc()
    ('/dream/status', ['queue', 0, 'voices/guitar/recordings', 2])
    >>> nested(dict(zip(_[1][::2], _[1][1::2])))
    {'queue': 0, 'voices': {'guitar': {'recordings': 2}}}
    """

    state: Mapping[str, Any]

    def osc(self) -> Wire:
        flat: list[OscArg] = []

        def walk(prefix: str, node: Mapping[str, Any]) -> None:
            for key, value in node.items():
                if isinstance(value, Mapping) and value:
                    walk(f"{prefix}{key}/", value)
                elif isinstance(value, Mapping):
                    flat.extend((f"{prefix}{key}", "{}"))
                else:
                    flat.extend(
                        (f"{prefix}{key}", int(value) if value is True or value is False else value)
                    )

        walk("", self.state)
        return "/dream/status", flat


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


Reply = Accepted | Chunk | Leap | Done | Failed | Ingested | Skipped | Trained | Status
