"""The queue where dreams are asked for: who is next, what became of it.

Pure bookkeeping, no process and no socket: the daemon puts dreams here, takes the next one
when a dreamer is free, and notes what the dreamer reports. What was asked for once goes before
what a pattern asks for again and again, and neither a pattern nor one client fills the queue for
the others.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from dreamd.dreaming.job import CursorLeapt, Job
from dreamd.errors import Busy
from dreamd.osc.requests import Request

OWN_IDS = 1 << 30
"""From here on the daemon numbers dreams itself."""

MOST_LATER = 64
"""Words about a dream that wait for its job."""

MOST_LOST, LOST_WITHIN = 3, 60.0
"""How often, in how many seconds, an endless dream may lose the process that makes it."""

REMEMBERED = 50
"""Dreams that are over and still shown."""

NEWEST_WAITING = 4
"""Dreams that may wait for one pattern. It asks in every cycle, and what it asked for long ago
nobody waits for."""


@dataclass(frozen=True)
class Client:
    """Who asks. Turns go round among these; ids belong to the sender."""

    sender: Any
    pattern: str = ""  # which of the sender's patterns, where it is one


@dataclass(eq=False)
class Dream:
    """One request on its way. Times are from ``time.monotonic``.

    It waits as soon as it is asked for; its ``job``, and its number ``index`` in the bank, come
    when the home's disk has been asked.
    """

    id: int
    client: Client
    serial: int
    request: Request
    frames: int
    rate: int
    job: Job | None = None
    index: int | None = None
    ready: float = 0.0  # when its job came
    in_hand: bool = False  # the job is being made just now
    stopping: bool = False  # somebody wants it no more
    state: Literal["asked", "running", "done", "failed"] = "asked"
    made: int = 0  # frames that are final
    started: float = 0.0
    first: tuple[float, int] | None = None  # when the first part came, and its frames
    last: float = 0.0  # when the last part came
    took: float | None = None
    reason: str = ""
    leaps: list[CursorLeapt] = field(default_factory=list)
    later: deque[Callable[[], None]] = field(default_factory=lambda: deque(maxlen=MOST_LATER))
    """What was said of it before its job came, and is done then."""
    losses: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_LOST))
    """When it lost the process that made it."""

    def settled(self) -> tuple[Job, int]:
        """Its job and its number, once it has them."""
        assert self.job is not None
        assert self.index is not None
        return self.job, self.index

    @property
    def number(self) -> int:
        """Its id for those who have not asked for it: see :meth:`Clients.id_for`."""
        return OWN_IDS + self.serial

    def advance(self, made: int) -> None:
        """One more part is final, up to frame ``made``."""
        self.made, self.last = made, time.monotonic()
        if self.first is None:
            self.first = self.last, made

    def begins_anew(self) -> bool:
        """Whether it goes on where the process that made it is lost: with a course of its own,
        from the next frame of its ring on."""
        now = time.monotonic()
        often = len(self.losses) == MOST_LOST and now - self.losses[0] < LOST_WITHIN
        if self.job is None or not self.endless or often:
            return False
        self.losses.append(now)
        self.job = replace(self.job, made=self.made, rand=self.job.rand + 1)
        return True

    def leap(self, to: CursorLeapt) -> None:
        """Its cursor went there. What an endless dream has no frames of any more is forgotten."""
        self.leaps.append(to)
        while len(self.leaps) > 1 and self.leaps[1].frame <= self.made - self.frames:
            del self.leaps[0]

    @property
    def endless(self) -> bool:
        return self.request.endless

    @property
    def progress(self) -> float:
        """From 0 to 1; an endless dream goes round and round."""
        return self.made / self.frames if not self.endless else self.made / self.frames % 1.0

    @property
    def secs(self) -> float:
        return self.frames / self.rate


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

    @property
    def crowd(self) -> int:
        """How many wait."""
        return sum(map(len, self._waiting.values()))

    def check_room(self, client: Client) -> None:
        """Raises :class:`Busy` if one more is too many.

        A client that has nothing waiting finds a place even in a full queue, up to twice its
        limit.
        """
        crowd = self.crowd
        if crowd < self._limit or self.replaceable(client) is not None:
            return
        if crowd >= 2 * self._limit or any(c.sender == client.sender for c in self._waiting):
            raise Busy(f"{self._limit} dreams are waiting already: ask again later")

    def replaceable(self, client: Client) -> Dream | None:
        """What makes room when a client asks once more.

        For a pattern its oldest of :data:`NEWEST_WAITING`; in a full queue, for others than
        patterns, the oldest of the pattern that has most.
        """
        if client.pattern:
            line = self._waiting.get(client, deque())
            return self._oldest(line) if len(line) >= NEWEST_WAITING else None
        if self.crowd < self._limit:
            return None
        patterns = [line for c, line in self._waiting.items() if c.pattern]
        return self._oldest(max(patterns, key=len)) if patterns else None

    def _oldest(self, line: deque[Dream]) -> Dream:
        """If possible not one whose job is being made: a pattern that asks too fast would never
        have any."""
        return next((dream for dream in line if not dream.in_hand), line[0])

    def add(self, dream: Dream) -> None:
        self._waiting.setdefault(dream.client, deque()).append(dream)

    def next(self) -> Dream | None:
        """The first that is ready of the client whose turn it is; that client goes to the end."""
        for client in sorted(self._waiting, key=lambda client: bool(client.pattern)):
            line = self._waiting[client]
            dream = next((dream for dream in line if dream.job is not None), None)
            if dream is None:
                continue
            del self._waiting[client]
            line.remove(dream)
            if line:
                self._waiting[client] = line
            dream.state, dream.started = "running", time.monotonic()
            self.running[dream.serial] = dream
            return dream
        return None

    @property
    def under_way(self) -> list[Dream]:
        """Those waiting or running."""
        return [*self.waiting, *self.running.values()]

    def newest(self, number: int) -> list[Dream]:
        """The dreams finished last, at most so many."""
        return [dream for dream in self.over if dream.state == "done"][-number:]

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
