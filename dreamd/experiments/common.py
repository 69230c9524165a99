"""What the experiments share: a dream as a client would hear it, and how numbers are told."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamd.approaches.registry import Concurrent
from dreamd.audio.channels import mono
from dreamd.audio.files import Samples
from dreamd.audio.limiter import Limiter
from dreamd.corpus.recording import Recording, Voices, cut
from dreamd.dreaming import render, sampling
from dreamd.dreaming.course import Loop
from dreamd.dreaming.job import CursorLeapt, Job
from dreamd.dreaming.resolve import resolve
from dreamd.evaluation.mel import at_judge_s_rate
from dreamd.home.credits import Credit
from dreamd.osc.requests import Request
from dreamd.settings import Settings


@dataclass(frozen=True)
class Heard:
    """A dream, what its cursor passed meanwhile, how many times real time it was made, and what it
    leant on."""

    sound: Samples
    passed: Samples
    speed: float
    credits: list[Credit]

    @property
    def samples(self) -> Samples:
        """What is measured of it: the mean of its channels."""
        return mono(self.sound)


def job_of(settings: Settings, voices: Voices, request: Request) -> Job:
    return resolve(settings, request, voices, lambda number: Path())


def heard(
    settings: Settings,
    job: Job,
    profile: Concurrent | None = None,
    loop: Loop = sampling.concurrent,
) -> Heard:
    """A dream as a client would hear it; ``profile`` and ``loop`` turn what no request can."""
    limiter = Limiter(job.dreamt, job.config.rate, render.level_of(job), job.channels)
    leaps: list[CursorLeapt] = []
    blocks = render.blocks(job, settings, profile, loop, leaps.append, limiter.begin)
    parts, made = [next(blocks)], 0
    began, made = time.perf_counter(), len(parts[0])
    while made < job.dreamt:
        parts.append(next(blocks))
        made += len(parts[-1])
    took, timed = time.perf_counter() - began, max(made - len(parts[0]), 1)
    sound = limiter(np.nan_to_num(np.concatenate(parts)[: job.dreamt]))
    speed = timed / job.config.rate / max(took, 1e-9)
    return Heard(sound, passed(job), speed, job.credits(leaps))


def passed(job: Job) -> Samples:
    """What the newest end of the cursor's windows passes during a dream; see :class:`Follower`."""
    assert job.follow is not None
    whole = cut(job.follow, 0, job.follow.frames)
    walked = (job.request.pace * np.arange(job.dreamt)).astype(int)
    return np.asarray(whole[(job.followat + walked) % len(whole)])


def whole_of(recordings: Sequence[Recording]) -> Samples:
    """A voice's recordings, one after another, up to ten minutes."""
    parts = [np.array(cut(r, 0, min(r.frames, 600 * r.rate))) for r in recordings]
    return np.concatenate(parts)[: 600 * recordings[0].rate]


def mean_and_range(values: Iterable[float], digits: int) -> str:
    """The mean, and from where to where."""
    there = list(values)
    return f"{np.mean(there):.{digits}f} ({min(there):.{digits}f}…{max(there):.{digits}f})"


def heard_by_judge(recording: Recording) -> Samples:
    """The whole of a recording, as the judge hears it."""
    return at_judge_s_rate(cut(recording, 0, recording.frames), recording.rate)
