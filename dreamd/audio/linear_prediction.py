"""Linear prediction: how a stretch of sound goes on by itself, and what in it was a surprise.

:mod:`dreamd.audio.crossfade` lets a block begin as its past goes on; the follower of a concurrent
dream takes from the recording what nothing before it foretold. The coefficients come from the
autocorrelation of a Hann-windowed stretch (Makhoul, "Linear prediction: a tutorial review", 1975).
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_toeplitz

from dreamd.audio.files import Samples

Numbers = NDArray[np.float64]


def taps(past: Samples, order: int) -> Numbers:
    """The coefficients ``(order,)`` by which the next sample follows from the last ones, the
    oldest first. Of silence, or of next to nothing, none: ``(0,)``."""
    order = min(order, len(past) // 4)
    windowed = past.astype(np.float64) * _hann(len(past))
    lags = np.array([windowed[: len(past) - k] @ windowed[k:] for k in range(order + 1)])
    if order < 1 or lags[0] < 1e-12:
        return np.zeros(0)
    lags[0] *= 1 + 1e-9  # keeps the equations solvable
    solved: Numbers = solve_toeplitz(lags[:-1], lags[1:])[::-1]  # Levinson's: orders reach 128
    return solved


@lru_cache(maxsize=8)
def _hann(length: int) -> Numbers:
    return np.hanning(length)


def extrapolated(past: Samples, count: int, order: int) -> Samples:
    """How ``past`` goes on: ``count`` samples.

    >>> t = np.arange(544)
    >>> wave = np.sin(0.1 * t) + 0.5 * np.sin(0.31 * t + 1)
    >>> bool(np.abs(extrapolated(wave[:512], 32, 32) - wave[512:]).max() < 0.1)
    True
    """
    known = taps(past, order)
    if not len(known):
        return np.zeros(count, np.float32)
    order = len(known)
    going = np.concatenate((past[len(past) - order :].astype(np.float64), np.zeros(count)))
    for k in range(order, order + count):
        going[k] = known @ going[k - order : k]
    return going[order:].astype(np.float32)


def innovation(stretch: Samples, count: int, order: int) -> Samples:
    """What in the last ``count`` samples did not follow from those before them.

    >>> t = np.arange(1024)
    >>> struck = np.sin(0.1 * t).astype(np.float32)
    >>> struck[1000] += 0.5
    >>> surprise = innovation(struck, 256, 8)
    >>> int(np.flatnonzero(np.abs(surprise) > 0.1)[0]), len(surprise)
    (232, 256)
    """
    known = taps(stretch, order)
    if not len(known):
        return stretch[-count:].copy()
    foretold = np.convolve(stretch[:-1].astype(np.float64), known[::-1])[: len(stretch) - 1]
    return (stretch[-count:] - foretold[-count:]).astype(np.float32)
