"""A channel vocoder whose oscillators are tuned: magnitudes to samples, one hop at a time.

``spectrum``'s decoder feeds it each dreamt spectrum and gets ``hop`` samples back. The paper
(section 2.2) puts an oscillator at the centre of each bin, its amplitude the bin's magnitude. But a
steady tone reaches three or four bins of the window's main lobe, so three or four oscillators
sound for it, a bin apart: they beat, all of them with the same period of one frame, and at
1024 samples a guitar becomes a buzzing cluster 11 Hz wide whose pulses click. Here only the bins
that are peaks sound, one oscillator for each, tuned to where the peak lies between the bins (the
parabola through the logarithms of three bins, exact to a few hundredths of a bin for a Hann
window). Over a hop its amplitude and its frequency go in straight lines from the last spectrum's
to this one's, and its phase advances by itself. An oscillator goes on while there is a peak
within :data:`NEAR_PEAK` of a bin of it; others fade in and out over a hop (McAulay and Quatieri).

*Phase rule:* one that begins at bin ``k`` begins at phase ``π k²/2``, 0 and π/2 in turn, so that
not all of them add up to one pulse.

Of two channels the peaks are those of their power, and each sounds in both, as loud as it is in
each: what is left and what is right stays there. Were each channel's peaks tuned for themselves,
one tone would beat between the loudspeakers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dreamd.kernels.compiled import compiled

Magnitudes = NDArray[np.float32]
Numbers = NDArray[np.float64]

NEAR_PEAK = 0.6
"""Bins: how far a partial moves from one spectrum to the next and is still the same."""


@dataclass(frozen=True)
class Peaks:
    """Oscillators at one moment, in order of frequency."""

    place: Numbers  # in bins, between them
    amplitude: Numbers  # (channels, count)
    phase: Numbers  # radians


def peaks(magnitudes: Magnitudes) -> Peaks:
    """The local maxima of a Hann window's magnitudes ``(channels, F)``, and where they lie between
    bins."""
    each = magnitudes
    magnitudes = each[0] if len(each) == 1 else np.sqrt((each**2).mean(0))
    inner = magnitudes[1:-1]
    bins = np.flatnonzero((inner > magnitudes[:-2]) & (inner >= magnitudes[2:])) + 1
    below, peak, above = (
        np.log(np.maximum(magnitudes[bins + step], 1e-9).astype(np.float64)) for step in (-1, 0, 1)
    )
    beside = 0.5 * (below - above) / (below - 2 * peak + above)
    share = each[:, bins] / magnitudes[bins]  # 1 of one channel
    return Peaks(
        place=bins + beside,
        amplitude=np.exp(peak - 0.25 * (below - above) * beside) * share,
        phase=np.where(bins % 2, np.pi / 2, 0.0),
    )


class Vocoder:
    """Holds the oscillators; starts from silence.

    :param frame: samples in the analysis frame (even): ``frame/2 + 1`` bins.
    :param hop: samples from one spectrum to the next.
    """

    def __init__(self, frame: int, hop: int, channels: int = 1) -> None:
        self._radians, self._hop, self._channels = 2 * np.pi / frame, hop, channels
        self._last = Peaks(np.zeros(0), np.zeros((channels, 0)), np.zeros(0))

    def __call__(self, magnitudes: Magnitudes) -> NDArray[np.float32]:
        """``(channels, frame/2 + 1)`` magnitudes to the next ``(hop, channels)`` samples."""
        last, new = self._last, peaks(magnitudes)
        here, there = followed(last.place, new.place)
        ends, begins = np.ones(len(last.place), bool), np.ones(len(new.place), bool)
        ends[here] = begins[there] = False
        start = np.concatenate((last.place[here], last.place[ends], new.place[begins]))
        stop = np.concatenate((new.place[there], last.place[ends], new.place[begins]))
        was, will = last.amplitude, new.amplitude
        louder = np.hstack((was[:, here], was[:, ends], np.zeros_like(will[:, begins])))
        later = np.hstack((will[:, there], np.zeros_like(was[:, ends]), will[:, begins]))
        phase = np.concatenate((last.phase[here], last.phase[ends], new.phase[begins]))
        samples = np.zeros((self._channels, self._hop))
        for made, *amplitudes in zip(samples, louder, later, strict=True):
            oscillate(made, *amplitudes, start * self._radians, stop * self._radians, phase)
        went = phase + 0.5 * (start + stop) * self._radians * self._hop
        new.phase[there] = went[: len(here)]
        new.phase[begins] = went[len(went) - begins.sum() :]
        self._last = Peaks(new.place, new.amplitude, new.phase % (2 * np.pi))
        return samples.astype(np.float32).T


def followed(last: Numbers, new: Numbers) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Which of the places ``last`` go on as which of ``new``: pairs of indices, each used once.

    >>> followed(np.array([10.0, 20.0]), np.array([9.2, 10.1, 20.5]))
    (array([0, 1]), array([1, 2]))
    """
    if not len(last) or not len(new):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    to_new, to_last = nearest(new, last), nearest(last, new)
    index = np.arange(len(last))
    mutual = (to_last[to_new] == index) & (np.abs(new[to_new] - last) <= NEAR_PEAK)
    return index[mutual], to_new[mutual]


def nearest(places: Numbers, to: Numbers) -> NDArray[np.intp]:
    """The index of the one of ``places``, ascending, that is nearest to each of ``to``."""
    above = np.searchsorted(places, to).clip(1, max(len(places) - 1, 1))
    if len(places) == 1:
        return np.zeros(len(to), np.intp)
    return above - (to - places[above - 1] < places[above] - to)


@compiled(nogil=True)
def oscillate(
    samples: Numbers, start: Numbers, stop: Numbers, low: Numbers, high: Numbers, phase: Numbers
) -> None:
    """Adds oscillators to ``samples``: amplitudes from ``start`` to ``stop``, frequencies (radians
    a sample) from ``low`` to ``high``, in straight lines; by rotation, no cosine for each sample.
    """
    hop = len(samples)
    for k in range(len(phase)):
        glide = (high[k] - low[k]) / hop
        value = np.exp(1j * phase[k])
        turn = np.exp(1j * (low[k] + glide / 2))
        bend = np.exp(1j * glide)
        amplitude, step = start[k], (stop[k] - start[k]) / hop
        for t in range(hop):
            samples[t] += amplitude * value.real
            amplitude += step
            value *= turn
            turn *= bend


def warm() -> None:
    """Compiles, or loads what was compiled."""
    Vocoder(16, 8)(np.array([[0, 1, 2, 1, 0, 0, 0, 0, 0]], np.float32))
