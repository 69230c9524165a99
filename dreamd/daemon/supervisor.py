"""The worker processes: started, replaced when they die or fall silent; one table says who makes
which dream.

The server makes one :class:`Supervisor`; the dreams are given to it, and everything else that the
daemon wants of a worker goes through it.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamd.corpus.recording import Recording
from dreamd.daemon.queue import Dream
from dreamd.dreaming.job import Said
from dreamd.home import loans
from dreamd.settings import Settings
from dreamd.training.messages import (
    PauseTraining,
    RecordingForgotten,
    RecordingGone,
    RecordingJoined,
    SetRecordings,
    VoiceWanted,
    YieldCPU,
)
from dreamd.workers.messages import AreYouThere, Note
from dreamd.workers.process import LEAVING_PATIENCE, Worker, WorkerExited, WorkerMessage

SHORTEST_LIFE = 5.0  # seconds; a worker that exits sooner is replaced after a pause
PAUSES = (0.0, 1.0, 5.0, 30.0)  # seconds before the first, second … replacement in a row
SILENCE_TOLD, SILENCE_ENDED = 5.0, 20.0
"""Seconds of silence of a worker that makes a dream, or stands still: told, and replaced."""
LEARNER_TOLD, LEARNER_ENDED = 15.0, 60.0
"""The same of the one that trains, once it was asked whether it is there: it may take in a whole
library at once, and whoever stopped it may want its processor for a moment."""
STARTING_PATIENCE = 300.0  # seconds in which a worker must be up

CHILDREN = {
    False: ("dreamd.dreaming.worker", "dreamd.training.worker"),
    True: ("dreamd.cluster.dreamer", "dreamd.cluster.learner"),
}
"""The modules of who dreams and who trains: here, or with a cluster. They say and hear the same."""

Change = RecordingJoined | RecordingGone | RecordingForgotten | VoiceWanted


@dataclass
class Slot:
    """One worker, and what it is doing."""

    worker: Worker
    started: float
    trains: bool = False
    ready: bool = False
    dream: Dream | None = None
    sent: bool = False  # the dream's job
    silent: float = 0.0  # seconds since it said something or was sent a job
    told: bool = False  # that it is silent
    hung: bool = False  # it is replaced for its silence
    exits: int = 0  # in a row
    restart_at: float | None = None

    def take(self) -> Dream | None:
        """The dream that it made, or failed to make."""
        dream, self.dream, self.sent = self.dream, None, False
        return dream

    def awaits(self, dream: Dream) -> bool:
        """Whether it is to make that dream, and was not told to begin."""
        return self.dream is dream and not self.sent

    def exited(self, now: float) -> None:
        """It is gone, and is started again, the later the oftener that happens in a row."""
        again = self.hung or now - self.started < SHORTEST_LIFE
        self.exits, self.hung = self.exits + 1 if again else 0, False
        self.restart_at = now + PAUSES[min(self.exits, len(PAUSES) - 1)]
        self.ready = False

    def due(self, now: float) -> bool:
        """Whether its successor is to be started. There are never two that train: one that was
        killed may still wait for a disk."""
        lingers = self.trains and self.worker.lives()
        return self.restart_at is not None and self.restart_at <= now and not lingers

    def restart(self, now: float) -> None:
        self.worker.start()  # where the system has no process to give, it is tried again
        self.started, self.restart_at, self.silent, self.told = now, None, 0.0, False

    def is_free(self) -> bool:
        return self.ready and self.dream is None and not self.hangs()

    def hangs(self) -> bool:
        """It owes a word, or somebody stopped it."""
        return self.sent or self.worker.stands_still()


class Supervisor:
    """:param tell: takes what the workers say, from threads, and what is to be said of them."""

    def __init__(
        self, settings: Settings, tell: Callable[[WorkerMessage | WorkerExited | Note], None]
    ) -> None:
        self.dreamers = settings.dreamers or os.cpu_count() or 1
        self._settings, self._tell = settings, tell
        loans.clear(settings.home)  # of an earlier daemon
        self._ticked, self._yielding = 0.0, False  # the clock; what training was told last
        self._dreamer, learner = CHILDREN[bool(settings.cluster)]
        self._trainer = Worker("learner", learner, settings, tell)
        self.slots = {self._trainer.name: Slot(self._trainer, time.monotonic(), trains=True)}
        for _ in range(self.dreamers):
            self._add_dreamer()

    def _add_dreamer(self) -> None:
        new = Worker(f"dreamer-{len(self.slots) - 1}", self._dreamer, self._settings, self._tell)
        self.slots[new.name] = Slot(new, time.monotonic())

    # ------------------------------------------------------------ dreams

    def free(self) -> str | None:
        """The name of a dreaming worker that has nothing to do."""
        free = (name for name, slot in self.slots.items() if not slot.trains and slot.is_free())
        return next(free, None)

    def reserve(self, name: str, dream: Dream) -> None:
        """That worker makes this dream, as soon as it is told to :meth:`begin`. Where all make
        endless ones now, one more worker is started for the others."""
        self.slots[name].dream = dream
        if all(s.trains or (s.dream and s.dream.endless) for s in self.slots.values()):
            self._add_dreamer()

    def begin(self, name: str) -> None:
        slot = self.slots[name]
        job, _ = self.making(name).settled()
        slot.sent, slot.silent = True, 0.0
        slot.worker.send(job)

    def heard(self, name: str) -> None:
        """It said something."""
        slot = self.slots[name]
        slot.silent, slot.told = 0.0, False
        if slot.trains:
            slot.sent = False

    def release(self, name: str) -> Dream:
        """The dream that a worker made, or failed to make: it is free again."""
        dream = self.making(name)
        self.slots[name].take()
        return dream

    def making(self, name: str) -> Dream:
        dream = self.slots[name].dream
        assert dream is not None, f"{name} makes no dream"
        return dream

    def tell(self, dream: Dream, said: Said) -> None:
        """To whoever makes this dream; nobody, where its job is not sent yet."""
        for slot in self.slots.values():
            if slot.dream is dream and slot.sent:
                slot.worker.send(said)

    # ------------------------------------------------------------ training

    def tell_training(self, change: Change) -> None:
        """What changed, and not all that there is: a whole library may be joining."""
        self._trainer.send(change)

    def pause_training(self, on: bool) -> None:
        self._trainer.send(PauseTraining(on), latest=True)

    def share_machine(self) -> None:
        """Training has the least of the machine while a dream is made that has an end."""
        making = any(slot.dream and not slot.dream.endless for slot in self.slots.values())
        if making != self._yielding:
            self._yielding = making
            self._trainer.send(YieldCPU(making), latest=True)

    # ------------------------------------------------------------ life and death

    def is_current(self, event: WorkerMessage | WorkerExited) -> bool:
        """Whether it comes from a worker that is there, not from its predecessor."""
        return event.generation == self.slots[event.name].worker.generation

    def on_ready(
        self, name: str, recordings: Callable[[], Sequence[Recording]], paused: bool
    ) -> None:
        """A worker is up; the one that trains hears what it must know."""
        self.slots[name].ready = True
        if name == self._trainer.name:
            self._trainer.send(SetRecordings(tuple(recordings())), latest=True)
            self.pause_training(paused)
            self._trainer.send(YieldCPU(self._yielding), latest=True)

    def on_exited(self, event: WorkerExited) -> Dream | None:
        """A successor comes, after a pause if that repeats; gives the dream that was lost."""
        self.slots[event.name].exited(time.monotonic())
        return self.slots[event.name].take()

    def tick(self) -> None:
        """What is due by the clock."""
        now = time.monotonic()
        # A daemon that stood still itself (Ctrl-Z, a sleeping laptop) blames nobody.
        passed, self._ticked = min(now - self._ticked, 1.0), now
        for slot in self.slots.values():
            owes = slot.sent or not slot.ready
            slot.silent += slot.worker.unheard(passed) if owes else passed
            self._watch(slot)
            if slot.due(now):
                slot.restart(now)

    def _watch(self, slot: Slot) -> None:
        """A worker that owes a word and is silent, or stands still, is told of, and replaced."""
        if slot.restart_at is not None or slot.silent < SILENCE_TOLD:
            return
        if slot.trains and slot.ready and not slot.sent:
            slot.worker.send(AreYouThere())
            slot.sent, slot.silent = True, 0.0
            return
        told, ended = (
            (LEARNER_TOLD, LEARNER_ENDED) if slot.trains else (SILENCE_TOLD, SILENCE_ENDED)
        )
        hangs = slot.hangs()
        if hangs and not slot.told and slot.silent > told:
            slot.told = True
            self._tell(Note(f"the {slot.worker.name} process does not answer", problem=True))
        patience = ended if hangs else STARTING_PATIENCE
        if slot.silent > patience and (hangs or not slot.ready):
            self._tell(slot.worker.abandon(f"said nothing for {slot.silent:.0f} s"))
            slot.silent, slot.hung = 0.0, True  # the router will have heard of it by then

    def end_dreaming(self) -> None:
        """At once: who dreams has nothing to save."""
        for slot in self.slots.values():
            if slot.worker is not self._trainer:
                slot.worker.abandon("was ended")

    def end(self) -> None:
        """Asks the one that trains to save and leave, unless it has nothing to save yet or cannot
        hear, and waits until all are gone."""
        trains = self.slots[self._trainer.name]
        if trains.ready and not self._trainer.stands_still():
            self._trainer.end()
        else:
            self._trainer.abandon("was not up")
        deadline = time.monotonic() + LEAVING_PATIENCE  # of all together
        for slot in self.slots.values():
            slot.worker.join(max(deadline - time.monotonic(), 0.0))
