"""The seed going on past its window: what steers the cursor of a dream with an ``outline``.

:mod:`dreamd.dreaming.course` asks :func:`of` once for each such dream; its cursor goes along with
the :class:`Guide`, to which it prefers events by contour and pitch.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamd.audio import files
from dreamd.corpus import events
from dreamd.corpus.events import Events
from dreamd.corpus.recording import cut
from dreamd.dreaming import seed_samples
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.places import Index, middle
from dreamd.dreaming.seeds import Seed

LONGEST_GUIDE = 120.0
"""Seconds of a seed that are followed."""

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


class Guide:
    """A seed that goes on past its window, and then over again: what ``outline`` follows.

    :param found: the seed's events; ``frames``: its length; ``at``: where the dream begins in it.
    """

    def __init__(self, found: Events, frames: int, at: float) -> None:
        self.events, self._frames, self._at = found, frames, at % frames
        self._middle = middle(found.pitches)
        self._pitch = np.nan  # of the event that the cursor followed last

    def move(self, span: float) -> tuple[int, float] | None:
        """Goes on by ``span`` frames: the event that begins within them, and after how many."""
        event, frame = self._following(self._at)
        until = frame - self._at
        self._at = (self._at + span) % self._frames
        return (event, until) if until < span else None

    def likest(self, event: int, index: Index, pitch: float, recent: Collection[int]) -> int:
        """The event of ``index`` that costs least in place of the guide's ``event``: contour and
        pitch first, then length, level and colour.

        :param pitch: where the cursor landed last; :param recent: its last landings.
        """
        cost = -COLOUR * (index.at @ self.events.at[event].astype(np.float32))
        cost += LOUDER * np.abs(index.levels - index.levels.max() - self.softer(event))
        longer = self.length(event) / np.maximum(index.lengths, 1)
        cost += SHORT * np.log2(np.maximum(longer, 1.0))
        cost[list(recent)] += AGAIN
        own = float(self.events.pitches[event])
        if not np.isnan(own):
            octaves = 12 * round((index.middle - self._middle) / 12)
            missed = np.abs(index.pitches - own - octaves)
            cost += np.where(np.isnan(missed), UNPITCHED, np.minimum(missed, UNPITCHED))
            if not np.isnan(self._pitch) and not np.isnan(pitch):
                bends = direction(index.pitches - pitch) != direction(np.array(own - self._pitch))
                cost += CONTOUR * bends
        self._pitch = own
        return int(cost.argmin())

    def softer(self, event: int) -> float:
        """Its level under the loudest one's, in dB."""
        return float(self.events.levels[event] - self.events.levels.max())

    def length(self, event: int) -> int:
        """Frames to its next event."""
        start = int(self.events.frames[event])
        return self._following(start + 1)[1] - start

    def slowing(self, event: int, frames: int) -> float:
        """How much more slowly ``frames`` are to pass, 0…1, to last as long as an event."""
        return 1 / min(max(1.02 * self.length(event) / max(frames, 1), 1.0), SLOWEST)

    def _following(self, frame: float) -> tuple[int, int]:
        event = int(np.searchsorted(self.events.frames, frame))
        if event < len(self.events):
            return event, int(self.events.frames[event])
        return 0, self._frames


def direction(steps: Numbers) -> NDArray[np.int_]:
    """1 for what rises, -1 for what falls, 0 for what does neither, and for NaN.

    >>> direction(np.array([2.0, 0.2, -7.0, np.nan]))
    array([ 1,  0, -1,  0])
    """
    return (steps > SAME_PITCH).astype(int) - (steps < -SAME_PITCH).astype(int)


def of(seed: Seed, count: int, rate: int, rand: int, lead: int = 0) -> Guide | None:
    """The guide of a dream whose queue was filled with ``count`` samples of this seed.

    :param lead: samples by which what is learned at a place is heard before it.

    None for a seed that does not go on (notes, noise, silence), or whose end is its window's.
    """
    rng = stream(rand, Draws.SEED)  # draws the place that the queue's seed drew
    if seed.recording is not None:
        recording = seed.recording
        start = seed_samples.start_of(seed, recording.frames, count, rate, rng)
        found = events.known(recording)
        if found is None:
            found = events.find(
                cut(recording, 0, min(recording.frames, int(LONGEST_GUIDE * rate))), rate
            )
        return Guide(found, recording.frames, start + count - lead)
    if seed.path is not None:
        start = seed_samples.start_of(
            seed, int(files.info(seed.path).seconds * rate), count, rate, rng
        )
        samples = files.excerpt(seed.path, rate, 0.0, int(LONGEST_GUIDE * rate))
        return Guide(events.find(samples, rate), len(samples), start + count - lead)
    return None
