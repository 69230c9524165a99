"""Who hears the daemon: the clients that registered, and Tidal, which is told two things alone.

The dispatcher registers them, :mod:`dreamd.daemon.dreams` has them told of dreams, everyone else
in the daemon who has something to say calls :meth:`Clients.broadcast`.

A client is an address and a port. It has its own numbers for its dreams; of others' dreams it
hears under the daemon's numbers (:meth:`Clients.id_for`). It leaves when it says so, and when it
is gone: on this machine when nobody has its port any more; elsewhere when it has not answered
``/dream/ping`` for a while. From elsewhere it must answer one before it is told anything: else
anybody could have us send a flood to an address that never asked.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dreamd.daemon.cookies import Cookies
from dreamd.daemon.pages import Pager
from dreamd.daemon.trust import Trust
from dreamd.errors import Busy, SetupError
from dreamd.osc import transport
from dreamd.osc.addresses import Address, host_address, is_free, is_loopback, spelt
from dreamd.osc.replies import (
    Accepted,
    Chunk,
    Done,
    Failed,
    Forgotten,
    Leap,
    Ping,
    Reply,
    Status,
    Warned,
)

MOST_CLIENTS = 128
MOST_STRANGERS = 32
"""Registered at most; one more is told so, and is not."""

PING_EVERY = 10.0  # seconds between pings to a client on another computer
UNANSWERED = 35.0  # seconds without an answer after which it is gone

Answer = Accepted | Chunk | Leap | Done | Failed | Forgotten
"""What has the id of what was asked for."""


@dataclass
class _Listener:
    """A registered client."""

    heard: float = field(default_factory=time.monotonic)  # its last answer to a ping
    pinged: float = field(default_factory=time.monotonic)
    told: dict[int, int] = field(default_factory=dict)
    """Of each dream under way the daemon's number, and the id by which this client knows it."""


class Clients:
    """:param tidal: ``host:port`` of Tidal's control listener; empty for none.
    :param say: takes a line for the performer."""

    def __init__(
        self, socket: transport.OscSocket, tidal: str, trust: Trust, say: Callable[[str], None]
    ) -> None:
        self._socket, self._tidal = socket, address_of(tidal)
        self._trust, self._say, self._is_time = trust, say, NotTooOften()
        self._registered: dict[Address, _Listener] = {}
        self._cookies = Cookies()
        self._pager = Pager(self._send_packet)

    def __contains__(self, client: Address) -> bool:
        return client in self._registered

    def is_stranger(self, client: Address) -> bool:
        return self._trust.is_stranger(client)

    # ------------------------------------------------------------ who comes and goes

    def register(self, client: Address, cookie: int | None = None) -> bool:
        """Replies go to this client from now on; whether they did not before."""
        if refusal := self._never(client):
            if self._is_time(refusal, 60.0):
                self._say(refusal)
            return False
        listener, proven = self._registered.get(client), self._is_proven(client, cookie)
        if listener is not None:
            listener.heard = time.monotonic() if proven else listener.heard
            return False
        if not proven:
            self.send(Ping(self._cookies.bake(client)), client)
            return False
        if full := self._full(client):
            self.send(Failed(0, Busy.code, full), client)
            if self._is_time("full", 60.0):
                self._say(f"{spelt(client)} asked for replies, and gets none: {full}")
            return False
        self._registered[client] = _Listener()
        self._say(f"a client listens at {spelt(client)}")
        return True

    def _never(self, client: Address) -> str | None:
        """Why this one can be none, where it cannot."""
        if client == self._tidal:  # its listener would end at the first reply
            return "Tidal's control port asked for replies, and gets none"
        if self._socket.is_own(client):  # we would answer ourselves for ever
            return "a packet in the daemon's own name asked for replies, and gets none"
        return None

    def _full(self, client: Address) -> str | None:
        """Why there is no room for one more, where there is none."""
        if len(self._registered) >= MOST_CLIENTS:
            self.retire()
        strangers = sum(map(self._trust.is_stranger, self._registered))
        if len(self._registered) >= MOST_CLIENTS:
            return f"{MOST_CLIENTS} clients listen already: end one of them first"
        if self._trust.is_stranger(client) and strangers >= MOST_STRANGERS:
            return f"{MOST_STRANGERS} clients on other computers listen already"
        return None

    def unregister(self, client: Address) -> None:
        self._registered.pop(client, None)

    def retire(self) -> None:
        """Those that are gone leave; those that may be are asked."""
        now = time.monotonic()
        for client, listener in list(self._registered.items()):
            if is_loopback(client[0]):
                gone = is_free(client)
            else:
                gone = now - listener.heard > UNANSWERED
                self._ping(client, listener, now)
            if gone:
                self.unregister(client)
                self._say(f"the client at {spelt(client)} is gone")

    def _ping(self, client: Address, listener: _Listener, now: float) -> None:
        if now - listener.pinged >= PING_EVERY:
            listener.pinged = now
            self.send(Ping(self._cookies.bake(client)), client)

    def _is_proven(self, client: Address, cookie: int | None) -> bool:
        """Whether this client truly is where it says: it has heard what was sent there."""
        return is_loopback(client[0]) or self._cookies.is_fresh(client, cookie)

    # ------------------------------------------------------------ what they are told

    def broadcast(self, reply: Reply) -> None:
        """News, to every registered client that is no stranger, and to no one else."""
        packet = transport.encode(*reply.osc())
        for client in self._registered:
            if not self._trust.is_stranger(client):
                self._send_packet(packet, client)

    def tell(self, reply: Answer, asker: Address, number: int) -> None:
        """Of a dream: to who asked for it, and under other numbers to whom it may concern.

        :param number: the daemon's own for it; ``reply`` has the asker's.
        """
        packets: dict[int, bytes] = {}
        for client, listener in self._registered.items():
            if client == asker or not self._trust.is_stranger(client):
                id = listener.told[number] = self.id_for(client, asker, reply.id, number)
                if id not in packets:
                    packets[id] = transport.encode(*replace(reply, id=id).osc())
                self._send_packet(packets[id], client)
                if isinstance(reply, Done | Failed | Forgotten):
                    del listener.told[number]

    def id_for(self, hearer: Address, asker: Address, id: int, number: int) -> int:
        """Under which number a client hears of a dream, and may cancel it.

        Its own dreams have its own ids, others' the daemon's numbers. Only where the asker itself
        listens to nobody, as a script that just sends, its id is told as it is, unless the hearer
        has a dream of that id under way.
        """
        if hearer == asker:
            return id
        told = self._registered[hearer].told if hearer in self._registered else {}
        if number in told:
            return told[number]
        taken = id in told.values()
        marked = taken or asker in self._registered or self._trust.is_stranger(asker)
        return number if marked else id

    def send(self, reply: Reply, client: Address) -> None:
        self._send_packet(transport.encode(*reply.osc()), client)

    def warn(self, id: int, text: str, client: Address) -> None:
        """One line to one client, if it listens: nothing of its has come to an end."""
        if client in self._registered:
            self.send(Warned(id, text), client)

    def send_status(self, status: Status, client: Address) -> None:
        """In as many packets as it takes, one status at a time."""
        self._pager.put(client, [transport.encode(*page) for page in status.pages()])

    def _send_packet(self, packet: bytes, client: Address) -> None:
        if complaint := self._socket.send_packet(packet, client):
            logging.warning("cannot send to %s: %s", spelt(client), complaint)

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
    >>> address_of("localhost:6010"), address_of("[::1]:6010"), address_of("")
    (('127.0.0.1', 6010), ('::1', 6010), None)
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SetupError(f"--tidal takes host:port, got {text}")
    return host_address(host, int(port))
