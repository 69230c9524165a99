"""A dream's way from the queue on: made, done or failed; each step is told.

The server hands over what the dreaming workers report. What must be looked up or written on a disk
is an errand, done by a thread; each ``_on`` method hears what came of it.
"""

import itertools
import time
from collections import deque
from dataclasses import replace
from functools import partial

from dreamd.daemon.bank_keeping import BankKeeping
from dreamd.daemon.clients import Answer, Clients, NotTooOften
from dreamd.daemon.errands import Errands
from dreamd.daemon.queue import NEWEST_WAITING, OWN_IDS, Client, Dream
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.daemon.words import in_words
from dreamd.dreaming.job import (
    ChunkWritten,
    CursorLeapt,
    Finished,
    Job,
    JobFailed,
    Remarked,
    Stop,
    Told,
)
from dreamd.dreaming.resolve import refresh
from dreamd.osc.replies import Chunk, Failed, Leap

REPLACED_EVERY = 30.0  # seconds between lines about one pattern that asks too often
FRESH = 1.0  # seconds in which a job needs no newer weights


class Dreams:
    """Changes the queue and the bank, and tells the clients.

    :param home: errands to the home's disk.
    """

    def __init__(
        self, state: State, clients: Clients, supervisor: Supervisor, home: Errands,
        keeping: BankKeeping,
    ) -> None:  # fmt: skip
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._home, self._bank_keeping = home, keeping
        self._serials, self._lost = itertools.count(), deque[Dream]()
        self._is_time = NotTooOften()

    def new_serial(self) -> int:
        return next(self._serials)

    def new_id(self) -> int:
        """For a request that has none of its own, and comes to nothing."""
        return OWN_IDS + self.new_serial()

    def tell(self, dream: Dream, reply: Answer) -> None:
        self._clients.tell(reply, dream.client.sender, dream.number)

    def warn(self, dream: Dream, text: str) -> None:
        """One line about a dream that goes on, to who asked and to the performer."""
        self._clients.warn(dream.id, text, dream.client.sender)
        self._state.say(f"request {dream.id}: {text}")

    # ------------------------------------------------------------ made

    def assign(self) -> None:
        """Work for every free worker; training yields while there is any. What has waited takes the
        newest weights that there are now."""
        while (name := self._supervisor.free()) and (dream := self._next()):
            self._supervisor.reserve(name, dream)
            job, _ = dream.settled()
            if time.monotonic() - dream.ready < FRESH:
                self._begin(name, dream)
            else:
                newest = partial(refresh, self._state.settings, job)
                self._home.run(newest, partial(self._on_refreshed, name, dream))
        self._supervisor.share_machine()

    def _next(self) -> Dream | None:
        return self._lost.popleft() if self._lost else self._state.queue.next()

    def _begin(self, name: str, dream: Dream) -> None:
        self._supervisor.begin(name)
        if dream.stopping:  # what was made of it before is kept
            self._supervisor.tell(dream, Stop(dream.serial))

    def _on_refreshed(self, name: str, dream: Dream, outcome: Job | Exception) -> None:
        if not self._supervisor.slots[name].awaits(dream):  # its worker ended meanwhile
            return
        if dream.stopping and not dream.made:
            self.fail(self._supervisor.release(name), "cancelled", "cancelled before it began")
        elif isinstance(outcome, Exception):  # its model went while it waited
            self.reject(self._supervisor.release(name), outcome)
        else:
            job, _ = dream.settled()  # somebody may have steered it meanwhile
            dream.job = job.with_weights_of(outcome)
            self._begin(name, dream)
            return
        self.assign()

    def on_worker_message(self, name: str, message: Told | Finished | JobFailed) -> None:
        match message:
            case ChunkWritten(_, start, frames):
                dream = self._supervisor.making(name)
                dream.advance(start + frames)
                self.tell(dream, Chunk(dream.id, start % dream.frames, frames))
            case CursorLeapt(_, frame, source, second, _):
                dream = self._supervisor.making(name)
                dream.leap(message)
                self.tell(dream, Leap(dream.id, frame % dream.frames, source, second))
            case Remarked(_, text):
                self.warn(self._supervisor.making(name), text)
            case Finished(_, seconds, frames):
                self._finish(self._supervisor.release(name), seconds, frames)
                self.assign()
            case JobFailed(_, code, text):
                self.fail(self._supervisor.release(name), code, text)
                self.assign()

    # ------------------------------------------------------------ done or failed

    def _finish(self, dream: Dream, seconds: float, made: int) -> None:
        """A dream is whole: into the bank with it, and then everyone hears."""
        job, _ = dream.settled()
        dream.made, dream.frames = made, min(made, job.frames)
        dream.job = replace(job, frames=dream.frames)
        self._state.queue.done(dream, seconds)
        self._state.estimates.learn(dream, seconds)
        self._bank_keeping.add(dream, seconds)

    def lost(self, dream: Dream, why: str) -> None:
        """The process that made it is gone: what has no end begins anew, anything else failed."""
        if dream.begins_anew():
            self._lost.append(dream)
            line = f"it begins anew: the process dreaming it {why}"
            self._clients.warn(dream.id, line, dream.client.sender)
        else:
            self.fail(dream, "diverged", f"the process dreaming it {why}: ask again")

    def stop(self, dream: Dream) -> None:
        """Nobody wants it any more; what was made of an endless one is kept."""
        dream.stopping = True
        if dream.state == "asked":
            self.fail(dream, "cancelled", "cancelled before it began")
        else:
            self._supervisor.tell(dream, Stop(dream.serial))

    def reject(self, dream: Dream, error: Exception) -> None:
        """A dream came to nothing by an error."""
        self.fail(dream, *in_words(error))

    def fail(self, dream: Dream, code: str, text: str) -> None:
        """A dream came to nothing, and leaves nothing."""
        self._state.queue.failed(dream, text)
        self._clear(dream, Failed(dream.id, code, text))
        self._state.say(f"no dream for request {dream.id}: {text}", warning=code != "cancelled")

    def replace(self, dream: Dream, client: Client) -> None:
        """A request makes room for another, in few words."""
        self._state.queue.drop(dream)
        dream.state = "failed"
        why = "its pattern has newer requests"
        if client != dream.client:
            why = "the queue is full, and requests that are no pattern's go first"
        self._clear(dream, Failed(dream.id, "cancelled", why))
        if client == dream.client and self._is_time(client, REPLACED_EVERY):
            self._state.say(
                f"{client.pattern} asks faster than it can be answered: "
                f"its newest {NEWEST_WAITING} requests wait, older ones are cancelled"
            )

    def _clear(self, dream: Dream, failed: Failed) -> None:
        """Nothing half-made stays, and then everyone hears."""
        if dream.index is None:
            self.tell(dream, failed)
            return
        drop = partial(self._state.bank.drop, dream.index)
        self._home.run(drop, lambda _: self.tell(dream, failed))
