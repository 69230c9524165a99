"""What is learned next: random windows of all of a voice's recordings, recent ones favoured.

Each :class:`dreamd.training.trainer.Trainer` draws its batches here.
"""

from collections.abc import Sequence

import numpy as np

from dreamd.audio.files import Samples
from dreamd.corpus.recording import Recording, cut
from dreamd.kernels.windowed_lstm import Kept

RECENT_SHARE = 0.3  # share of windows drawn by how new a recording is, not by how long


class WindowSampler:
    """Random stretches of all of a voice's recordings, recent ones favoured."""

    def __init__(self, recordings: Sequence[Recording], rng: np.random.Generator) -> None:
        self._recordings = sorted(recordings, key=lambda r: -r.joined)  # newest first
        by_length = np.array([r.frames for r in self._recordings], float)
        by_age = 0.5 ** np.arange(len(recordings))
        self._odds = (
            1 - RECENT_SHARE
        ) * by_length / by_length.sum() + RECENT_SHARE * by_age / by_age.sum()
        self._rng = rng

    def batch(self, count: int, length: int) -> Samples:
        """``(count, length)`` samples; a recording that is too short is looped."""
        return np.stack([self._window(each, length) for each in self._choose(count)])

    def stretches(self, count: int, windows: int, length: int, apart: int) -> tuple[Samples, Kept]:
        """``count`` stretches of windows of ``length`` samples that begin ``apart`` samples apart.

        Gives the samples ``(count, length + (windows-1)·apart)`` and which windows are to be
        kept, ``(count, windows)``. In a stretch that is longer than its recording random parts
        of it follow each other; a window that lies across a seam is not kept.
        """
        pairs = [self._stretch(each, windows, length, apart) for each in self._choose(count)]
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
            np.resize(self._window(recording, length + (fit - 1) * apart), step * apart)
            for _ in range(0, windows, step)
        ]
        kept = np.arange(windows) % step < fit
        return np.resize(np.concatenate(parts), whole), kept

    def _choose(self, count: int) -> list[Recording]:
        chosen = self._rng.choice(len(self._recordings), count, p=self._odds)
        return [self._recordings[k] for k in chosen]

    def _window(self, recording: Recording, length: int) -> Samples:
        spare = max(recording.frames - length, 0) or recording.frames
        return cut(recording, int(self._rng.integers(spare + 1)), length)
