"""Audio vector (paper, section 2.1): from ``n`` vectors of samples to the next one."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.fft import dct, idct
from torch import Tensor, nn

from dreamd.approaches.base import Decoder, Errors, StateDict, WithLSTM
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
        self.recurrent = Recurrent(config.vector, config, dropout)
        self.dense = nn.Linear(config.hidden, config.vector)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, n, V)``: the vector after each vector."""
        predictions: Tensor = self.dense(self.recurrent(inputs))
        return predictions

    def measure(self, samples: Tensor) -> float:
        return float(samples.abs().max())

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        vectors = samples.view(len(samples), -1, self.config.vector) / self.scale
        return vectors[:, :-1], vectors[:, 1:]

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a vector comes a vector: ``(S, n+m-1, V)``."""
        return self.examples(samples)

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        return dense_error(outputs, self.dense, after, rows)

    def elements(self, samples: Tensor) -> Tensor:
        return samples.view(self.config.window, self.config.vector) / self.scale

    def inputs(self, queue: Tensor) -> Tensor:
        return queue[None]

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """Vectors are brought to another length by way of their cosine transforms."""
        louder = (self.config.vector / was.vector) ** 0.5

        def longer(each: Tensor) -> Tensor:
            transformed = dct(each.numpy(), axis=0, norm="ortho")
            return torch.from_numpy(idct(transformed, n=self.config.vector, axis=0, norm="ortho"))

        ends = {name: louder * longer(weights[name]) for name in ("dense.weight", "dense.bias")}
        return weights | ends | {W_IH: longer(weights[W_IH].t()).t() / louder}

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        """Parts of its cosine transform."""
        if (count := multiple(self.config.rate)) == 1:
            return (elements,)
        parts = np.zeros((count, len(elements)), np.float32)
        whole = dct(elements.numpy(), norm="ortho")
        for part, places in zip(parts, np.array_split(np.arange(len(whole)), count), strict=True):
            part[places] = whole[places]
        return tuple(torch.from_numpy(idct(parts, norm="ortho")))

    def scaled(self, element: Tensor, gains: Sequence[float]) -> Tensor:
        """More and more, so that its beginning still fits what came before."""
        bands = zip(gains, self.bands_of(element), strict=True)
        return torch.stack(
            [band * torch.linspace(1.0, gain, len(element)) for gain, band in bands]
        ).sum(0)

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def decoder(self) -> Decoder:
        return lambda elements: elements.flatten() * self.scale
