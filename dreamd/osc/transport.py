"""Packets and the socket: OSC messages as bytes, and the UDP port that they come and go by.

The daemon's receiving thread calls :meth:`OscSocket.receive` for ever, its main thread
:meth:`OscSocket.send` for replies; both use the same port, so that replies come from the one that
was asked. Anybody may send anything: :func:`decode` checks every size before it follows it, and
takes time in proportion to the packet's length.
"""

import contextlib
import errno
import selectors
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Any

from dreamd.errors import BadRequest, SetupError
from dreamd.osc.addresses import (
    Address,
    addresses_of,
    bound_to,
    family_of,
    for_system,
    is_free,
    sent_from,
    spelt,
)

Received = tuple[str, list[Any]]

MOST_NESTED = 8
"""Bundles in bundles, and lists in lists."""

_BUNDLE = b"#bundle\0"
_NUMBERS = {"i": ">i", "h": ">q", "f": ">f", "d": ">d", "t": ">Q", "r": ">I", "m": ">I", "c": ">I"}
_CONSTANTS = {"T": True, "F": False, "N": None, "I": None}


# ---------------------------------------------------------------- messages as bytes


def encode(address: str, args: Sequence[int | float | str]) -> bytes:
    """One message as its packet: ints as int32 (int64 past it), floats as float32."""
    tags, bodies = zip(*map(_encoded, args), strict=True) if args else ((), ())
    return b"".join((_text(address), _text("," + "".join(tags)), *bodies))


def _encoded(arg: int | float | str) -> tuple[str, bytes]:
    """An argument's type and bytes."""
    if isinstance(arg, str):
        return "s", _text(arg)
    if isinstance(arg, bool):
        return "T" if arg else "F", b""
    if isinstance(arg, int):
        return ("i", struct.pack(">i", arg)) if -(2**31) <= arg < 2**31 else (
            "h", struct.pack(">q", arg)
        )  # fmt: skip
    try:
        return "f", struct.pack(">f", arg)
    except OverflowError:  # more than a float32 can say
        return "f", struct.pack(">f", float("inf") if arg > 0 else float("-inf"))


def _text(words: str) -> bytes:
    """Ended by a zero, and filled up with zeros to whole fours.

    A path that is no Unicode goes out as the bytes that it has on the disk.
    """
    told = words.encode("utf-8", "surrogateescape")
    return told + b"\0" * (4 - len(told) % 4)


def decode(packet: bytes) -> list[Received]:
    """The messages in a packet, at once whatever their time tags say.

    >>> decode(encode("/dream/cancel", [3]))
    [('/dream/cancel', [3])]

    Raises :class:`BadRequest` for what is no OSC.
    """
    try:
        return list(_messages(packet, 0, len(packet), 0))
    except (ValueError, struct.error) as error:
        raise BadRequest(f"not an OSC packet ({error})") from None


def _messages(data: bytes, at: int, end: int, depth: int) -> Iterator[Received]:
    """What lies from ``at`` to ``end``: a message, or a bundle of messages and bundles."""
    if not data.startswith(_BUNDLE, at, end):
        yield _message(data, at, end)
        return
    if depth == MOST_NESTED:
        raise ValueError(f"bundles more than {MOST_NESTED} deep")
    at += len(_BUNDLE) + 8  # a time tag
    if at > end:
        raise ValueError("a bundle without its time")
    while at < end:
        (size,) = struct.unpack_from(">i", data, at)
        at += 4
        if not 0 < size <= end - at:
            raise ValueError(f"a part of {size} bytes where {end - at} are left")
        yield from _messages(data, at, at + size, depth + 1)
        at += size


def _message(data: bytes, at: int, end: int) -> Received:
    address, at = _text_at(data, at, end)
    if not address.startswith("/"):
        raise ValueError("an address begins with /")
    if at == end:  # from before there were types
        return address, []
    tags, at = _text_at(data, at, end)
    if not tags.startswith(","):
        raise ValueError("types begin with a comma")
    lists: list[list[Any]] = [[]]
    for tag in tags[1:]:
        if tag == "[":
            if len(lists) > MOST_NESTED:
                raise ValueError(f"lists more than {MOST_NESTED} deep")
            lists.append([])
        elif tag == "]":
            if len(lists) == 1:
                raise ValueError("a list that ends before it begins")
            inner = lists.pop()
            lists[-1].append(inner)
        else:
            value, at = _argument(tag, data, at, end)
            lists[-1].append(value)
    if len(lists) > 1:
        raise ValueError("a list without its end")
    return address, lists[0]


def _argument(tag: str, data: bytes, at: int, end: int) -> tuple[Any, int]:
    """The value of this type at ``at``, and where the next one begins."""
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], at
    if tag in "sS":
        return _text_at(data, at, end)
    size = 4 if tag == "b" else struct.calcsize(_NUMBERS.get(tag, ""))
    if not size:
        raise ValueError(f"no type is called {tag!r}")
    if size > end - at:
        raise ValueError("it ends in the middle of a number")
    if tag != "b":
        return struct.unpack_from(_NUMBERS[tag], data, at)[0], at + size
    (size,), at = struct.unpack_from(">i", data, at), at + 4
    if not 0 <= size <= end - at:
        raise ValueError(f"{size} bytes where {end - at} are left")
    return data[at : at + size], min(at + size + -size % 4, end)


def _text_at(data: bytes, at: int, end: int) -> tuple[str, int]:
    """The text at ``at``, and what comes after its zeros."""
    zero = data.find(0, at, end)
    after = zero + 4 - (zero - at) % 4
    if zero < 0 or after > end:
        raise ValueError("a text without its end")
    return data[at:zero].decode("utf-8"), after


# ---------------------------------------------------------------- the socket

ROOM_FOR_FLOODS = 4 << 20
"""Bytes of packets that may wait to be read, as far as the system gives them."""

_TWINS = {"127.0.0.1": "::1", "::1": "127.0.0.1", "0.0.0.0": "::", "::": "0.0.0.0"}


class OscSocket:
    """A UDP port of ``host``, in IPv4 and IPv6: both loopbacks for one, everywhere for everywhere.

    Raises :class:`SetupError` with one line when it cannot be bound.
    """

    def __init__(self, host: str, port: int) -> None:
        self._closed = False
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._alarm, self._bell = socket.socketpair()
        self._selector.register(self._bell, selectors.EVENT_READ)
        for address in addresses_of(host, port):
            self._listen(address, needed=True)
            if address[0] in _TWINS:
                self._listen((_TWINS[address[0]], port), needed=False)

    def _listen(self, address: Address, needed: bool) -> None:
        """A machine without that family can do without it, where it was not asked for."""
        if family_of(address[0]) in self._sockets:
            return
        try:
            bound = bound_to(address)
        except OSError as error:
            if needed or error.errno == errno.EADDRINUSE:
                self.close()
                raise SetupError(_why(address, error)) from None
            return
        bound.setblocking(False)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM_FOR_FLOODS)
        self._sockets[bound.family] = bound
        self._selector.register(bound, selectors.EVENT_READ)

    def receive(self) -> tuple[bytes, Address] | None:
        """The next packet and its sender; None when the socket was closed."""
        while not self._closed:
            try:
                for key, _ in self._selector.select():
                    if key.fileobj is not self._bell:
                        packet, sender = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
                        return packet, sent_from(*sender)
            except (BlockingIOError, ConnectionResetError):
                continue  # it was no packet after all; Windows: an earlier reply found nobody
            except (OSError, ValueError):
                break
        return None

    def send(self, address: str, args: Sequence[int | float | str], to: Address) -> str | None:
        """Sends a message; gives one line where that was not possible."""
        complaint = self.send_packet(encode(address, args), to)
        return complaint and f"cannot send {address} to {spelt(to)}: {complaint}"

    def send_packet(self, packet: bytes, to: Address) -> str | None:
        """Never waits; gives the reason where it could not be sent."""
        try:
            family = family_of(to[0])
            if family not in self._sockets:  # listens in the other one only
                self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
                self._sockets[family].setblocking(False)
            self._sockets[family].sendto(packet, for_system(to))
        except OSError as error:
            return error.strerror or str(error)
        return None

    def is_own(self, sender: Address) -> bool:
        """Whether a packet says that it was sent from this very port."""
        if (own := self._sockets.get(family_of(sender[0]))) is None:
            return False
        host, port = own.getsockname()[:2]
        everywhere = host in ("0.0.0.0", "::")
        return port == sender[1] and (host == sender[0] or (everywhere and is_free((sender[0], 0))))

    def close(self) -> None:
        """Ends :meth:`receive` in the other thread, too."""
        self._closed = True
        with contextlib.suppress(OSError):  # closed before
            self._alarm.send(b"\0")
        for each in (*self._sockets.values(), self._alarm):
            each.close()


def _why(address: Address, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {address[1]} is taken, most likely by another dreamd: stop it, "
            "or choose another port with --port"
        )
    return f"cannot listen at {spelt(address)}: {error.strerror or error}"
