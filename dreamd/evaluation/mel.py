"""What the measures hear: short-time spectra in mel bands, at one sample rate.

Liveliness, artifacts, resemblance and copying look at sound through these. Samples are mono, at
:data:`RATE`.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from dreamd.audio.files import Samples

RATE = 11025
"""The rate at which every measure listens, in Hz."""
FRAME = 1024
TINY = 1e-12  # the least power: what is below is silence

Numbers = NDArray[np.float64]
Levels = NDArray[np.float32]
"""In dB, ``(frames, bands)``."""


@lru_cache
def mel_bands(count: int, lowest: float, highest: float) -> Numbers:
    """Triangular bands on the mel scale ``(count, FRAME/2 + 1)``, each with a sum of 1.

    A band that is narrower than a bin is the bin nearest to its middle.
    """
    bottom, top = 2595 * np.log10(1 + np.array([lowest, highest]) / 700)
    edges = 700 * (10 ** (np.linspace(bottom, top, count + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
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
    window = np.hanning(FRAME).astype(np.float32)
    spectra = np.fft.rfft(frames_of(samples, FRAME, hop) * window)
    power = (spectra.real**2 + spectra.imag**2) @ bands.T
    return (10 * np.log10(power + TINY)).astype(np.float32)
