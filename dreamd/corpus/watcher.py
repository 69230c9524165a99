"""Watches the folder of recordings: says which files are complete, and which are gone.

The daemon starts it and gets :class:`Found`, :class:`Growing` and :class:`Gone` through a callback.
The truth is the listing of the folder, compared with the last one; file system events only say when
to look (the only importer of watchdog). So a missed event costs a second, never a recording.

A file is complete when its writer closed it, or when its size has rested for a while.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import psutil
from watchdog.events import FileClosedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from dreamd.corpus.folder import look_into
from dreamd.corpus.found import Found, Gone, Growing
from dreamd.corpus.takes import LONG_AGO, Takes

LOOK_EVERY = 1.0  # seconds between looks without an event
LOOK_AFTER = 0.05  # seconds from an event to the look: events come in swarms
RESTING = 20.0  # times as long as a look took: a large library costs a twentieth of a core
NO_ANSWER = 10.0  # seconds without an answer, after which a look's disk counts as asleep
SETTLED = 1.0  # seconds of rest after which a file counts as complete


@dataclass
class _Seen:
    """A file as the last look found it."""

    found: Found
    since: float  # when it was first seen like this
    told: bool = False


class Watcher(FileSystemEventHandler):
    """Looks in a thread of its own from :meth:`start` to :meth:`stop`.

    :param tell: called in that thread with each :class:`Found`, :class:`Growing`, :class:`Gone`.
    :param complain: called with one line for each thing that cannot be looked at, once.
    :param expected: files that count as there, though nobody has looked: those that the first look
        does not find are told as :class:`Gone`.
    """

    def __init__(
        self,
        root: Path,
        tell: Callable[[Found | Growing | Gone], None],
        complain: Callable[[str], None],
        expected: Iterable[Path] = (),
    ) -> None:
        self._root, self._tell, self._complain = root, tell, complain
        self._seen = {path: _Seen(Found(path, "", 0, 0), 0.0) for path in expected}
        self._takes = Takes(tell, complain)
        self._closed: set[Path] = set()
        self._event = threading.Event()
        self._stopping = False
        self._readable = True
        self._asked: float | None = None  # when a look last turned to the disk; None: it rests
        self._troubles: list[str] = []  # of the last look
        self.coming: frozenset[str] | None = None
        #: voices of files that are not complete, or that the last look has told; None before it
        self._thread = threading.Thread(target=self._look_on, name="watcher", daemon=True)
        self._observer = Observer()

    def start(self) -> None:
        """Waits for nothing: the disk may not answer."""
        self._asked = time.monotonic()
        self._thread.start()

    def overdue(self) -> None:
        """To be called now and then: says once that the folder's disk does not answer."""
        asked = self._asked
        if asked is not None and self._readable and time.monotonic() - asked > NO_ANSWER:
            self._readable = False
            self._complain(
                f"{self._root} does not answer: dreamd goes on with what it remembers of it"
            )

    def stop(self) -> None:
        self._stopping = True
        self._event.set()
        self._thread.join(timeout=2)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """watchdog's callback, in its own thread."""
        if isinstance(event, FileClosedEvent):  # a writer closed it: Linux alone tells
            self._closed.add(Path(os.fsdecode(event.src_path)))
        elif event.event_type in ("opened", "closed_no_write"):
            return
        self._event.set()

    def _observe(self) -> None:
        """Asks the system for word of changes, for which it walks through the folder."""
        try:
            self._observer.schedule(self, str(self._root), recursive=True)
            self._observer.start()
        except OSError as error:  # too many watches, or a folder that may not be entered
            logging.info("the system tells of no changes (%s): looking is enough", error)

    def _look_on(self) -> None:
        self._observe()
        while not self._stopping:
            began = self._asked = time.monotonic()
            try:
                self.look()
            except Exception as error:
                logging.exception("while looking into the recordings")
                self._complain(f"an error inside dreamd ({error}); it goes on, see the log")
            self._asked = None
            took = time.monotonic() - began
            rest = max(LOOK_EVERY / 4 if self._waiting() else LOOK_EVERY, took * RESTING)
            if self._event.wait(rest):
                time.sleep(max(LOOK_AFTER, took * RESTING / 4))
                self._event.clear()
        if self._observer.is_alive():
            self._observer.stop()

    def _waiting(self) -> bool:
        return any(not seen.told for seen in self._seen.values())

    def look(self) -> None:
        """Compares the folder with the last look and tells what changed."""
        closed, self._closed = self._closed, set()
        known = {path for path, seen in self._seen.items() if seen.told}
        try:
            now = look_into(self._root)
        except OSError as error:
            if self._readable:
                self._complain(f"cannot look into {self._root}: {error.strerror}")
            self._readable = False
            return
        if not self._readable:
            self._complain(f"{self._root} is back")
            self._readable = True
        for line in set(now.troubles).difference(self._troubles):
            self._complain(line)
        self._troubles = now.troubles
        written = cache(_written)  # looked up once, if at all
        for path, voice in now.recordings:
            self._look_at(path, voice, closed, written)
        self._takes.look(now, written)
        self.coming = frozenset(voice for path, voice in now.recordings if path not in known)
        for path in self._seen.keys() - {path for path, _ in now.recordings}:
            if path.parent not in now.blind:
                del self._seen[path]
                self._tell(Gone(path))

    def _look_at(
        self, path: Path, voice: str, closed: set[Path], written: Callable[[], frozenset[str]]
    ) -> None:
        self._asked = time.monotonic()
        found = Found.at(path, voice)
        if found is None:  # it went since it was listed
            return
        seen, moment = self._seen.get(path), time.monotonic()
        whole = path in closed and found.size > 0
        if seen is None:
            seen = _Seen(found, moment)
            # Old and new to us: it lay here when we came, or was moved here whole.
            whole = time.time() - found.mtime_ns / 1e9 > LONG_AGO
        elif seen.found != found:
            seen = _Seen(found, moment)
        self._seen[path] = seen
        if seen.told or (not found.size and not whole and moment - seen.since < LONG_AGO):
            return  # an empty file may be a recorder's that waits for its first sound
        if not whole and moment - seen.since >= SETTLED:
            whole = os.path.realpath(path) not in written()
            seen.since = moment  # ask again after another rest
        if whole:
            seen.told = True
            self._tell(found)


def _written() -> frozenset[str]:
    """The real paths of all files that some process holds open for writing. Linux only.

    A recorder may pause for longer than any rest of the size: SuperCollider's does.
    """
    paths: set[str] = set()
    if sys.platform.startswith("linux"):
        for process in psutil.process_iter():
            try:
                paths |= {f.path for f in process.open_files() if f.mode != "r"}
            except (psutil.Error, OSError):  # gone meanwhile, or somebody else's
                continue
    return frozenset(paths)
