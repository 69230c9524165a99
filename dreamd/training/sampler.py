"""What is learned next: random windows of all of a voice's recordings, recent ones favoured.

Each :class:`dreamd.training.trainer.Trainer` draws its batches here.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import numpy as np

from dreamd.audio.channels import repeated
from dreamd.audio.files import Samples
from dreamd.corpus.recording import Recording, cut
from dreamd.errors import BadRecording
from dreamd.kernels.windowed_lstm import Kept

Drawn = TypeVar("Drawn")

RECENT_SHARE = 0.3  # share of windows drawn by how new a recording is, not by how long
NO_SOUND = 1e6  # full scale is 1; integers that somebody wrote as floats reach 3e4


class WindowSampler:
    """Random stretches of all of a voice's recordings, recent ones favoured."""

    def __init__(
        self, recordings: Sequence[Recording], rng: np.random.Generator, channels: int = 1
    ) -> None:
        self._channels = channels
        self._recordings = sorted(recordings, key=lambda r: -r.joined)  # newest first
        self._rng = rng
        self._lines: list[str] = []
        self._weigh()

    def left_out(self) -> list[str]:
        """A line for each recording that has since been found to be of no use."""
        lines, self._lines = self._lines, []
        return lines

    def _weigh(self) -> None:
        by_length = np.array([r.frames for r in self._recordings], float)
        by_age = 0.5 ** np.arange(len(self._recordings))
        odds = (1 - RECENT_SHARE) * by_length / by_length.sum()
        self._below = np.cumsum(odds + RECENT_SHARE * by_age / by_age.sum())

    def batch(self, count: int, length: int) -> Samples:
        """``(count, length)`` samples, of two channels ``(count, length, 2)``; a recording that is
        too short is looped."""
        return np.stack([self._draw(partial(self._window, length=length)) for _ in range(count)])

    def stretches(self, count: int, windows: int, length: int, apart: int) -> tuple[Samples, Kept]:
        """``count`` stretches of windows of ``length`` samples that begin ``apart`` samples apart.

        Gives the samples ``(count, length + (windows-1)·apart, …)`` and which windows are to be
        kept, ``(count, windows)``. In a stretch that is longer than its recording random parts
        of it follow each other; a window that lies across a seam is not kept.
        """
        stretch = partial(self._stretch, windows=windows, length=length, apart=apart)
        pairs = [self._draw(stretch) for _ in range(count)]
        return np.stack([samples for samples, _ in pairs]), np.stack([kept for _, kept in pairs])

    def _stretch(
        self, recording: Recording, windows: int, length: int, apart: int
    ) -> tuple[Samples, Kept]:
        whole = length + (windows - 1) * apart
        fit = (recording.frames - length) // apart + 1 if recording.frames >= length else windows
        if fit >= windows:
            return self._window(recording, whole), np.ones(windows, bool)
        step = fit - 1 - -length // apart  # vectors in a part: its last window's are whole
        parts = [
            repeated(self._window(recording, length + (fit - 1) * apart), step * apart)
            for _ in range(0, windows, step)
        ]
        kept = np.arange(windows) % step < fit
        return repeated(np.concatenate(parts), whole), kept

    def _draw(self, cut_from: Callable[[Recording], Drawn]) -> Drawn:
        """Something of a random recording. One of no use is left out, and another is drawn.

        Raises :class:`BadRecording` where none is left.
        """
        while self._recordings:
            place = self._rng.uniform(0, self._below[-1])
            recording = self._recordings[int(np.searchsorted(self._below[:-1], place, "right"))]
            try:
                return cut_from(recording)
            except (OSError, ValueError, BadRecording) as error:
                self._recordings.remove(recording)
                self._lines.append(f"{recording.name} is left out ({error})")
                if self._recordings:
                    self._weigh()
        raise BadRecording("; ".join(self.left_out()) or "no recording is left")

    def _window(self, recording: Recording, length: int) -> Samples:
        spare = max(recording.frames - length, 0) or recording.frames
        samples = cut(recording, int(self._rng.integers(spare + 1)), length, self._channels)
        if not np.abs(samples).max() < NO_SOUND:  # true of what is not a number, too
            raise BadRecording("its cache holds what is no sound")
        return samples
