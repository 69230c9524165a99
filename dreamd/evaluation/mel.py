"""What the measures hear: short-time spectra in mel bands, at one sample rate.

Liveliness, artifacts, resemblance, copying and order look at sound through these. Samples are mono,
at :data:`RATE`; sound of any other rate is brought to it first (:func:`at_judge_s_rate`), so that
every number means the same whatever rate a dream has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array

from dreamd.audio import resampling
from dreamd.audio.files import Samples
from dreamd.settings import PAPER_RATE

RATE = PAPER_RATE
"""The rate at which every measure listens, in Hz."""
FRAME = 1024
TINY = 1e-12  # the least power: what is below is silence

Numbers = NDArray[np.float64]
Levels = NDArray[np.float32]
"""In dB, ``(frames, bands)``."""


@lru_cache(64)
def mel_bands(
    count: int, lowest: float, highest: float, frame: int = FRAME, ratio: float = 1.0
) -> Numbers:
    """Triangular bands on the mel scale ``(count, frame/2 + 1)``, each with a sum of 1.

    A band that is narrower than a bin is the bin nearest to its middle.

    :param ratio: all frequencies times this: what the bands of a sound that is so much higher are.
    """
    bottom, top = 2595 * np.log10(1 + np.array([lowest, highest]) / 700)
    edges = ratio * 700 * (10 ** (np.linspace(bottom, top, count + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(frame, 1 / RATE)
    bands = np.zeros((count, len(hertz)))
    for k in range(count):
        low, middle, high = edges[k : k + 3]
        rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
        bands[k] = np.maximum(np.minimum(rise, fall), 0)
        if not bands[k].any():
            bands[k, np.abs(hertz - middle).argmin()] = 1.0
        bands[k] /= bands[k].sum()
    return bands


def frames_of(samples: Samples, frame: int, hop: int) -> Samples:
    """Overlapping stretches of ``frame`` samples, ``hop`` apart: ``(count, frame)``, a view."""
    padded = np.pad(samples, frame // 2)
    return np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]


def mel_levels(samples: Samples, bands: Numbers, hop: int) -> Levels:
    """The level in each band of a Hann window of :data:`FRAME` samples, every ``hop`` samples."""
    return decibels(power_of(samples, FRAME, hop, bands))


AT_A_TIME = 4096
"""Spectra: memory stays flat."""


def power_of(samples: Samples, frame: int, hop: int, bands: Numbers) -> Numbers:
    """The power in each band of Hann windows of ``frame`` samples: ``(count, bands)``.

    :param bands: ``(bands, frame/2 + 1)``, mostly zeros.
    """
    window = np.hanning(frame).astype(np.float32)
    frames, few = frames_of(samples, frame, hop), csr_array(bands)
    power = np.empty((len(frames), len(bands)))
    for start in range(0, len(frames), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        spectra = np.fft.rfft(frames[part] * window)
        power[part] = (few @ (spectra.real**2 + spectra.imag**2).T).T
    return power


def at_judge_s_rate(samples: Samples, rate: int) -> Samples:
    """Samples as the measures hear them."""
    whole = np.array(samples, np.float32)
    return whole if rate == RATE else resampling.resample(whole, rate, RATE)


@contextmanager
def on_one_core() -> Iterator[None]:
    """Where PyTorch's products are small: two threads would wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def decibels(power: Numbers) -> Levels:
    """
    >>> decibels(np.array([100.0]))
    array([20.], dtype=float32)
    """
    return (10 * np.log10(power + TINY)).astype(np.float32)
