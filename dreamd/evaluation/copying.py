"""C3, does not copy the input: which passages of a dream the recordings already have.

The paper fails a dream with "several seconds of the training audio unchanged, or with minor
artifacts" (section 3.1). So passages are looked for: stretches of the dream and of a recording,
side by side and equally fast, that sound the same from second to second. A second sounds the
same where the levels in 64 mel bands, 40 dB deep, agree (:data:`SAME`); neither gain nor quiet
noise nor a vocoder changes that. The judge calls :func:`passages` and :func:`score`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.audio.files import Samples
from dreamd.evaluation.mel import RATE, Levels, mel_bands, mel_levels

HOP = 512
SECOND = round(RATE / HOP)
"""Frames in the shortest passage that can be found, about a second."""
BANDS, LOWEST, HIGHEST = 64, 40.0, 5500.0
DEPTH = 40.0
"""dB under the loudest band of a second; what is lower counts as if it were there."""
QUIET = 50.0
"""dB under the loudest band of all: seconds of silence are copies of nothing."""

SAME = 0.9
"""Correlation from which on two seconds sound the same.

Copies with noise 12 dB down, through a vocoder, clipped or with clicks stay above it nearly
throughout; other places of the same recording, and its notes in another order, are below.
"""

SHORT, LONG = 1.5, 12.0
"""Seconds of passages: up to the first is no copying (notes are alike), at the last there is
nothing else. Between them each doubling costs a third: *high* ends at 3 s, where "several
seconds" begin, and *medium* at 6 s."""
SHARE = 90.0
"""The percentile of the dream's moments whose passage counts: a tenth of it may be copied more."""

SHIFTS = (0, HOP // 2)
"""Samples by which a recording is shifted: a copy need not lie on the same frames."""

PIECE, OVERLAP = 300 * RATE // HOP, 20 * RATE // HOP
"""Frames of a recording that are compared at a time: memory stays flat."""


@dataclass(frozen=True)
class Passage:
    """``seconds`` of the dream, from ``at`` on, are recording ``number`` from ``source`` on."""

    at: float
    seconds: float
    number: int
    source: float


def score(found: Sequence[Passage], seconds: float) -> float:
    """0…1: 1 copies nothing. ``seconds`` is the length of the dream."""
    moments = np.zeros(max(round(10 * seconds), 1))
    for passage in found:
        here = slice(round(10 * passage.at), round(10 * (passage.at + passage.seconds)) + 1)
        moments[here] = np.maximum(moments[here], passage.seconds)
    copied = float(np.percentile(moments, SHARE))
    longest = max(min(LONG, 0.9 * seconds), 2 * SHORT)  # a short dream cannot hold long passages
    return float(np.clip(1 - np.log(max(copied, SHORT) / SHORT) / np.log(longest / SHORT), 0, 1))


def passages(dream: Samples, recordings: Sequence[Samples]) -> list[Passage]:
    """The longest passages at each place of the dream, in order of time."""
    heard = _levels(dream)
    mine = _seconds(heard)
    found: list[Passage] = []
    for number, recording in enumerate(recordings):
        for shift in SHIFTS:
            found += [
                Passage(at * HOP / RATE, length * HOP / RATE, number, (source * HOP + shift) / RATE)
                for at, source, length in _alike(mine, _levels(recording[shift:]))
            ]
    return _longest(found)


def _alike(mine: Tensor, theirs: Levels) -> Iterator[tuple[int, int, int]]:
    """First frame of the dream, first frame of the recording, and length of each passage."""
    loudest = float(theirs.max())
    for start in range(0, max(len(theirs) - OVERLAP, 1), PIECE - OVERLAP):
        piece = _seconds(theirs[start : start + PIECE], loudest)
        for at, source, length in _diagonals((mine @ piece.T).numpy() >= SAME):
            yield at, start + source, length


def _levels(samples: Samples) -> Levels:
    if len(samples) < SECOND * HOP:
        samples = np.resize(samples, SECOND * HOP)
    return mel_levels(samples, mel_bands(BANDS, LOWEST, HIGHEST), HOP)


def _seconds(levels: Levels, loudest: float | None = None) -> Tensor:
    """Each second as a vector of length 1 and mean 0 (silent ones 0): ``(frames-SECOND+1, …)``."""
    if loudest is None:
        loudest = float(levels.max())
    if len(levels) < SECOND:
        return torch.zeros(0, SECOND * BANDS)
    windows = np.lib.stride_tricks.sliding_window_view(levels, (SECOND, BANDS))[:, 0]
    top = windows.max((1, 2), keepdims=True)
    vectors = np.maximum(windows, top - DEPTH)
    vectors -= vectors.mean((1, 2), keepdims=True)
    vectors = vectors.reshape(len(vectors), -1)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    vectors[top[:, 0, 0] < loudest - QUIET] = 0.0
    return torch.from_numpy(vectors)


def _diagonals(alike: NDArray[np.bool_]) -> Iterator[tuple[int, int, int]]:
    """Maximal runs along the diagonals: first row, first column, length in frames."""
    run = np.zeros(alike.shape[1], int)
    for row in range(len(alike) + 1):
        longer = np.zeros_like(run)
        if row < len(alike):
            longer[1:] = run[:-1]
            longer = np.where(alike[row], longer + 1, 0)
        goes_on = np.zeros(len(run), bool)
        goes_on[:-1] = longer[1:] > 1
        for column in np.flatnonzero((run > 0) & ~goes_on):
            length = int(run[column])
            yield row - length, int(column) - length + 1, length - 1 + SECOND
        run = longer


def _longest(found: list[Passage]) -> list[Passage]:
    """Those that are not covered by a longer one, of the dream's time."""
    kept: list[Passage] = []
    for passage in sorted(found, key=lambda each: -each.seconds):
        end = passage.at + passage.seconds
        inside = any(k.at <= passage.at + 0.25 and end - 0.25 <= k.at + k.seconds for k in kept)
        if not inside:
            kept.append(passage)
    return sorted(kept, key=lambda each: each.at)
