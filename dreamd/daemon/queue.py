"""The queue where dreams are asked for: who is next, how long it takes, what became of it.

Pure bookkeeping, no process and no socket: the daemon puts dreams here, takes the next one
when a dreamer is free, and notes what the dreamer reports.
"""

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from dreamd.dreaming.job import Job
from dreamd.errors import Busy

REMEMBERED = 50
"""Dreams that are over and still shown."""

NEWEST = 4
"""Dreams that may wait for one pattern. It asks in every cycle, and what it asked for long ago
nobody waits for."""

GUESS = {
    "paused": {"vector": 100.0, "spectrum": 50.0, "transpose": 4.0, "column": 4.0},
    "concurrent": {"vector": 8.0, "spectrum": 5.0, "transpose": 1.0, "column": 1.0},
}
"""Times real time, before this machine has been measured."""


@dataclass(frozen=True)
class Client:
    """Who asks. Turns go round among these."""

    sender: object
    pattern: str = ""  # which of the sender's patterns, where it is one


@dataclass
class Dream:
    """One request on its way. Times are from ``time.monotonic``."""

    id: int
    client: Client
    job: Job
    index: int  # its number in the bank
    asked: float = field(default_factory=time.monotonic)
    state: Literal["asked", "running", "done", "failed"] = "asked"
    made: int = 0  # frames that are final
    started: float = 0.0
    first: tuple[float, int] | None = None  # when the first part came, and its frames
    last: float = 0.0  # when the last part came
    took: float | None = None
    reason: str = ""

    @property
    def serial(self) -> int:
        return self.job.serial

    def advance(self, made: int) -> None:
        """One more part is final, up to frame ``made``."""
        self.made, self.last = made, time.monotonic()
        if self.first is None:
            self.first = self.last, made

    @property
    def progress(self) -> float:
        return self.made / self.job.frames

    @property
    def secs(self) -> float:
        return self.job.frames / self.job.shape.rate


class Queue:
    """:param limit: dreams that may wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[Client, deque[Dream]] = {}  # by client, in the order of turns
        self.running: dict[int, Dream] = {}  # by serial
        self.over: deque[Dream] = deque(maxlen=REMEMBERED)
        self._speeds: dict[tuple[str, int, str], float] = {}

    @property
    def waiting(self) -> list[Dream]:
        """Those not yet begun, in the order in which they came."""
        return sorted((d for line in self._waiting.values() for d in line), key=lambda d: d.serial)

    def check_room(self, client: Client) -> None:
        """Raises :class:`Busy` if one more is too many."""
        if len(self.waiting) >= self._limit and self.replaceable(client) is None:
            raise Busy(f"{self._limit} dreams are waiting already: ask again later")

    def replaceable(self, client: Client) -> Dream | None:
        """What makes room when a pattern asks once more: its oldest of :data:`NEWEST`."""
        line = self._waiting.get(client)
        return line[0] if line and client.pattern and len(line) >= NEWEST else None

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
        key = _kind(dream)
        speed = dream.secs / max(seconds, 1e-3)
        self._speeds[key] = 0.5 * (self._speeds.get(key, speed) + speed)

    def failed(self, dream: Dream, reason: str) -> None:
        self._close(dream, "failed")
        dream.reason = reason

    def _close(self, dream: Dream, state: Literal["done", "failed"]) -> None:
        dream.state = state
        self.running.pop(dream.serial, None)
        self.drop(dream)
        self.over.append(dream)

    def drop(self, dream: Dream) -> None:
        """It waits no longer, and is not worth remembering."""
        line = self._waiting.get(dream.client)
        if line and dream in line:
            line.remove(dream)
            if not line:
                del self._waiting[dream.client]

    # ------------------------------------------------------------ how long it takes

    def speed(self, approach: str, vector: int, sampling: str = "concurrent") -> float:
        """Seconds of dream made in a second: measured here, else a guess."""
        return self._speeds.get((approach, vector, sampling), GUESS[sampling][approach])

    def left(self, dream: Dream) -> float:
        """Seconds of work still in a dream: from its own pace so far, else from others like it."""
        now = time.monotonic()
        if dream.first is not None and dream.made > dream.first[1]:
            at, made = dream.first
            pace = (dream.last - at) / (dream.made - made)
            return max(pace * (dream.job.frames - dream.made) - (now - dream.last), 0.0)
        spent = now - dream.started if dream.state == "running" else 0.0
        return max(dream.secs / self.speed(*_kind(dream)) - spent, 0.0)

    def eta(self, dream: Dream, dreamers: int) -> float:
        """Seconds until a dream that waits will be done, with the work before it shared out."""
        before: Iterable[Dream] = (*self.running.values(), *self.waiting)
        work = sum(self.left(other) for other in before if other.serial < dream.serial)
        return work / max(dreamers, 1) + self.left(dream)


def _kind(dream: Dream) -> tuple[str, int, str]:
    """Dreams of a kind are made about equally fast."""
    shape = dream.job.shape
    return shape.approach, shape.vector, dream.job.request.sampling
