"""The approaches that there are, one row each, and how to make a network of one.

An approach is a file beside this one and its row here: the file ``column.py`` holds the class
``Column``. Command line, messages, training, dreaming, measuring and the screen follow from the
rows. Light: a network's module, and PyTorch with it, is imported when the first one is made.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from dreamd.approaches.config import ModelConfig

if TYPE_CHECKING:
    from dreamd.approaches.base import Approach


@dataclass(frozen=True)
class Row:
    """What the program must know of an approach without making its network."""

    name: str  # also of its module; the class is called so too, with a capital


ROWS = {row.name: row for row in (Row("vector"), Row("spectrum"), Row("transpose"), Row("column"))}
"""By name, in the paper's order."""

APPROACHES = tuple(ROWS)


def make(shape: ModelConfig, scale: float = 1.0, *, dropout: float = 0.0) -> "Approach":
    """A network of this shape with PyTorch's own initial weights.

    ``scale`` is the number that samples (or magnitudes) are divided by on their way in.
    """
    module = import_module(f"dreamd.approaches.{shape.approach}")
    network: Approach = getattr(module, shape.approach.capitalize())(shape, scale, dropout=dropout)
    return network
