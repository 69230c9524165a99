"""A recording as training and dreaming see it: resampled, on disk, memory-mapped.

The corpus makes them; the learner draws windows from them, seeds are cut from them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from dreamd.audio.files import Samples


@dataclass(frozen=True)
class Recording:
    """One file of a voice: mono float32 at ``rate``, free of DC, in ``cache``."""

    voice: str
    source: str  # the performer's file
    cache: str  # ours: nothing but samples
    frames: int
    rate: int
    peak: float  # largest absolute sample
    loudest: float  # largest root mean square of half a second
    joined: float  # when it first came, seconds since 1970

    @property
    def name(self) -> str:
        return Path(self.source).name

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


Voices = Mapping[str, Sequence[Recording]]
"""Each voice's recordings, sorted by name as SuperDirt sorts a sample folder."""


@lru_cache(maxsize=256)  # bounds the open mappings, not the recordings
def _samples(cache: str, frames: int) -> Samples:
    return np.memmap(cache, dtype="<f4", mode="r", shape=(frames,))


def cut(recording: Recording, start: int, length: int) -> Samples:
    """``length`` samples from frame ``start`` on.

    A recording that is too short is looped; a start too near the end moves back.
    """
    samples = _samples(recording.cache, recording.frames)
    if recording.frames < length:
        return loop(recording, start, length)
    start = min(start, recording.frames - length)
    return np.asarray(samples[start : start + length])


def loop(recording: Recording, start: int, length: int) -> Samples:
    """``length`` samples from frame ``start`` on, the recording being a loop without end.

    >>> import tempfile
    >>> cache = tempfile.NamedTemporaryFile()
    >>> np.arange(5, dtype="<f4").tofile(cache.name)
    >>> loop(Recording("v", "a.wav", cache.name, 5, 11025, 4.0, 4.0, 0.0), -2, 9)
    array([3., 4., 0., 1., 2., 3., 4., 0., 1.], dtype=float32)
    """
    samples = _samples(recording.cache, recording.frames)
    start %= recording.frames
    if start + length <= recording.frames:
        return np.asarray(samples[start : start + length])
    return np.asarray(samples)[np.arange(start, start + length) % recording.frames]
