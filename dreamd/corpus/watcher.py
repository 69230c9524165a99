"""Watches the folder of recordings: says which files are complete, and which are gone.

The daemon starts it and gets :class:`Found` and :class:`Gone` through a callback. The truth is
the listing of the folder, compared with the last one; file system events only say when to
look (the only importer of watchdog). So a missed event costs a second, never a recording.

A file is complete when its writer closed it, or when its size has rested for a while.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from watchdog.events import FileClosedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from dreamd.audio.files import SUFFIXES
from dreamd.corpus.cache import Found, voice_name
from dreamd.errors import SetupError

LOOK_EVERY = 1.0  # seconds between looks without an event
LOOK_AFTER = 0.05  # seconds from an event to the look: events come in swarms
LONG_AGO = 10.0  # seconds since the last change of a file that nobody is writing any more
SETTLED = 1.0  # seconds of rest after which a file counts as complete
TEMPORARY = ("~", ".tmp", ".part", ".partial", ".crdownload", ".download")


@dataclass(frozen=True)
class Gone:
    """A file that was there is not any more (deleted, or renamed: then it is also found)."""

    path: Path


def is_recording(path: Path) -> bool:
    """Whether a file's name says audio, neither hidden nor temporary.

    >>> [is_recording(Path(n)) for n in ("a.wav", ".a.wav", "a.wav.part", "notes.txt")]
    [True, False, False, False]
    """
    name = path.name.lower()
    return (
        path.suffix.lower() in SUFFIXES
        and not name.startswith(".")
        and not name.endswith(TEMPORARY)
    )


def listing(root: Path) -> Iterator[tuple[Path, str]]:
    """The recordings under ``root`` and their voices: one folder deep, as SuperDirt has it."""
    for entry in sorted(root.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            voice = voice_name(entry.name)
            yield from ((path, voice) for path in sorted(entry.iterdir()) if is_recording(path))
        elif is_recording(entry):
            yield entry, "default"


def given(source: Path) -> list[tuple[Path, str]]:
    """The recordings that a command was given, a folder of them or one file, and their voices.

    Raises :class:`SetupError` where there is neither.
    """
    if source.is_file() and is_recording(source):
        return [(source, "default")]
    if source.is_dir():
        return list(listing(source))
    raise SetupError(f"no such folder or audio file: {source}")


@dataclass
class _Seen:
    """A file as the last look found it."""

    size: int
    mtime_ns: int
    since: float  # when it was first seen like this
    told: bool = False


class Watcher(FileSystemEventHandler):
    """Looks in a thread of its own from :meth:`start` to :meth:`stop`.

    :param tell: called in that thread with each :class:`Found` and :class:`Gone`.
    :param complain: called with one line when the folder cannot be read (and when it can again).
    """

    def __init__(
        self, root: Path, tell: Callable[[Found | Gone], None], complain: Callable[[str], None]
    ) -> None:
        self._root, self._tell, self._complain = root, tell, complain
        self._seen: dict[Path, _Seen] = {}
        self._closed: set[Path] = set()
        self._event = threading.Event()
        self._stopping = False
        self._readable = True
        self._thread = threading.Thread(target=self._look_on, name="watcher", daemon=True)
        self._observer = Observer()

    def start(self) -> None:
        self._observer.schedule(self, str(self._root), recursive=True)
        self._observer.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._event.set()
        self._observer.stop()
        self._thread.join(timeout=2)

    def on_any_event(self, event: FileSystemEvent) -> None:
        """watchdog's callback, in its own thread."""
        if isinstance(event, FileClosedEvent):  # a writer closed it: Linux alone tells
            self._closed.add(Path(str(event.src_path)))
        elif event.event_type in ("opened", "closed_no_write"):
            return
        self._event.set()

    def _look_on(self) -> None:
        while not self._stopping:
            self.look()
            if self._event.wait(LOOK_EVERY / 4 if self._waiting() else LOOK_EVERY):
                time.sleep(LOOK_AFTER)
                self._event.clear()

    def _waiting(self) -> bool:
        return any(seen.size and not seen.told for seen in self._seen.values())

    def look(self) -> None:
        """Compares the folder with the last look and tells what changed."""
        closed, self._closed = self._closed, set()
        try:
            present = list(listing(self._root))
        except OSError as error:
            if self._readable:
                self._complain(f"cannot look into {self._root}: {error.strerror}")
            self._readable = False
            return
        if not self._readable:
            self._complain(f"{self._root} is back")
            self._readable = True
        for path, voice in present:
            self._look_at(path, voice, closed)
        for path in self._seen.keys() - {path for path, _ in present}:
            del self._seen[path]
            self._tell(Gone(path))

    def _look_at(self, path: Path, voice: str, closed: set[Path]) -> None:
        try:
            now = path.stat()
        except OSError:  # it went between the listing and here
            return
        seen, moment, whole = self._seen.get(path), time.monotonic(), path in closed
        if seen is None:
            seen = _Seen(now.st_size, now.st_mtime_ns, moment)
            # Old and new to us: it lay here when we came, or was moved here whole.
            whole = time.time() - now.st_mtime > LONG_AGO
        elif (seen.size, seen.mtime_ns) != (now.st_size, now.st_mtime_ns):
            seen = _Seen(now.st_size, now.st_mtime_ns, moment)
        self._seen[path] = seen
        if seen.told or not seen.size:
            return
        if not whole and moment - seen.since >= SETTLED:
            whole = not _being_written(path)
            seen.since = moment  # ask again after another rest
        if whole:
            seen.told = True
            self._tell(Found(path, voice, seen.size, seen.mtime_ns))


def _being_written(path: Path) -> bool:
    """Whether some process holds the file open for writing. Linux only; elsewhere False.

    A recorder may pause for longer than any rest of the size: SuperCollider's does.
    """
    if not sys.platform.startswith("linux"):
        return False
    for process in psutil.process_iter():
        try:
            if any(f.path == str(path) and f.mode != "r" for f in process.open_files()):
                return True
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return False
