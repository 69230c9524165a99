"""From a job to samples: the one generator of blocks, and the file that they fill.

The dreaming process and ``dreamd dream`` call :func:`render`; what measures dreams (``dreamd
study``, ``bench``, ``table1``) draws from the same :func:`blocks`.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing

import numpy as np
import torch

from dreamd.approaches.registry import Concurrent
from dreamd.audio import vocoder
from dreamd.audio.files import Samples
from dreamd.audio.limiter import Level, Limiter
from dreamd.audio.loudness import lufs, power
from dreamd.audio.resampling import ToRate
from dreamd.dreaming import endless, places, sampling
from dreamd.dreaming.course import Course, Loop
from dreamd.dreaming.helm import Hear, Helm
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job, Told
from dreamd.errors import Cancelled, Diverged
from dreamd.kernels import sliding_lstm, window_learner
from dreamd.settings import Settings

CHUNK = 0.15
"""Seconds of work after which what is finished goes to the file and to the clients."""

LOUDEST_OVER_MEAN = 6.0
"""dB by which the loudest half second of a recording is usually louder than the whole."""
UNKNOWN = -23.0  # LUFS of a dream that has no recordings: what broadcasters agreed on


def render(
    job: Job,
    settings: Settings,
    tell: Callable[[Told], None],
    hear: Hear = lambda patience: (),
) -> int:
    """Makes one dream: its file is filled from start to end, ``tell`` hears of each part. Gives the
    frames that were made: of an endless dream, which goes on until it is stopped, any number.

    ``hear`` is asked after each block, some hundredths of a second, for what clients say. Raises a
    :class:`DreamError` if the seed cannot be read, the dream breaks, or somebody stopped it.
    """
    places.scan_unknown((job.follow, *job.among) if job.follow else ())
    with closing(Course(job, settings, leapt=tell)) as course:
        return _make(job, course, tell, hear)


def _make(job: Job, course: Course, tell: Callable[[Told], None], hear: Hear) -> int:
    count = None if job.endless else job.dreamt
    limiter = Limiter(count, job.config.rate, level_of(job), job.channels)
    to_rate = ToRate(job.config.rate, job.rate, count, job.frames, job.channels)
    limiter.begin(course.seed)
    helm = Helm(job, course, limiter, level_of, tell, hear)
    if job.endless:
        return endless.go_on(job, course, lambda block: to_rate(limiter(block)), helm, tell)
    file, written = job.file, 0
    try:
        for made in _chunks(course, job.dreamt, limiter.late + to_rate.late, helm):
            if len(ready := to_rate(limiter(made))):
                file.write(written, ready)
                tell(ChunkWritten(job.serial, written, len(ready)))
                written += len(ready)
    except FloatingPointError:
        raise Diverged("the dream stopped being finite numbers: try another seed") from None
    return written


def _chunks(source: Iterator[Samples], frames: int, first: int, helm: Helm) -> Iterator[Samples]:
    """``frames`` of the blocks, as much at a time as is made in :data:`CHUNK`; the first when there
    are more than ``first``.

    Raises :class:`Cancelled`.
    """
    made, flushed = 0, -CHUNK
    waiting: list[Samples] = []
    while made < frames:
        waiting.append(next(source)[: frames - made])
        made += len(waiting[-1])
        if helm.stopped():
            raise Cancelled("cancelled")
        if made == frames or (made > first and time.monotonic() - flushed >= CHUNK):
            yield np.concatenate(waiting)
            waiting.clear()
            flushed = time.monotonic()


def level_of(job: Job) -> Level:
    """How loud the dream comes: as the recordings that its cursor walks."""
    gain, index = job.request.gain, places.index(job.among)
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
    with closing(Course(job, settings, profile, loop, leapt)) as course:
        begins(course.seed)
        yield from course


def prepare() -> None:
    """What a process must do before its first dream, so that the dream does not wait for it."""
    torch.set_num_threads(1)  # the sample loop has its own; small steps gain nothing
    torch.set_grad_enabled(False)
    sliding_lstm.warm()
    window_learner.warm()
    vocoder.warm()
