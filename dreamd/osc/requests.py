"""What clients ask: each OSC message as a frozen dataclass, pure values, from :func:`parse`."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, get_args

from dreamd.approaches.registry import APPROACHES
from dreamd.errors import BadRequest
from dreamd.osc import steering, values
from dreamd.osc.forget import Forget
from dreamd.osc.replies import Reply, Status
from dreamd.osc.steering import SEEDED, STEERED, Called, Steer, dream_of, pairs

RELAYED = ("dreamer", "dreamstream")  # with these a pattern asks by way of SuperDirt's relay

SAMPLINGS = ("concurrent", "paused")


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

    Theirs is also another ``gain``, the sample player's; the dream's they call ``dreamgain``:

    >>> parse("/dream/request", ["dream", "column", "gain", 0.8, "dreamgain", -6])
    Request(approach='column', gain=-6.0)
    """

    approach: str
    secs: float = 4.0
    id: int | None = None
    name: str | None = None
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
    wander: float | None = None
    outline: float = 0.0
    gain: float = 0.0
    lead: float = 0.5
    vector: int | None = None
    steps: int | None = None
    blend: float = 0.0
    rand: int | None = None
    outrate: int | None = None
    usual: str = ""  # the voice that its asker usually has; no key
    pattern: str = ""
    """Which pattern, that may ask again in its next cycle; of other requests nothing."""

    @property
    def endless(self) -> bool:
        """Whether it goes on until somebody ends it."""
        return math.isinf(self.secs)

    def __repr__(self) -> str:
        """Only what differs from the defaults: this is read in logs and doctests."""
        said = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in fields(self)
            if getattr(self, f.name) != f.default
        ]
        return f"Request({', '.join(said)})"


REQUEST_KEYS: Mapping[str, Callable[[str, Any], Any]] = {
    "approach": values.check_one_of(APPROACHES),
    "secs": values.check_secs,
    "id": values.check_integer,
    "name": values.check_text,
    **SEEDED,
    "voice": values.check_text,
    "sampling": values.check_one_of(SAMPLINGS),
    **STEERED,
    "vector": values.check_positive_integer,
    "steps": values.check_positive_integer,
    "blend": values.check_between(0, 1),
    "rand": values.check_integer,
    "outrate": values.check_hertz,
}


def request(given: Mapping[str, Any]) -> Request:
    """A checked :class:`Request` from raw keys and values (OSC, or the command line)."""
    raw = steering.plain(given)
    if "approach" not in raw and "dream" in raw:
        raw["approach"] = raw["dream"]
        raw.pop("gain", None)
    if "dreamgain" in raw:
        raw["gain"] = raw["dreamgain"]
    if "secs" not in raw and "delta" in raw:
        raw["secs"] = values.check_more_than_0("delta", raw["delta"])
    if "approach" not in raw:
        raise BadRequest(f"say which approach: one of {', '.join(APPROACHES)}")
    checked = {k: check(k, raw[k]) for k, check in REQUEST_KEYS.items() if k in raw}
    return Request(**checked, pattern=_pattern(raw))


def _pattern(raw: Mapping[str, Any]) -> str:
    """Which pattern of a live coder's asks: the one that Tidal names, or all of an orbit's."""
    for key, word in (("_id_", "pattern"), ("orbit", "orbit")):
        if isinstance(raw.get(key), str | int | float):
            return f"{word} {raw[key]}"
    return ""


@dataclass(frozen=True)
class Cancel:
    """``/dream/cancel id`` (or its name), or ``all``: what the sender asked for; ``all asking``: a
    pattern."""

    id: Called | None
    pattern: str | None = None


@dataclass(frozen=True)
class AskStatus:
    """``/dream/status``."""


@dataclass(frozen=True)
class Notify:
    """``/dream/notify 1|0``: replies come to the sender from now on, or no more.

    From another computer they come once it has sent the cookie of a ``/dream/ping`` along.
    """

    on: bool
    cookie: int | None = None


@dataclass(frozen=True)
class Pause:
    """``/dream/pause``: training stops, dreaming goes on."""


@dataclass(frozen=True)
class Resume:
    """``/dream/resume``: training goes on."""


@dataclass(frozen=True)
class NewSet:
    """``/dream/newset``: the bank begins anew, its dreams go into a folder of their own."""


@dataclass(frozen=True)
class OutRate:
    """``/dream/outrate hz``: of the files of requests that do not say it, from now on."""

    rate: int


@dataclass(frozen=True)
class Quit:
    """``/dream/quit``: save everything and end."""


Message = (
    Request
    | Steer
    | Cancel
    | AskStatus
    | Notify
    | Pause
    | Resume
    | NewSet
    | OutRate
    | Forget
    | Quit
)

_PLAIN: Mapping[str, Message] = {
    "/dream/status": AskStatus(),
    "/dream/pause": Pause(),
    "/dream/resume": Resume(),
    "/dream/newset": NewSet(),
    "/dream/quit": Quit(),
}


def _cancel(args: Sequence[Any]) -> Cancel:
    if list(args[:1]) != ["all"]:
        return Cancel(dream_of(_one("/dream/cancel takes one id or name, or all", args)))
    return Cancel(None, _pattern({"_id_": args[1]}) if args[1:] else None)


def _notify(args: Sequence[Any]) -> Notify:
    cookie = values.check_integer("the cookie", args[1]) if len(args) == 2 else None
    return Notify(_only("/dream/notify takes 1 or 0", args[:1]) != 0, cookie)


_TAKING: Mapping[str, Callable[[Sequence[Any]], Message]] = {
    "/dream/cancel": _cancel,
    "/dream/notify": _notify,
    "/dream/outrate": lambda args: OutRate(
        values.check_hertz("the rate", _one("/dream/outrate takes a rate", args))
    ),
    "/dream/forget": Forget.parse,
    **{each: partial(steering.parse_steer, each) for each in steering.ADDRESSES},
}


def parse(address: str, args: Sequence[Any]) -> Message | None:
    """The message at ``address``; None where it is none of ours.

    >>> parse("/dream/cancel", [7.0])
    Cancel(id=7, pattern=None)
    >>> parse("/dirt/play", ["s", "bd"]) is None
    True
    >>> parse("/dream/done", [7]) is None  # another daemon says so
    True

    Raises :class:`BadRequest` for one of ours whose arguments make no sense.
    """
    if address == "/dream/request":
        given = pairs(args)
        return None if given.get("s") in RELAYED else request(given)
    if address == "/dirt/play":
        return _played(args)
    if address in _TAKING:
        return _TAKING[address](args)
    if _is_said(address, args):
        return None
    if address in _PLAIN:
        return _PLAIN[address]
    if address.startswith("/dream/"):
        raise BadRequest(f"no such message: {address}")
    return None


def _is_said(address: str, args: Sequence[Any]) -> bool:
    """Whether this is what a daemon says: two of them must not answer each other for ever."""
    said = {reply.address for reply in get_args(Reply)}
    return address in said and (address != Status.address or isinstance(next(iter(args), 0), str))


def _only(takes: str, args: Sequence[Any]) -> int:
    """The one whole number that a message takes."""
    return values.check_integer("the argument", _one(takes, args))


def _one(takes: str, args: Sequence[Any]) -> Any:
    if len(args) != 1:
        raise BadRequest(takes)
    return args[0]


def _played(args: Sequence[Any]) -> Request | None:
    """Strudel's bridge sends to SuperDirt's address, and only its patterns do."""
    if "dream" not in args[0::2]:
        return None
    return replace(asked := request(pairs(args)), pattern=asked.pattern or "a pattern")


def request_id(args: Sequence[Any]) -> int | None:
    """The id in the arguments of a request too broken to parse, where it has one.

    >>> request_id(["approach", "nonsense", "id", 12])
    12
    """
    for key, value in zip(args[0::2], args[1::2], strict=False):
        if key == "id" and isinstance(value, int | float) and abs(value) < values.LARGEST_INTEGER:
            return int(value)
    return None
