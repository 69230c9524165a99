"""What happens to the daemon: every kind of event comes through its one inbox.

Others that do: what the workers say (:mod:`dreamd.workers.process`) and what the folder of
recordings tells (:mod:`dreamd.corpus.watcher`, :mod:`dreamd.corpus.ingest`).
"""

from dataclasses import dataclass

from dreamd.daemon.queue import Client
from dreamd.errors import DreamError
from dreamd.osc.addresses import Address
from dreamd.osc.requests import Request


@dataclass(frozen=True)
class Packet:
    """What came in at the socket."""

    data: bytes
    sender: Address


@dataclass(frozen=True)
class PathChecked:
    """Somebody has opened the file that a request names as its seed, or tried to."""

    number: int
    request: Request
    client: Client
    error: DreamError | None


@dataclass(frozen=True)
class BankListed:
    """The numbers in the bank's folder, as they were at ``moment`` (``time.monotonic``)."""

    numbers: frozenset[int]
    moment: float


@dataclass(frozen=True)
class Leave:
    """Somebody wants the daemon to end."""

    why: str
