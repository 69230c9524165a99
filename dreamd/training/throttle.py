"""How much of the machine training may take, and when. The training process asks between turns.

Training is never in a hurry: it takes at most the share of the machine that the performer allows,
and of that only what nobody else needs. But it never stops: :data:`LEAST` of one core is always
its own, while dreams are made, too (the daemon says so,
:class:`dreamd.training.messages.YieldCPU`), and on a machine that is full.

Both are accounts of computing, in seconds of this process's own CPU time. They grow by the clock
and shrink by what was computed; a process that gets no CPU falls behind and catches up. Nothing is
measured by how long a turn took, for that says how busy others are.
"""

import os
import time
from collections import deque
from dataclasses import dataclass

import psutil

HEADROOM = 1 / 8
"""Share of the machine that training leaves free, for the audio server's sudden needs."""

LEAST = 1 / 16
"""Cores that training has for certain: a twentieth, and a quarter of it in reserve."""

BEHIND = 0.5
"""Seconds of computing that it may be behind its least before it becomes urgent."""

OWED_FOR = 60.0
"""Seconds after which what it has not got is forgotten."""

OTHERS_EVERY = 1.0  # seconds between looks at what others take
PACE_OVER = 20.0  # seconds over which the pace is told
SLOW = 0.5  # of what it may have on a machine of its own: less is slow


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


class Account:
    """Seconds of computing that are due. Neither wealth nor debt lasts for ever."""

    def __init__(self, debt: float, wealth: float) -> None:
        self.seconds, self._debt, self._wealth = 0.0, debt, wealth

    def add(self, seconds: float) -> None:
        self.seconds = min(max(self.seconds + seconds, -self._debt), self._wealth)


class Throttle:
    """:param share: of all cores' time that training may take, 0…1.
    :param threads: that the training process computes with.
    """

    def __init__(self, share: float, threads: int, cores: int | None = None) -> None:
        self._cores = cores or os.cpu_count() or 1
        self.most = max(min(share * self._cores, threads), LEAST)
        self.yielding = False  # dreams are being made
        self.begin(read())

    def begin(self, now: Reading) -> None:
        """Training begins, or goes on after a pause: nothing is owed from before."""
        self._last = self._looked = now
        self._free = 0.0  # nobody knows before the first look at others
        self._allowed = Account(debt=10.0, wealth=BEHIND)
        self._least = Account(debt=BEHIND, wealth=LEAST * OWED_FOR)
        self._listening = Account(debt=10.0, wealth=BEHIND)
        self._trained: deque[tuple[float, float]] = deque([(now.clock, 0.0)])

    # ------------------------------------------------------------ what may be done

    @property
    def rate(self) -> float:
        """Cores that training may take now."""
        return LEAST if self.yielding else min(max(self._free, LEAST), self.most)

    @property
    def urgent(self) -> bool:
        """It has no more than its least, or not even that: what it computes is owed to it."""
        return self.rate <= LEAST or self._least.seconds > BEHIND

    def wait(self, now: Reading, learns: bool = True) -> float:
        """Seconds until the next turn is due; of listening alone where no model learns."""
        self._look(now)
        if not learns:
            self._least.seconds = 0.0
            due = self._listening.seconds / LEAST if self.urgent else self._allowed.seconds
            return max(-due, 0.0)
        waits = [-self._least.seconds / LEAST]
        if not self.urgent:
            waits.append(-self._allowed.seconds / self.rate)
        return max(min(waits), 0.0)

    @property
    def may_listen(self) -> bool:
        """Whether it is time to scan recordings: what training has for certain is not for that."""
        return not self.urgent or self._listening.seconds >= 0

    def _look(self, now: Reading) -> None:
        passed, self._last = now.clock - self._last.clock, now
        for account, rate in (
            (self._allowed, self.rate), (self._least, LEAST), (self._listening, LEAST),
        ):  # fmt: skip
            account.add(passed * rate)
        since = now.clock - self._looked.clock
        if since >= OTHERS_EVERY:
            others = (now.busy - self._looked.busy) - (now.own - self._looked.own)
            self._free = self._cores * (1 - HEADROOM) - max(others, 0.0) / since
            self._looked = now

    # ------------------------------------------------------------ what was done

    def trained(self, seconds: float) -> None:
        """So much computing was spent on steps of training."""
        self._allowed.add(-seconds)
        self._least.add(-seconds)
        clock, before = self._trained[-1]
        self._trained.append((max(self._last.clock, clock), before + seconds))
        while self._trained[1][0] < self._last.clock - PACE_OVER:
            self._trained.popleft()

    def listened(self, seconds: float) -> None:
        """So much was spent on scanning recordings."""
        (self._listening if self.urgent else self._allowed).add(-seconds)

    def share(self, now: Reading) -> float:
        """Cores that training has had lately."""
        began, before = self._trained[0]
        return (self._trained[-1][1] - before) / max(now.clock - began, 1.0)

    def slow(self, now: Reading) -> bool:
        """Whether that is much less than it may have, and long enough to say so."""
        long = now.clock - self._trained[0][0] > PACE_OVER / 2
        return long and self.most > 2 * LEAST and self.share(now) < SLOW * self.most
