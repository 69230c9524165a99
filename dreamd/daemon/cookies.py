"""Numbers that only those can know who hear what is sent to their address.

:class:`dreamd.daemon.clients.Clients` sends one to whoever registers from another computer, and
registers who sends it back.
"""

import hmac
import os
import time

from dreamd.osc.addresses import Address

COOKIE_LIFE = 60.0
"""Seconds in which an answer must come."""


class Cookies:
    """Kept nowhere, and different every minute: however many ask, it costs no memory."""

    def __init__(self) -> None:
        self._secret = os.urandom(16)

    def bake(self, client: Address, ago: float = 0.0) -> int:
        """The cookie of this client, from 0 to 2³¹ - 1, as it was some seconds ago."""
        said = f"{client} {(time.monotonic() - ago) // COOKIE_LIFE}"
        return int.from_bytes(hmac.digest(self._secret, said.encode(), "sha256")[:4]) >> 1

    def is_fresh(self, client: Address, cookie: int | None) -> bool:
        """Whether this client was sent this one, not long ago."""
        return cookie in (self.bake(client), self.bake(client, COOKIE_LIFE))
