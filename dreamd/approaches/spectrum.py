"""Magnitude spectrum (paper, section 2.2): from ``n`` spectra to the next one.

A spectrum is the magnitude of a Hann-windowed frame of ``frame`` samples, ``F = frame/2 + 1``
bins, each hop of ``V`` samples; phases are discarded. The whole data set is divided by its
largest magnitude. A channel vocoder turns dreamt spectra into samples. With two channels the left
one's bins come first, then the right one's: of middle and side the magnitudes alone would not tell
what is left and what is right.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from dreamd.approaches.base import Decoder, Errors, StateDict, WithLSTM
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.recurrent import W_IH, Recurrent
from dreamd.audio.vocoder import Vocoder
from dreamd.kernels.windowed_lstm import Rows, dense_error
from dreamd.settings import multiple

SILENT = 1e-3
"""Bins under this (-60 dB of the recordings' largest magnitude) are silenced."""


class Spectrum(WithLSTM):
    """LSTM, then dense ``H → F`` at each of the ``n`` steps; labels are spectra 1…n."""

    hann: Tensor

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.queue_length = config.window
        self.element_samples = config.vector
        self.seed_samples = (config.window - 1) * config.vector + config.frame
        self.example_samples = self.seed_samples + config.vector
        self.bins = config.frame // 2 + 1  #: ``F``
        self.recurrent = Recurrent(config.channels * self.bins, config, dropout)
        self.dense = nn.Linear(config.hidden, config.channels * self.bins)
        self.register_buffer("hann", torch.hann_window(config.frame), persistent=False)

    def spectra(self, samples: Tensor) -> Tensor:
        """``(…, length)`` samples to ``(…, count, F)`` magnitudes, of two channels to
        ``(…, count, 2F)``; a sine of amplitude ``a`` on a bin's centre has magnitude ``a`` there.
        """
        if self.config.channels > 1:
            samples = samples.movedim(-1, -2)
        frames = samples.unfold(-1, self.config.frame, self.config.vector)
        spectra = torch.fft.rfft(frames * self.hann).abs() * (4 / self.config.frame)
        return spectra.movedim(-3, -2).flatten(-2) if self.config.channels > 1 else spectra

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, F)`` to ``(B, n, F)``: the spectrum after each spectrum."""
        predictions: Tensor = self.dense(self.recurrent(inputs))
        return predictions

    def measure(self, samples: Tensor) -> float:
        return float(self.spectra(samples).max())

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        spectra = self.spectra(samples) / self.scale
        return spectra[:, :-1], spectra[:, 1:]

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a spectrum comes a spectrum: ``(S, n+m-1, F)``."""
        return self.examples(samples)

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        return dense_error(outputs, self.dense, after, rows)

    def elements(self, samples: Tensor) -> Tensor:
        return self.spectra(samples) / self.scale

    def inputs(self, queue: Tensor) -> Tensor:
        return queue[None]

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """Bins lie where they lie in Hz; those above say and hear nothing yet."""
        bins, channels = torch.arange(self.bins), self.config.channels
        places = bins * (self.config.rate * was.frame / (self.config.frame * was.rate))
        below = places.floor().long().clamp_max(was.frame // 2 - 1)
        part, there = (places - below).float(), places <= was.frame // 2

        def at(each: Tensor) -> Tensor:  # (bins, …) at the places between the bins that were
            each = each.movedim(0, -1)
            made = torch.lerp(each[..., below], each[..., below + 1], part) * there
            return made.movedim(-1, 0).repeat(channels, *[1] * (each.dim() - 1))

        ends = {name: at(weights[name]) for name in ("dense.weight", "dense.bias")}
        return weights | ends | {W_IH: at(weights[W_IH].t()).t() / channels}

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        count = multiple(self.config.rate)
        halves = elements.view(self.config.channels, self.bins)
        return tuple(band for half in halves for band in half.tensor_split(count))

    def scaled(self, element: Tensor, gains: Sequence[float]) -> Tensor:
        bands = self.bands_of(element)
        return torch.cat([gain * band for gain, band in zip(gains, bands, strict=True)])

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1].clamp_min(0.0)

    def decoder(self) -> Decoder:
        channels = self.config.channels
        vocoder = Vocoder(self.config.frame, self.config.vector, channels)

        def decode(elements: Tensor) -> Tensor:
            audible = torch.where(elements < SILENT, 0.0, elements).view(-1, channels, self.bins)
            audible[..., 0] = 0.0  # a constant is no sound, and would reach the loudspeaker as DC
            magnitudes = (audible * self.scale).numpy()
            made = torch.from_numpy(np.concatenate([vocoder(each) for each in magnitudes]))
            return made if channels > 1 else made[:, 0]

        return decode
