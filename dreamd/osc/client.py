"""Asks a running daemon for its status, as any OSC client would."""

import contextlib
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dreamd.errors import BadRequest, SetupError
from dreamd.osc import transport
from dreamd.osc.addresses import Address, addresses_of, family_of, for_system
from dreamd.osc.replies import nested
from dreamd.osc.steering import pairs
from dreamd.settings import Settings

ANSWER_PATIENCE = 1.5  # seconds of silence
ROOM = 1 << 20  # bytes of packets that wait to be read


def status(settings: Settings) -> dict[str, Any]:
    """The nested status of the daemon at the settings' address, in whichever family it answers.

    Raises :class:`SetupError` if none answers.
    """
    for to in addresses_of(settings.host, settings.port):
        with contextlib.suppress(OSError):
            return _asked(to)
    raise SetupError(
        f"no dreamd answers at {settings.host}:{settings.port}: start one with `dreamd run`"
    )


def _asked(to: Address) -> dict[str, Any]:
    """Raises :class:`OSError` if nobody answers there."""
    with socket.socket(family_of(to[0]), socket.SOCK_DGRAM) as mine:
        mine.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)
        mine.connect(for_system(to))
        try:
            with contextlib.suppress(TimeoutError):
                return _first_status(mine)
            return _first_status(mine)  # a page may have been lost
        finally:
            with contextlib.suppress(OSError):
                mine.send(transport.encode("/dream/notify", [0]))


def _first_status(mine: socket.socket) -> dict[str, Any]:
    """What the registration is answered with: from far away first a ping, to be given back."""
    pages, deadline = StatusPages(), time.monotonic() + ANSWER_PATIENCE
    mine.send(transport.encode("/dream/notify", [0]))  # whoever had this port before
    mine.send(transport.encode("/dream/notify", [1]))
    while (left := deadline - time.monotonic()) > 0:
        mine.settimeout(left)
        with contextlib.suppress(BadRequest):
            for address, args in transport.decode(mine.recv(65536)):
                match address, args:
                    case "/dream/ping", [cookie]:
                        mine.send(transport.encode("/dream/notify", [1, cookie]))
                    case "/dream/failed", [0, _, why]:
                        raise SetupError(str(why))
                    case "/dream/status", _:
                        deadline = time.monotonic() + ANSWER_PATIENCE
                        if state := pages.add(args):
                            return state | {
                                key: bool(state.get(key, False)) for key in TRUTH_VALUES
                            }
    raise TimeoutError


TRUTH_VALUES = ("training", "learning_slowly")
"""Of a status: OSC has no truth values that every client knows."""


class StatusPages:
    """Puts the pages of a status together; one that lacks a page is forgotten with the next."""

    def __init__(self) -> None:
        self._flat: dict[str, Any] = {}
        self._next = 1

    def add(self, args: Sequence[Any]) -> dict[str, Any] | None:
        """The nested status, with its last page."""
        said = pairs(args)
        page, count = said.pop("page", 1), said.pop("pages", 1)
        if page == 1:
            self._flat, self._next = {}, 1
        if page != self._next:
            return None
        self._flat |= said
        self._next += 1
        return nested(self._flat) if page == count else None


def told(state: Mapping[str, Any]) -> str:
    """A status in words, some lines."""
    slowly = "learning slowly: the machine is busy" if state["learning_slowly"] else "training"
    training = slowly if state["training"] else "training paused"
    lines = [
        f"{training}; {state['running']} dreams running, {state['queue']} waiting, "
        f"{state['dreams']} made"
    ]
    for voice, has in state["voices"].items():
        lines.append(f"{voice}: {has['recordings']} recordings, {has['seconds']:.0f} s")
        for approach, model in has["models"].items():
            lines.append(
                f"  {approach:9} error {model['error']:.3f} after {model['steps']} steps, "
                f"dreams at {model['dream_speed']:.2f} times real time"
            )
    lines += _shared(state)
    return "\n".join(lines)


def _shared(state: Mapping[str, Any]) -> list[str]:
    """What others of a cluster share."""
    return [
        f"{owner}/{voice}: shared by {owner}, {has['recordings']} recordings, "
        f"{has['seconds']:.0f} s"
        for owner, voices in state.get("shared", {}).items()
        for voice, has in voices.items()
    ]
