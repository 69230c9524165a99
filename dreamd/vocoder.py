"""A channel vocoder: magnitudes to samples, one hop at a time (paper, section 2.2).

``spectrum``'s decoder feeds it each dreamt spectrum and gets ``hop`` samples back. There is
an oscillator at the centre of each bin; over a hop its amplitude goes in a straight line
from the last spectrum's magnitude to this one's, and its phase advances by itself::

    y(t) = Σ_k a_k(t) cos(2π k t / N + φ_k),    N = frame,  t counted from the dream's start

*Phase rule:* ``φ_k = π k² / 2``, that is 0 and π/2 in turn. A steady tone spreads over the
three or four bins of the window's main lobe; with equal phases their oscillators cancel
N samples after N samples (a tremolo of 100 %), with neighbours in quadrature they do not.

*Cost:* amplitudes are linear in ``t``, so a hop is two sums of N-periodic oscillators, one
for the amplitudes at its start and one for their slope; each is one inverse FFT.
"""

import numpy as np
from numpy.typing import NDArray

Magnitudes = NDArray[np.float32]


def phases(bins: int) -> NDArray[np.float64]:
    """The phase rule, in radians, of ``bins`` oscillators."""
    return np.where(np.arange(bins) % 2, np.pi / 2, 0.0)


class Vocoder:
    """Holds the last magnitudes and the place in time; starts from silence.

    :param frame: samples in the analysis frame (even): ``frame/2 + 1`` bins.
    :param hop: samples from one spectrum to the next, at most ``frame``.
    """

    def __init__(self, frame: int, hop: int) -> None:
        self.frame, self.hop = frame, hop
        bins = frame // 2 + 1
        self._rotation = np.exp(1j * phases(bins)) * frame / 2
        # irfft counts the first and last bin once and the others twice, and takes the real
        # part: doubling those two and dropping sin(φ) there makes every oscillator a cosine.
        self._rotation[[0, -1]] *= 2
        self._ramp = np.arange(hop) / hop
        self._last = np.zeros(bins, np.float32)
        self._time = 0

    def __call__(self, magnitudes: Magnitudes) -> NDArray[np.float32]:
        """``(frame/2 + 1,)`` amplitudes of oscillators to the next ``(hop,)`` samples."""
        ends = np.stack((self._last, magnitudes - self._last)) * self._rotation
        start, slope = np.fft.irfft(ends, self.frame)
        where = (self._time + np.arange(self.hop)) % self.frame
        self._last = magnitudes.astype(np.float32)
        self._time = (self._time + self.hop) % self.frame
        return (start[where] + self._ramp * slope[where]).astype(np.float32)
