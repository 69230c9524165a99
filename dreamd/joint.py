"""A smooth way from one block of a concurrent dream into the next.

Between two blocks the weights change, and so may the level and the pitches that are held: the
first samples of a block do not quite fit the last ones of the block before, which clicks some
forty times a second. So a block begins as its past would have gone on by itself for a moment, by
linear prediction, and fades into what the network made of it. The approaches call this.
"""

import numpy as np
from scipy.linalg import solve_toeplitz

from dreamd.audio import Samples

ORDER = 32  # of the linear prediction
PAST = 512  # samples that it is fitted to
FADE = 32  # samples


def join(stream: Samples, count: int) -> None:
    """Changes the first samples of the block that the last ``count`` of ``stream`` are."""
    start = len(stream) - count
    past = stream[max(start - PAST, 0) : start]
    fade = min(FADE, count)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))
    block = stream[start : start + fade]
    block += (1 - rise) * (extrapolated(past, fade) - block)


def extrapolated(past: Samples, count: int) -> Samples:
    """How ``past`` goes on: ``count`` samples by linear prediction (autocorrelation method).

    >>> t = np.arange(544)
    >>> wave = np.sin(0.1 * t) + 0.5 * np.sin(0.31 * t + 1)
    >>> bool(np.abs(extrapolated(wave[:512], 32) - wave[512:]).max() < 0.1)
    True
    """
    order = min(ORDER, len(past) // 4)
    windowed = past.astype(np.float64) * np.hanning(len(past))
    spectrum = np.fft.rfft(windowed, 2 * len(past))
    lags = np.fft.irfft(np.abs(spectrum) ** 2)[: order + 1]
    if order < 1 or lags[0] < 1e-12:
        return np.zeros(count, np.float32)
    lags[0] *= 1 + 1e-9  # keeps the equations solvable
    taps = solve_toeplitz(lags[:-1], lags[1:])[::-1]
    going = np.concatenate((past[len(past) - order :].astype(np.float64), np.zeros(count)))
    for k in range(order, order + count):
        going[k] = taps @ going[k - order : k]
    return going[order:].astype(np.float32)
