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
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamd.audio.files import Samples
from dreamd.audio.timbre import Array, Frames, timbre
from dreamd.corpus import events
from dreamd.corpus.events import Events
from dreamd.corpus.recording import Recording

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

CONTOUR = 6.0
"""Semitones that it costs a note to rise where the guide falls, and so on."""
SAME_PITCH = 0.5  # semitones that are no step
UNPITCHED = 12.0  # semitones that it costs where the guide has a pitch and the event has none
COLOUR = 2.0  # semitones between a likeness of 0 and of 1
AGAIN = 1.0  # semitones that it costs to go to a recent landing again
SHORT = 1.0  # semitones for each time that an event is only half as long as the guide's
LOUDER = 0.1  # semitones for each dB of difference in level
SLOWEST = 8.0  # times that an event passes more slowly to be as long as the guide's

Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Place:
    """A frame of a recording."""

    recording: Recording
    frame: int


class Index:
    """The events of several recordings, side by side, numbered ``0…n-1``."""

    def __init__(self, heard: Iterable[tuple[Recording, Events]]) -> None:
        pairs = [(recording, found) for recording, found in heard if len(found)]
        self.recordings = [recording for recording, _ in pairs]
        parts = [found for _, found in pairs]
        counts = [len(found) for found in parts]
        self.firsts = np.cumsum([0, *counts])  #: of each recording, and the number of all
        self.owners = np.repeat(np.arange(len(parts)), counts)  #: whose each event is
        self.frames: Frames = _joined([each.frames for each in parts], np.int64)
        self.levels: Array = _joined([each.levels for each in parts], np.float32)
        self.pitches: Array = _joined([each.pitches for each in parts], np.float32)
        self.before: Array = _joined([each.before for each in parts], np.float32)
        self._at = _joined([each.at for each in parts], np.float16)
        self._numbers = {recording: k for k, recording in enumerate(self.recordings)}
        self.loudnesses = np.array([found.loudness for found in parts])  #: of each recording, LUFS

    def __len__(self) -> int:
        return len(self.frames)

    @cached_property
    def at(self) -> Array:
        """``(n, BANDS)``: how each event sounds itself."""
        return self._at.astype(np.float32)

    @cached_property
    def lengths(self) -> Frames:
        """Frames from each event to the next, or to its recording's end."""
        ends = np.array([r.frames for r in self.recordings], np.int64)
        following = np.append(self.frames[1:], 0)
        following[self.firsts[1:] - 1] = ends
        return np.asarray(following - self.frames)

    def place(self, event: int) -> Place:
        return Place(self.recordings[self.owners[event]], int(self.frames[event]))

    def following(self, recording: Recording, frame: float) -> tuple[int, int] | None:
        """The next event of ``recording`` from ``frame`` on, and its frame; after the last one
        comes its first, past its end. None where the recording's events are not known."""
        number = self._numbers.get(recording)
        if number is None:
            return None
        first, end = self.firsts[number], self.firsts[number + 1]
        event = int(first + np.searchsorted(self.frames[first:end], frame))
        if event < end:
            return event, int(self.frames[event])
        return int(first), recording.frames

    def likest(self, sound: Array) -> int:
        """The event that sounds likest to a seed of this timbre: where a dream of it begins."""
        return int((self.at @ sound).argmax())


def _joined(parts: list[Any], kind: Any) -> Any:
    return np.concatenate(parts, dtype=kind) if parts else np.zeros(0, kind)


def index(recordings: Iterable[Recording]) -> Index:
    """The known events of these recordings; where there are none yet, none. Quick when asked
    again for the same ones."""
    return _index(tuple(recording for recording in recordings if events.exist(recording)))


@lru_cache(maxsize=4)
def _index(recordings: tuple[Recording, ...]) -> Index:
    both = ((recording, events.known(recording)) for recording in recordings)
    return Index((recording, found) for recording, found in both if found is not None)


class Guide:
    """A seed that goes on past its window, and then over again: what ``outline`` follows.

    :param found: the seed's events; ``frames``: its length; ``at``: where the dream begins in it.
    """

    def __init__(self, found: Events, frames: int, at: float) -> None:
        self.events, self._frames, self._at = found, frames, at % frames

    def move(self, span: float) -> tuple[int, float] | None:
        """Goes on by ``span`` frames: the event that begins within them, and after how many."""
        event, frame = self._following(self._at)
        until = frame - self._at
        self._at = (self._at + span) % self._frames
        return (event, until) if until < span else None

    def softer(self, event: int) -> float:
        """Its level under the loudest one's, in dB."""
        return float(self.events.levels[event] - self.events.levels.max())

    def length(self, event: int) -> int:
        """Frames to its next event."""
        start = int(self.events.frames[event])
        return self._following(start + 1)[1] - start

    def _following(self, frame: float) -> tuple[int, int]:
        event = int(np.searchsorted(self.events.frames, frame))
        if event < len(self.events):
            return event, int(self.events.frames[event])
        return 0, self._frames


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
        self._recording, self._frame = start.recording, float(start.frame)
        self._slower = 1.0  # a note of the guide is longer than the event that stands for it
        self._recent: deque[int] = deque(maxlen=RECENT_LANDINGS)
        self._pitch = self._guided = np.nan  # of the last landing, and of the guide then

    @property
    def speed(self) -> float:  # frames of the recording that it passes for each of the dream
        return self.pace * self._slower

    def move(self, count: int, newest: Samples) -> Step:
        """Where the dream's next ``count`` samples learn from; afterwards the cursor is past it.

        :param newest: what was dreamt last, 0.35 s or more.
        """
        landed = self._leap(count * self.pace, newest)
        here, self._age = self._frame, self._age + count
        self._frame = (here + count * self.speed) % self._recording.frames
        return Step(self._recording, here, landed)

    def _leap(self, span: float, newest: Samples) -> Place | None:
        """Goes elsewhere if an event begins within ``span`` frames, and it is to leap."""
        guided = self._guide.move(span) if self._guide and len(self._index) else None
        if guided and self._chance(self.outline):
            return self._land(self._like_the_guide(guided[0]), guided[1], guided[0])
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
            longer = self._guide.length(guided) / max(int(self._index.lengths[event]), 1)
            self._slower = 1 / min(max(1.02 * longer, 1.0), SLOWEST)
            self._guided = float(self._guide.events.pitches[guided])
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

    def _like_the_guide(self, event: int) -> int:
        """The event that costs least: contour and pitch first, then length, level and colour."""
        assert self._guide
        there, index = self._guide.events, self._index
        cost = -COLOUR * (index.at @ there.at[event].astype(np.float32))
        cost += LOUDER * np.abs(index.levels - index.levels.max() - self._guide.softer(event))
        longer = self._guide.length(event) / np.maximum(index.lengths, 1)
        cost += SHORT * np.log2(np.maximum(longer, 1.0))
        cost[list(self._recent)] += AGAIN
        pitch = float(there.pitches[event])
        if not np.isnan(pitch):
            missed = np.abs(index.pitches - pitch - self._octaves)
            cost += np.where(np.isnan(missed), UNPITCHED, np.minimum(missed, UNPITCHED))
            cost += CONTOUR * self._bends(pitch - self._guided)
        return int(cost.argmin())

    @cached_property
    def _octaves(self) -> float:
        """Semitones, whole octaves, from the guide's middle to the recordings'."""
        assert self._guide
        middles = [_middle(each.pitches) for each in (self._index, self._guide.events)]
        return 12 * round((middles[0] - middles[1]) / 12)

    def _bends(self, guided: float) -> NDArray[np.bool_]:
        """Which events would go another way, from the last landing, than the guide's step."""
        steps = self._index.pitches - self._pitch
        if np.isnan(guided) or np.isnan(self._pitch):
            return np.zeros(len(steps), bool)
        return np.asarray(direction(steps) != direction(np.array(guided)))


def direction(steps: Numbers) -> NDArray[np.int_]:
    """1 for what rises, -1 for what falls, 0 for what does neither, and for NaN.

    >>> direction(np.array([2.0, 0.2, -7.0, np.nan]))
    array([ 1,  0, -1,  0])
    """
    return (steps > SAME_PITCH).astype(int) - (steps < -SAME_PITCH).astype(int)


def _middle(pitches: Array) -> float:
    known = pitches[~np.isnan(pitches)]
    return float(np.median(known)) if len(known) else 0.0
