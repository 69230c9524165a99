"""Sends what is too long for one packet: page after page, no faster than a client can read.

:class:`dreamd.daemon.clients.Clients` has one for the statuses of large libraries. All pages at
once would be more than the system keeps for a client that is just doing something else.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence

from dreamd.osc.addresses import Address

PAGE_EVERY = 0.002  # seconds


class Pager:
    """:param send: sends one packet; called from a thread, too."""

    def __init__(self, send: Callable[[bytes, Address], None]) -> None:
        self._send = send
        self._waiting: queue.SimpleQueue[tuple[Address, Sequence[bytes]]] = queue.SimpleQueue()
        self._turning: set[Address] = set()  # whose pages are on their way
        threading.Thread(target=self._turn, name="pages", daemon=True).start()

    def put(self, client: Address, packets: Sequence[bytes]) -> None:
        """The first at once. Who asks again meanwhile gets what is on its way."""
        if client in self._turning:
            return
        self._send(packets[0], client)
        if len(packets) > 1:
            self._turning.add(client)
            self._waiting.put((client, packets[1:]))

    def _turn(self) -> None:
        while True:
            client, packets = self._waiting.get()
            for packet in packets:
                time.sleep(PAGE_EVERY)
                self._send(packet, client)
            self._turning.discard(client)
