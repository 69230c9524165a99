"""How loud something sounds, as EBU R128 and ITU-R BS.1770 measure it, block after block.

:mod:`dreamd.corpus.events` asks it of each recording, :mod:`dreamd.audio.limiter` of each dream
while it is made. Loudness is in LUFS: 0 would be a full-scale square wave at 1 kHz, or thereabouts.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyloudnorm import IIRfilter
from scipy import signal

from dreamd.audio.channels import columns
from dreamd.audio.files import Samples

Numbers = NDArray[np.float64]

HOP = 0.01  # seconds of which the power is known
MOMENT = 40
"""Hops in the 0.4 s over which momentary loudness is measured."""
EVERY = 10  # hops from one such moment to the next
OFFSET = -0.691  # dB, so that a sine of 1 kHz measures as its level
SILENT, QUIETER = -70.0, 10.0  # LUFS below which a moment does not count, nor LU under the mean

SHELF = (3.99984385397, 0.7071752369554193, 1681.9744509555319)
BASS = (0.0, 0.5003270373253953, 38.13547087613982)
"""Gain, Q and frequency of the two filters, for which the standard gives coefficients at 48 kHz."""


class Weighting:
    """The standard's two filters, and the mean power of each hop behind them; over the channels
    the mean, too, so that what is the same on both sides is as loud as in one channel."""

    def __init__(self, rate: int, channels: int = 1) -> None:
        self.hop = round(HOP * rate)
        self._sos = _sections(rate)
        self._state = np.zeros((len(self._sos), 2, channels))
        self._rest = np.zeros((0, channels))

    def __call__(self, samples: Numbers) -> Numbers:
        """The powers of the hops that these samples ``(frames, …)`` complete."""
        if not len(samples):  # scipy filters no empty array
            return np.zeros(0)
        weighted, self._state = signal.sosfilt(self._sos, columns(samples), axis=0, zi=self._state)
        whole = np.concatenate((self._rest, weighted))
        count = len(whole) // self.hop
        self._rest = whole[count * self.hop :]
        each = whole[: count * self.hop].reshape(count, self.hop, whole.shape[1]) ** 2
        powers: Numbers = each.mean(2).mean(1)
        return powers


@lru_cache(maxsize=4)
def _sections(rate: int) -> Numbers:
    filters = (
        IIRfilter(*SHELF, rate, "high_shelf_DeMan"), IIRfilter(*BASS, rate, "high_pass_DeMan")
    )  # fmt: skip
    return np.array([(*each.b, *each.a) for each in filters])


def moments(powers: Numbers) -> Numbers:
    """The mean powers of the moments in these hops; less than a moment counts as one."""
    if len(powers) < MOMENT:
        return powers.mean(keepdims=True) if len(powers) else np.zeros(0)
    return np.lib.stride_tricks.sliding_window_view(powers, MOMENT)[::EVERY].mean(1)


def gated(powers: Numbers) -> float:
    """Integrated loudness of moments of these mean powers, in LUFS; ``-inf`` of silence."""
    there = powers[powers > power(SILENT)]
    if not len(there):
        return -np.inf
    return lufs(float(there[there > there.mean() / 10 ** (QUIETER / 10)].mean()))


def integrated(samples: Samples, rate: int) -> float:
    """Integrated loudness of a whole sound ``(frames, …)``, in LUFS; ``-inf`` of silence."""
    weighting = Weighting(rate, columns(samples).shape[1])
    return gated(moments(weighting(samples.astype(np.float64))))


def lufs(power: float) -> float:
    return float(OFFSET + 10 * np.log10(max(power, 1e-30)))


def power(lufs: float) -> float:
    return float(10 ** ((lufs - OFFSET) / 10))
