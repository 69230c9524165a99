"""The socket: OSC packets in, OSC messages out. The only importer of pythonosc.

The daemon's thread calls :meth:`OscSocket.receive` for ever and :meth:`OscSocket.send` for
replies; both use one socket, so that replies come from the port that was asked.
"""

import contextlib
import errno
import socket
import struct
from collections.abc import Sequence
from typing import Any

from pythonosc.osc_bundle import ParseError as BundleError
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message import ParseError as MessageError
from pythonosc.osc_message_builder import OscMessageBuilder
from pythonosc.osc_packet import OscPacket
from pythonosc.osc_packet import ParseError as PacketError

from dreamd.errors import BadRequest, SetupError

Address = tuple[str, int]
Received = tuple[str, list[Any]]

_BROKEN = (
    PacketError, BundleError, MessageError,
    ValueError, IndexError, TypeError, OverflowError, RecursionError, struct.error,
)  # fmt: skip


def encode(address: str, args: Sequence[int | float | str]) -> bytes:
    """One message as its packet: ints as int32 (int64 past it), floats as float32."""
    builder = OscMessageBuilder(address)
    for arg in args:
        builder.add_arg(arg)
    return builder.build().dgram


def decode(packet: bytes) -> list[Received]:
    """The messages in a packet, at once whatever their time tags say.

    >>> decode(encode("/dream/cancel", [3]))
    [('/dream/cancel', [3])]

    Raises :class:`BadRequest` for what is no OSC.
    """
    try:
        messages: list[OscMessage] = [timed.message for timed in OscPacket(packet).messages]
        return [(message.address, list(message.params)) for message in messages]
    except _BROKEN as error:
        raise BadRequest(f"not an OSC packet ({error})") from None


def host_address(host: str, port: int) -> Address:
    """The address that packets from there come from.

    >>> host_address("localhost", 6010)
    ('127.0.0.1', 6010)

    Raises :class:`SetupError` for a host that nobody knows.
    """
    try:
        return socket.gethostbyname(host), port
    except OSError as error:
        raise SetupError(f"no host is called {host}: {error.strerror}") from None


class OscSocket:
    """A UDP socket bound to ``host:port``.

    Raises :class:`SetupError` with one line when it cannot be bound.
    """

    def __init__(self, host: str, port: int) -> None:
        self._closed = False
        try:
            family, _, _, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
            self._socket.bind(where)
        except OSError as error:
            raise SetupError(_why(host, port, error)) from None

    def receive(self) -> tuple[bytes, Address] | None:
        """The next packet and its sender; None when the socket was closed."""
        while True:
            try:
                packet, sender = self._socket.recvfrom(65536)
                return None if self._closed else (packet, (sender[0], sender[1]))
            except ConnectionResetError:  # Windows: an earlier reply found nobody
                continue
            except OSError:
                return None

    def send(self, address: str, args: Sequence[int | float | str], to: Address) -> str | None:
        """Sends a message; gives one line where that was not possible."""
        try:
            self._socket.sendto(encode(address, args), to)
        except OSError as error:
            return f"cannot send {address} to {to[0]}:{to[1]}: {error.strerror}"
        return None

    def close(self) -> None:
        """Ends :meth:`receive` in the other thread, too."""
        self._closed = True
        with contextlib.suppress(OSError):  # an unconnected socket complains, and yet wakes up
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _why(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken, most likely by another dreamd: stop it, "
            "or choose another port with --port"
        )
    return f"cannot listen at {host}:{port}: {error.strerror or error}"
