"""The desk where dreams are asked for: who is next, how long it takes, what became of it.

Pure bookkeeping, no process and no socket: the daemon puts dreams here, takes the next one
when a dreamer is free, and notes what the dreamer reports.
"""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from dreamd.errors import Busy
from dreamd.jobs import Job

REMEMBERED = 50
"""Dreams that are over and still shown."""

GUESS = {"vector": 40.0, "spectrum": 20.0, "transpose": 0.08, "column": 0.08}
"""Times real time, before this machine has been measured."""


@dataclass
class Dream:
    """One request on its way. Times are from ``time.monotonic``."""

    id: int
    client: object  # who asked: turns go round among clients
    job: Job
    index: int  # its number in the bank
    asked: float = field(default_factory=time.monotonic)
    state: Literal["asked", "running", "done", "failed"] = "asked"
    made: int = 0  # frames that are final
    started: float = 0.0
    took: float | None = None
    reason: str = ""

    @property
    def serial(self) -> int:
        return self.job.serial

    @property
    def progress(self) -> float:
        return self.made / self.job.frames

    @property
    def secs(self) -> float:
        return self.job.frames / self.job.shape.rate


class Desk:
    """:param limit: dreams that may wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[object, deque[Dream]] = {}  # by client, in the order of turns
        self.running: dict[int, Dream] = {}  # by serial
        self.over: deque[Dream] = deque(maxlen=REMEMBERED)
        self._speeds: dict[tuple[str, int], float] = {}

    @property
    def waiting(self) -> list[Dream]:
        """Those not yet begun, in the order in which they came."""
        return sorted((d for line in self._waiting.values() for d in line), key=lambda d: d.serial)

    def check_room(self) -> None:
        """Raises :class:`Busy` if one more is too many."""
        if len(self.waiting) >= self._limit:
            raise Busy(f"{self._limit} dreams are waiting already: ask again later")

    def add(self, dream: Dream) -> None:
        self._waiting.setdefault(dream.client, deque()).append(dream)

    def next(self) -> Dream | None:
        """The first of the client whose turn it is; that client goes to the end."""
        for client in list(self._waiting):
            line = self._waiting.pop(client)
            dream = line.popleft()
            if line:
                self._waiting[client] = line
            dream.state, dream.started = "running", time.monotonic()
            self.running[dream.serial] = dream
            return dream
        return None

    def with_id(self, id: int) -> list[Dream]:
        """Those waiting or running under a client's number."""
        return [d for d in (*self.waiting, *self.running.values()) if d.id == id]

    def done(self, dream: Dream, seconds: float) -> None:
        self._close(dream, "done")
        dream.took = seconds
        key = (dream.job.shape.approach, dream.job.shape.vector)
        speed = dream.secs / max(seconds, 1e-3)
        self._speeds[key] = 0.5 * (self._speeds.get(key, speed) + speed)

    def failed(self, dream: Dream, reason: str) -> None:
        self._close(dream, "failed")
        dream.reason = reason

    def _close(self, dream: Dream, state: Literal["done", "failed"]) -> None:
        dream.state = state
        self.running.pop(dream.serial, None)
        line = self._waiting.get(dream.client)
        if line and dream in line:
            line.remove(dream)
            if not line:
                del self._waiting[dream.client]
        self.over.append(dream)

    # ------------------------------------------------------------ how long it takes

    def speed(self, approach: str, vector: int) -> float:
        """Seconds of dream made in a second: measured here, else a guess."""
        return self._speeds.get((approach, vector), GUESS[approach])

    def left(self, dream: Dream) -> float:
        """Seconds of work still in a dream."""
        if dream.state == "running" and dream.progress > 0.05:
            spent = time.monotonic() - dream.started
            return spent * (1 - dream.progress) / dream.progress
        return dream.secs / self.speed(dream.job.shape.approach, dream.job.shape.vector)

    def eta(self, dream: Dream, dreamers: int) -> float:
        """Seconds until a dream that waits will be done, with the work before it shared out."""
        before: Iterable[Dream] = (*self.running.values(), *self.waiting)
        work = sum(self.left(other) for other in before if other.serial < dream.serial)
        return work / max(dreamers, 1) + self.left(dream)
