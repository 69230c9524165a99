"""The approaches that there are, one row each, and how to make a network of one.

An approach is a file beside this one and its row here: the file ``column.py`` holds the class
``Column``. Command line, messages, training, dreaming, measuring and the screen follow from the
rows. Light: a network's module, and PyTorch with it, is imported when the first one is made.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from dreamd.approaches.config import ModelConfig
from dreamd.settings import Settings, multiple

if TYPE_CHECKING:
    from dreamd.approaches.base import Approach


@dataclass(frozen=True)
class Concurrent:
    """How a concurrent dream learns and is held; ``models/dreaming.md`` has the figures.

    By itself nothing holds the level of a dream: in its loop a gain a little over one grows without
    end, a little under one dies away. And a sample-wise network goes on with its few strongest
    tones: nothing in its loop ever wakes the others.
    """

    learning_rate: float  #: of its Adam, where an element has :attr:`usual` samples or more
    usual: int = 1  #: samples in a vector or hop; as all here, such as last as long at 11025 Hz
    slowing: float = 0.0  #: power of ``length / usual`` by which shorter elements learn more slowly
    momentum: float = 0.9  #: Adam's first beta
    epsilon: float = 1e-8  #: Adam's: gradients much smaller than it move nothing
    inputs_learn: bool = False  #: whether the first layer's input weights do; never sample-wise
    block: int = 1  #: samples made between two steps of learning, an element at least, V at most
    windows: int = 1  #: that a step learns from
    spread: float = 1.0  #: blocks over which these windows are spread
    level_correction: float = 0.5  #: part of a block's distance from its level made good, 0…1
    residual_gain: float = 0.0  #: of what nothing foretold in the recording, added to the dream
    ceiling: float = math.inf  #: each sample is bent to stay within this many times the level
    holds_harmonics: bool = False  #: whether the dream keeps the partials of its seed
    wander: float = 0.9  #: how often the cursor leaps at an event, 0…1
    outlined: Mapping[str, Any] = field(default_factory=dict)  #: what differs with an outline

    def rate(self, config: ModelConfig) -> float:
        """The learning rate for a model's vectors or hops.

        Shorter elements make more steps a second, each of which is to lean less: without that small
        hops copy what the cursor passes (C3), and short vectors are noisy (C1).
        """
        length = config.vector / multiple(config.rate)
        return self.learning_rate * min(length / self.usual, 1.0) ** self.slowing

    def epsilon_of(self, config: ModelConfig) -> float:
        """Adam's epsilon for a model. Where input weights learn, a vector of four times as many
        samples has four times as many that lean at once: each is to lean less."""
        return self.epsilon * (multiple(config.rate) if self.inputs_learn else 1)


@dataclass(frozen=True)
class Row:
    """What the program must know of an approach without making its network."""

    name: str  # also of its module; the class is called so too, with a capital
    size: Literal["vector", "hop"]  # the setting that is V; a hop needs a frame, too
    sample_wise: bool  # one dream step yields a sample
    speed: float  # a guess at how many times real time a concurrent dream is made, untried
    paused_speed: float  # and a paused one
    concurrent: Concurrent
    lifts: bool = False  # weights of 11025 Hz serve it at a higher rate, and in stereo


_LIST = (
    # A large epsilon: else each step moves every weight equally far, also those that the window at
    # the cursor says nothing of, and a vector of V samples is heard with the noise of V rows of
    # them. No momentum: the cursor passes each place once.
    Row("vector", "vector", False, 8.0, 100.0,
        Concurrent(3e-3, usual=1024, slowing=0.5, momentum=0.0, epsilon=1e-5, windows=2,
                   inputs_learn=True, wander=1.0),
        lifts=True),
    Row("spectrum", "hop", False, 5.0, 50.0,
        Concurrent(8e-4, usual=256, slowing=1.0, level_correction=0.9,
                   outlined={"learning_rate": 2.5e-3, "windows": 8, "spread": 6.0}),
        lifts=True),
    Row("transpose", "vector", True, 1.0, 4.0,
        Concurrent(3e-4, block=256, windows=8, level_correction=0.7, residual_gain=1.5,
                   ceiling=3.0, holds_harmonics=True),
        lifts=True),
    # An epsilon as large as a gradient usually is: what the windows say little of moves little.
    Row("column", "vector", True, 1.0, 4.0,
        Concurrent(2e-3, epsilon=2e-5, block=512, windows=8, level_correction=0.7,
                   residual_gain=0.5, ceiling=5.0),
        lifts=True),
)  # fmt: skip

ROWS = {row.name: row for row in _LIST}
"""By name, in the paper's order."""

APPROACHES = tuple(ROWS)


def config_of(approach: str, settings: Settings, vector: int | None = None) -> ModelConfig:
    """The shape that the settings give a model of this approach (``vector``: or this length).

    >>> config_of("spectrum", Settings()).name
    'spectrum-11025-v256-n8-h128-l1-f1024'
    >>> config_of("column", Settings(rate=48000)).name
    'column-48000-v4096-n8-h128-l1-b4'
    """
    size = ROWS[approach].size
    length = vector or settings.length(size)
    bands = multiple(settings.rate) if ROWS[approach].sample_wise else 1
    return ModelConfig(
        approach=approach,
        rate=settings.rate,
        vector=length,
        window=settings.window,
        hidden=settings.hidden,
        layers=settings.layers,
        residual=settings.residual,
        frame=max(settings.length("frame"), length + length % 2) if size == "hop" else 0,
        bands=1 if length % bands else bands,
        channels=settings.channels,
    )


def make(config: ModelConfig, scale: float = 1.0, *, dropout: float = 0.0) -> "Approach":
    """A network of this shape with PyTorch's own initial weights.

    ``scale`` is the number that samples (or magnitudes) are divided by on their way in.
    """
    module = import_module(f"dreamd.approaches.{config.approach}")
    network: Approach = getattr(module, config.approach.capitalize())(
        config, scale, dropout=dropout
    )
    return network


@lru_cache(maxsize=64)
def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """The shapes of a network's weights, by name. Makes one: for processes that have PyTorch."""
    return {name: tuple(tensor.shape) for name, tensor in make(config).state_dict().items()}
