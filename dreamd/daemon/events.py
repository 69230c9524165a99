"""What happens to the daemon: every kind of event comes through its one inbox.

Others that do: what the workers say (:mod:`dreamd.workers.process`) and what the folder of
recordings tells (:mod:`dreamd.corpus.watcher`, :mod:`dreamd.corpus.ingest`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from dreamd.osc.addresses import Address


@dataclass(frozen=True)
class Packet:
    """What came in at the socket."""

    data: bytes
    sender: Address


@dataclass(frozen=True)
class ErrandDone:
    """A thread has done an errand: ``deliver`` hands the outcome to whoever waits for it."""

    deliver: Callable[[], None]


@dataclass(frozen=True)
class Leave:
    """Somebody wants the daemon to end."""

    why: str
