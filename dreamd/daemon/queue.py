"""The queue where dreams are asked for: who is next, what became of it.

Pure bookkeeping, no process and no socket: the daemon puts dreams here, takes the next one
when a dreamer is free, and notes what the dreamer reports.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Literal

from dreamd.dreaming.job import CursorLeapt, Job
from dreamd.errors import Busy

REMEMBERED = 50
"""Dreams that are over and still shown."""

NEWEST_WAITING = 4
"""Dreams that may wait for one pattern. It asks in every cycle, and what it asked for long ago
nobody waits for."""


@dataclass(frozen=True)
class Client:
    """Who asks. Turns go round among these."""

    sender: Any
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
    leaps: list[CursorLeapt] = field(default_factory=list)

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
        return self.job.frames / self.job.config.rate


class Queue:
    """:param limit: dreams that may wait."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: dict[Client, deque[Dream]] = {}  # by client, in the order of turns
        self.running: dict[int, Dream] = {}  # by serial
        self.over: deque[Dream] = deque(maxlen=REMEMBERED)

    @property
    def waiting(self) -> list[Dream]:
        """Those not yet begun, in the order in which they came."""
        return sorted((d for line in self._waiting.values() for d in line), key=lambda d: d.serial)

    def check_room(self, client: Client) -> None:
        """Raises :class:`Busy` if one more is too many."""
        if len(self.waiting) >= self._limit and self.replaceable(client) is None:
            raise Busy(f"{self._limit} dreams are waiting already: ask again later")

    def replaceable(self, client: Client) -> Dream | None:
        """What makes room when a pattern asks once more: its oldest of :data:`NEWEST_WAITING`."""
        line = self._waiting.get(client)
        return line[0] if line and client.pattern and len(line) >= NEWEST_WAITING else None

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
