"""Addresses of hosts in both families, and whether anybody is there.

The socket is bound with these, the daemon's clients and the command line are told apart by them.
"""

import ipaddress
import socket
from functools import lru_cache

from dreamd.errors import SetupError

Address = tuple[str, int]
"""Host and port: the host in digits, and where an IPv6 one needs it with ``%`` and its interface's
number."""


def host_address(host: str, port: int) -> Address:
    """The address that packets from there come from; IPv4 where it has both.

    >>> host_address("localhost", 6010)
    ('127.0.0.1', 6010)

    Raises :class:`SetupError` for a host that nobody knows.
    """
    return min(addresses_of(host, port), key=lambda address: ":" in address[0])


def addresses_of(host: str, port: int) -> list[Address]:
    """All addresses of a host, in the system's order. Raises as :func:`host_address` does."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as error:
        raise SetupError(f"no host is called {host}: {error.args[-1]}") from None
    return list(dict.fromkeys(sent_from(*where) for *_, where in found))


def spelt(address: Address) -> str:
    """
    >>> spelt(("127.0.0.1", 57130)), spelt(("::1", 57130))
    ('127.0.0.1:57130', '[::1]:57130')
    """
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@lru_cache(4096)
def is_loopback(host: str) -> bool:
    """Whether packets from there can only have been sent on this machine.

    >>> is_loopback("127.0.0.5"), is_loopback("::1"), is_loopback("192.0.2.1")
    (True, True, False)
    """
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def is_free(address: Address) -> bool:
    """Whether a port on this machine has nobody who listens; with port 0, whether the host is
    this machine at all. Nothing is sent: it is bound, and let go."""
    try:
        with bound_to(address):
            return True
    except OSError:
        return False


def sent_from(host: str, port: int, _flow: int = 0, scope: int = 0) -> Address:
    """The address in what the system says of a packet's sender.

    >>> sent_from("fe80::1", 57120, 0, 2)  # which is another host at each interface
    ('fe80::1%2', 57120)
    """
    return (f"{host}%{scope}" if scope else host), port


def for_system(address: Address) -> tuple[str, int] | tuple[str, int, int, int]:
    """The same as sockets take it.

    >>> for_system(("fe80::1%2", 57120)), for_system(("127.0.0.1", 57120))
    (('fe80::1', 57120, 0, 2), ('127.0.0.1', 57120))
    """
    host, _, scope = address[0].partition("%")
    return (host, address[1], 0, int(scope)) if scope else address


def family_of(host: str) -> socket.AddressFamily:
    """IPv4 or IPv6."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bound_to(address: Address) -> socket.socket:
    """A UDP socket there, in that family alone. Raises :class:`OSError`."""
    made = socket.socket(family_of(address[0]), socket.SOCK_DGRAM)
    try:
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(for_system(address))
    except OSError:
        made.close()
        raise
    return made
