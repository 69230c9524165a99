"""Audio vector (paper, section 2.1): from ``n`` vectors of samples to the next one.

With two channels a vector is ``V`` frames, of the middle and the side in turn.
"""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.fft import dct, idct
from torch import Tensor, nn

from dreamd.approaches.base import Decoder, Errors, StateDict, WithLSTM, left_right, mid_side
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.recurrent import W_IH, Recurrent
from dreamd.kernels.windowed_lstm import Rows, dense_error
from dreamd.settings import multiple


class Vector(WithLSTM):
    """LSTM, then dense ``H → V`` at each of the ``n`` steps; labels are vectors 1…n."""

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.queue_length = config.window
        self.element_samples = config.vector
        self.seed_samples = config.window * config.vector
        self.example_samples = self.seed_samples + config.vector
        self.recurrent = Recurrent(config.width, config, dropout)
        self.dense = nn.Linear(config.hidden, config.width)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, n, V)``: the vector after each vector."""
        predictions: Tensor = self.dense(self.recurrent(inputs))
        return predictions

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        vectors = self._vectors(samples).view(len(samples), -1, self.config.width)
        return vectors[:, :-1], vectors[:, 1:]

    def _vectors(self, samples: Tensor) -> Tensor:
        """One after the other, in the model's scale."""
        return (mid_side(samples) if self.config.channels > 1 else samples) / self.scale

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a vector comes a vector: ``(S, n+m-1, V)``."""
        return self.examples(samples)

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        return dense_error(outputs, self.dense, after, rows)

    def elements(self, samples: Tensor) -> Tensor:
        return self._vectors(samples).view(self.config.window, self.config.width)

    def inputs(self, queue: Tensor) -> Tensor:
        return queue[None]

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """Vectors are brought to another length by way of their cosine transforms."""
        louder = (self.config.vector / was.vector) ** 0.5

        def longer(each: Tensor) -> Tensor:
            transformed = dct(each.numpy(), axis=0, norm="ortho")
            made = torch.zeros(self.config.vector, self.config.channels, *each.shape[1:])
            made[:, 0] = torch.from_numpy(
                idct(transformed, n=self.config.vector, axis=0, norm="ortho")
            )
            return made.flatten(0, 1)  # of two channels no side

        ends = {name: louder * longer(weights[name]) for name in ("dense.weight", "dense.bias")}
        return weights | ends | {W_IH: longer(weights[W_IH].t()).t() / louder}

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        """Parts of its cosine transform; of two channels those of the middle first."""
        count, halves = multiple(self.config.rate), elements.view(self.config.vector, -1).T
        if count == 1:
            return tuple(halves)
        wholes = dct(halves.numpy(), norm="ortho")
        parts = np.zeros((len(wholes), count, self.config.vector), np.float32)
        for k, places in enumerate(np.array_split(np.arange(self.config.vector), count)):
            parts[:, k, places] = wholes[:, places]
        return tuple(torch.from_numpy(idct(parts, norm="ortho")).flatten(0, 1))

    def scaled(self, element: Tensor, gains: Sequence[float]) -> Tensor:
        """More and more, so that its beginning still fits what came before."""
        bands = zip(gains, self.bands_of(element), strict=True)
        each = [band * torch.linspace(1.0, gain, len(band)) for gain, band in bands]
        return torch.stack(each).view(self.config.channels, -1, len(each[0])).sum(1).T.flatten()

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def decoder(self) -> Decoder:
        def decode(elements: Tensor) -> Tensor:
            sound = elements.flatten() * self.scale
            return left_right(sound.view(-1, 2)) if self.config.channels > 1 else sound

        return decode
