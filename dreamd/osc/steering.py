"""Steering: what clients change of a dream that is being made, ``/dream/set`` and ``/dream/seed``.

:func:`dreamd.osc.requests.parse` hands them here. The keys of a request that may change later are
two tables here, which :data:`dreamd.osc.requests.REQUEST_KEYS` holds, too.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dreamd.errors import BadRequest
from dreamd.osc import values

Check = Callable[[str, Any], Any]

ADDRESSES = ("/dream/set", "/dream/seed")

LONGEST_LEAD = 4.0  # seconds; much shorter than the ring that a dream is written into

STEERED: Mapping[str, Check] = {
    "follow": values.check_text,
    "followat": values.check_between(0, 1e6),
    "pace": values.check_between(0.1, 4),
    "learn": values.check_between(0, 1),
    "temperature": values.check_between(0, 100),
    "wander": values.check_between(0, 1),
    "outline": values.check_between(0, 1),
    "gain": values.check_between(-60, 24),
    "lead": values.check_between(0.1, LONGEST_LEAD),
}

SEEDED: Mapping[str, Check] = {
    "seed": values.check_text,
    "seedn": values.check_integer,
    "seedat": values.check_between(0, 1e6),
    "notes": values.check_notes,
}

Called = int | str
"""A dream's id or its name."""


@dataclass(frozen=True)
class Steer:
    """``/dream/set id key value …``: what is not yet made of a dream is made so.

    >>> parse_steer("/dream/set", [7, "temperature", 1, "follow", "perc"])
    Steer(dream=7, changes={'temperature': 1.0, 'follow': 'perc'}, anew=False, unknown=())
    >>> parse_steer("/dream/seed", [7.0, "seed", "guitar:2"])
    Steer(dream=7, changes={'seed': 'guitar:2'}, anew=True, unknown=())

    A dream may have a name. Tidal sends nothing but pairs, and many of its own:

    >>> parse_steer("/dream/set", ["cps", 0.5, "gain", 1.2, "steer", "line", "dreamgain", -6])
    Steer(dream='line', changes={'gain': -6.0}, anew=False, unknown=())
    """

    dream: Called
    changes: Mapping[str, Any] = field(hash=False)
    anew: bool  # a seed joins the queue although its words are those of the last one
    unknown: tuple[str, ...] = ()  # one line for each key that changes nothing

    @property
    def turned(self) -> dict[str, Any]:
        """What changes but for the seed."""
        return {key: value for key, value in self.changes.items() if key in STEERED}

    @property
    def seed(self) -> dict[str, Any]:
        """The keys of a new seed; empty where there is none."""
        return {key: value for key, value in self.changes.items() if key in SEEDED}


def parse_steer(address: str, args: Sequence[Any]) -> Steer:
    """Raises :class:`BadRequest` for arguments that make no sense."""
    first, rest = (args[0], args[1:]) if len(args) % 2 else (None, args)
    raw = plain(pairs(rest))
    if first is None:  # all in pairs
        first = raw.pop("steer", raw.pop("id", None))
        if first is None:
            raise BadRequest(f"{address} takes a dream's id or name first, then keys and values")
        raw = {k: v for k, v in raw.items() if k in STEERED or k in SEEDED or k == "dreamgain"}
        raw.pop("gain", None)
    if "dreamgain" in raw:
        raw["gain"] = raw.pop("dreamgain")
    known = SEEDED if address == "/dream/seed" else {**STEERED, **SEEDED}
    changes = {key: known[key](key, value) for key, value in raw.items() if key in known}
    unknown = tuple(_unknown(address, key, known) for key in raw if key not in known)
    if address == "/dream/seed" and not changes and not unknown:
        raise BadRequest("/dream/seed takes a dream, and then seed or notes, as a request does")
    return Steer(dream_of(first), changes, address == "/dream/seed", unknown)


def dream_of(value: Any) -> Called:
    """What a client calls a dream: an id, or a name."""
    if isinstance(value, str):
        return values.check_text("a dream's name", value)
    return values.check_integer("a dream's id", value)


def _unknown(address: str, key: str, known: Mapping[str, Check]) -> str:
    near = values.likest_word(key, known)
    meant = f": did you mean {near}?" if near else f"; there are {', '.join(known)}"
    return f"{address} cannot change {key}{meant}"


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


def plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The same with names that Strudel sends as lists in words of ours.

    >>> plain({"seed": ["guitar", 2.0], "follow": ["guitar", 1.0], "secs": 2})
    {'seed': 'guitar', 'follow': 'guitar:1', 'secs': 2, 'seedn': 2}
    """
    raw = dict(given)
    seed = raw.get("seed")
    if isinstance(seed, int | float) and not isinstance(seed, bool):  # a MIDI note
        raw.setdefault("notes", raw.pop("seed"))
    if isinstance(raw.get("seed"), list | tuple):
        raw["seed"], number = _named("seed", raw["seed"])
        raw |= {} if number is None else {"seedn": number}
    if isinstance(raw.get("follow"), list | tuple):
        name, number = _named("follow", raw["follow"])
        raw["follow"] = name if number is None else f"{name}:{number}"
    return raw


def _named(key: str, value: Sequence[Any]) -> tuple[str, int | None]:
    """``["guitar", 2.0]``, ``["guitar"]``: a recording, or a voice."""
    if not 1 <= len(value) <= 2:
        raise BadRequest(f"{key} as a list is [voice, number], got {value!r}")
    return values.check_text(key, value[0]), None if len(value) == 1 else values.check_integer(
        key, value[1]
    )
