"""What is sent to a worker, values only: a dream to make, or a slice of training.

The performer's side packs (:class:`Packer`): every path in a job becomes a place on the worker's
shelf, and what lies there goes along where the worker does not have it yet. On the worker
:func:`moved` gives the same job with the worker's own paths.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dreamd import __version__
from dreamd.approaches.config import ModelConfig
from dreamd.cluster.shelf import Bundle, Files
from dreamd.corpus.recording import Recording
from dreamd.dreaming.job import Job
from dreamd.dreaming.seeds import Cutting, Seed
from dreamd.settings import Settings
from dreamd.training.messages import Progress

AMONG_SECONDS = 1200.0
"""Seconds of recordings among which the cursor of a dream in a cluster leaps."""
MOST_SECONDS = 7200.0
"""Of the recordings that one model learns from there."""
LARGEST = 512 << 20
"""Bytes of a dream's recordings; one that needs more is made here."""
HEARD_BESIDE = (".events", ".solos")
"""What was heard in a recording, beside its cache."""

Move = Callable[[Path], Path]


@dataclass(frozen=True)
class Cargo:
    """What a task needs on its worker's shelf, and what of it comes along."""

    needed: tuple[str, ...]
    carried: Mapping[str, Files]
    version: str = __version__


@dataclass(frozen=True)
class DreamParcel:
    """A dream: ``job``'s paths are places on the shelf, but for its own file, which is nowhere.

    ``key`` is the task's, ``topic`` where what is said of the dream goes.
    """

    key: str
    topic: str
    job: Job
    settings: Settings
    cargo: Cargo


@dataclass(frozen=True)
class SliceParcel:
    """So many seconds of training of one model, from its newest checkpoint on."""

    key: str
    voice: str
    config: ModelConfig
    settings: Settings
    recordings: tuple[Any, ...]  # recordings, or addresses that the worker reads itself
    checkpoint: Files
    seconds: float
    cargo: Cargo


@dataclass(frozen=True)
class DreamMade:
    """The dream is whole."""


@dataclass(frozen=True)
class SliceOver:
    """The slice is over: the model's files now, and how it stands."""

    checkpoint: Files
    progress: Progress | None
    given_up: bool = False
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Missing:
    """These keys are not on the worker's shelf: send them along."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """It came to nothing, as it would have here."""

    code: str
    text: str


Outcome = DreamMade | SliceOver | Missing | Failure


@dataclass
class Packer:
    """Collects the bundles of one parcel."""

    bundles: dict[str, Bundle] = field(default_factory=dict)  # by their keys

    def move(self, path: Path) -> Path:
        """Where this file will be on the shelf."""
        bundle = bundle_of(path)
        self.bundles[bundle.key] = bundle
        return Path(bundle.key) / bundle.files[0][0]

    @property
    def size(self) -> int:
        return sum(bundle.size for bundle in self.bundles.values())

    def cargo(self, keys: Iterable[str]) -> Cargo:
        """These bundles go along."""
        return Cargo(tuple(self.bundles), {key: self.bundles[key].read() for key in keys})


def bundle_of(path: Path) -> Bundle:
    """What belongs to a file: the file first."""
    if path.suffix == ".safetensors":  # its folder is its model's name
        return Bundle(((f"{path.parent.name}/{path.name}", path),))
    if path.suffix == ".f32":
        beside = [path.with_suffix(suffix) for suffix in HEARD_BESIDE]
        files = [path, *(each for each in beside if each.exists())]
        return Bundle(tuple((f"recording{each.suffix}", each) for each in files))
    return Bundle(((f"seed{path.suffix}", path),))


def moved(job: Job, move: Move) -> Job:
    """The job with other paths; its own file keeps its place."""
    return replace(
        job,
        weights=job.weights and move(job.weights),
        blend_target=job.blend_target and move(job.blend_target),
        ages=tuple(map(move, job.ages)),
        follow=job.follow and moved_recording(job.follow, move),
        among=tuple(moved_recording(each, move) for each in job.among),
        seed=_moved_seed(job.seed, move),
    )


def moved_recording(recording: Recording, move: Move) -> Recording:
    return replace(recording, cache=str(move(Path(recording.cache))))


def _moved_seed(seed: Seed, move: Move) -> Seed:
    return replace(
        seed,
        recording=seed.recording and moved_recording(seed.recording, move),
        path=seed.path and move(seed.path),
        cuttings=tuple(
            each and Cutting(moved_recording(each.recording, move), each.single)
            for each in seed.cuttings
        ),
    )


def trimmed(job: Job) -> Job:
    """The job with no more recordings than may travel: those from the one that it follows on."""
    if job.follow is None or job.follow not in job.among:
        return job
    first = job.among.index(job.follow)
    kept, seconds = {job.follow}, job.follow.seconds
    for each in (*job.among[first + 1 :], *job.among[:first]):
        if seconds + each.seconds <= AMONG_SECONDS:
            kept.add(each)
            seconds += each.seconds
    return replace(job, among=tuple(each for each in job.among if each in kept))


def newest_first(recordings: Sequence[Recording], most: float = MOST_SECONDS) -> list[Recording]:
    """As many as may travel, ``most`` seconds of them; one at least."""
    kept: list[Recording] = []
    for each in sorted(recordings, key=lambda r: -r.joined):
        if kept and sum(r.seconds for r in kept) + each.seconds > most:
            break
        kept.append(each)
    return kept
