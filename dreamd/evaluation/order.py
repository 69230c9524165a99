"""How much of a dream runs in the recording's own order, and how much of it another dream shares.

C3 asks whether a listener would call a dream a copy; a dream may be none, and still pass by all
that the recording has, in its order. :func:`in_order` is that number: 1 the recording itself, 0.9
through a telephone, 0.8 with noise 10 dB down. Much is tried, so that at the best of all places
what has nothing to do with the recording's order comes to 0.3 to 0.55, longer dreams to more.

What is compared is the *log-mel* of two sounds: the power in :data:`BANDS` mel bands up to 5 kHz
(frames of 1024 samples at :data:`~dreamd.evaluation.mel.RATE`, one each 256), in dB, floored
:data:`ORDER_DEPTH` dB under the loudest. Their correlation over time is that of the two matrices,
each band's mean over time removed: 1 for the same spectra at the same times, whatever gain and
equaliser; 0.0 to 0.1 for unrelated sounds at any one place.

The judge calls :func:`in_order`. :func:`correlation` (two sounds at the same times) and
:func:`best_offset` (a whole dream at the best place of a recording) are for experiments.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from scipy.signal import fftconvolve

from dreamd.audio.files import Samples
from dreamd.evaluation.mel import RATE, Levels, Numbers, mel_bands, mel_levels
from dreamd.kernels.matmul import matmul

ORDER_HOP = 256
BANDS, LOWEST, HIGHEST = 48, 40.0, 5000.0
ORDER_DEPTH = 70.0
"""dB under the loudest band of all; what is lower counts as if it were there."""

STRETCH = 10.0
"""Seconds of a dream that are found again as a whole."""
TEMPOS = np.geomspace(0.8, 1.25, 31)
"""How long it lasts, times the original: 1.5 % apart, which is 0.04 s at the ends of 10 s."""
TEMPOS_NEAR = np.linspace(0.985, 1.015, 7)
"""Times the tempo that was found, among which is the best."""
COARSE = 4
"""Hops between the frames by which a stretch is looked for, 93 ms."""
BEGINS = 4
"""Frames (of those) from one stretch of the dream to the next."""
NEAR_PLACE = 8
"""Hops around the place that was found so, among which is the best."""
STILL = 1.0
"""Squared dB: what varies less, all in all, does not move, and correlates with nothing."""
COMPARED = 4096
"""Frames of a recording that are compared at a time: memory stays flat."""


@dataclass(frozen=True, order=True)
class BestPlace:
    """A dream, or a stretch of one, at its best place."""

    correlation: float
    source: float  #: seconds into the recording
    at: float = 0.0  #: seconds into the dream
    tempo: float = 1.0  #: how long it lasts, times the original


def log_mel(samples: Samples, hop: int = ORDER_HOP) -> Levels:
    """In dB, ``(frames, BANDS)``, a frame each ``hop`` samples."""
    levels = mel_levels(samples, mel_bands(BANDS, LOWEST, HIGHEST), hop)
    return np.maximum(levels, levels.max() - ORDER_DEPTH)


def correlation(one: Samples, other: Samples) -> float:
    """-1…1: of two sounds at the same times, over as long as both last; samples at RATE.

    >>> noise = np.random.default_rng(0).standard_normal((2, 5 * RATE)).astype(np.float32)
    >>> round(correlation(noise[0], 0.1 * noise[0]), 3), abs(correlation(*noise)) < 0.05
    (1.0, True)
    """
    both = min(len(one), len(other))
    return float(correlations(log_mel(one[:both]), log_mel(other[:both]))[0])


def best_offset(dream: Samples, recording: Samples) -> BestPlace:
    """The whole dream, at the place of the recording where it correlates best, at one tempo.

    The recording goes round, as a cursor does that walks through it. Both are samples at
    :data:`~dreamd.evaluation.mel.RATE`; the dream lasts for a frame or more.
    """
    values = correlations(log_mel(dream), log_mel(round_again(recording, len(dream))))
    place = int(values.argmax())
    return BestPlace(float(values[place]), place * ORDER_HOP / RATE % (len(recording) / RATE))


def in_order(dream: Samples, recording: Samples) -> float:
    """0…1: the best correlation of whole :data:`STRETCH` seconds of the dream (of all of it where
    it is shorter) with any place of the recording, at any of :data:`TEMPOS`.

    Of several recordings, give all in a row. Samples at :data:`~dreamd.evaluation.mel.RATE`.
    """
    rough = max(_anywhere(dream, recording))
    return float(np.clip(_nearby(dream, recording, rough).correlation, 0, 1))


def correlations(window: Levels, levels: Levels) -> Numbers:
    """Of a window with each stretch of ``levels`` that is as long: ``(places,)``.

    :param window: ``(frames, BANDS)``
    :param levels: ``(frames + places - 1, BANDS)``
    """
    centred = window - window.mean(0)
    both = fftconvolve(levels - levels.mean(), centred[::-1], mode="valid", axes=0).sum(1)
    spread = np.sqrt((centred.astype(float) ** 2).sum() * _variation(levels, len(window)))
    return both / np.maximum(spread, STILL)


def round_again(recording: Samples, frames: int) -> Samples:
    """A recording that is followed by its own beginning, ``frames`` samples longer."""
    return np.resize(recording, len(recording) + frames)


# ---------------------------------------------------------------- looking for a stretch


def _anywhere(dream: Samples, recording: Samples) -> Iterator[BestPlace]:
    """The best stretch at each tempo, by every fourth frame."""
    hop = COARSE * ORDER_HOP
    levels = log_mel(round_again(recording, round(len(dream) / TEMPOS[0]) + hop), hop)
    places = -(-len(recording) // hop)
    for tempo in TEMPOS:
        mine = log_mel(dream, round(hop * tempo))
        length = min(round(STRETCH * RATE / hop / tempo), len(mine))
        for start in range(0, places, COMPARED):
            piece = levels[start : min(start + COMPARED, places) + len(mine) - 1]
            values = _stretches(mine, piece, length)
            begin, place = np.unravel_index(values.argmax(), values.shape)
            first = int(begin) * BEGINS
            source = (start + int(place) + first) * hop / RATE % (len(recording) / RATE)
            at = first * round(hop * tempo) / RATE
            yield BestPlace(float(values[begin, place]), source, at, float(tempo))


def _stretches(mine: Levels, theirs: Levels, length: int) -> Numbers:
    """Correlations of stretches of ``mine``, one each :data:`BEGINS` frames, with those of
    ``theirs``: ``(stretches, places)``, where a place is that of the first frame of ``mine``.

    Products of single frames, summed along diagonals: all stretches at once.
    """
    mine, theirs = mine - mine.mean(0), theirs - theirs.mean(0)
    places = len(theirs) - len(mine) + 1
    products = matmul(torch.from_numpy(mine), torch.from_numpy(theirs).T).numpy()
    down, right = products.strides
    diagonals = np.lib.stride_tricks.as_strided(
        products, (len(mine), places), (down + right, right), writeable=False
    )
    both = _sums(diagonals, length)[::BEGINS]
    means, sums = _sums(mine, length)[::BEGINS] / length, _sums(theirs, length)
    spreads, variation = _variation(mine, length)[::BEGINS], _variation(theirs, length)
    for number, (mean, spread) in enumerate(zip(means, spreads, strict=True)):
        here = slice(number * BEGINS, number * BEGINS + places)
        both[number] -= sums[here] @ mean
        both[number] /= np.maximum(np.sqrt(spread * variation[here]), STILL)
    return both


def _nearby(dream: Samples, recording: Samples, rough: BestPlace) -> BestPlace:
    """The same stretch by every frame, at tempos and places around, and between frames."""
    levels = log_mel(round_again(recording, round(2 * STRETCH * RATE)))
    start = max(round(rough.source * RATE / ORDER_HOP) - NEAR_PLACE, 0)
    first, best = round(rough.at * RATE), rough
    for tempo in rough.tempo * TEMPOS_NEAR:
        for late in range(0, ORDER_HOP, ORDER_HOP // 4):
            stretch = dream[first + late : first + late + round(STRETCH * RATE)]
            window = log_mel(stretch, round(ORDER_HOP * tempo))
            values = correlations(window, levels[start : start + len(window) + 2 * NEAR_PLACE])
            best = max(best, BestPlace(float(values.max()), rough.source, rough.at, tempo))
    return best


def _sums(rows: Numbers | Levels, length: int) -> Numbers:
    """Of each ``length`` rows in a row."""
    total = np.cumsum(rows, axis=0, dtype=float)
    total[length:] -= total[:-length].copy()
    return total[length - 1 :]


def _variation(levels: Levels, length: int) -> Numbers:
    """Of each stretch of ``length`` frames: squares of what is left without each band's mean."""
    centred = (levels - levels.mean(0)).astype(float)
    squares = _sums((centred**2).sum(1), length)
    return np.maximum(squares - (_sums(centred, length) ** 2).sum(1) / length, 0.0)
