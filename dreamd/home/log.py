"""The log file ``HOME/dreamd.log``: what a performer need not read on stage, and tracebacks.

Every process of the daemon appends to it; whoever finds it full puts it aside as
``dreamd.old.log``, so that both together never hold 10 MB. The daemon's lines are written by a
thread: its own never waits for a disk.
"""

import logging
import logging.handlers
import os
import queue
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path

LARGEST_LOG = 4 << 20
"""Bytes at which the log is put aside and begins anew."""

LONGEST_ENTRY = 4000  # characters of a message and its traceback
WAITING_LINES = 1000  # for a disk that does not keep up; further ones are lost

FEW, SOME, MANY = 5, 50, 200
"""Warnings of one kind, other lines of one kind, and lines of all kinds that are said in
:data:`A_WHILE`; more are counted."""
A_WHILE = 10.0  # seconds


def path(home: Path) -> Path:
    return home / "dreamd.log"


class Repeats:
    """Lets lines pass, those of one kind a few times in a while; those that are more it counts.

    Lines are of one kind if they differ in numbers alone, and in what stands in brackets.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._began = now()
        self._counts: dict[str, int] = {}  # by kind, since then
        self._unsaid: dict[str, int] = {}  # those of them that were not said
        self._last: dict[str, str] = {}  # the newest of these
        self._lines = 0
        self._lock = threading.Lock()

    def passes(self, text: str, warning: bool) -> bool:
        """Whether the line is to be said."""
        kind = re.sub(r"\(.*?\)|[0-9]+", "#", text[:200])
        with self._lock:
            if self._lines >= MANY:  # of kinds without end: they are not remembered
                kind = ""
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            if kind and count <= (FEW if warning else SOME):
                self._lines += 1
                return True
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            self._last[kind] = text
            return False

    def counted(self) -> list[str]:
        """Once a while is over: a line for each kind of which some were not said."""
        with self._lock:
            if self._now() - self._began < A_WHILE:
                return []
            said = [
                f"{count} times more{'' if kind else ' or other lines'}: {self._last[kind]}"
                for kind, count in self._unsaid.items()
            ]
            self._began, self._lines = self._now(), 0
            for each in (self._counts, self._unsaid, self._last):
                each.clear()
            return said


class LogFile(logging.handlers.WatchedFileHandler):
    """Appends, and goes on in a new file when this one is full, or another process found it so."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, encoding="utf-8", errors="backslashreplace", delay=True)
        self._path, self._repeats = file, Repeats()
        self.setFormatter(_Short("%(asctime)s %(processName)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        for text in self._repeats.counted():
            self._append(logging.LogRecord(record.name, record.levelno, "", 0, text, (), None))
        if self._repeats.passes(record.getMessage(), record.levelno >= logging.WARNING):
            self._append(record)

    def _append(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
            if self.stream is not None and self.stream.tell() > LARGEST_LOG:
                self._put_aside(self.stream.fileno())
        except OSError:  # a folder that is gone: what counts the screen shows too
            return

    def _put_aside(self, number: int) -> None:
        there, ours = os.stat(self._path), os.fstat(number)
        if (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino):
            self._path.replace(self._path.with_suffix(".old.log"))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # logging's own name
        """A full disk: nothing is printed across the screen."""


class _Short(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return text if len(text) <= LONGEST_ENTRY else f"{text[:LONGEST_ENTRY]} …"


def to_file(home: Path) -> None:
    """From now on this process logs there, warnings and the ends of threads too."""
    _log_to(LogFile(path(home)))


def _log_to(handler: logging.Handler) -> None:
    root = logging.getLogger()
    for each in list(root.handlers):
        root.removeHandler(each)
        each.close()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = lambda end: logging.error(
        "a thread ended: %s", end.thread and end.thread.name, exc_info=end.exc_value
    )


_waiting: queue.SimpleQueue[logging.LogRecord | threading.Event] = queue.SimpleQueue()


class _Waiting(logging.handlers.QueueHandler):
    """Hands records to a thread; none is waited for."""

    def enqueue(self, record: logging.LogRecord) -> None:
        if _waiting.qsize() < WAITING_LINES:
            _waiting.put(record)


def start_log(home: Path) -> None:
    """Called once by a process that must not wait for the disk: it logs there by a thread."""
    _log_to(_Waiting(_waiting))
    work = threading.Thread(target=_write, args=(LogFile(path(home)),), name="log", daemon=True)
    work.start()


def _write(file: LogFile) -> None:
    while True:
        match _waiting.get():
            case logging.LogRecord() as record:
                file.handle(record)
            case threading.Event() as done:
                done.set()


def finish(patience: float = 1.0) -> None:
    """Waits until all is written, or until ``patience`` is over."""
    done = threading.Event()
    _waiting.put(done)
    done.wait(patience)
