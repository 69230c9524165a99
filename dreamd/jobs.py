"""What the daemon and its child processes say to each other: plain values, pickled in pipes.

Down to the learner: :class:`Study`, :class:`Rest`, :class:`Yield`. Up from it:
:class:`Progress`, :class:`Note`. Down to a dreamer: :class:`Job`, :class:`Stop`. Up:
:class:`Wrote`, :class:`Finished`, :class:`Broke`. To either: :class:`End`. From either:
:class:`Ready`.
"""

from dataclasses import dataclass
from pathlib import Path

from dreamd.messages import Request
from dreamd.recording import Recording
from dreamd.seeds import Seed
from dreamd.shapes import Shape


@dataclass(frozen=True)
class End:
    """Finish what must be finished (save), and exit."""


@dataclass(frozen=True)
class Ready:
    """The child is up."""


# ---------------------------------------------------------------- learner


@dataclass(frozen=True)
class Study:
    """All recordings that there are now, to train on."""

    recordings: tuple[Recording, ...]


@dataclass(frozen=True)
class Rest:
    """Stop training (or go on)."""

    on: bool


@dataclass(frozen=True)
class Yield:
    """Dreams are being made: leave them the machine (or take it again)."""

    on: bool


@dataclass(frozen=True)
class Progress:
    """How a model stands."""

    voice: str
    shape: Shape
    steps: int
    error: float  # mean squared error over the labels' mean square; 1.0 predicts silence
    seconds: float  # spent training it, in all
    steps_a_second: float  # while it trains
    history: tuple[float, ...]  # of the error


@dataclass(frozen=True)
class Note:
    """One line for the performer."""

    text: str
    problem: bool = False


# ---------------------------------------------------------------- dreamer


@dataclass(frozen=True)
class Job:
    """One dream to make: everything that its samples depend on.

    ``weights`` is None where there is no checkpoint yet: an untrained network dreams.
    """

    serial: int
    request: Request
    voice: str
    shape: Shape
    weights: Path | None
    seed: Seed
    peak: float  # of the voice's recordings: the dream's ceiling
    loudest: float  # root mean square of their loudest half second: the dream's limit
    path: Path
    frames: int
    rand: int
    follow: Recording | None = None  # what a concurrent dream's cursor walks
    followat: int = 0  # the cursor's first frame
    towards: Path | None = None  # the checkpoint that the request's blend leads to
    starter: bool = False  # its weights are those of a starter model

    def remarks(self) -> str:
        """What a performer may not expect of this dream: the end of a line, often empty."""
        said = ""
        if self.weights is None:
            said += ", of a network that has learned nothing yet"
        elif self.starter:
            name = self.weights.parent.parent.name
            said += f", of the starter model {name}" if name != self.voice else ""
        if self.request.sampling == "concurrent" and self.follow is None:
            said += ", paused: its voice has no recordings to follow"
        return said


@dataclass(frozen=True)
class Stop:
    """Stop making this dream."""

    serial: int


@dataclass(frozen=True)
class Wrote:
    """These frames of the dream's file are final."""

    serial: int
    start: int
    frames: int


@dataclass(frozen=True)
class Finished:
    """The dream is whole; it took ``seconds``."""

    serial: int
    seconds: float


@dataclass(frozen=True)
class Broke:
    """The dream came to nothing."""

    serial: int
    code: str
    text: str
