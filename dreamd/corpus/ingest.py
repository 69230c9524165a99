"""Ingests complete files in threads, the short ones first, and tells how it goes.

The daemon hands it every :class:`Found` and hears :class:`Ingesting`, then :class:`Joined` or
:class:`Refused`. Two threads: an hour-long recording never keeps a new take waiting.
"""

import itertools
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dreamd.corpus.cache import Corpus, Found
from dreamd.corpus.recording import Recording
from dreamd.errors import BadRecording

THREADS = 2
TELL_EVERY = 0.25  # seconds


@dataclass(frozen=True)
class Ingesting:
    """How far a file is, 0…1, and how long it takes still, in seconds."""

    found: Found
    progress: float
    left: float | None


@dataclass(frozen=True)
class Joined:
    """A file became a recording."""

    found: Found
    recording: Recording


@dataclass(frozen=True)
class Refused:
    """A file did not, and why."""

    found: Found
    reason: str


News = Ingesting | Joined | Refused


class Ingester:
    """:param tell: called from the threads."""

    def __init__(self, corpus: Corpus, tell: Callable[[News], None]) -> None:
        self._corpus, self._tell = corpus, tell
        self._order = itertools.count()
        self._waiting: queue.PriorityQueue[tuple[int, int, Found]] = queue.PriorityQueue()
        for k in range(THREADS):
            threading.Thread(target=self._work, name=f"ingest-{k}", daemon=True).start()

    def take(self, found: Found) -> None:
        """Ingests this file as soon as the shorter ones are done."""
        self._tell(Ingesting(found, 0.0, None))
        self._waiting.put((found.size, next(self._order), found))

    def _work(self) -> None:
        while True:
            _, _, found = self._waiting.get()
            try:
                recording = self._corpus.ingest(found, self._teller(found))
            except (BadRecording, OSError) as error:
                self._tell(Refused(found, str(error)))
            else:
                self._tell(Joined(found, recording))

    def _teller(self, found: Found) -> Callable[[float], None]:
        began = told = time.monotonic()

        def progress(fraction: float) -> None:
            nonlocal told
            now = time.monotonic()
            if now - told >= TELL_EVERY and fraction > 0:
                told = now
                done = min(fraction, 1.0)
                self._tell(Ingesting(found, done, (now - began) * (1 - done) / done))

        return progress
