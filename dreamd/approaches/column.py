"""Column vector (paper, section 2.4): for each of ``n`` vectors the sample just after it."""

import torch
from torch import Tensor

from dreamd.approaches.base import Errors, mean_squares
from dreamd.approaches.sample_wise import SampleWise
from dreamd.kernels.windowed_lstm import Rows


class Column(SampleWise):
    """LSTM, then dense ``H → P`` at each of the ``n`` steps; a dream takes the last of them."""

    def forward(self, inputs: Tensor) -> Tensor:
        """``(B, n, V)`` to ``(B, n)``, or of several parts ``(B, n, P)``."""
        column: Tensor = self.dense(self.recurrent(inputs)).squeeze(-1)
        return column

    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """The sample after each vector."""
        return mean_squares(self.dense(outputs).squeeze(-1), after[torch.from_numpy(rows)])

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def mix(self) -> tuple[Tensor, Tensor]:
        last = torch.zeros(self.config.window)
        last[-1] = 1.0
        return last, torch.zeros(())
