"""What clients ask: each OSC message as a frozen dataclass, pure values, no socket.

The daemon gets :func:`parse`'s results from the socket.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from dreamd.approaches.registry import APPROACHES
from dreamd.errors import BadRequest

RELAYED = "dreamer"
"""The sound with which a pattern asks by way of SuperDirt: its relay sends the request."""

SAMPLINGS = ("concurrent", "paused")

LARGEST = 2.0**63
"""OSC's integers are smaller, and so must be what replies and random generators are given."""


def _number(key: str, value: object) -> float:
    """``value`` as a finite float; OSC clients send ints, floats or digits."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadRequest(f"{key} must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise BadRequest(f"{key} must be a finite number, got {value!r}")
    return number


def _integer(key: str, value: object) -> int:
    number = _number(key, value)
    if number != int(number) or abs(number) >= LARGEST:
        raise BadRequest(f"{key} must be a whole number, got {value!r}")
    return int(number)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise BadRequest(f"{key} must be a name, got {value!r}")
    return value.strip()


def _one_of(words: Sequence[str]) -> Callable[[str, object], str]:
    def check(key: str, value: object) -> str:
        if value not in words:
            raise BadRequest(f"{key} must be one of {', '.join(words)}; got {value!r}")
        return str(value)

    return check


def _between(low: float, high: float) -> Callable[[str, object], float]:
    def check(key: str, value: object) -> float:
        number = _number(key, value)
        if not low <= number <= high:
            raise BadRequest(f"{key} must be from {low:g} to {high:g}, got {number:g}")
        return number

    return check


def _positive_integer(key: str, value: object) -> int:
    number = _integer(key, value)
    if number < 1:
        raise BadRequest(f"{key} must be 1 or more, got {number}")
    return number


def _secs(key: str, value: object) -> float:
    number = _number(key, value)
    if number <= 0:
        raise BadRequest(f"{key} must be more than 0 seconds, got {number:g}")
    return number


def _notes(key: str, value: object) -> tuple[float, ...]:
    """MIDI note numbers: ``60``, ``[60, 64]``, ``"60 64 67"``, ``"60:64:67"``."""
    if isinstance(value, str):  # with colons in mini-notation, where spaces part events
        items: Sequence[object] = value.replace(",", " ").replace(":", " ").split()
    elif isinstance(value, list | tuple):
        items = value
    else:
        items = [value]
    notes = tuple(_between(0, 127)(key, item) for item in items)
    if not 1 <= len(notes) <= 64:
        raise BadRequest(f"{key} must hold 1 to 64 MIDI note numbers, got {value!r}")
    return notes


@dataclass(frozen=True)
class Request:
    """``/dream/request``: key/value pairs in any order; unknown keys are ignored.

    >>> parse("/dream/request", ["approach", "column", "seed", "guitar:2", "secs", 2])
    Request(approach='column', secs=2.0, seed='guitar:2')

    Tidal spells the approach ``dream`` and sends the event's duration as ``delta``, and as
    ``_id_`` which of its patterns asks; Strudel sends a name with its number as a list:

    >>> parse("/dream/request", ["dream", "vector", "delta", 0.5, "seed", ["guitar", 2.0]])
    Request(approach='vector', secs=0.5, seed='guitar', seedn=2)
    >>> parse("/dream/request", ["dream", "column", "_id_", "1", "follow", ["guitar", 1.0]])
    Request(approach='column', follow='guitar:1', pattern='pattern 1')
    """

    approach: str
    secs: float = 4.0
    id: int | None = None
    seed: str | None = None
    seedn: int | None = None
    seedat: float | None = None
    notes: tuple[float, ...] = ()
    voice: str | None = None
    sampling: str = "concurrent"
    follow: str | None = None
    followat: float | None = None
    pace: float = 1.0
    learn: float | None = None
    temperature: float = 0.0
    vector: int | None = None
    steps: int | None = None
    blend: float = 0.0
    rand: int | None = None
    pattern: str = ""
    """Which pattern, that may ask again in its next cycle; of other requests nothing."""

    def __repr__(self) -> str:
        """Only what differs from the defaults: this is read in logs and doctests."""
        said = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"Request({', '.join(said)})"


REQUEST_KEYS: Mapping[str, Callable[[str, Any], Any]] = {
    "approach": _one_of(APPROACHES),
    "secs": _secs,
    "id": _integer,
    "seed": _text,
    "seedn": _integer,
    "seedat": _between(0, 1e6),
    "notes": _notes,
    "voice": _text,
    "sampling": _one_of(SAMPLINGS),
    "follow": _text,
    "followat": _between(0, 1e6),
    "pace": _between(0.1, 4),
    "learn": _between(0, 1),
    "temperature": _between(0, 100),
    "vector": _positive_integer,
    "steps": _positive_integer,
    "blend": _between(0, 1),
    "rand": _integer,
}


def pairs(args: Sequence[Any]) -> dict[str, Any]:
    """Key/value arguments as a dict.

    Raises :class:`BadRequest` when a value is missing or a key is no word.
    """
    if len(args) % 2:
        raise BadRequest(f"arguments come in pairs of key and value, got {len(args)} of them")
    keys, values = args[0::2], args[1::2]
    for key in keys:
        if not isinstance(key, str):
            raise BadRequest(f"each key must be a word, got {key!r}")
    return dict(zip(keys, values, strict=True))


def request(given: Mapping[str, Any]) -> Request:
    """A checked :class:`Request` from raw keys and values (OSC, or the command line)."""
    raw = dict(given)
    if "approach" not in raw and "dream" in raw:
        raw["approach"] = raw["dream"]
    if "secs" not in raw and "delta" in raw:
        raw["secs"] = raw["delta"]
    if isinstance(raw.get("seed"), list | tuple):
        raw["seed"], number = _named("seed", raw["seed"])
        raw |= {} if number is None else {"seedn": number}
    if isinstance(raw.get("follow"), list | tuple):
        name, number = _named("follow", raw["follow"])
        raw["follow"] = name if number is None else f"{name}:{number}"
    if "approach" not in raw:
        raise BadRequest(f"say which approach: one of {', '.join(APPROACHES)}")
    checked = {k: check(k, raw[k]) for k, check in REQUEST_KEYS.items() if k in raw}
    return Request(**checked, pattern=_pattern(raw))


def _named(key: str, value: Sequence[Any]) -> tuple[str, int | None]:
    """``["guitar", 2.0]``, ``["guitar"]``: a recording, or a voice."""
    if not 1 <= len(value) <= 2:
        raise BadRequest(f"{key} as a list is [voice, number], got {value!r}")
    return _text(key, value[0]), None if len(value) == 1 else _integer(key, value[1])


def _pattern(raw: Mapping[str, Any]) -> str:
    """Which pattern of a live coder's asks: the one that Tidal names, or all of an orbit's."""
    for key, word in (("_id_", "pattern"), ("orbit", "orbit")):
        if isinstance(raw.get(key), str | int | float):
            return f"{word} {raw[key]}"
    return ""


@dataclass(frozen=True)
class Cancel:
    """``/dream/cancel id``."""

    id: int


@dataclass(frozen=True)
class AskStatus:
    """``/dream/status``."""


@dataclass(frozen=True)
class Notify:
    """``/dream/notify 1|0``: replies come to the sender from now on, or no more."""

    on: bool


@dataclass(frozen=True)
class Pause:
    """``/dream/pause``: training stops, dreaming goes on."""


@dataclass(frozen=True)
class Resume:
    """``/dream/resume``: training goes on."""


@dataclass(frozen=True)
class Quit:
    """``/dream/quit``: save everything and end."""


Message = Request | Cancel | AskStatus | Notify | Pause | Resume | Quit

_PLAIN: Mapping[str, Message] = {
    "/dream/status": AskStatus(),
    "/dream/pause": Pause(),
    "/dream/resume": Resume(),
    "/dream/quit": Quit(),
}


def parse(address: str, args: Sequence[Any]) -> Message | None:
    """The message at ``address``; None where it is none of ours.

    >>> parse("/dream/cancel", [7.0])
    Cancel(id=7)
    >>> parse("/dirt/play", ["s", "bd"]) is None
    True

    Raises :class:`BadRequest` for one of ours whose arguments make no sense.
    """
    if address == "/dream/request":
        given = pairs(args)
        return None if given.get("s") == RELAYED else request(given)
    if address == "/dirt/play":  # Strudel's bridge sends there, and only its patterns do
        if "dream" not in args[0::2]:
            return None
        asked = request(pairs(args))
        return asked if asked.pattern else replace(asked, pattern="a pattern")
    if address == "/dream/cancel":
        if len(args) != 1:
            raise BadRequest("/dream/cancel takes one id")
        return Cancel(_integer("id", args[0]))
    if address == "/dream/notify":
        if len(args) != 1:
            raise BadRequest("/dream/notify takes 1 or 0")
        return Notify(_integer("notify", args[0]) != 0)
    if address in _PLAIN:
        return _PLAIN[address]
    if address.startswith("/dream/"):
        raise BadRequest(f"no such message: {address}")
    return None


def request_id(args: Sequence[Any]) -> int | None:
    """The id in the arguments of a request too broken to parse, where it has one.

    >>> request_id(["approach", "nonsense", "id", 12])
    12
    """
    for key, value in zip(args[0::2], args[1::2], strict=False):
        if key == "id" and isinstance(value, int | float) and abs(value) < LARGEST:
            return int(value)
    return None
