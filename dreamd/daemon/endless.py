"""How endless dreams end: when nobody is there any more who asked for them, and with the set.

The server calls :meth:`Endless.tick`; the dispatcher has all of them end before a new set begins.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from dreamd.daemon.bank_keeping import BankKeeping
from dreamd.daemon.clients import Clients, NotTooOften
from dreamd.daemon.events import ErrandDone
from dreamd.daemon.inbox import Inbox
from dreamd.daemon.parts import Parts
from dreamd.osc.addresses import Address, is_free, is_loopback
from dreamd.workers.process import WorkerExited, WorkerMessage

ENDING_PATIENCE, BREATH = 2.0, 0.1  # seconds, in all and at a time, as the daemon ends
ASKERS_EVERY = 2.0  # seconds between looks for askers that are gone


def is_gone(asker: Address, clients: Clients) -> bool:
    """Whether nobody is there any more who could hear what it asked for."""
    return is_free(asker) if is_loopback(asker[0]) else asker not in clients


class Endless:
    def __init__(self, parts: Parts, keeping: BankKeeping) -> None:
        self._state, self._clients, _, self._dreams = parts
        self._bank_keeping = keeping
        self._then: list[Callable[[], None]] = []
        self._is_time = NotTooOften()

    def new_set(self, then: Callable[[], None]) -> None:
        """They end, and belong to the set before; then the bank begins anew, and ``then`` is
        called."""
        self.end(partial(self._bank_keeping.new_set, then))

    def end(self, then: Callable[[], None]) -> None:
        """All that are being made end and are kept; then ``then`` is called."""
        for dream in self._state.queue.under_way:
            if dream.endless:
                self._dreams.stop(dream)
        self._then.append(then)
        self._go_on()

    def finish(self, inbox: Inbox, survive: Callable[[Any], None]) -> None:
        """All end because the daemon does; they are kept, as far as that goes quickly."""
        ended, deadline = list[bool](), time.monotonic() + ENDING_PATIENCE
        self.end(lambda: ended.append(True))
        while not ended and time.monotonic() < deadline:
            event = inbox.take(BREATH)
            if isinstance(event, WorkerMessage | WorkerExited | ErrandDone):
                survive(event)
            self._go_on()

    def tick(self) -> None:
        """What is due by the clock."""
        if self._is_time("gone", ASKERS_EVERY):
            for dream in self._state.queue.under_way:
                if dream.endless and is_gone(dream.client.sender, self._clients):
                    self._dreams.stop(dream)
        self._go_on()

    def _go_on(self) -> None:
        if not self._then:
            return
        running = self._state.queue.running.values()
        if not any(dream.endless and dream.stopping for dream in running):
            waiting, self._then = self._then, []
            for then in waiting:
                then()
