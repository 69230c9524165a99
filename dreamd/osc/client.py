"""Asks a running daemon for its status, as any OSC client would."""

import contextlib
import socket
from collections.abc import Mapping
from typing import Any

from dreamd.errors import BadRequest, SetupError
from dreamd.osc import transport
from dreamd.osc.replies import nested
from dreamd.osc.requests import pairs
from dreamd.settings import Settings

ANSWER_PATIENCE = 2.0  # seconds


def status(settings: Settings) -> dict[str, Any]:
    """The nested status of the daemon at the settings' address.

    Raises :class:`SetupError` if none answers.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
        mine.settimeout(ANSWER_PATIENCE)
        to = (settings.host, settings.port)
        try:
            mine.connect(to)
            mine.send(transport.encode("/dream/notify", [1]))  # answered with the status
            try:
                return _first_status(mine)
            finally:
                with contextlib.suppress(OSError):
                    mine.send(transport.encode("/dream/notify", [0]))
        except OSError:
            raise SetupError(
                f"no dreamd answers at {to[0]}:{to[1]}: start one with `dreamd run`"
            ) from None


def _first_status(mine: socket.socket) -> dict[str, Any]:
    while True:
        with contextlib.suppress(BadRequest):
            for address, args in transport.decode(mine.recv(65536)):
                if address == "/dream/status":
                    state = nested(pairs(args))
                    for key in ("training", "learning_slowly"):
                        state[key] = bool(state.get(key, False))
                    return state


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
    return "\n".join(lines)
