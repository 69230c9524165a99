"""The real daemon, a client that hears all it says, and what its processes take.

Every part of the torture drives one :class:`Driven` in a :class:`Sandbox`.
"""

import contextlib
import hashlib
import os
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
from conftest import Daemon, tone

from dreamd.approaches.registry import APPROACHES
from dreamd.audio import files
from dreamd.errors import BadRequest
from dreamd.osc import transport

WATCHDOG = 180.0
"""Seconds after which something is said to hang."""

RECORDING_RATE = 44100

ROLES = {"learner": "training", "dreamer": "dreaming", "decoder": "decoding"}
"""What the processes are called, and what they do."""


class Sandbox:
    """A user's folders, in which nothing may change, and the daemon's home beside them."""

    def __init__(self, root: Path) -> None:
        self.home, self.user = root / "home", root / "user"
        self.recordings, self.temporary = self.user / "recordings", self.user / "tmp"
        for folder in (self.recordings, self.temporary, self.user / "work"):
            folder.mkdir(parents=True)
        for bait in ("00000.wav", "work/weights-000000000001.safetensors.tmp", "tmp/dreamd.log"):
            (self.user / bait).write_bytes(b"somebody's")

    def voice(self, name: str, *hertz: float, seconds: float = 2.0) -> None:
        """A voice with a recording for each frequency."""
        (self.recordings / name).mkdir(exist_ok=True)
        for each in hertz:
            write_tone(self.recordings / name / f"{each:.0f}.wav", each, seconds)
        self.expect_changes()

    def expect_changes(self) -> None:
        """What the user has now is what must stay."""
        self._stays = self._contents()

    def changes(self) -> list[str]:
        """The files that came, went or changed since nobody expected it any more; each once."""
        before, now = self._stays, self._contents()
        self._stays = now
        return sorted(p for p in before.keys() | now.keys() if before.get(p) != now.get(p))

    def _contents(self) -> dict[str, str]:
        """All that the user has, each file with its hash."""
        there = (path for path in self.user.rglob("*") if not path.is_dir())
        return {str(path): hash_of(path) for path in there}


def write_tone(path: Path, hertz: float, seconds: float) -> None:
    """Moved into place whole, as a recorder with manners does."""
    aside = path.with_name(f".{path.name}")
    files.write(aside, tone(hertz, seconds, RECORDING_RATE), RECORDING_RATE)
    aside.rename(path)


def hash_of(path: Path) -> str:
    if not path.is_file():  # a pipe, a link to nowhere
        return "no file"
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Heard:
    """What the daemon said to its client, over all its lives."""

    def __init__(self) -> None:
        self.answers: dict[int, tuple[str, list[Any]]] = {}
        """How each request ended, by its id: the address and the arguments."""
        self.refusals: list[str] = []
        """The lines of what failed."""
        self.done: dict[Path, int] = {}
        """Finished dreams, with their ids."""
        self.told: dict[str, list[tuple[str, str]]] = defaultdict(list)
        """Of each recording, by its path: what was said of it, under which address."""
        self.trained: dict[tuple[str, str], tuple[int, float]] = {}
        """Steps and seconds of each model."""
        self.statuses = self.lessons = 0  # how many; of training

    def on_message(self, address: str, args: list[Any]) -> None:
        match address, args:
            case "/dream/done", [id, path, *_]:
                self.answers[id] = (address, args)
                self.done[Path(path)] = id
            case "/dream/failed", [id, _, text]:
                self.answers[id] = (address, args)
                self.refusals.append(text)
            case "/dream/ingested", [voice, path, _]:
                self.told[path].append((address, voice))
            case "/dream/skipped", [path, reason]:
                self.told[path].append((address, reason))
            case "/dream/trained", [voice, approach, step, _, seconds]:
                self.trained[voice, approach] = (step, seconds)
                self.lessons += 1
            case "/dream/status", _:
                self.statuses += 1


USUAL = ("--hidden", "128")
"""Models of the usual sizes, whatever else a start would find that this machine keeps time with."""


class Driven(Daemon):
    """A daemon with a client that listens in a thread."""

    def __init__(self, sandbox: Sandbox, *flags: str, sizes: tuple[str, ...] | None = None) -> None:
        self.heard_all, self.asked = Heard(), dict[int, float]()
        self.environment = {
            **os.environ, "HOME": str(sandbox.user), "TMPDIR": str(sandbox.temporary),
            "XDG_CACHE_HOME": str(sandbox.user / ".cache"),
        }  # fmt: skip
        self.folder = sandbox.user / "work"
        super().__init__(sandbox.home, sandbox.recordings, *flags, sizes=sizes)

    def start(self) -> None:
        super().start()
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._over = threading.Event()
        self._ears = threading.Thread(target=self._listen, daemon=True)
        self._ears.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.close()

    def close(self) -> None:
        """Its process has ended."""
        self._over.set()
        self._ears.join()
        self.socket.close()
        self.output.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            try:
                messages = transport.decode(self.socket.recv(65536))
            except TimeoutError:
                continue
            except ConnectionError:  # nobody has the daemon's port at present
                continue
            except BadRequest as error:
                messages = [("/dream/failed", [-1, "", f"what the daemon said: {error}"])]
            for address, args in messages:
                self.heard_all.on_message(address, args)

    # ------------------------------------------------------------ requests

    def dream(self, **keys: Any) -> int:
        """Asks for one; gives its id."""
        id = len(self.asked) + 1
        self.asked[id] = time.monotonic()
        self.ask(id=id, **keys)
        return id

    def unanswered(self) -> list[int]:
        return [id for id in self.asked if id not in self.heard_all.answers]

    def forgive(self) -> None:
        """What was asked of a life that is over is answered by nobody."""
        for id in self.unanswered():
            self.heard_all.answers[id] = ("", [])

    def answers(self, within: float = WATCHDOG) -> float | None:
        """Seconds until a status was answered; None: it never was, or the daemon is gone."""
        before, began = self.heard_all.statuses, time.monotonic()
        asked = -1.0
        while time.monotonic() - began < within and self.process.poll() is None:
            if time.monotonic() - asked > 5:  # packets may be lost
                asked = time.monotonic()
                self.send("/dream/status")
            if self.heard_all.statuses > before:
                return time.monotonic() - began
            time.sleep(0.001)
        return None

    def becomes(self, true: Callable[[], bool], within: float = WATCHDOG) -> bool:
        """Waits until something holds; whether it ever did."""
        deadline = time.monotonic() + within
        while not true():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.005)
        return True

    def warm(self, models: int = len(APPROACHES)) -> bool:
        """Waits until so many models learn and all approaches have dreamt: from here on, memory
        should be flat. Whether that came about."""
        ids = [self.dream(approach=approach, secs=0.2) for approach in APPROACHES]

        def is_warm() -> bool:
            done = [id for id in ids if self.heard_all.answers.get(id, ("",))[0] == "/dream/done"]
            return len(self.heard_all.trained) >= models and len(done) == len(ids)

        return self.becomes(is_warm)

    # ------------------------------------------------------------ processes

    def family(self) -> list[psutil.Process]:
        """The daemon's process and all its children."""
        try:
            parent = psutil.Process(self.process.pid)
            return [parent, *parent.children(recursive=True)]
        except psutil.Error:
            return []

    def role(self, process: psutil.Process) -> str:
        """What a process of the family does: on Linux its name says it."""
        if process.pid == self.process.pid:
            return "daemon"
        try:
            if "resource_tracker" in " ".join(process.cmdline()):
                return "helper"
            return ROLES.get(process.name().partition("-")[0], "starting")
        except (psutil.Error, ProcessLookupError):
            return "gone"

    def roles(self) -> list[str]:
        return [self.role(process) for process in self.family()]

    def memory(self) -> float:
        """MB of all processes together, what they share counted once."""
        return sum(_of(each, lambda p: p.memory_full_info().pss) for each in self.family()) / 1e6

    def open_files(self) -> float:
        """Descriptors of all processes together."""
        return sum(_of(each, lambda p: p.num_fds()) for each in self.family())

    def learned_for(self) -> float:
        """Seconds of CPU time of the training process."""
        for process in self.family():
            if self.role(process) == "training":
                times = process.cpu_times()
                return float(times.user + times.system)
        return 0.0


def _of(process: psutil.Process, measure: Callable[[psutil.Process], float]) -> float:
    """A figure of a process; of one that has just ended nothing."""
    try:
        return measure(process)
    except (psutil.Error, OSError):
        return 0.0


def is_gone(process: psutil.Process) -> bool:
    """It has ended, whether or not somebody has taken notice."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """So many other processes that take all of a core each."""
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@contextlib.contextmanager
def driven(daemon: Driven) -> Iterator[Driven]:
    """Ends it in the end, whatever comes; raises ``AssertionError`` if it does not leave."""
    try:
        yield daemon
        if daemon.process.poll() is None:
            daemon.process.terminate()
            leaves = daemon.becomes(lambda: daemon.process.poll() is not None)
            assert leaves, f"SIGTERM does not end it: {daemon.said()[-1000:]}"
    finally:
        daemon.kill()
