"""The recurrent part that the approaches share: LSTM layers, and whole windows through them."""

from torch import Tensor, nn

from dreamd.approaches.config import ModelConfig
from dreamd.kernels import windowed_lstm
from dreamd.kernels.windowed_lstm import Rows

W_IH = "recurrent.layers.0.weight_ih_l0"
"""What the first layer makes of a vector."""


class Recurrent(nn.Module):
    """``L`` LSTM layers, zero initial state: ``(B, n, D)`` to ``(B, n, H)``."""

    def __init__(self, width: int, config: ModelConfig, dropout: float) -> None:
        super().__init__()
        widths = [width] + [config.hidden] * (config.layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(w, config.hidden, batch_first=True) for w in widths)
        self.residual = config.residual
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.layers[0](inputs)
        for layer in self.layers[1:]:
            above, _ = layer(self.dropout(outputs))
            outputs = above + outputs if self.residual else above
        return self.dropout(outputs)

    def windows(self, vectors: Tensor, rows: Rows) -> Tensor:
        """:meth:`forward` for the windows ``rows (n, B)`` of ``vectors (R, D)``: ``(n, B, H)``.

        Each vector is projected once; see :mod:`dreamd.kernels.windowed_lstm`.
        """
        outputs = windowed_lstm.lstm(self.layers[0], vectors, rows)
        own = windowed_lstm.all_rows(*rows.shape)
        for layer in self.layers[1:]:
            above = windowed_lstm.lstm(layer, self.dropout(outputs).flatten(0, 1), own)
            outputs = above + outputs if self.residual else above
        return self.dropout(outputs)
