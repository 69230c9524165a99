"""Keys that mean nothing in a request: they change nothing, and are named with the nearest known.

The dispatcher asks of each request. Patterns of live coders carry the sample player's keys along
(``cps``, ``pan``), so of theirs only those are named that look like a slip.
"""

from collections.abc import Sequence
from typing import Any

from dreamd.osc.requests import REQUEST_KEYS
from dreamd.osc.values import WORDS_ALIKE, likest_word

ALSO = ("dream", "dreamgain", "delta")
"""Other spellings, which a request may have."""
PLAYERS = frozenset({"_id_", "orbit", "cps", "cycle", "s", "n", "note", "speed", "sec", "rate"})
"""Keys that come with a pattern's events, or look like ours and are the sample player's."""
MOST = 8  # unknown keys of one request that are looked at
VERY_LIKE = 0.8
"""How many of its letters a pattern's key must share with one of ours to look like a slip."""


def remarks(address: str, args: Sequence[Any]) -> list[tuple[str, str]]:
    """Each unknown key of a request, and one line about it.

    >>> remarks("/dream/request", ["approach", "column", "temprature", 2])
    [('temprature', "no request has a key 'temprature': it changes nothing; did you mean 'temperature'?")]
    >>> remarks("/dream/request", ["dream", "column", "orbit", 0, "pan", 0.5, "temprature", 2])[0][0]
    'temprature'
    """  # noqa: E501
    if address not in ("/dream/request", "/dirt/play"):
        return []
    keys = [key for key in args[::2] if isinstance(key, str)]
    is_pattern = address == "/dirt/play" or not PLAYERS.isdisjoint(keys)
    known, said = [*REQUEST_KEYS, *ALSO], []
    strange = [key for key in dict.fromkeys(keys) if key not in known and key not in PLAYERS]
    for key in strange[:MOST]:
        near = likest_word(key, known, VERY_LIKE if is_pattern else WORDS_ALIKE)
        if near or not is_pattern:
            hint = f"; did you mean {near!r}?" if near else ""
            said.append((key, f"no request has a key {key[:40]!r}: it changes nothing{hint}"))
    return said
