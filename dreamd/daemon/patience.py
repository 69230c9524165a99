"""Requests that wait for what is not there yet: a dream that is being made, a recording that lies
in the folder and has not been read, a voice that somebody else shares.

Admission asks :func:`awaited` before it looks anything up, holds what waits in a :class:`Patience`,
and goes on when that says so.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path

from dreamd.corpus.recording import Voices
from dreamd.corpus.voice_names import voice_called
from dreamd.daemon.queue import Dream
from dreamd.daemon.state import State
from dreamd.dreaming import seeds
from dreamd.osc.requests import Request

LONGEST_WAIT = 30.0
"""Seconds after which a request goes on with what there is, or comes to nothing."""


class Patience:
    """The requests that wait, each with the moment at which that ends."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._ends: dict[Dream, float] = {}

    def holds(self, dream: Dream) -> str | None:
        """What the dream waits for, where it does; then it is held."""
        why = awaited(self._state, dream)
        if why:
            self._ends[dream] = time.monotonic() + LONGEST_WAIT
        return why

    def over(self) -> Iterator[tuple[Dream, str | None]]:
        """Those that need not wait any more, and those that have waited long enough: for what."""
        for dream, end in list(self._ends.items()):
            why = awaited(self._state, dream) if dream.state == "asked" else None
            if why is None or time.monotonic() >= end:
                del self._ends[dream]
                yield dream, why


def awaited(state: State, dream: Dream) -> str | None:
    """In a few words what a request must wait for; None: for nothing."""
    request = dream.request
    return _in_the_making(state, dream) or _on_its_way(state, request) or _unread(state, request)


def _in_the_making(state: State, asking: Dream) -> str | None:
    """The dream that is its seed, by its number or its file, unless it never ends."""
    words = asking.request.seed
    if words is None or asking.request.notes:
        return None
    name, number = seeds.numbered(words)
    number = asking.request.seedn if number is None else number
    for dream in state.queue.under_way:
        if dream is asking or dream.job is None or not math.isfinite(dream.request.secs):
            continue
        if (name == "dream" and number == dream.index) or Path(words) == dream.job.path:
            return f"dream:{dream.index}, its seed, is still being made"
    return None


def _on_its_way(state: State, request: Request) -> str | None:
    """A voice that somebody else shares."""
    away = state.shared.away(request)
    return away and f"{away} is on its way"


def _unread(state: State, request: Request) -> str | None:
    """The recordings of a voice that it names, or the first of all."""
    voices, coming = state.voices(), state.coming()
    reading = {*state.unread.values(), *(coming or ())}
    if coming is not None and not reading:
        return None
    named = [words for words in (request.seed, request.voice, request.follow) if words]
    for name, number in map(seeds.numbered, named):
        if name in ("dream", "noise", "silence") or seeds.looks_like_path(name):
            continue
        if _has(voices, name, request.seedn if number is None else number):
            continue
        if coming is None or voice_called(name, reading) in reading:
            return f"the recordings of {name} have not been read yet"
    if not named and not any(voices.values()):
        return "no recording has been read yet"
    return None


def _has(voices: Voices, name: str, number: int | None) -> bool:
    there = voices.get(voice_called(name, voices), ())
    return len(there) > (number or 0)
