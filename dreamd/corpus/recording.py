"""A recording as training and dreaming see it: resampled, on disk, memory-mapped.

The corpus makes them; the learner draws windows from them, seeds are cut from them.
"""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamd.audio.channels import of_channels
from dreamd.audio.files import Samples
from dreamd.audio.no_audio import shown
from dreamd.errors import BadRecording


@dataclass(frozen=True)
class Recording:
    """One file of a voice: float32 at ``rate``, free of DC, in ``cache``; of two channels one
    frame after the other, left and right."""

    voice: str
    source: str  # the performer's file
    cache: str  # ours: nothing but samples
    frames: int
    rate: int
    peak: float  # largest absolute sample
    loudest: float  # largest root mean square of half a second
    joined: float  # when it first came, seconds since 1970
    channels: int = 1

    @property
    def name(self) -> str:
        """As it can be printed, also where the file's name is no text."""
        return shown(Path(os.path.basename(self.source)))

    @property
    def key(self) -> str:
        """Of the cache: the same for files with the same content."""
        return os.path.basename(self.cache).partition(".")[0]

    def is_whole(self) -> bool:
        """Whether the cache is there, and as long as it was."""
        try:
            return os.stat(self.cache).st_size == 4 * self.channels * self.frames
        except OSError:
            return False

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


Voices = Mapping[str, Sequence[Recording]]
"""Each voice's recordings, sorted by name as SuperDirt sorts a sample folder."""


def cut(recording: Recording, start: int, length: int, channels: int = 1) -> Samples:
    """``(length,)`` samples from frame ``start`` on, or with ``channels`` ``(length, channels)``.

    A recording that is too short is looped; a start too near the end moves back. Raises
    :class:`BadRecording` where the cache was damaged.
    """
    if recording.frames < length:
        return loop(recording, start, length, channels)
    return _read(recording, min(start, recording.frames - length), length, channels)


def loop(recording: Recording, start: int, length: int, channels: int = 1) -> Samples:
    """As :func:`cut`, the recording being a loop without end.

    >>> import tempfile
    >>> cache = tempfile.NamedTemporaryFile()
    >>> np.arange(5, dtype="<f4").tofile(cache.name)
    >>> loop(Recording("v", "a.wav", cache.name, 5, 11025, 4.0, 4.0, 0.0), -2, 9)
    array([3., 4., 0., 1., 2., 3., 4., 0., 1.], dtype=float32)
    """
    frames, start = recording.frames, start % recording.frames
    if start + length <= frames:
        return _read(recording, start, length, channels)
    if length <= frames:
        end = _read(recording, start, frames - start, channels)
        return np.concatenate((end, _read(recording, 0, length - len(end), channels)))
    return _read(recording, 0, frames, channels)[np.arange(start, start + length) % frames]


def _read(recording: Recording, start: int, length: int, channels: int) -> Samples:
    """Opened and closed for each look: a library may have more files than a process descriptors,
    and a mapping of a file that somebody truncates ends the process."""
    try:
        file = os.open(recording.cache, os.O_RDONLY)
        try:
            frame = 4 * recording.channels
            samples = np.frombuffer(os.pread(file, frame * length, frame * start), "<f4")
        finally:
            os.close(file)
    except (OSError, ValueError) as error:
        raise BadRecording(f"what was kept of {recording.name} cannot be read ({error})") from None
    if len(samples) < length * recording.channels or not np.isfinite(samples).all():
        with contextlib.suppress(OSError):
            os.unlink(recording.cache)  # the daemon sees that it is gone, and makes it again
        raise BadRecording(f"what was kept of {recording.name} was damaged: it is read again")
    return of_channels(samples.reshape(-1, recording.channels), channels)
