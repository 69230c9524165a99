"""Transpose (paper, section 2.3): from ``n`` vectors to the one sample after them."""

import torch
from torch import Tensor, nn

from dreamd.approaches.base import Errors, Recurrent, SampleWise, mean_squares
from dreamd.approaches.config import ModelConfig
from dreamd.kernels.windowed_lstm import Rows


class Transpose(SampleWise):
    """LSTM, dense ``H → 1`` to a column of ``n``; its transpose, dense ``n → 1``, to a sample."""

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.recurrent = Recurrent(config.vector, config, dropout)
        self.dense = nn.Linear(config.hidden, 1)
        self.across = nn.Linear(config.window, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, 1)``."""
        column = self.dense(self.recurrent(inputs))  # (B, n, 1)
        sample: Tensor = self.across(column.transpose(1, 2)).squeeze(1)
        return sample

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        scaled = samples / self.scale
        return scaled[:, :-1].view(len(samples), self.config.window, -1), scaled[:, -1:]

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """The sample after each window's last vector."""
        column = self.dense(outputs).squeeze(-1).t()  # (B, n)
        return mean_squares(self.across(column).squeeze(1), after[torch.from_numpy(rows[-1])])

    def mixer(self) -> nn.Linear:
        return self.across

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, 0]

    def mix(self) -> tuple[Tensor, Tensor]:
        return self.across.weight[0], self.across.bias
