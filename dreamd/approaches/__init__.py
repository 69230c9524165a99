"""The four approaches of the paper behind one contract: data format, network, decoding.

The learner trains and the dreamer dreams through :class:`Approach` alone; neither knows
which of the four it holds. No loops over time, files or devices live here.
"""

from torch import nn

from dreamd.approaches.column import Column
from dreamd.approaches.contract import Approach, Decoder
from dreamd.approaches.spectrum import Spectrum
from dreamd.approaches.transpose import Transpose
from dreamd.approaches.vector import Vector
from dreamd.shapes import Shape

TABLE: dict[str, type[Approach]] = {
    "vector": Vector,
    "spectrum": Spectrum,
    "transpose": Transpose,
    "column": Column,
}


def make(shape: Shape, scale: float = 1.0, *, dropout: float = 0.0) -> Approach:
    """A network of this shape with PyTorch's own initial weights.

    ``scale`` is the number that samples (or magnitudes) are divided by on their way in.
    """
    return TABLE[shape.approach](shape, scale, dropout=dropout)


def initialize(model: Approach, std: float) -> Approach:
    """Weights from a Gaussian of ``std``, biases zero (paper: one of what matters most)."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=std)
        else:
            nn.init.zeros_(parameter)
    return model


__all__ = ["TABLE", "Approach", "Decoder", "initialize", "make"]
