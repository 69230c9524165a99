"""The pitches that a dream keeps: a transpose dream holds on to the partials of its seed.

The paper asks of transpose that a seed of certain pitches makes a dream of these pitches. Left
alone it does so for a second or two. Then, in the loop of a dream, whatever the network amplifies
most has outgrown all else. So a little of what does not belong to the seed is taken away after
each block, and the dream goes on from the rest. The approaches call this; it knows no networks.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import signal

from dreamd.audio.files import Samples
from dreamd.settings import multiple

MOST_PARTIALS = 100  # partials
FAINTEST = 1e-5  # of the strongest one's power
LOWEST_PARTIAL = 30.0  # Hz
PARTIALS_APART = 2.5  # bins of the seed's spectrum between two partials
HARMONICS_SPAN = (
    0.186  # seconds in which the partials are looked for: time enough to tell semitones apart
)
HOLD = 0.85  # of what does not belong to the seed is taken away
RISE = 32  # samples, at 11025 Hz, in which that begins, so that nothing clicks


class Harmonics:
    """:param seed: ``(length,)`` samples; silence has no partials, then nothing is held."""

    def __init__(self, seed: Samples, rate: int) -> None:
        hertz, self._rise = partials(seed, rate), RISE * multiple(rate)
        self.span = min(round(HARMONICS_SPAN * rate), len(seed))
        turns = 2 * np.pi * np.outer(np.arange(self.span) / rate, hertz)
        waves = np.concatenate((np.cos(turns), np.sin(turns)), axis=1)
        self._waves = torch.linalg.qr(torch.from_numpy(waves))[0].float()  # (span, 2·partials)

    def hold(self, newest: Samples, count: int) -> None:
        """Changes the last ``count`` of ``newest (span,)``.

        What belongs to the seed is the least-squares fit of its partials, of any phase.
        """
        if self._waves.numel():
            # PyTorch's product, not NumPy's, which wakes threads of its own for each of these.
            fit = torch.mv(self._waves, torch.mv(self._waves.t(), torch.from_numpy(newest)))
            foreign = newest - fit.numpy()
            rise = HOLD * np.minimum(np.arange(count, dtype=np.float32) / self._rise, 1.0)
            newest[-count:] -= rise * foreign[-count:]


def partials(samples: Samples, rate: int) -> NDArray[np.float64]:
    """The frequencies of the strongest peaks of a spectrum, in Hz, ascending.

    >>> t = np.arange(8192) / 11025
    >>> partials(np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * 660 * t), 11025).round()
    array([440., 660.])
    """
    size = 4 * len(samples)
    power = np.abs(np.fft.rfft(samples * np.blackman(len(samples)), size)) ** 2
    floor = max(FAINTEST * float(power.max()), 1e-20)
    peaks, _ = signal.find_peaks(power, height=floor, distance=4 * PARTIALS_APART)
    peaks = peaks[peaks * rate / size > LOWEST_PARTIAL]
    strongest = peaks[np.argsort(-power[peaks])][:MOST_PARTIALS]
    return np.sort(strongest) * rate / size
