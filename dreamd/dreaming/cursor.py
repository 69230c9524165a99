"""Where a concurrent dream learns: a cursor that walks through recordings, listens, and leaps.

The follower (:mod:`dreamd.dreaming.follower`) asks :meth:`Cursor.move` before each step of
learning. The cursor goes straight on; where an event of its recording begins it may leap to
another event, to where it sounded, just before, most like the dream sounds now. So the dream steers
the cursor as much as the cursor pulls the dream, and the seed decides where it all begins. Or the
seed going on steers it (:class:`Guide`): a melody's entries and contour, in the recordings' sounds.
Kin: OMax and Somax (Assayag, Bloch), which leap between like contexts; here nothing is played.

What comes out depends on what goes in and on the random generator alone. No networks, no files.
"""

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from dreamd.audio.files import Samples
from dreamd.audio.timbre import Array, timbre
from dreamd.corpus.recording import Recording
from dreamd.dreaming.guides import Guide
from dreamd.dreaming.places import Index, Place

WANDER = 0.9
"""How often the cursor leaps at an event, where nobody says."""
LIKEST = 3
"""Events among which a leap is drawn by lot: with one a dream would soon go in circles."""
RECENT_LANDINGS = 6
"""Landings that no leap goes to again."""
SEED, FADES = 10.0, 4.0
"""How many times as much likeness to the seed counts at first as likeness to the dream, and the
seconds in which that fades to a third. Without it three seconds say nothing of the seed any more:
also the recording itself has gone on to other sounds by then."""
FORGOTTEN = 0.01  # of it: the seed counts no longer


@dataclass(frozen=True)
class Step:
    """From where on a dream learns next, and whether the cursor has just leapt there."""

    recording: Recording
    frame: float  # below 0 or past the end: the recording is a loop
    leapt: Place | None = None  # the event at which it landed


class Cursor:
    """:param index: where it may leap to; ``start``: where it begins (:meth:`Index.likest`).
    :param pace: frames that it goes on for each frame of the dream.
    :param seed: the seed's timbre, which the cursor keeps to at first.
    :param wander: 0…1, how often it leaps at an event; ``outline``: 0…1, how often it follows the
        guide instead, at the guide's events.
    """

    def __init__(
        self, index: Index, start: Place, rng: np.random.Generator, *, seed: Array | None = None,
        pace: float = 1.0, wander: float = WANDER, outline: float = 0.0, guide: Guide | None = None,
    ) -> None:  # fmt: skip
        self._index, self._rng, self._seed = index, rng, seed
        self._age = 0  # frames of the dream so far
        self.pace, self.wander, self.outline = pace, wander, outline
        self._guide = guide
        self._sent: Place | None = None  # where somebody wants it
        self._recording, self._frame = start.recording, float(start.frame)
        self._slower = 1.0  # a note of the guide is longer than the event that stands for it
        self._recent: deque[int] = deque(maxlen=RECENT_LANDINGS)
        self._pitch = np.nan  # of the last landing

    @property
    def guided(self) -> bool:
        return self._guide is not None

    def follow(self, guide: Guide | None) -> None:
        """A seed that goes on, which it keeps to as ``outline`` says."""
        self._guide = guide

    def go(self, index: Index, place: Place, seed: Array | None = None) -> None:
        """With the next step it is at ``place``, and leaps among ``index`` from there on.

        :param seed: the timbre of a new seed, which it keeps to at first; None: of the last one.
        """
        self._index, self._sent = index, place
        self._recent.clear()  # another index numbers its events otherwise
        self.__dict__.pop("_like_the_seed", None)  # a cached property's value
        if seed is not None:
            self._seed, self._age = seed, 0

    @property
    def speed(self) -> float:  # frames of the recording that it passes for each of the dream
        return self.pace * self._slower

    def move(self, count: int, newest: Samples) -> Step:
        """Where the dream's next ``count`` samples learn from; afterwards the cursor is past it.

        :param newest: what was dreamt last, 0.35 s or more.
        """
        landed = self._arrive() or self._leap(count * self.pace, newest)
        here, self._age = self._frame, self._age + count
        self._frame = (here + count * self.speed) % self._recording.frames
        return Step(self._recording, here, landed)

    def _arrive(self) -> Place | None:
        """Where somebody sent it, since the last step."""
        place, self._sent = self._sent, None
        if place:
            self._recording, self._frame, self._slower = place.recording, float(place.frame), 1.0
            self._pitch = np.nan
        return place

    def _leap(self, span: float, newest: Samples) -> Place | None:
        """Goes elsewhere if an event begins within ``span`` frames, and it is to leap."""
        guided = self._guide.move(span) if self._guide and len(self._index) else None
        if guided and self._chance(self.outline):
            assert self._guide
            likest = self._guide.likest(guided[0], self._index, self._pitch, self._recent)
            return self._land(likest, guided[1], guided[0])
        begun = self._age == 0  # the event at which it all begins is not left at once
        own = self._index.following(self._recording, self._frame + begun)
        if own is None or own[1] - self._frame >= span * self._slower:
            return None
        until, self._slower = (own[1] - self._frame) / self._slower, 1.0
        listens = self.wander * (1 - self.outline if self._guide else 1)
        event = self._like_the_dream(newest, own[0]) if self._chance(listens) else None
        return None if event is None else self._land(event, until)

    def _chance(self, odds: float) -> bool:
        return odds > 0 and bool(self._rng.uniform() < odds)

    def _land(self, event: int, until: float, guided: int | None = None) -> Place:
        """At ``event``, which is to begin after ``until`` frames more. What the guide plays for
        longer passes more slowly, so that nothing else begins before the guide's next event."""
        place, self._slower = self._index.place(event), 1.0
        if guided is not None and self._guide:
            self._slower = self._guide.slowing(guided, int(self._index.lengths[event]))
        self._recording, self._frame = place.recording, place.frame - until * self._slower
        self._recent.append(event)
        self._pitch = float(self._index.pitches[event])
        return place

    def _like_the_dream(self, newest: Samples, here: int) -> int | None:
        """One of the events before which it sounded likest to the dream. While the dream is young,
        they must sound like the seed themselves."""
        rate = self._recording.rate
        likeness = self._index.before @ timbre(newest, rate)
        fading = SEED * np.exp(-self._age / (FADES * rate))
        if self._seed is not None and fading > FORGOTTEN:
            likeness += fading * self._like_the_seed
        likeness[[here, *self._recent]] = -np.inf
        best = []
        for _ in range(LIKEST):  # three times the largest: a tenth of the time of sorting
            best.append(int(likeness.argmax()))
            likeness[best[-1]] = -np.inf
        possible = len(likeness) - len({here, *self._recent})
        return best[self._rng.integers(min(LIKEST, possible))] if possible else None

    @cached_property
    def _like_the_seed(self) -> Array:
        assert self._seed is not None
        return np.asarray(self._index.at @ self._seed)
