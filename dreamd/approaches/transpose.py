"""Transpose (paper, section 2.3): from ``n`` vectors to the one sample after them."""

import torch
from torch import Tensor, nn

from dreamd.approaches.base import Errors, StateDict, mean_squares
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.sample_wise import SampleWise
from dreamd.kernels.windowed_lstm import Rows

NEXT_TO_NOTHING = 1e-4
"""Sums of weights much smaller than this pass nothing on: no bias is to grow against them."""


class Transpose(SampleWise):
    """LSTM, dense ``H → P`` to a column of ``n``; its transpose, dense ``n → 1``, to a sample of
    each of ``P`` parts."""

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.across = nn.Linear(config.window, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, P)``."""
        column = self.dense(self.recurrent(inputs))  # (B, n, P)
        sample: Tensor = self.across(column.transpose(1, 2)).squeeze(-1)
        return sample

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        vectors, after = self.stretches(samples)
        return vectors, after[:, -1].reshape(len(samples), -1)

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """The sample after each window's last vector."""
        column = self.dense(outputs).permute(1, 2, 0)  # (B, P, n)
        labels = after[torch.from_numpy(rows[-1])]
        return mean_squares(self.across(column).view_as(labels), labels)

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """The last bias is one for all bands: the lowest band's own takes it over, as far as the
        weights that it passes do not cancel each other. A constant, no sound, is what is lost."""
        mine, passed = super().lifted(weights, was), weights["across.weight"].sum()
        carried = weights["across.bias"] * passed / (passed.square() + NEXT_TO_NOTHING**2)
        mine["dense.bias"][:1] += carried
        return mine | {"across.bias": torch.zeros(1)}

    def mixer(self) -> nn.Linear:
        return self.across

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0].squeeze()

    def mix(self) -> tuple[Tensor, Tensor]:
        return self.across.weight[0], self.across.bias
