"""From a request to a job: everything that a dream depends on, settled and checked.

The daemon (in a thread: it looks at the disk) and ``dreamd dream`` call :func:`resolve`; a dreamer
then needs nothing but the job.
"""

import math
import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import config_of
from dreamd.corpus.recording import Recording, Voices
from dreamd.dreaming import seeds
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.job import RING_SECONDS, Job
from dreamd.errors import BadRequest, NoModel, NoSuchSeed, TooLong
from dreamd.home import checkpoints, loans, pretrained
from dreamd.osc.requests import Request
from dreamd.settings import Settings

MOST_AMONG = 200
"""Recordings among which the cursor of one dream may leap; of a larger voice each dream has its
own."""

SHORTEST_DREAM = 0.01  # seconds
QUIET_PEAK = 0.5
"""Ceiling of a dream whose voice has no recordings."""


@dataclass(frozen=True)
class ModelChoice:
    """What dreams: a config, its checkpoint (None where nothing was trained yet), and the
    checkpoint that ``blend`` leads to."""

    config: ModelConfig
    checkpoint: Path | None = None
    blend_target: Path | None = None
    starter: bool = False  # the checkpoint is one that the project ships
    ages: tuple[Path, ...] = ()  # it and those before it, where a paused dream may walk


def resolve(
    settings: Settings,
    request: Request,
    voices: Voices,
    earlier: Callable[[int], Path],
    serial: int = 0,
) -> Job:
    """The job for a request; its ``path`` is still to be filled in.

    :param voices: every voice there is; one that only has models has no recordings.
    :param earlier: the file of an earlier dream by its number.

    Raises a :class:`DreamError` where the request cannot be met.
    """
    request = seeds.with_voices(request, voices)
    rand = random.getrandbits(31) if request.rand is None else request.rand
    rng = stream(rand, Draws.SEED)
    seed, seed_voice = seeds.settle(request, voices, earlier, rng)
    voice = seeds.voice_of(request, voices, seed_voice)
    chosen = choose_model(settings, voice, request)
    among = among_of(request, voices, voice)
    follow, at = _start(request, among, rng)
    among = some_of(among, (follow, seed.recording), rand)
    levels, span = _levels(voices.get(voice, ())), length(settings, request)
    return Job(
        serial, request, voice, chosen.config, chosen.checkpoint, seed, *levels, Path(), *span,
        rand, follow, at, among, chosen.blend_target, chosen.starter, chosen.ages,
    )  # fmt: skip


def length(settings: Settings, request: Request) -> tuple[int, int]:
    """Frames of the dream's file, and its sample rate: the performer's setting, else what the
    request asks for, else the models' own. Raises :class:`TooLong`, and :class:`BadRequest`
    for what is too short to be heard."""
    rate, secs = settings.output_rate or request.outrate or settings.rate, request.secs
    if request.endless:
        secs = RING_SECONDS
    elif secs > settings.longest:
        raise TooLong(f"{secs:g} s is too long: at most {settings.longest:g} s")
    if round(secs, 6) < SHORTEST_DREAM:  # OSC's 0.01 is a little less
        raise BadRequest(f"secs must be {SHORTEST_DREAM:g} or more, got {secs:g}")
    return max(round(secs * rate), 1), rate


def _levels(recordings: Sequence[Recording]) -> tuple[float, float]:
    """The peak of a voice's recordings, and the level of their loudest half second."""
    peak = max((r.peak for r in recordings), default=QUIET_PEAK)
    return peak, max((r.loudest for r in recordings), default=QUIET_PEAK / 2)


def _start(
    request: Request, among: tuple[Recording, ...], rng: np.random.Generator
) -> tuple[Recording | None, int]:
    """Where a concurrent dream's cursor begins, if nothing is like its seed: a recording, longer
    ones more often, and a frame of it."""
    if not among:
        return None, 0
    lengths = np.array([r.frames for r in among], float)
    follow = among[int(rng.choice(len(among), p=lengths / lengths.sum()))]
    place = rng.uniform() if request.followat is None else None
    return follow, cursor_start(follow, request.followat, place)


def steered(job: Job, request: Request, voices: Voices) -> Job:
    """The same dream with another request, of which only what may be steered differs.

    Raises :class:`NoSuchSeed` where there is nothing to follow.
    """
    request = seeds.with_voices(request, voices)
    if (request.follow, request.followat) == (job.request.follow, job.request.followat):
        return replace(job, request=request)
    rng = np.random.default_rng(job.rand & (2**63 - 1))
    among = among_of(request, voices, job.voice)
    follow, at = _start(request, among, rng)
    among = some_of(among, (follow, job.seed.recording), job.rand)
    return replace(job, request=request, follow=follow, followat=at, among=among)


def among_of(request: Request, voices: Voices, voice: str) -> tuple[Recording, ...]:
    """The recordings that the cursor walks: ``guitar:2``, a voice's, else the dream's own voice's.

    None where the voice has none. Raises :class:`NoSuchSeed` for one that is not there.
    """
    name, number = seeds.numbered(request.follow) if request.follow else (voice, None)
    recordings = tuple(voices.get(name, ()))
    if not recordings and request.follow:
        raise NoSuchSeed(f"follow: no voice is called {name!r}, or it has no recordings")
    if number is None or not recordings:
        return recordings
    return (recordings[number % len(recordings)],)


def some_of(
    among: tuple[Recording, ...], kept: Collection[Recording | None], rand: int
) -> tuple[Recording, ...]:
    """At most :data:`MOST_AMONG` of the recordings, in their order, ``kept`` among them: a dream of
    a voice of thousands costs no more than one of hundreds."""
    if len(among) <= MOST_AMONG:
        return among
    rng = stream(rand, Draws.AMONG)
    drawn = set(rng.permutation(len(among))[:MOST_AMONG].tolist())
    return tuple(each for k, each in enumerate(among) if k in drawn or each in kept)


def cursor_start(recording: Recording, second: float | None, place: float | None) -> int:
    """The cursor's first frame: that second (wrapping round), or a place from 0 to 1."""
    if second is None:
        return int((place or 0.0) * recording.frames)
    return int(second * recording.rate) % recording.frames


def trained_voices(settings: Settings) -> list[str]:
    """The voices that have models. Other folders beside theirs are somebody's (``@eaDir``)."""
    there = (settings.home / "models").glob("*/*-v*-n*-h*-l*")
    return sorted({model.parent.name for model in there if model.is_dir()})


def all_voices(trained: Iterable[str], recorded: Voices) -> Voices:
    """The voices that have recordings, and those that have models alone."""
    return {**{name: [] for name in trained}, **recorded}


def choose_model(settings: Settings, voice: str, request: Request) -> ModelChoice:
    """The shape and the checkpoints that dream.

    The model that is being trained, else another of the same approach that was trained
    before; of its checkpoints the newest, or the one whose steps are nearest to ``steps``. Raises
    :class:`NoModel` where a vector length or steps were asked for and there is no such model.
    """
    wanted = config_of(request.approach, settings, request.vector)
    home = loans.home_of(settings.home, voice)
    models = checkpoints.models(home, voice, request.approach, settings.rate)
    models = {s: paths for s, paths in models.items() if s.channels == settings.channels}
    if request.vector is not None and all(s.vector != request.vector for s in models):
        lengths = ", ".join(str(s.vector) for s in models) or "none yet"
        raise NoModel(
            f"{voice} has no {request.approach} model of {request.vector}; it has: {lengths}"
        )
    if wanted not in models:
        models = {s: m for s, m in models.items() if request.vector in (None, s.vector)}
        if not models and request.steps is not None:
            raise NoModel(f"{voice} has no {request.approach} model of {request.steps} steps yet")
        if not models:
            starter = next(iter(pretrained.all_of(wanted, voice, settings.home)), None)
            return ModelChoice(wanted, starter, starter=True)
        wanted = max(models, key=lambda config: checkpoints.saved_at(models[config][-1]))
    *_, newest = there = models[wanted]
    if request.steps is None:
        return ModelChoice(wanted, newest, ages=tuple(there))
    nearest = min(there, key=partial(_doublings_apart, request.steps))
    return ModelChoice(wanted, nearest, newest if request.blend else None)


def _doublings_apart(steps: int, checkpoint: Path) -> float:
    return abs(math.log(max(checkpoints.steps_of(checkpoint), 1) / max(steps, 1)))


def refresh(settings: Settings, job: Job) -> Job:
    """A job that has waited takes the newest weights that there are now."""
    if job.request.steps is not None:
        return job
    chosen = choose_model(settings, job.voice, job.request)
    return replace(job, config=chosen.config, weights=chosen.checkpoint, starter=chosen.starter,
                   ages=chosen.ages)  # fmt: skip
