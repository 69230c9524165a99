"""Where a cursor may be: places in recordings, and the events among which it leaps.

:mod:`dreamd.dreaming.course` makes the :class:`Index` of what a dream follows, its cursor and its
guide look into it.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from dreamd.audio.timbre import Array, Frames
from dreamd.corpus import events
from dreamd.corpus.events import Events
from dreamd.corpus.recording import Recording
from dreamd.errors import BadRecording

MOST_SCANNED = 300.0
"""Seconds of recordings that nobody has listened to yet that a dream listens to itself before it
begins: at 44.1 kHz less than a second of computing."""


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

    @cached_property
    def middle(self) -> float:
        """Of the events' pitches, a MIDI note number."""
        return middle(self.pitches)

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


def middle(pitches: Array) -> float:
    """The median of the pitches that are known; 0 where none is."""
    known = pitches[~np.isnan(pitches)]
    return float(np.median(known)) if len(known) else 0.0


def index(recordings: Iterable[Recording]) -> Index:
    """The known events of these recordings; where there are none yet, none. Quick when asked
    again for the same ones."""
    return _index(tuple(recording for recording in recordings if events.exist(recording)))


@lru_cache(maxsize=4)
def _index(recordings: tuple[Recording, ...]) -> Index:
    both = ((recording, events.known(recording)) for recording in recordings)
    return Index((recording, found) for recording, found in both if found is not None)


def scan_unknown(recordings: Iterable[Recording]) -> None:
    """Finds the events of what a dream follows, the first ones first, where the training process
    has had no time to: a cursor that knows of no event walks straight on, and what a network as
    young as its recordings makes of that is a copy."""
    left = MOST_SCANNED
    for recording in recordings:
        if events.exist(recording) or recording.seconds > left:
            continue
        left -= recording.seconds
        with contextlib.suppress(OSError, BadRecording):  # whoever follows it there will say so
            for _ in events.scan(recording):
                pass
