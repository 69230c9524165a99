"""An endless dream: into a file that is a ring, a little ahead of the time in which it is played.

:func:`dreamd.dreaming.render.render` calls :func:`go_on`, which comes back when the dream is ended.
What it was at last, a ring's length of it, stays in the file, in order. Where the process that made
it is lost, another goes on in the same ring, with a course of its own: see :attr:`Job.made`.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator

import numpy as np

from dreamd.audio.crossfade import continued, fitted
from dreamd.audio.files import Samples, silence
from dreamd.audio.limiter import FADE_IN, FADE_OUT
from dreamd.dreaming.course import JOIN, Course, Join
from dreamd.dreaming.helm import Helm
from dreamd.dreaming.job import ChunkWritten, Job, Remarked, Told
from dreamd.errors import Cancelled, Diverged

PART = 0.1
"""Seconds of the dream that go to the file and to the clients at a time, or half its lead."""
SHORTEST_PAUSE = 1e-3  # seconds that are worth waiting
LATE = 0.05  # seconds too late that are worth a word
SAID_EVERY = 60.0  # seconds from one such word to the next
LATELY = 50  # parts from which it is told how fast a dream is made
Finish = Callable[[Samples], Samples]
"""What a block passes on its way to the loudspeaker; raises ``FloatingPointError``."""
RESTARTS = 10.0  # seconds that a dream must last after it broke: else it has failed


def go_on(
    job: Job, course: Course, finish: Finish, helm: Helm, tell: Callable[[Told], None]
) -> int:
    """Until somebody stops it: gives the frames made. Raises :class:`Cancelled` if there are none
    yet, :class:`Diverged` for a dream that breaks again and again."""
    ring, clock = Ring(job), Clock()
    source = _unbroken(job, course, finish, tell)
    waiting, pause = list[Samples](), 0.0
    while not helm.stopped(pause):
        lead = helm.job.request.lead
        pause = 0.0 if waiting else clock.pause(ring.seconds, lead)
        if pause:
            continue
        waiting.append(next(source))
        ready = sum(map(len, waiting))
        if ready and (ready >= ring.rate * part_seconds(lead) or not ring.seconds):
            for start, count in ring.write(np.concatenate(waiting)):
                tell(ChunkWritten(job.serial, start, count))
            clock.part(ready / ring.rate)
            waiting.clear()
            if (speed := clock.too_slow()) is not None:
                tell(Remarked(job.serial, too_slow(job, speed)))
    if not ring.made:
        raise Cancelled("cancelled")
    ring.end()
    return ring.made


def _unbroken(
    job: Job, course: Course, finish: Finish, tell: Callable[[Told], None]
) -> Iterator[Samples]:
    """The samples as they may be heard; where they are no numbers any more it begins anew."""
    lasted = math.inf  # frames
    while True:
        try:
            samples = finish(next(course))
        except FloatingPointError:
            if lasted < RESTARTS * job.rate:
                raise Diverged("the dream stopped being finite numbers, twice") from None
            tell(Remarked(job.serial, "it stopped being finite numbers, and begins anew"))
            lasted = 0
            course.restart()
        else:
            lasted += len(samples)
            yield samples


def part_seconds(lead: float) -> float:
    """What goes to the file and to the clients at a time."""
    return min(PART, lead / 2)


def too_slow(job: Job, speed: float) -> str:
    """What a performer may do about it."""
    approach = job.request.approach
    if speed >= 1:
        return f"{approach} came too late for a moment: a longer lead or fewer dreams bridge that"
    faster = "" if approach in ("vector", "spectrum") else "vector, spectrum, "
    faster += "" if job.request.sampling == "paused" else "sampling paused, "
    return (
        f"{approach} cannot keep up here: {speed:.2f} times real time; {faster}a smaller vector "
        "or fewer dreams at once are faster"
    )


class Ring:
    """The file of an endless dream, which another process may have begun."""

    def __init__(self, job: Job) -> None:
        self.rate, self.made = job.rate, job.made  #: frames, more than the ring has
        self._file, self._begun = job.file, job.made
        self._samples = self._file.read(0, job.frames).copy()  # what is in the file
        self._join = Join(self._going_on() if self.made else silence(0, job.channels))

    @property
    def seconds(self) -> float:
        """How much of it has been made here."""
        return (self.made - self._begun) / self.rate

    def _going_on(self) -> Samples:
        """How what is there already goes on by itself for a moment."""
        before = np.arange(self.made - fitted(self.rate), self.made)
        return continued(self._samples.take(before, 0, mode="wrap"), JOIN, self.rate)

    def write(self, samples: Samples) -> list[tuple[int, int]]:
        """What comes next: gives which frames of the dream that was, in parts as they lie in the
        ring."""
        parts, samples = [], self._join(samples)
        while len(samples):
            at = self.made % len(self._samples)
            part = samples[: len(self._samples) - at]
            self._file.write(at, part)
            self._samples[at : at + len(part)] = part
            parts.append((self.made, len(part)))
            self.made += len(part)
            samples = samples[len(part) :]
        return parts

    def end(self) -> None:
        """What was made last becomes an ordinary dream: in order, faded in and out."""
        last = np.roll(self._samples, -(self.made % len(self._samples)), 0)[-self.made :]
        for fade, part in ((FADE_IN, last), (FADE_OUT, last[::-1])):
            count = min(int(fade * self.rate), len(part) // 4)
            part.T[..., :count] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(count) / max(count, 1))
        self._file.create(len(last))
        self._file.write(0, last)


class Clock:
    """The time in which the dream is played, since its first part was there.

    Where the dream comes too late this time stands still until it comes: nothing is left out, and
    nothing is hurried to make up for it.
    """

    def __init__(self) -> None:
        self._began, self._working = math.inf, time.monotonic()
        self._parts: deque[tuple[float, float]] = deque(maxlen=LATELY)  # of dream, of work
        self._late, self._said = 0.0, -math.inf

    def pause(self, made: float, lead: float) -> float:
        """Seconds to wait before the next part, with so many made."""
        now = time.monotonic()
        if not made or self._began == math.inf:
            self._began = now if made else math.inf
            self._working = now
            return 0.0
        ahead = made - (now - self._began)
        if ahead < 0:
            self._began, self._late = now - made, self._late - ahead
        self._working = now
        early = ahead + part_seconds(lead) - lead
        return early if early > SHORTEST_PAUSE else 0.0

    def part(self, seconds: float) -> None:
        """One more is there."""
        self._parts.append((seconds, time.monotonic() - self._working))

    def too_slow(self) -> float | None:
        """How many times real time the dream is made, when it has come too late and that has not
        been said lately."""
        if self._late < LATE or time.monotonic() - self._said < SAID_EVERY:
            return None
        made, worked = map(sum, zip(*self._parts, strict=True))
        self._late, self._said = 0.0, time.monotonic()
        return made / max(worked, 1e-9)
