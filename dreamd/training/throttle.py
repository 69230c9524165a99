"""How much of the machine training may take. The learner asks between its turns.

Training is the one part of the program that is never in a hurry: it takes at most the share of
the machine that the performer allows, and of that only what nobody else needs. While a dream is
being made it takes nothing (the daemon says so, :class:`dreamd.training.messages.YieldCPU`).
"""

import os
import time
from dataclasses import dataclass

import psutil

HEADROOM = 1 / 8
"""Share of the machine that training leaves free, for the audio server's sudden needs."""

LEAST = 1 / 20
"""Share of its threads' time that training takes on the busiest machine: it never stops."""


@dataclass(frozen=True)
class Reading:
    """Seconds since some fixed moment: of the clock, of all cores at work, of this process."""

    clock: float
    busy: float
    own: float


def read() -> Reading:
    """The machine as it is now."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0.0)
    return Reading(time.monotonic(), sum(times[:_COUNTED]) - idle, time.process_time())


_COUNTED = 8
"""On Linux guest time follows, and is counted in user time already."""


class Throttle:
    """:param share: of all cores' time that training may take, 0…1.
    :param threads: that the learner computes with.
    """

    def __init__(self, share: float, threads: int, cores: int | None = None) -> None:
        self._cores = cores or os.cpu_count() or 1
        self._share, self._threads = share, threads
        self._last = read()

    def duty(self, now: Reading) -> float:
        """The part of its time, ``LEAST``…1, that the learner may compute from now on.

        What others need is what they took since the last call.
        """
        last, self._last = self._last, now
        passed = max(now.clock - last.clock, 1e-3)
        others = max((now.busy - last.busy) - (now.own - last.own), 0.0) / passed
        free = self._cores * (1 - HEADROOM) - others
        return min(max(min(self._share * self._cores, free) / self._threads, LEAST), 1.0)

    def rest(self, worked: float, now: Reading) -> float:
        """Seconds to rest after ``worked`` seconds of computing."""
        duty = self.duty(now)
        return worked * (1 - duty) / duty
