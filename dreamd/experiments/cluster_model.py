"""What a cluster would do that nobody here has: a farm of up to 1,000 workers, an ensemble of 20.

Calculated event by event from a few costs, which ``dreamd scale`` measures; it prints both beside
each other where both can be had.
"""

import heapq
import random
import statistics
from dataclasses import dataclass

GIGABIT = 1e9 / 8
"""Bytes a second of a link."""
RATE, BYTES = 11025, 4  # of a recording as it travels


@dataclass(frozen=True)
class Costs:
    """What one job of a farm takes: a course of training, in slices."""

    seconds: float = 300.0  # of training, on its worker
    slices: int = 5
    recordings: float = 1200.0  # seconds of recordings that go to its worker
    checkpoint: float = 1.6e6  # bytes of a model's files, that go and come with each slice
    beside: float = 0.0  # seconds that a slice takes its worker beside training
    dispatch: float = 0.01  # seconds that a slice takes the scheduler
    carrying: float = 0.0  # and the recordings

    @property
    def travels(self) -> float:
        """Bytes, to its worker."""
        return self.recordings * RATE * BYTES + self.slices * self.checkpoint

    @property
    def scheduler(self) -> float:
        """Seconds."""
        return self.slices * self.dispatch + self.carrying

    @property
    def worker(self) -> float:
        """Seconds."""
        return self.seconds + self.slices * self.beside


@dataclass(frozen=True)
class FarmForecast:
    """How a farm goes."""

    seconds: float
    times: float  # as fast as one process that trains, without a farm
    scheduler: float  # share of the time in which it is busy


def farm_forecast(jobs: int, workers: int, link: float, costs: Costs = Costs()) -> FarmForecast:
    """``jobs`` on so many ``workers``; all recordings come by one ``link``, in bytes a second, one
    job's after another's; a worker that is free waits for them.

    With no more than the recordings it is what was planned with:

    >>> bare = Costs(slices=1, checkpoint=1.1e6)
    >>> [round(farm_forecast(10_000, w, GIGABIT, bare).times) for w in (40, 100, 400, 1000)]
    [40, 100, 390, 649]
    >>> round(farm_forecast(10_000, 1000, 10 * GIGABIT, bare).times)
    986
    """
    free = [0.0] * workers  # when each is
    link_free = scheduler_free = end = 0.0
    for _ in range(jobs):
        now = heapq.heappop(free)
        scheduler_free = max(scheduler_free, now) + costs.scheduler
        link_free = max(link_free, scheduler_free) + costs.travels / link
        done = link_free + costs.worker
        heapq.heappush(free, done)
        end = max(end, done)
    return FarmForecast(end, jobs * costs.seconds / end, jobs * costs.scheduler / end)


@dataclass(frozen=True)
class Waiting:
    """Seconds from asking until a dream begins to be made."""

    mean: float
    worst: float


def ensemble_forecast(
    performers: int, every: float, making: float, slots: int, hours: float = 4.0, rand: int = 0
) -> Waiting:
    """Performers who each ask every so many seconds, at random moments, for dreams that take
    ``making`` seconds on one of so many ``slots``; who asked first is served first.

    >>> ensemble_forecast(20, 8.0, 2.0, 100)
    Waiting(mean=0.0, worst=0.0)
    """
    chance = random.Random(rand)
    free, waits, now = [0.0] * slots, [], 0.0
    while now < 3600 * hours:
        now += chance.expovariate(performers / every)
        start = max(now, heapq.heappop(free))
        waits.append(start - now)
        heapq.heappush(free, start + making)
    return Waiting(round(statistics.mean(waits), 3), round(max(waits), 3))
