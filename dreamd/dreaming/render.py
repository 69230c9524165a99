"""From a job to samples: the one generator of blocks, and the file that they fill.

The dreaming process and ``dreamd dream`` call :func:`render`; what measures dreams (``dreamd
study``, ``bench``, ``table1``) draws from the same :func:`blocks`.
"""

import copy
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, Decoder, SampleWise, initialize
from dreamd.approaches.registry import Concurrent
from dreamd.audio import vocoder
from dreamd.audio.files import DreamFile, Samples
from dreamd.audio.limiter import Level, Limiter
from dreamd.audio.loudness import lufs, power
from dreamd.audio.resampling import ToRate
from dreamd.audio.timbre import timbre_of
from dreamd.dreaming import cursor as cursors
from dreamd.dreaming import guides, sampling, seed_samples
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.cursor import Cursor, Place
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job
from dreamd.dreaming.weight_walk import AGES, WeightWalk
from dreamd.errors import BadRecording, Cancelled, Diverged, NoModel
from dreamd.home import checkpoints
from dreamd.home.header import Header
from dreamd.kernels import sliding_lstm, window_learner
from dreamd.settings import Settings

CHUNK = 0.15
"""Seconds of work after which what is finished goes to the file and to the clients."""

LOUDEST_OVER_MEAN = 6.0
"""dB by which the loudest half second of a recording is usually louder than the whole."""
UNKNOWN = -23.0  # LUFS of a dream that has no recordings: what broadcasters agreed on

Loop = Callable[..., Iterator[Tensor]]
"""A way to go on concurrently: :func:`dreamd.dreaming.sampling.concurrent`, or another's."""


def render(
    job: Job,
    settings: Settings,
    tell: Callable[[ChunkWritten | CursorLeapt], None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Makes one dream: its file is filled from start to end, ``tell`` hears of each part.

    ``stopped`` is asked after each block, some hundredths of a second. Raises a
    :class:`DreamError` if the seed cannot be read, the dream breaks, or somebody stopped it.
    """
    limiter = Limiter(job.dreamt, job.config.rate, level_of(job))
    to_rate = ToRate(job.config.rate, job.rate, job.dreamt, job.frames)
    source = blocks(job, settings, leapt=tell, begins=limiter.begin)
    file, written = DreamFile(job.path, job.rate), 0
    try:
        for made in _chunks(source, job.dreamt, limiter.late + to_rate.late, stopped):
            if len(ready := to_rate(limiter(made))):
                file.write(written, ready)
                tell(ChunkWritten(job.serial, written, len(ready)))
                written += len(ready)
    except FloatingPointError:
        raise Diverged("the dream stopped being finite numbers: try another seed") from None


def _chunks(
    source: Iterator[Samples], frames: int, first: int, stopped: Callable[[], bool]
) -> Iterator[Samples]:
    """``frames`` of the blocks, as much at a time as is made in :data:`CHUNK`; the first when there
    are more than ``first``.

    Raises :class:`Cancelled`.
    """
    made, flushed = 0, -CHUNK
    waiting: list[Samples] = []
    while made < frames:
        waiting.append(next(source)[: frames - made])
        made += len(waiting[-1])
        if stopped():
            raise Cancelled("cancelled")
        if made == frames or (made > first and time.monotonic() - flushed >= CHUNK):
            yield np.concatenate(waiting)
            waiting.clear()
            flushed = time.monotonic()


def level_of(job: Job) -> Level:
    """How loud the dream comes: as the recordings that its cursor walks."""
    gain, index = job.request.gain, cursors.index(job.among)
    if len(index):
        weights = [recording.frames for recording in index.recordings]
        mean = lufs(np.average([power(each) for each in index.loudnesses], weights=weights))
        return Level.of(mean, index.loudnesses.max(), job.peak, gain)
    if job.among:  # nobody has listened to them yet
        estimate = 20 * np.log10(max(job.loudest, 1e-6)) - LOUDEST_OVER_MEAN
        return Level.of(estimate, estimate, job.peak, gain)
    return Level.of(UNKNOWN, UNKNOWN, job.peak, gain)


def blocks(
    job: Job,
    settings: Settings,
    profile: Concurrent | None = None,
    loop: Loop = sampling.concurrent,
    leapt: Callable[[CursorLeapt], None] = lambda leap: None,
    begins: Callable[[Samples], None] = lambda seed: None,
) -> Iterator[Samples]:
    """The samples of a dream, block after block, for ever; not yet limited. ``leapt`` hears where
    its cursor begins and leaps, ``begins`` the seed. Raises :class:`BadRecording` if the seed
    cannot be read."""
    model = model_of(job, settings.init_std)
    seed = seed_of(model, job)
    begins(seed)
    queue = model.elements(torch.from_numpy(seed))
    noise = job.request.temperature * model.deviation
    profile = profile or profile_of(job)
    rate = learning_rate(job, profile)
    if job.request.sampling == "concurrent" and job.follow and rate:
        fork, (cursor, start) = copy.deepcopy(model), beginning(job, profile, seed)
        leapt(_told(job, 0, start, cursor))
        follower = Follower(fork, cursor, profile, learning_rate=rate, newest=seed)
        made = loop(fork, queue, follower, noise, settings.threads)
        yield from _heard(job, made, model.decoder(), follower, cursor, leapt)
    decode, walk = model.decoder(), None
    if not isinstance(model, SampleWise):
        model, walk = walking(job, model, profile)
    for each in sampling.paused(model, queue, profile, noise, settings.threads, walk):
        yield decode(each).numpy()


def walking(job: Job, model: Approach, profile: Concurrent) -> tuple[Approach, WeightWalk | None]:
    """The network of a paused dream, and how its weights walk; a copy, where they do."""
    reach = wander(job, profile)
    ages = _ages(job, model.scale) if reach else []
    if len(ages) < 2:
        return model, None
    weights = [{name: torch.from_numpy(array) for name, array in age.items()} for age in ages]
    fork, rng = copy.deepcopy(model), stream(job.rand, Draws.WALK)
    return fork, WeightWalk(fork, weights, reach, rng)


def _ages(job: Job, scale: float) -> list[dict[str, NDArray[Any]]]:
    """The newest weights of the job's model that can be read and mixed, oldest first. What is
    damaged is set aside, and passed over: the walk has other places."""
    found: list[dict[str, NDArray[Any]]] = []
    for path in reversed(job.ages):
        try:
            head, arrays = _weights(_version(path))
        except NoModel as error:
            logging.warning("no walk goes there: %s", error)
            continue
        if head.scale == scale:
            found.insert(0, arrays)
        if len(found) == AGES:
            break
    return found


def _heard(
    job: Job, made: Iterator[Tensor], decode: Decoder, follower: Follower, cursor: Cursor,
    leapt: Callable[[CursorLeapt], None],
) -> Iterator[Samples]:  # fmt: skip
    """A concurrent dream's samples, which its cursor listens to."""
    frame = 0
    for each in made:
        samples = decode(each).numpy()
        if follower.leapt:
            leapt(_told(job, frame, follower.leapt, cursor))
        frame += len(samples)
        follower.listen(samples)
        yield samples


def _told(job: Job, frame: int, at: Place, cursor: Cursor) -> CursorLeapt:
    second = at.frame / at.recording.rate
    there = round(frame * job.rate / job.config.rate)
    return CursorLeapt(job.serial, there, at.recording.source, second, cursor.speed)


def profile_of(job: Job) -> Concurrent:
    """How the job's approach learns and is held; with an outline it learns faster."""
    profile = registry.ROWS[job.config.approach].concurrent
    return replace(profile, **profile.outlined) if job.request.outline else profile


def beginning(job: Job, profile: Concurrent, seed: Samples) -> tuple[Cursor, Place]:
    """The cursor, and where it begins: at what sounds likest to the seed, unless ``followat`` says
    where, or nobody has looked for the recordings' events yet."""
    assert job.follow is not None
    request, rate = job.request, job.config.rate
    index, sound = cursors.index(job.among), timbre_of(seed, rate)
    start = Place(job.follow, job.followat)
    if request.followat is None and len(index):
        start = index.place(index.likest(sound))
    lead = job.config.frame // 2  # the middle of a frame sounds, and its end is where it lies
    guide = guides.of(job.seed, len(seed), rate, job.rand, lead) if request.outline else None
    rng = stream(job.rand, Draws.CURSOR)
    return Cursor(index, start, rng, seed=sound, pace=request.pace, wander=wander(job, profile),
                  outline=request.outline, guide=guide), start  # fmt: skip


def wander(job: Job, profile: Concurrent) -> float:
    """The request's own, else its approach's."""
    asked = job.request.wander
    return profile.wander if asked is None else asked


def learning_rate(job: Job, profile: Concurrent) -> float:
    """Of a concurrent dream: the request's own, else its approach's."""
    asked = job.request.learn
    return profile.rate(job.config.vector) if asked is None else asked


def seed_of(model: Approach, job: Job) -> Samples:
    """What fills the dream's queue; chance starts from ``rand``.

    Raises :class:`BadRecording` if the seed cannot be read.
    """
    rng = stream(job.rand, Draws.SEED)
    try:
        samples = seed_samples.load(job.seed, model.seed_samples, job.config.rate, job.peak, rng)
    except BadRecording as error:
        raise BadRecording(f"seed: {error}") from None
    torch.manual_seed(job.rand)
    return np.array(samples, np.float32)


def model_of(job: Job, init_std: float) -> Approach:
    """The network that dreams; it is shared, whoever wants to change it copies it."""
    if job.weights is None:
        torch.manual_seed(job.rand)
        return initialize(registry.make(job.config, job.peak), init_std).eval()
    blend = job.request.blend if job.blend_target else 0.0
    return _load(_version(job.weights), job.blend_target and _version(job.blend_target), blend)


Version = tuple[Path, int]
"""A checkpoint, and when it was written: where what was learned is set aside and learning goes on
from before it, another of the same steps may come."""


def _version(path: Path) -> Version:
    try:
        return path, path.stat().st_mtime_ns
    except OSError:  # whoever reads it says why not
        return path, 0


@lru_cache(maxsize=4)
def _load(weights: Version, blend_target: Version | None, blend: float) -> Approach:
    head, arrays = _weights(weights)
    if blend_target is not None:
        head, arrays = checkpoints.blend((head, arrays), _weights(blend_target), blend)
    model = registry.make(head.config, head.scale)
    model.deviation = head.deviation
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


@lru_cache(maxsize=2 * AGES)
def _weights(weights: Version) -> tuple[Header, dict[str, NDArray[Any]]]:
    """A checkpoint; the dreams of a voice ask for the same few again and again."""
    return checkpoints.load(weights[0])


def prepare() -> None:
    """What a process must do before its first dream, so that the dream does not wait for it."""
    torch.set_num_threads(1)  # the sample loop has its own; small steps gain nothing
    torch.set_grad_enabled(False)
    sliding_lstm.warm()
    window_learner.warm()
    vocoder.warm()
