"""Audio vector (paper, section 2.1): from ``n`` vectors of samples to the next one."""

from collections.abc import Sequence

import torch
from scipy.fft import dct, idct
from torch import Tensor, nn

from dreamd.approaches.base import W_IH, Decoder, Errors, Recurrent, StateDict, WithLSTM
from dreamd.approaches.config import ModelConfig
from dreamd.kernels.windowed_lstm import Rows, dense_error


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

    def scaled(self, element: Tensor, gains: Sequence[float]) -> Tensor:
        """More and more, so that its beginning still fits what came before."""
        return element * torch.linspace(1.0, gains[0], len(element))

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def decoder(self) -> Decoder:
        return lambda elements: elements.flatten() * self.scale
