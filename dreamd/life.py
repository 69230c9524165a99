"""Three numbers that tell a dream that lives from a drone; they need nothing to compare with.

Stationary noise or a sine scores near nothing in all three.

- *entries* a second: how often something begins. The level of 20 ms frames in dB relative to
  the whole, floored at -40, smoothed over three frames; an entry is a rise of at least 6 dB
  over the lowest of the 7 frames before, ending above -20 dB; entries are 300 ms apart.
- *life* in dB: how much the spectrum moves. At an RMS of 0.05, the power in 32 mel bands up to
  4 kHz (frames of 1024 at 11025 Hz, hop 256), smoothed over 0.2 s, plus 1e-6, in dB; the
  standard deviation over time of each band, averaged; the first eighth is left out.
- *drift* in dB: whether the level stays. RMS of 2 s stretches, the loudest over the median.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from dreamd.audio import Samples

RATE = 11025
FRAME, HOP, BANDS, HIGHEST = 1024, 256, 32, 4000.0
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Life:
    """Entries a second, life and drift in dB."""

    entries: float
    life: float
    drift: float


def measure(samples: Samples, rate: int) -> Life:
    """The three numbers of at least two seconds of sound, ``(frames,)``."""
    return Life(entries(samples, rate), life(samples), drift(samples, rate))


def entries(samples: Samples, rate: int) -> float:
    size = int(0.02 * rate)
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1)
    whole = float((samples**2).mean())
    level = 10 * np.log10(power / max(whole, 1e-20) + 1e-9)
    level = uniform_filter1d(np.maximum(level, -40.0), 3)
    count, last = 0, -np.inf
    for k in range(7, len(level)):
        rise = level[k] - level[k - 7 : k].min()
        if rise >= 6 and level[k] > -20 and (k - last) * 0.02 >= 0.3:
            count, last = count + 1, k
    return count / (len(samples) / rate)


def life(samples: Samples) -> float:
    """Of samples at 11025 Hz."""
    scaled = samples * (0.05 / max(np.sqrt(float((samples**2).mean())), 1e-9))
    frames = np.lib.stride_tricks.sliding_window_view(scaled, FRAME)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(FRAME))) ** 2 @ mel_bands().T
    smooth = uniform_filter1d(power, round(0.2 * RATE / HOP), axis=0)
    level = 10 * np.log10(smooth + 1e-6)
    return float(level[len(level) // 8 :].std(0).mean())


def mel_bands() -> Numbers:
    """Triangular bands on the mel scale ``(BANDS, FRAME/2 + 1)``, each with a sum of 1."""

    def mel(hertz: float) -> float:
        return float(2595 * np.log10(1 + hertz / 700))

    edges = 700 * (10 ** (np.linspace(0, mel(HIGHEST), BANDS + 2) / 2595) - 1)
    hertz = np.fft.rfftfreq(FRAME, 1 / RATE)
    bands = np.zeros((BANDS, len(hertz)))
    for k in range(BANDS):
        low, middle, high = edges[k : k + 3]
        rise, fall = (hertz - low) / (middle - low), (high - hertz) / (high - middle)
        bands[k] = np.maximum(np.minimum(rise, fall), 0)
        bands[k] /= max(bands[k].sum(), 1e-9)
    return bands


def drift(samples: Samples, rate: int) -> float:
    size = 2 * rate
    stretches = samples[: len(samples) // size * size].reshape(-1, size)
    level = np.sqrt((stretches**2).mean(1))
    return float(20 * np.log10(level.max() / max(np.median(level), 1e-9)))
