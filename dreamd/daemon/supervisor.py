"""The worker processes: started, replaced when they die; one table says who makes which dream.

The server makes one :class:`Supervisor`; the dreams are given to it, and everything else that the
daemon wants of a worker goes through it.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dreamd.corpus.recording import Recording
from dreamd.daemon.queue import Dream
from dreamd.dreaming.job import Stop
from dreamd.settings import Settings
from dreamd.training.messages import (
    PauseTraining,
    RecordingGone,
    RecordingJoined,
    SetRecordings,
    YieldCPU,
)
from dreamd.workers.process import LEAVING_PATIENCE, Worker, WorkerExited, WorkerMessage

SHORTEST_LIFE = 5.0  # seconds; a worker that exits sooner is replaced after a pause
PAUSES = (0.0, 1.0, 5.0, 30.0)  # seconds before the first, second … replacement in a row


@dataclass
class Slot:
    """One worker, and what it is doing."""

    worker: Worker
    started: float
    ready: bool = False
    dream: Dream | None = None
    exits: int = 0  # in a row
    restart_at: float | None = None


class Supervisor:
    """:param tell: takes what the workers say, from threads."""

    def __init__(
        self, settings: Settings, tell: Callable[[WorkerMessage | WorkerExited], None]
    ) -> None:
        self.dreamers = settings.dreamers or os.cpu_count() or 1
        self._yielding = False  # what training was told last
        self._trainer = Worker("learner", "dreamd.training.worker", settings, tell)
        workers = [
            Worker(f"dreamer-{k}", "dreamd.dreaming.worker", settings, tell)
            for k in range(self.dreamers)
        ]
        now = time.monotonic()
        self.slots = {each.name: Slot(each, now) for each in (self._trainer, *workers)}

    # ------------------------------------------------------------ dreams

    def free(self) -> str | None:
        """The name of a dreaming worker that has nothing to do."""
        for name, slot in self.slots.items():
            if slot.ready and slot.dream is None and slot.worker is not self._trainer:
                return name
        return None

    def begin(self, name: str, dream: Dream) -> None:
        """That worker makes this dream from now on."""
        self.slots[name].dream = dream
        self.slots[name].worker.send(dream.job)

    def release(self, name: str) -> Dream:
        """The dream that a worker made, or failed to make: it is free again."""
        dream, self.slots[name].dream = self.slots[name].dream, None
        assert dream is not None, f"{name} made no dream"
        return dream

    def making(self, name: str) -> Dream:
        dream = self.slots[name].dream
        assert dream is not None, f"{name} makes no dream"
        return dream

    def stop(self, dream: Dream) -> None:
        """Whoever makes this dream is to stop; it says so when it has."""
        for slot in self.slots.values():
            if slot.dream is dream:
                slot.worker.send(Stop(dream.serial))

    # ------------------------------------------------------------ training

    def train_on(self, recording: Recording) -> None:
        """One recording more, or its newer version."""
        self._trainer.send(RecordingJoined(recording))

    def forget(self, recording: Recording) -> None:
        """One that is gone."""
        self._trainer.send(RecordingGone(recording))

    def pause_training(self, on: bool) -> None:
        self._trainer.send(PauseTraining(on), latest=True)

    def share_machine(self) -> None:
        """Training has the least of the machine while any dream is being made."""
        making = any(slot.dream for slot in self.slots.values())
        if making != self._yielding:
            self._yielding = making
            self._trainer.send(YieldCPU(making), latest=True)

    # ------------------------------------------------------------ life and death

    def is_current(self, event: WorkerMessage | WorkerExited) -> bool:
        """Whether it comes from a worker that is there, not from its predecessor."""
        return event.generation == self.slots[event.name].worker.generation

    def on_ready(self, name: str, recordings: Sequence[Recording], paused: bool) -> None:
        """A worker is up; the one that trains hears what it must know."""
        self.slots[name].ready = True
        if name == self._trainer.name:
            self._trainer.send(SetRecordings(tuple(recordings)), latest=True)
            self.pause_training(paused)
            self._trainer.send(YieldCPU(self._yielding), latest=True)

    def on_exited(self, event: WorkerExited) -> Dream | None:
        """A successor comes, after a pause if that repeats; gives the dream that was lost."""
        slot, now = self.slots[event.name], time.monotonic()
        slot.exits = slot.exits + 1 if now - slot.started < SHORTEST_LIFE else 0
        slot.restart_at = now + PAUSES[min(slot.exits, len(PAUSES) - 1)]
        slot.ready = False
        lost, slot.dream = slot.dream, None
        return lost

    def restart_due(self) -> None:
        """Starts the successors whose pause is over."""
        now = time.monotonic()
        for slot in self.slots.values():
            if slot.restart_at is not None and slot.restart_at <= now:
                slot.started, slot.restart_at = now, None
                slot.worker.start()

    def end(self) -> None:
        """Asks all to save and leave, and waits until they are gone."""
        for slot in self.slots.values():
            slot.worker.end()
        deadline = time.monotonic() + LEAVING_PATIENCE  # of all together
        for slot in self.slots.values():
            slot.worker.join(max(deadline - time.monotonic(), 0.0))
