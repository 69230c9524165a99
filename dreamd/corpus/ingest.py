"""Ingests complete files in threads, the short ones first, and tells how it goes.

The daemon hands it every :class:`Found` and hears :class:`Ingesting`, then :class:`Joined` or
:class:`Refused`. Two threads: an hour-long recording never keeps a new take waiting. While the
home's disk takes nothing they wait, and go on by themselves.
"""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from pathlib import Path

from dreamd.audio.no_audio import shown
from dreamd.corpus.cache import Corpus
from dreamd.corpus.decoding import NoRoom
from dreamd.corpus.found import Found, Growing
from dreamd.corpus.recording import Recording
from dreamd.corpus.takes import when_whole
from dreamd.errors import BadRecording

THREADS = 2
TELL_EVERY = 0.25  # seconds
ROOM_EVERY = 5.0  # seconds between tries while the disk is full
TIDY_EVERY = 10.0  # seconds between looks at what is kept, and of rest before the first


@dataclass(frozen=True)
class Ingesting:
    """How far a file is, 0…1, and how long it takes still, in seconds."""

    found: Found
    progress: float
    left: float | None


@dataclass(frozen=True)
class Joined:
    """A file became a recording; ``remarks`` say what was odd about it."""

    found: Found
    recording: Recording
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A file did not, and why; None: it went while it was read."""

    found: Found
    reason: str | None


News = Ingesting | Joined | Refused


class Ingester:
    """:param tell: called from the threads."""

    def __init__(self, corpus: Corpus, tell: Callable[[News], None]) -> None:
        self._corpus, self._tell = corpus, tell
        self._order = itertools.count()
        self._waiting: queue.PriorityQueue[tuple[int, int, Found | Growing]]
        self._waiting = queue.PriorityQueue()
        self._full = False  # the home's disk, and it was told
        self._mended: set[Path] = set()  # whose caches were damaged, and are made again
        self._worked = self._tidied = time.monotonic()
        self._tidying: threading.Thread | None = None  # it waits for whatever disk it looks at
        for k in range(THREADS):
            threading.Thread(target=self._work, name=f"ingest-{k}", daemon=True).start()

    def take(self, found: Found) -> None:
        """Ingests this file as soon as the shorter ones are done."""
        self._waiting.put((found.size, next(self._order), found))

    def take_part(self, growing: Growing) -> None:
        """Ingests what there is of a take that is being recorded: before all else, it is played."""
        self._waiting.put((0, next(self._order), growing))

    def tidy(self, in_use: Callable[[], Set[str]]) -> None:
        """To be called now and then: when all is read, and has been for a while, what is kept is
        looked over, in a thread.

        :param in_use: gives the keys of the caches that dreams look into.
        """
        now = time.monotonic()
        if self._tidying is not None and self._tidying.is_alive():
            return
        if self._waiting.empty() and now - max(self._worked, self._tidied) > TIDY_EVERY:
            self._tidied = now
            self._tidying = threading.Thread(
                target=self._tidy, args=(in_use(),), name="tidy", daemon=True
            )
            self._tidying.start()

    def _work(self) -> None:
        while True:
            _, _, next_one = self._waiting.get()
            if isinstance(next_one, Growing):
                self._ingest_part(next_one.found)
                continue
            found = next_one
            try:
                self._ingest(found)
            except Exception as error:  # of one file; the next ones are read
                logging.exception("while reading %r", found.path)
                why = f"an error inside dreamd ({error}), see the log: {shown(found.path)}"
                self._tell(Refused(found, why))
            self._worked = time.monotonic()

    def _ingest(self, found: Found) -> None:
        remarks: list[str] = []
        if found.path in self._mended:
            self._mended.discard(found.path)
            remarks.append("is read again: what was kept of it was damaged")
        self._tell(Ingesting(found, 0.0, None))
        try:
            recording = self._corpus.ingest(found, self._teller(found), remarks.append)
        except NoRoom as error:
            self._wait_for_room(found, str(error))
        except BadRecording as error:
            self._tell(Refused(found, None if found.is_gone() else str(error)))
        else:
            self._full = False
            gone = found.is_gone()
            self._tell(Refused(found, None) if gone else Joined(found, recording, tuple(remarks)))

    def _ingest_part(self, found: Found) -> None:
        """Where nothing comes of it nothing is said: the whole take will be read."""
        try:
            recording = self._corpus.ingest_part(found, when_whole(found.path))
        except (BadRecording, NoRoom) as error:
            logging.info("a take that is being recorded is not learned yet: %s", error)
        except Exception:
            logging.exception("while reading a part of %r", found.path)
        else:
            self._tell(Joined(found, recording))

    def _wait_for_room(self, found: Found, reason: str) -> None:
        """Told once, however many files wait."""
        if not self._full:
            self._full = True
            self._tell(Refused(found, reason))
        time.sleep(ROOM_EVERY)
        self.take(found)

    def _tidy(self, in_use: Set[str]) -> None:
        try:
            self._corpus.tidy(in_use)
            for found in self._corpus.damaged():
                self._mended.add(found.path)
                self.take(found)
        except Exception:  # it is done again
            logging.exception("while looking over what is kept")

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
