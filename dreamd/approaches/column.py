"""Column vector (paper, section 2.4): for each of ``n`` vectors the sample just after it."""

import torch
from torch import Tensor, nn

from dreamd.approaches.base import Errors, Recurrent, SampleWise, mean_squares
from dreamd.approaches.config import ModelConfig
from dreamd.kernels.windowed_lstm import Rows


class Column(SampleWise):
    """LSTM, then dense ``H → 1`` at each of the ``n`` steps; a dream takes the last of them."""

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.recurrent = Recurrent(config.vector, config, dropout)
        self.dense = nn.Linear(config.hidden, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, n)``."""
        column: Tensor = self.dense(self.recurrent(inputs)).squeeze(-1)
        return column

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        scaled = samples / self.scale
        vectors = scaled[:, :-1].view(len(samples), self.config.window, -1)
        return vectors, scaled[:, self.config.vector :: self.config.vector]

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """The sample after each vector."""
        return mean_squares(self.dense(outputs).squeeze(-1), after[torch.from_numpy(rows)])

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def mix(self) -> tuple[Tensor, Tensor]:
        last = torch.zeros(self.config.window)
        last[-1] = 1.0
        return last, torch.zeros(())
