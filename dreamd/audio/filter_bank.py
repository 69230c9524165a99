"""A sound as a few bands, each at a low rate, and back: a pseudo-quadrature mirror filter bank.

``transpose`` and ``column`` predict one sample of each band at a time, so that their networks run
at a fraction of the sound's rate. The bank lies between samples and networks alone. ``M`` samples
make one *frame*, a sample of each of ``M`` bands: no more numbers come out than went in.

With ``p`` a symmetric low-pass of ``N`` taps, band ``k`` comes in, and goes out again, by
(Vaidyanathan, "Multirate Systems and Filter Banks", 1993, section 8.1)

    h_k[n] = 2 p[n] cos((2k+1) π/(2M) (n - (N-1)/2) + (-1)^k π/4)        f_k[n] = M h_k[N-1-n]

whose phases cancel what neighbours alias into each other. What is left to ``p`` is that the whole
is flat, ``2M Σ_n p[n] p[n+2Ml] = δ_l``, and that bands further apart hear nothing of each other.
What misses that, squared, is made least, from a Kaiser-windowed sinc on.
"""

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor
from torch.nn.functional import pad

Numbers = NDArray[np.float64]

TAPS = 32  # of each filter, for each band
FRAMES_AT_ONCE = 16  # frames that one row of a product makes
CUTOFF, KAISER = 0.535, 9.0  # of the sinc, in widths of a band, and of its window
STOPS = 0.8  # widths of a band from which on the prototype is to let nothing pass


class Analysis:
    """Samples to frames.

    :param bands: ``M``, 2 or more.
    """

    def __init__(self, bands: int) -> None:
        self.bands = bands
        self.margin = (TAPS - 1) * bands  #: samples that a frame hears beyond its own
        self._matrix = _side_by_side(filters(bands)[:, ::-1].T)

    def __call__(self, samples: Tensor) -> Tensor:
        """``(…, count·M + margin)`` samples to ``(…, count, M)``: a frame is heard in its ``M``
        samples and the margin after them. A wave of amplitude 1 amid a band has 1 there."""
        step, count = FRAMES_AT_ONCE * self.bands, (samples.shape[-1] - self.margin) // self.bands
        padded = pad(samples, (0, -count % FRAMES_AT_ONCE * self.bands))
        made = padded.unfold(-1, step + self.margin, step) @ self._matrix.to(samples.device)
        return made.reshape(*samples.shape[:-1], -1, self.bands)[..., :count, :]


class Synthesis:
    """Frames to the samples that they were made of, block after block, at once: frame ``t`` gives
    the first ``M`` samples that it was heard in. Before the first frame there was silence, so that
    the first ``margin`` samples fade in.

    :param bands: ``M``, 2 or more.
    """

    def __init__(self, bands: int) -> None:
        self._bands = bands
        self._past = torch.zeros(TAPS - 1, bands)
        each = filters(bands)[:, ::-1].reshape(bands, TAPS, bands)  # band, frames ago, sample
        self._matrix = _side_by_side(bands * each[:, ::-1].swapaxes(0, 1).reshape(-1, bands))

    def __call__(self, frames: Tensor) -> Tensor:
        """``(count, M)`` to ``(count·M,)``."""
        count, step = len(frames), FRAMES_AT_ONCE * self._bands
        heard = torch.cat((self._past, frames))
        self._past = heard[count:]
        padded = pad(heard, (0, 0, 0, -count % FRAMES_AT_ONCE)).flatten()
        made = padded.unfold(0, step + (TAPS - 1) * self._bands, step) @ self._matrix
        return made.flatten()[: count * self._bands]


def _side_by_side(filters: Numbers) -> Tensor:
    """Filters ``(N, M)`` for :data:`FRAMES_AT_ONCE` frames, each ``M`` samples after the last."""
    taps, bands = filters.shape
    matrix = np.zeros((taps + (FRAMES_AT_ONCE - 1) * bands, FRAMES_AT_ONCE * bands), np.float32)
    for at in range(0, FRAMES_AT_ONCE * bands, bands):
        matrix[at : at + taps, at : at + bands] = filters
    return torch.from_numpy(matrix)


def filters(bands: int) -> Numbers:
    """``h (M, N)``, the lowest band first."""
    low_pass, band = prototype(bands), np.arange(bands)[:, None]
    turns = (2 * band + 1) / (2 * bands) * (np.arange(len(low_pass)) - (len(low_pass) - 1) / 2)
    return np.asarray(2 * low_pass * np.cos(np.pi * (turns + (-1.0) ** band / 4)))


@lru_cache(maxsize=4)
def prototype(bands: int) -> Numbers:
    """``p (N,)``, by Levenberg and Marquardt; takes some hundredths of a second."""
    taps = TAPS * bands
    place, lags = np.arange(taps // 2) + 0.5, range(0, taps, 2 * bands)
    angles = np.linspace(STOPS * np.pi / bands, np.pi, 4 * taps)
    passing = 2 * np.cos(np.outer(angles, place)) / np.sqrt(len(angles))

    def missed(half: Numbers) -> Numbers:
        whole = mirrored(half)
        flat = [2 * bands * (whole[: taps - lag] @ whole[lag:]) - (lag == 0) for lag in lags]
        return np.concatenate((flat, passing @ half))

    def slopes(half: Numbers) -> Numbers:
        flat, whole = np.zeros((len(lags), taps)), mirrored(half)
        for row, lag in zip(flat, lags, strict=True):
            row[lag:] += 2 * bands * whole[: taps - lag]
            row[: taps - lag] += 2 * bands * whole[lag:]
        both = flat[:, taps // 2 :] + flat[:, : taps // 2][:, ::-1]
        return np.concatenate((both, passing))

    sinc = CUTOFF / bands * np.sinc(CUTOFF / bands * place) * np.kaiser(taps, KAISER)[taps // 2 :]
    return mirrored(optimize.least_squares(missed, sinc, slopes, method="lm").x)


def mirrored(half: Numbers) -> Numbers:
    return np.concatenate((half[::-1], half))
