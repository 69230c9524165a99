"""Work that may have to wait for a disk, done by threads, so that the daemon's own never waits.

Two make errands: the home's disk has one thread, whose work is done in order; the paths that
clients name have many, since each may lie on a disk that sleeps. Whoever runs an errand goes on at
once and is called back on the daemon's own thread, through the inbox.
"""

import itertools
import logging
import math
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from dreamd.daemon.events import ErrandDone
from dreamd.errors import NoAnswer

T = TypeVar("T")
Then = Callable[[Any], None]

PATIENCE = 5.0
"""Seconds after which whoever waits for an errand hears that nothing came of it."""


def log_failure(outcome: object) -> None:
    """What is done with the outcome of an errand for which nobody waits."""
    if isinstance(outcome, Exception):
        logging.error("an errand failed", exc_info=outcome)


class Errands:
    """:param tell: called from the threads with :class:`ErrandDone`; :param threads: at most."""

    def __init__(self, name: str, threads: int, tell: Callable[[ErrandDone], None]) -> None:
        self._name, self._most, self._tell = name, threads, tell
        self._numbers = itertools.count()
        self._work: queue.SimpleQueue[tuple[int, Callable[[], Any]]] = queue.SimpleQueue()
        self._waiting: dict[int, tuple[float, Then]] = {}
        self._late: dict[int, Then] = {}
        self._threads = 0
        self._undone = 0  # errands, those for which nobody waits any more too

    def run(
        self,
        work: Callable[[], T],
        then: Callable[[T | Exception], None] = log_failure,
        late: Callable[[T | Exception], None] = log_failure,
    ) -> None:
        """Does ``work`` elsewhere; ``then`` gets what it gave, or the exception it raised.

        Where nothing comes in time ``then`` gets :class:`NoAnswer`; ``late`` gets what comes after
        all.
        """
        number = next(self._numbers)
        self._waiting[number] = time.monotonic() + PATIENCE, then
        self._late[number] = late
        self._work.put((number, work))
        self._undone += 1
        if self._threads < min(self._most, self._undone):
            self._threads += 1
            threading.Thread(target=self._work_on, name=self._name, daemon=True).start()

    def overdue(self) -> None:
        """Tells those whose time is over."""
        self._tell_waiting(until=time.monotonic())

    def give_up(self) -> None:
        """Tells all that still wait: nobody hands them their outcome any more."""
        self._tell_waiting(until=math.inf)

    def _tell_waiting(self, until: float) -> None:
        for number, (end, then) in list(self._waiting.items()):
            if end < until:
                del self._waiting[number]
                then(NoAnswer("the disk does not answer: ask again when it does"))

    def finish(self, patience: float) -> None:
        """Waits until all is done, or until ``patience`` is over. For errands of one thread."""
        done = threading.Event()
        self.run(done.set)
        done.wait(patience)

    def _work_on(self) -> None:
        while True:
            number, work = self._work.get()
            try:
                outcome = work()
            except Exception as error:  # noqa: BLE001  # whoever waits for it hears of it
                outcome = error
            self._tell(ErrandDone(partial(self._deliver, number, outcome)))

    def _deliver(self, number: int, outcome: object) -> None:
        self._undone -= 1
        late = self._late.pop(number)
        _, then = self._waiting.pop(number, (0.0, late))
        then(outcome)
