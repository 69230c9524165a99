"""Many long filters over one signal, by FFT: for :mod:`dreamd.kernels.sliding_lstm`.

There a filter is a gate of an LSTM, its taps are what the gate has for the samples of a vector,
and what comes out are the gate's projections, position by position. The spectra of the taps are
megabytes; what takes the time is to read them, so they are gone through once for all signals.
"""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import next_fast_len
from torch import Tensor

from dreamd.kernels.activations import FLAGS
from dreamd.kernels.compiled import compiled

Array = NDArray[np.float32]

Split = Callable[[Callable[[int, int], None], int], None]
"""``split(work, count)`` has ``work(low, high)`` done for all of ``count``, in parts or not."""


class LongFilters:
    """``G`` filters of ``K`` signals each, output ``r``: ``Σ_k Σ_u taps[k, :, u] signals[k, r+u]``.

    :param taps: ``(K, G, T)``.
    :param samples: of each signal, at most. Outputs from ``samples - T + 1`` on are not to be
        looked at, unless the signals begin with zeros: beyond its end a signal begins again.
    """

    def __init__(self, taps: Tensor, samples: int) -> None:
        self._length = fft_length(max(samples, taps.shape[2]))
        spectra = torch.conj_physical(torch.fft.rfft(taps, self._length)).transpose(0, 1)
        self._real, self._imaginary = _parts(spectra)  # (G, K, bins); conjugate: a correlation
        # What the system would hand out and take back each time.
        self._filtered = torch.empty(spectra.shape[0], spectra.shape[2], dtype=torch.complex64)
        self._heard = torch.empty(spectra.shape[0], self._length)

    def outputs(self, signals: Tensor, split: Split) -> Tensor:
        """:param signals: ``(K, ≤ samples)``.
        :return: ``(G, ≥ samples)``, the filters' own memory, which the next call takes again.
        """
        real, imaginary = _parts(torch.fft.rfft(signals, self._length))

        def work(low: int, high: int) -> None:
            filtered = self._filtered[low:high]
            filter_spectra(
                self._real[low:high], self._imaginary[low:high], real, imaginary,
                torch.view_as_real(filtered).flatten(1).numpy(),
            )  # fmt: skip
            torch.fft.irfft(filtered, self._length, out=self._heard[low:high])

        split(work, len(self._heard))
        return self._heard


@compiled(**FLAGS)
def filter_spectra(
    taps_re: Array, taps_im: Array, signal_re: Array, signal_im: Array, out: Array
) -> None:
    """The sum over ``K`` of the products of spectra ``(G, K, bins)`` and ``(K, bins)``, whose real
    and imaginary parts take turns in ``out (G, 2·bins)``."""
    filters, signals, bins = taps_re.shape
    re, im = np.empty(bins, np.float32), np.empty(bins, np.float32)
    for g in range(filters):
        re[:] = np.float32(0)
        im[:] = np.float32(0)
        for k in range(signals):
            a, b, c, d = taps_re[g, k], taps_im[g, k], signal_re[k], signal_im[k]
            for j in range(bins):
                re[j] += a[j] * c[j] - b[j] * d[j]
                im[j] += a[j] * d[j] + b[j] * c[j]
        row = out[g]
        for j in range(bins):
            row[2 * j] = re[j]
            row[2 * j + 1] = im[j]


def fft_length(least: int) -> int:
    """A length of quick FFTs, but no multiple of 512: rows that lie so far apart share the same few
    places in a core's cache, and to turn them over takes longer than their FFTs.

    >>> fft_length(511), fft_length(1023)
    (576, 1080)
    """
    length = -(-least // 8) * 8
    while length % 512 == 0 or next_fast_len(length, real=True) != length:
        length += 8
    return length


def _parts(spectra: Tensor) -> tuple[Array, Array]:
    return spectra.real.contiguous().numpy(), spectra.imag.contiguous().numpy()
