"""A dream on its way: its samples, block after block, and what can be turned between two blocks.

:mod:`dreamd.dreaming.render` makes a :class:`Course` for each dream, and hands on what a performer
says meanwhile; what measures dreams draws from :func:`dreamd.dreaming.render.blocks`.
"""

import copy
import os
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import psutil
import torch
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.registry import Concurrent
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio.channels import mono
from dreamd.audio.crossfade import continued
from dreamd.audio.files import Samples, silence
from dreamd.audio.timbre import timbre_of
from dreamd.dreaming import guides, places, sampling, seed_samples
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.cursor import Cursor
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.guides import Guide
from dreamd.dreaming.job import CursorLeapt, Job
from dreamd.dreaming.networks import model_of, walking
from dreamd.dreaming.places import Index, Place
from dreamd.dreaming.sampling import Elements
from dreamd.dreaming.seeds import Seed
from dreamd.dreaming.weight_walk import WeightWalk
from dreamd.errors import BadRecording
from dreamd.settings import Settings

JOIN = 256
"""Samples, at 11025 Hz, in which what was dreamt so far goes over into what a new seed begins."""

IDLE_CORES = 2.0
"""With so many at least an endless dream takes one more: it keeps time then by a greater margin."""

Loop = Callable[..., Elements]
"""A way to go on concurrently: :func:`dreamd.dreaming.sampling.concurrent`, or another's."""


class Course:
    """An iterator of blocks of samples, for ever; not yet limited.

    :param job: the dream. What of its request a performer turns comes by :meth:`steer`.
    :param leapt: hears where its cursor begins and leaps.

    Raises :class:`BadRecording` if the seed cannot be read.
    """

    def __init__(
        self, job: Job, settings: Settings, profile: Concurrent | None = None,
        loop: Loop = sampling.concurrent, leapt: Callable[[CursorLeapt], None] = lambda leap: None,
    ) -> None:  # fmt: skip
        self._job, self._settings, self._own, self._loop = job, settings, profile, loop
        self._leapt = leapt
        self._model = model_of(job, settings.init_std)
        self.seed = seed_of(job, self._model.seed_samples)  #: what its queue holds at first
        torch.manual_seed(job.rand)
        self._decode = self._model.decoder()
        self._frame = 0  # samples made
        self._newest = self.seed  # a queue full of what it sounds like
        self._join = Join(silence(0, job.channels))
        self._follower: Follower | None = None
        self._cursor: Cursor | None = None
        self._walk: WeightWalk | None = None
        self._made = self._begin(self.seed)

    def __iter__(self) -> Iterator[Samples]:
        return self

    def __next__(self) -> Samples:
        """The next block. Raises ``FloatingPointError`` where it is no numbers any more."""
        samples = self._join(self._decode(next(self._made)).numpy())
        if self._follower and self._cursor:
            if self._follower.leapt:
                self._tell(self._follower.leapt, self._cursor)
            self._follower.listen(mono(samples))
        self._frame += len(samples)
        self._newest = np.concatenate((self._newest, samples))[-len(self.seed) :]
        return samples

    def close(self) -> None:
        """It ends, and what it holds is free at once: it and its loop hold each other."""
        self._made.close()

    # ------------------------------------------------------------ how it goes on

    def _begin(self, queue: Samples) -> Elements:
        """Goes on from a queue of these samples, in the way that the request asks for."""
        if self._follower is None and self._learns():
            self._model = copy.deepcopy(self._model)
            self._cursor, start = beginning(self._job, self._profile, queue)
            self._tell(start, self._cursor)
            self._follower = Follower(
                self._model,
                self._cursor,
                self._profile,
                learning_rate=self._rate,
                newest=mono(queue),
            )
        elements = self._model.elements(torch.from_numpy(queue))
        threads = threads_of(self._job, self._settings)
        if self._follower:
            return self._loop(self._model, elements, self._follower, self._noise, threads)
        return self._paused(elements, threads)

    def _paused(self, queue: Tensor, threads: int) -> Elements:
        if self._walks() and self._walk is None:
            self._model, self._walk = walking(self._job, self._model, self._wander)
        return sampling.paused(self._model, queue, self._profile, self._noise, threads, self._walk)

    def _learns(self) -> bool:
        job = self._job
        return job.request.sampling == "concurrent" and bool(job.follow and self._rate)

    def _walks(self) -> bool:
        return bool(self._wander) and not isinstance(self._model, SampleWise)

    def _noise(self) -> float:
        return self._job.request.temperature * self._model.deviation

    @property
    def _profile(self) -> Concurrent:
        return self._own or profile_of(self._job)

    @property
    def _rate(self) -> float:
        return learning_rate(self._job, self._profile)

    @property
    def _wander(self) -> float:
        return wander(self._job, self._profile)

    def _tell(self, at: Place, cursor: Cursor) -> None:
        job, second = self._job, at.frame / at.recording.rate
        there = job.made + round(self._frame * job.rate / job.config.rate)
        self._leapt(CursorLeapt(job.serial, there, at.recording.source, second, cursor.speed))

    # ------------------------------------------------------------ what a performer turns

    def steer(self, job: Job, moved: bool) -> None:
        """From the next block on the dream is as this job says: the same one with another request.

        :param moved: whether its cursor is to go where the job begins to follow.
        """
        self._job = job = replace(job, seed=self._job.seed, rand=self._job.rand)
        if self._walk:
            self._walk.reach = self._wander
        if self._follower is None or self._cursor is None:
            if self._learns() or (self._walks() and self._walk is None):  # it wakes
                self._made = self._begin(self._newest)
            return
        self._follower.turn(self._profile, self._rate)
        self._cursor.pace, self._cursor.wander = job.request.pace, self._wander
        self._cursor.outline = job.request.outline
        if job.request.outline and not self._cursor.guided:
            self._cursor.follow(guide_of(job, len(self.seed)))
        if moved:
            index, place = starting(job, self._newest)
            self._cursor.go(index, place)

    def reseed(self, seed: Seed) -> None:
        """From the next block on another seed is in the queue, as if the dream had begun so; its
        weights stay. Raises :class:`DreamError` if it cannot be read: the dream goes on."""
        job = replace(self._job, seed=seed, rand=self._job.rand + 1)  # other places by chance
        queue = seed_of(job, len(self.seed))
        guide = guide_of(job, len(queue)) if job.request.outline else None
        self._job = job
        self._fade()
        if self._cursor:
            self._cursor.follow(guide)
            index, sound = places.index(job.among), timbre_of(queue, job.config.rate)
            if len(index):
                self._cursor.go(index, index.place(index.likest(sound)), sound)
        self._made = self._begin(queue)

    def _fade(self) -> None:
        """What comes next begins something else: what was dreamt so far goes on by itself for a
        moment, by linear prediction, and fades into it."""
        self._join = Join(continued(self._newest, JOIN, self._job.config.rate))

    def restart(self) -> None:
        """Begins anew, from its seed and the weights that it had at first."""
        self._follower = self._cursor = self._walk = None
        self._model = model_of(self._job, self._settings.init_std)
        self._decode = self._model.decoder()
        self._fade()
        self._made = self._begin(self.seed)


class Join:
    """What takes another's place fades in, block by block.

    :param going_on: ``(count, …)`` samples: how the other goes on by itself, and fades out.
    """

    def __init__(self, going_on: Samples) -> None:
        self._going_on, self._at = going_on, 0

    def __call__(self, block: Samples) -> Samples:
        fading = self._going_on[self._at : self._at + len(block)]
        if not (count := len(fading)):
            return block
        at = self._at + np.arange(1, count + 1, dtype=np.float32)
        rise = 0.5 - 0.5 * np.cos(np.pi * at / (len(self._going_on) + 1))
        self._at += count
        joined = rise * block[:count].T + (1 - rise) * fading.T
        return np.concatenate((joined.T, block[count:]))


def threads_of(job: Job, settings: Settings) -> int:
    """That compute its samples: a second one, if it is to go on for ever and cores do nothing."""
    if settings.threads > 1 or not job.endless:
        return settings.threads
    idle = (os.cpu_count() or 1) - psutil.getloadavg()[0]
    return 2 if idle >= IDLE_CORES else 1


def profile_of(job: Job) -> Concurrent:
    """How the job's approach learns and is held; with an outline it learns faster."""
    profile = registry.ROWS[job.config.approach].concurrent
    return replace(profile, **profile.outlined) if job.request.outline else profile


def beginning(job: Job, profile: Concurrent, seed: Samples) -> tuple[Cursor, Place]:
    """The cursor, and where it begins."""
    request = job.request
    (index, start), sound = starting(job, seed), timbre_of(seed, job.config.rate)
    guide = guide_of(job, len(seed)) if request.outline else None
    rng = stream(job.rand, Draws.CURSOR)
    return Cursor(index, start, rng, seed=sound, pace=request.pace, wander=wander(job, profile),
                  outline=request.outline, guide=guide), start  # fmt: skip


def starting(job: Job, sound: Samples) -> tuple[Index, Place]:
    """The events of what a job follows, and where its cursor begins: at what is likest to this
    sound, unless ``followat`` says where, or nobody has looked for the events yet."""
    assert job.follow is not None
    index = places.index(job.among)
    if job.request.followat is None and len(index):
        return index, index.place(index.likest(timbre_of(sound, job.config.rate)))
    return index, Place(job.follow, job.followat)


def guide_of(job: Job, count: int) -> Guide | None:
    """What an outline follows: the seed, from where its window of ``count`` samples ends."""
    lead = job.config.frame // 2  # the middle of a frame sounds, and its end is where it lies
    return guides.of(job.seed, count, job.config.rate, job.rand, lead)


def wander(job: Job, profile: Concurrent) -> float:
    """The request's own, else its approach's."""
    asked = job.request.wander
    return profile.wander if asked is None else asked


def learning_rate(job: Job, profile: Concurrent) -> float:
    """Of a concurrent dream: the request's own, else its approach's."""
    asked = job.request.learn
    return profile.rate(job.config) if asked is None else asked


def seed_of(job: Job, count: int) -> Samples:
    """``(count, …)`` samples that fill the dream's queue; chance starts from ``rand``.

    Raises :class:`BadRecording` if the seed cannot be read.
    """
    rng = stream(job.rand, Draws.SEED)
    try:
        samples = seed_samples.load(
            job.seed, count, job.config.rate, job.peak, rng, job.config.channels
        )
    except BadRecording as error:
        raise BadRecording(f"seed: {error}") from None
    return np.array(samples, np.float32)
