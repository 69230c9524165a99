"""What is said between the daemon and the training process. Plain values, pickled in pipes.

Down to the process: :class:`SetRecordings` once, then :class:`RecordingJoined`,
:class:`RecordingGone` and :class:`RecordingForgotten`; :class:`PauseTraining`, :class:`YieldCPU`.
Up from it: :class:`Progress`, :class:`Pace`. With a cluster also :class:`VoiceWanted` down, and
:class:`VoicesShared` and :class:`VoiceLent` up: this process is the one that learns elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording


@dataclass(frozen=True)
class SetRecordings:
    """All recordings that there are now, to train on."""

    recordings: tuple[Recording, ...]


@dataclass(frozen=True)
class RecordingJoined:
    """One more, or a newer version of one."""

    recording: Recording


@dataclass(frozen=True)
class RecordingGone:
    """One that was there is not any more."""

    recording: Recording


@dataclass(frozen=True)
class RecordingForgotten:
    """One that is to be as if it had never been: what was learned since it came goes, too."""

    recording: Recording


@dataclass(frozen=True)
class PauseTraining:
    """Stop training (or go on)."""

    on: bool


@dataclass(frozen=True)
class YieldCPU:
    """Dreams are being made: leave them the machine, but for the least (or take it again)."""

    on: bool


@dataclass(frozen=True)
class Progress:
    """How a model stands."""

    voice: str
    config: ModelConfig
    steps: int
    error: float  # mean squared error over the labels' mean square; 1.0 predicts silence
    seconds: float  # of computing spent on it, in all
    steps_a_second: float  # while it trains; 0 for one that waits for its turn
    history: tuple[float, ...]  # of the error
    newest: float = 0.0  # when the newest recording that it has learned from joined


@dataclass(frozen=True)
class Pace:
    """How fast learning goes."""

    share: float  # cores that it has got lately, 0…
    slow: bool  # much less than it may have: the machine is busy


@dataclass(frozen=True)
class VoiceWanted:
    """A dream is asked for with a voice that somebody else of the cluster shares."""

    voice: str  # ada/guitar


@dataclass(frozen=True)
class SharedVoice:
    """A voice that somebody else of the cluster shares: what there is of it."""

    voice: str  # ada/guitar
    recordings: int
    seconds: float  # of them
    steps: Mapping[str, int]  # of its models, by approach


@dataclass(frozen=True)
class VoicesShared:
    """All that are shared now."""

    voices: tuple[SharedVoice, ...]


@dataclass(frozen=True)
class VoiceLent:
    """It is here: its recordings, beside its models in ``HOME/shared``."""

    voice: str
    recordings: tuple[Recording, ...]
