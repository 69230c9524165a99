"""Who hears the daemon: the registered clients, and Tidal, which is told two things alone.

The dispatcher registers them; everyone in the daemon who has something to say calls
:meth:`Clients.broadcast`.
"""

import logging
import time
from collections.abc import Callable

from dreamd.errors import SetupError
from dreamd.osc import transport
from dreamd.osc.replies import Reply, Status
from dreamd.osc.transport import Address

MOST_CLIENTS = 32
"""Registered at most; one more replaces the oldest."""


class Clients:
    """:param tidal: ``host:port`` of Tidal's control listener; empty for none."""

    def __init__(self, socket: transport.OscSocket, tidal: str) -> None:
        self._socket, self._tidal = socket, address_of(tidal)
        self._registered: dict[Address, None] = {}  # oldest first

    def __contains__(self, client: Address) -> bool:
        return client in self._registered

    def register(self, client: Address, status: Callable[[], Status]) -> str | None:
        """Replies go to this client from now on, first of all the status.

        Gives a line for the performer, where there is something to say.
        """
        if client == self._tidal:  # its listener would end at the first reply
            return "Tidal's control port asked for replies, and gets none"
        known = self._registered.pop(client, self) is None
        self._registered[client] = None
        if len(self._registered) > MOST_CLIENTS:
            self._registered.pop(next(iter(self._registered)))
        if known:
            return None
        self.send(status(), client)
        return f"a client listens at {client[0]}:{client[1]}"

    def unregister(self, client: Address) -> None:
        self._registered.pop(client, None)

    def broadcast(self, reply: Reply) -> None:
        """To everyone who is registered, and to no one else."""
        for client in self._registered:
            self.send(reply, client)

    def send(self, reply: Reply, client: Address) -> None:
        if complaint := self._socket.send(*reply.osc(), client):
            logging.warning("%s", complaint)

    def tell_tidal(self, dreams: int, newest: int | None) -> None:
        """Two messages and never another: anything else ends Tidal's control listener."""
        if self._tidal is None:
            return
        self._socket.send("/ctrl", ["dreams", dreams], self._tidal)
        if newest is not None:
            self._socket.send("/ctrl", ["dreamlast", f"dream:{newest}"], self._tidal)


class NotTooOften:
    """Remembers what was said last when, so that it is not said too often."""

    def __init__(self) -> None:
        self._said: dict[object, float] = {}

    def __call__(self, key: object, every: float) -> bool:
        """Whether ``key`` was last said ``every`` seconds ago; then it is said now."""
        now = time.monotonic()
        due = now - self._said.get(key, -every) >= every
        if due:
            self._said[key] = now
        return due


def address_of(text: str) -> Address | None:
    """
    >>> address_of("localhost:6010"), address_of("")
    (('127.0.0.1', 6010), None)
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SetupError(f"--tidal takes host:port, got {text}")
    return transport.host_address(host, int(port))
