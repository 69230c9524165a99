"""One dream to make, and what is said of it between the daemon and a dreaming process.

Down to the process: :class:`Job`, :class:`Steered`, :class:`Reseeded`, :class:`Stop`. Up from it:
:class:`ChunkWritten`, :class:`CursorLeapt`, :class:`Remarked`, :class:`Finished`,
:class:`JobFailed`. Plain values, pickled in pipes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamd.approaches.config import ModelConfig
from dreamd.audio.dream_file import DreamFile
from dreamd.corpus.recording import Recording
from dreamd.dreaming.seeds import Seed
from dreamd.home import pretrained
from dreamd.home.credits import Credit
from dreamd.osc.requests import Request

RING_SECONDS = 16.0
"""Seconds of an endless dream that its file holds: what is newer goes over what is oldest."""


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
    frames: int  # of its file; an endless dream's is a ring
    rate: int  # of its file, in Hz; the model's own is its config's
    rand: int
    follow: Recording | None = None  # what a concurrent dream's cursor walks
    followat: int = 0  # the cursor's first frame, where it does not begin at what is like the seed
    among: tuple[Recording, ...] = ()  # recordings in which the cursor may leap
    blend_target: Path | None = None  # the checkpoint that the request's blend leads to
    starter: bool = False  # its weights are those of a starter model
    ages: tuple[Path, ...] = ()  # checkpoints among which a paused dream's weights walk
    made: int = 0  # frames that an endless dream had when the process that made it was lost

    @property
    def dreamt(self) -> int:
        """Samples that its model makes, as many seconds as the file has."""
        return max(round(self.frames * self.config.rate / self.rate), 1)

    @property
    def channels(self) -> int:
        return self.config.channels

    @property
    def file(self) -> DreamFile:
        return DreamFile(self.path, self.rate, self.channels)

    @property
    def endless(self) -> bool:
        return self.request.endless

    def with_weights_of(self, other: "Job") -> "Job":
        return replace(
            self, config=other.config, weights=other.weights, starter=other.starter, ages=other.ages
        )

    @property
    def starter_voice(self) -> str | None:
        """Whose starter model dreams; None where the voice has learned itself, or nothing has."""
        return pretrained.starter_name(self.weights) if self.starter and self.weights else None

    def remarks(self) -> str:
        """What a performer may not expect of this dream: the end of a line, often empty."""
        said = ""
        if self.weights is None:
            said += ", of a network that has learned nothing yet"
        elif self.starter_voice not in (None, self.voice):
            said += f", of the starter model {self.starter_voice}"
        if self.request.sampling == "concurrent" and self.follow is None:
            said += ", paused: its voice has no recordings to follow"
        return said

    def credits(self, leaps: "Sequence[CursorLeapt]", made: int | None = None) -> list[Credit]:
        """Which moments of which recordings the dream leant on, in its own order.

        :param made: frames of an endless dream, whose file holds the newest of them.
        """
        rate, total = self.rate, self.frames if made is None else made
        first = max(total - self.frames, 0)
        ends = [*(leap.frame for leap in leaps[1:]), total]
        credits = []
        for leap, end in zip(leaps, ends, strict=False):
            begin = max(leap.frame, first)
            at, seconds = (begin - first) / rate, (end - begin) / rate
            second = leap.second + leap.pace * (begin - leap.frame) / rate
            if seconds > 0 or leap.frame >= first:
                last = second + leap.pace * seconds
                credits.append(Credit(at, at + seconds, leap.source, second, last))
        return credits


@dataclass(frozen=True)
class Stop:
    """Stop making this dream."""

    serial: int


@dataclass(frozen=True)
class Steered:
    """The same dream as this job says from its next block on; ``moved``: its cursor goes to where
    the job begins to follow."""

    serial: int
    job: Job
    moved: bool


@dataclass(frozen=True)
class Reseeded:
    """Another seed joins the dream's queue."""

    serial: int
    seed: Seed


Said = Stop | Steered | Reseeded
"""Of a dream that is being made."""


@dataclass(frozen=True)
class ChunkWritten:
    """These frames of the dream are final, and in its file; in a ring they lie one lap and more
    further to the front, and are never torn by its end."""

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
class Remarked:
    """One line about a dream that goes on, for who asked for it."""

    serial: int
    text: str


Told = ChunkWritten | CursorLeapt | Remarked
"""Of a dream while it is made."""


@dataclass(frozen=True)
class Finished:
    """The dream is whole; it took ``seconds``. ``frames`` were made, of an endless dream more than
    its file holds."""

    serial: int
    seconds: float
    frames: int


@dataclass(frozen=True)
class JobFailed:
    """The dream came to nothing."""

    serial: int
    code: str
    text: str
