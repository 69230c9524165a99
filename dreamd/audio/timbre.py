"""What a stretch of sound sounds like, as a vector whose products are likenesses.

The log-mel spectrum of 0.35 s, its mean removed, its length 1: the product of two is 1 for the
same colour at any loudness, about 0 for unlike ones. The corpus' events have one before and one
after each boundary of a recording, a dream's cursor one of what the dream sounds like now. Bands
are in Hz, so that recordings of any sample rate compare.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft

from dreamd.audio.channels import mono
from dreamd.audio.files import Samples

TIMBRE_SPAN = 0.35  # seconds
BANDS, LOWEST, HIGHEST = 40, 50.0, 5000.0  # Hz
TIMBRE_DEPTH = 50.0
"""dB under the loudest band; what is lower counts as if it were there."""
LEAST_POWER = 1e-12  # the least power: silence has no timbre

Array = NDArray[np.float32]
Frames = NDArray[np.int64]


def timbre(samples: Samples, rate: int) -> Array:
    """``(BANDS,)``: how the last 0.35 s of these samples sound. Silence: zeros."""
    size = round(TIMBRE_SPAN * rate)
    newest = samples[-size:]
    padded = np.pad(newest, (size - len(newest), 0))[None]
    return timbres(powers(padded, rate), rate, size)[0]


def timbre_of(samples: Samples, rate: int) -> Array:
    """``(BANDS,)``: how all of these samples ``(frames, …)`` sound, taken together; at least 0.35 s
    of them."""
    samples, size = mono(samples), round(TIMBRE_SPAN * rate)
    starts = np.arange(0, max(len(samples) - size, 0) + 1, size // 4)
    power = powers(stretches(samples, starts, size), rate).mean(0, keepdims=True)
    return timbres(power, rate, size)[0]


def stretches(samples: Samples, starts: Frames, size: int) -> Array:
    """``(count, size)`` samples from each start on; what lies outside is silence."""
    out = np.zeros((len(starts), size), np.float32)
    for row, start in zip(out, starts.tolist(), strict=True):
        first, last = max(start, 0), min(start + size, len(samples))
        row[first - start : max(last, first) - start] = samples[first : max(last, first)]
    return out


def powers(stretches: Array, rate: int) -> Array:
    """``(count, size)`` samples to power spectra ``(count, bins)`` up to :data:`HIGHEST`."""
    size = stretches.shape[1]
    spectra = rfft(stretches * hann(size), next_fast_len(size, real=True))
    spectra = spectra[:, : mel(size, rate).shape[0]]
    return np.asarray((spectra.real**2 + spectra.imag**2) * (4 / size) ** 2)


@lru_cache(maxsize=8)
def hann(size: int) -> Array:
    return np.hanning(size).astype(np.float32)


@lru_cache(maxsize=8)
def mel(size: int, rate: int) -> Array:
    """Triangular bands on the mel scale, ``(bins, BANDS)``, for stretches of ``size``."""
    bottom, top = 2595 * np.log10(1 + np.array([LOWEST, HIGHEST]) / 700)
    edges = 700 * (10 ** (np.linspace(bottom, top, BANDS + 2) / 2595) - 1)
    bin = rate / next_fast_len(size, real=True)
    count = min(int(HIGHEST / bin) + 1, size // 2)
    hertz = (np.arange(count) * bin)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    bands = np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle))
    return np.maximum(bands, 0).astype(np.float32)


def timbres(powers: Array, rate: int, size: int) -> Array:
    """Power spectra ``(count, bins)`` to unit vectors ``(count, BANDS)``."""
    levels = 10 * np.log10(powers @ mel(size, rate) + LEAST_POWER)
    levels = np.maximum(levels, levels.max(1, keepdims=True) - TIMBRE_DEPTH)
    levels -= levels.mean(1, keepdims=True)
    length = np.linalg.norm(levels, axis=1, keepdims=True)
    return np.asarray(levels / np.maximum(length, 1e-3), np.float32)
