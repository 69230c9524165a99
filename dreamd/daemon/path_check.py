"""Opens the audio files that clients name, each in a thread of its own.

A client's path may be anything: a sleeping network disk would keep the daemon's one thread
waiting. So the dispatcher hands such a request over with :meth:`PathCheck.check` and goes on; the
answer comes through the inbox, and where none comes in time, :meth:`PathCheck.overdue` gives the
request back.
"""

import itertools
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dreamd.daemon.events import PathChecked
from dreamd.daemon.queue import Client
from dreamd.dreaming import seeds
from dreamd.errors import Busy, DreamError, NoSuchSeed
from dreamd.osc.requests import Request

OPENING_PATIENCE = 5.0
"""Seconds in which a file must have been opened."""

MOST_OPEN = 64
"""Files that are being opened at a time."""


class PathCheck:
    """:param tell: called from the threads with :class:`PathChecked`."""

    def __init__(self, tell: Callable[[PathChecked], None]) -> None:
        self._tell, self._numbers = tell, itertools.count()
        self._waiting: dict[int, tuple[float, Request, Client]] = {}
        self._threads: set[threading.Thread] = set()

    def check(self, path: Path, request: Request, client: Client) -> None:
        """Raises :class:`Busy` where too many files are being opened already."""
        self._threads = {thread for thread in self._threads if thread.is_alive()}
        if len(self._threads) >= MOST_OPEN:
            raise Busy("too many files are being opened: ask again later")
        number = next(self._numbers)
        self._waiting[number] = (time.monotonic() + OPENING_PATIENCE, request, client)
        work = threading.Thread(
            target=self._open, args=(number, path, request, client), name="seed", daemon=True
        )
        self._threads.add(work)
        work.start()

    def accept(self, answer: PathChecked) -> bool:
        """Whether somebody still waits for this answer; then nobody does any more."""
        return self._waiting.pop(answer.number, None) is not None

    def overdue(self) -> list[PathChecked]:
        """The answers for those whose time is over."""
        now = time.monotonic()
        late = [number for number, (end, _, _) in self._waiting.items() if end < now]
        return [self._late(number) for number in late]

    def _late(self, number: int) -> PathChecked:
        _, request, client = self._waiting[number]
        error = NoSuchSeed(f"seed: cannot be opened, its disk does not answer: {request.seed}")
        return PathChecked(number, request, client, error)

    def _open(self, number: int, path: Path, request: Request, client: Client) -> None:
        error: DreamError | None = None
        try:
            seeds.check_file(path)
        except DreamError as reason:
            error = reason
        self._tell(PathChecked(number, request, client, error))
