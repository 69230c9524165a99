"""One dream to make, and what is said of it between the daemon and a dreaming process.

Down to the process: :class:`Job`, :class:`Stop`. Up from it: :class:`ChunkWritten`,
:class:`CursorLeapt`, :class:`Finished`, :class:`JobFailed`. Plain values, pickled in pipes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording
from dreamd.dreaming.seeds import Seed
from dreamd.home.credits import Credit
from dreamd.osc.requests import Request


@dataclass(frozen=True)
class Job:
    """One dream to make: everything that its samples depend on.

    ``weights`` is None where there is no checkpoint yet: an untrained network dreams.
    """

    serial: int
    request: Request
    voice: str
    config: ModelConfig
    weights: Path | None
    seed: Seed
    peak: float  # of the voice's recordings: the dream's ceiling
    loudest: float  # root mean square of their loudest half second: the dream's limit
    path: Path
    frames: int  # of its file
    rate: int  # of its file, in Hz; the model's own is its config's
    rand: int
    follow: Recording | None = None  # what a concurrent dream's cursor walks
    followat: int = 0  # the cursor's first frame, where it does not begin at what is like the seed
    among: tuple[Recording, ...] = ()  # recordings in which the cursor may leap
    blend_target: Path | None = None  # the checkpoint that the request's blend leads to
    starter: bool = False  # its weights are those of a starter model
    ages: tuple[Path, ...] = ()  # checkpoints among which a paused dream's weights walk

    @property
    def dreamt(self) -> int:
        """Samples that its model makes, as many seconds as the file has."""
        return max(round(self.frames * self.config.rate / self.rate), 1)

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

    def credits(self, leaps: "Sequence[CursorLeapt]") -> list[Credit]:
        """Which moments of which recordings the dream leant on, in its own order."""
        rate = self.rate
        ends = [*(leap.frame for leap in leaps[1:]), self.frames]
        spans = [(leap, (end - leap.frame) / rate) for leap, end in zip(leaps, ends, strict=False)]
        return [
            Credit(at := leap.frame / rate, at + seconds, leap.source, leap.second,
                   leap.second + leap.pace * seconds)
            for leap, seconds in spans
        ]  # fmt: skip


@dataclass(frozen=True)
class Stop:
    """Stop making this dream."""

    serial: int


@dataclass(frozen=True)
class ChunkWritten:
    """These frames of the dream's file are final."""

    serial: int
    start: int
    frames: int


@dataclass(frozen=True)
class CursorLeapt:
    """Before this frame of the dream's file its cursor went there, and on at ``pace``."""

    serial: int
    frame: int
    source: str  # the performer's recording
    second: float
    pace: float  # seconds of the recording for each of the dream


@dataclass(frozen=True)
class Finished:
    """The dream is whole; it took ``seconds``."""

    serial: int
    seconds: float


@dataclass(frozen=True)
class JobFailed:
    """The dream came to nothing."""

    serial: int
    code: str
    text: str
