"""Child processes that the daemon can lose: started by spawn, replaced when they die.

The daemon makes a :class:`Worker` for the learner and for each dreamer, and hears from it
through the daemon's own inbox: every value the child sends, and :class:`WorkerExited` once its pipe
has closed. A child ends with its daemon, whatever it is doing: see :func:`end_with_parent`.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

import psutil

from dreamd.home import log
from dreamd.settings import Settings
from dreamd.workers.messages import End, Note

KILLING_PATIENCE = 1.0  # seconds; one that waits for a dead disk dies when that comes back

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
"""Linux, ``prctl(2)``: which signal comes when the parent ends; how ``top`` calls a process."""

LEAVING_PATIENCE = 5.0
"""Seconds that a child has to save and leave before it is killed."""


@dataclass(frozen=True)
class WorkerExited:
    """The child called ``name`` is gone; ``generation`` tells it from its successor."""

    name: str
    generation: int
    why: str


@dataclass(frozen=True)
class WorkerMessage:
    """What the child called ``name`` sent."""

    name: str
    generation: int
    message: Any


class Outbox:
    """What is still to be sent to a worker, in order."""

    def __init__(self) -> None:
        self._waiting: list[Any] = []
        self._closed = False
        self._changed = threading.Condition()

    def put(self, message: Any, latest: bool) -> None:
        with self._changed:
            if latest:
                self._waiting = [each for each in self._waiting if type(each) is not type(message)]
            self._waiting.append(message)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more is sent."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def pour(self, pipe: Connection) -> None:
        """Sends everything into ``pipe``, for as long as somebody reads it."""
        while True:
            with self._changed:
                while not self._waiting and not self._closed:
                    self._changed.wait()
                if self._closed:
                    return
                message = self._waiting.pop(0)
            try:
                pipe.send(message)
            except OSError:  # the worker is gone
                return
            except Exception:
                logging.exception("cannot be sent: %r", message)


class Worker:
    """One child process and its pipe.

    :param module: by name, whose ``main(pipe, settings)`` it runs: it is imported there alone.
    :param tell: called from a thread with :class:`WorkerMessage` and :class:`WorkerExited`.
    """

    def __init__(
        self,
        name: str,
        module: str,
        settings: Settings,
        tell: Callable[[WorkerMessage | WorkerExited], None],
    ) -> None:
        self.name, self._settings, self._tell = name, settings, tell
        self._module = module
        self.generation = 0
        self.start()

    def start(self) -> None:
        """Starts the process, or its successor."""
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_run,
            args=(self._module, theirs, self._settings, os.getpid()),
            name=self.name,
            daemon=True,
        )
        self._process.start()
        self._computed = 0.0  # seconds, when :meth:`unheard` was last asked
        theirs.close()
        self.generation += 1
        self._outbox = Outbox()
        for work, things in (
            (self._listen, (pipe, self._process, self.generation)),
            (self._outbox.pour, (pipe,)),
        ):
            threading.Thread(target=work, args=things, name=self.name, daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def send(self, message: Any, *, latest: bool = False) -> None:
        """Sends a value, from a thread of its own: the caller never waits for a full pipe.

        One that is gone does not hear it (:class:`WorkerExited` follows).

        :param latest: of its kind only the newest counts; those still waiting are not sent.
        """
        self._outbox.put(message, latest)

    def end(self) -> None:
        """Asks the child to leave; :meth:`join` waits for it."""
        self.send(End())

    def join(self, patience: float = LEAVING_PATIENCE) -> None:
        """Waits so many seconds until it has left; one that has not is killed."""
        self._process.join(patience)
        self._outbox.close()
        if self._process.is_alive():
            self._process.kill()
            self._process.join(KILLING_PATIENCE)

    def abandon(self, why: str) -> WorkerExited:
        """Kills one that hangs, and waits for nothing: what is heard in place of its exit."""
        self._process.kill()
        self._outbox.close()
        self.generation += 1
        return WorkerExited(self.name, self.generation, why)

    def lives(self) -> bool:
        """Whether the process is there."""
        return self._process.is_alive()

    def stands_still(self) -> bool:
        """Whether somebody stopped the process (SIGSTOP)."""
        try:
            return bool(psutil.Process(self.pid).status() == psutil.STATUS_STOPPED)
        except psutil.Error:  # it is gone
            return False

    def unheard(self, passed: float) -> float:
        """How many of the last ``passed`` seconds it could have spoken in: those that it computed,
        or all of them where it does nothing. One that waits for a processor on a full machine
        could not."""
        try:
            process = psutil.Process(self.pid)
            computed = sum(process.cpu_times()[:2])
            waiting = process.status() == psutil.STATUS_RUNNING
        except psutil.Error:  # it is gone
            return passed
        gained, self._computed = computed - self._computed, computed
        return min(gained, passed) if waiting else passed

    def _listen(self, pipe: Connection, process: Any, generation: int) -> None:
        while True:
            try:
                self._tell(WorkerMessage(self.name, generation, pipe.recv()))
            except (EOFError, OSError):
                process.join(LEAVING_PATIENCE)
                self._outbox.close()
                self._tell(WorkerExited(self.name, generation, _how(process.exitcode)))
                return
            except Exception as error:
                logging.exception("from %s", self.name)
                note = Note(f"{self.name} cannot be understood: {error}", problem=True)
                self._tell(WorkerMessage(self.name, generation, note))


def _how(code: int | None) -> str:
    if code is None:
        return "stopped answering"
    if code < 0:
        return f"was ended by signal {signal.Signals(-code).name}"
    return f"ended with status {code}"


def _run(module: str, pipe: Connection, settings: Settings, parent: int) -> None:
    """The child's own main: the modules that need PyTorch are imported here alone."""
    end_with_parent(parent)
    _be_called(multiprocessing.current_process().name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's to handle
    log.to_file(settings.home)
    try:
        import_module(module).main(pipe, settings)
    except (EOFError, BrokenPipeError, ConnectionResetError):  # the daemon is gone
        return
    except Exception as error:
        # The daemon replaces this process and says so; where it broke is for the log alone.
        logging.exception("%s broke", module)
        raise SystemExit(1) from error


def end_with_parent(parent: int) -> None:
    """From now on this process is killed when ``parent`` ends, however that came about and whatever
    it is doing: on Linux by the system, elsewhere by a thread that waits for the parent's end."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)
        return
    threading.Thread(target=_end_after_parent, name="parent", daemon=True).start()


def _be_called(name: str) -> None:
    """On Linux ``ps`` and ``top`` show the process under this name, its first 15 letters."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode(), 0, 0, 0)


def _end_after_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
