"""What is said between the daemon and the training process. Plain values, pickled in pipes.

Down to the process: :class:`SetRecordings`, :class:`PauseTraining`, :class:`YieldCPU`. Up from it:
:class:`Progress`.
"""

from dataclasses import dataclass

from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording


@dataclass(frozen=True)
class SetRecordings:
    """All recordings that there are now, to train on."""

    recordings: tuple[Recording, ...]


@dataclass(frozen=True)
class PauseTraining:
    """Stop training (or go on)."""

    on: bool


@dataclass(frozen=True)
class YieldCPU:
    """Dreams are being made: leave them the machine (or take it again)."""

    on: bool


@dataclass(frozen=True)
class Progress:
    """How a model stands."""

    voice: str
    config: ModelConfig
    steps: int
    error: float  # mean squared error over the labels' mean square; 1.0 predicts silence
    seconds: float  # spent training it, in all
    steps_a_second: float  # while it trains
    history: tuple[float, ...]  # of the error
