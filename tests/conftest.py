"""What the tests share: short recordings, small settings, a daemon to talk to."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import psutil
import pytest
import superdirt
import torch
from wire import Desk

from dreamd.approaches.config import ModelConfig
from dreamd.audio import files
from dreamd.corpus.recording import Recording
from dreamd.home.lock import claim
from dreamd.osc import transport
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer

torch.set_num_threads(1)  # two on a busy machine wait for each other, many times as long

RATE = 11025
RATES = (RATE, 22050, 44100, 48000)
"""At which what names samples or Hertz must mean the same."""
PATIENCE = 180.0
"""Seconds after which a test gives up on a daemon: a watchdog, not a measure."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A test that there is with SuperDirt alone must not be missed unawares."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.getreports(kind)]
    if any("superdirt" in each.nodeid or "concert" in each.nodeid for each in reports):
        terminalreporter.write_line(superdirt.line())


def same_trainer(
    config: ModelConfig, settings: Settings, recordings: Sequence[Recording]
) -> Trainer:
    """One that begins with the same weights and draws the same windows each time: what its model
    dreams is then nobody's luck."""
    torch.manual_seed(0)
    chance = np.random.default_rng(0)
    with mock.patch.object(np.random, "default_rng", return_value=chance):
        return Trainer(config, settings, recordings, lambda note: None)


def tone(hertz: float, seconds: float, rate: int = RATE, level: float = 0.5) -> files.Samples:
    t = np.arange(int(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * hertz * t)).astype(np.float32)


def pitch(samples: files.Samples, rate: int = RATE) -> float:
    """The frequency of the strongest partial, in Hz."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where tests run side by side (``-n 2``), a file's stay together, and so do all that start
    an audio server: they would take each other's ports."""
    for item in items:
        with_sound = any(item.get_closest_marker(each) for each in ("supercollider", "tidal"))
        item.add_marker(pytest.mark.xdist_group("sound" if with_sound else item.path.name))


@pytest.fixture(autouse=True)
def _gradients() -> Iterator[None]:
    """Commands that dream turn gradients off for their whole process: here, for their test."""
    before = torch.is_grad_enabled()
    yield
    torch.set_grad_enabled(before)


@pytest.fixture
def small(tmp_path: Path) -> Settings:
    """Settings of models so small that they learn in a second."""
    claim(tmp_path / "home")
    return Settings(
        home=tmp_path / "home", vector=64, hop=64, frame=256, window=4, hidden=24, batch=4,
        stretch=4, learning_rate=1e-2,
    )  # fmt: skip


@pytest.fixture
def recorded(tmp_path: Path) -> Callable[..., Recording]:
    """Makes a recording that is in the corpus already."""

    def make(samples: files.Samples, voice: str = "sine", name: str = "a.wav") -> Recording:
        cache = tmp_path / f"{voice}-{name}.f32"
        samples.astype("<f4").tofile(cache)
        return Recording(
            voice=voice,
            source=str(tmp_path / voice / name),
            cache=str(cache),
            frames=len(samples),
            rate=RATE,
            peak=float(np.abs(samples).max()),
            loudest=float(np.sqrt((samples**2).mean())),
            joined=time.time(),
            channels=1 if samples.ndim == 1 else samples.shape[1],
        )

    return make


@pytest.fixture
def make_desk(
    small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> Callable[..., Desk]:
    """Makes a daemon without processes, which knows one recording of the voice ``guitar``."""

    def make(**more: Any) -> Desk:
        source = tmp_path / "recordings" / "guitar" / "a.wav"
        recording = replace(recorded(tone(220, 1.0), "guitar"), source=str(source))
        return Desk(small, recording, **more)

    return make


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    return make_desk()


def until(
    true: Callable[[], bool], said: Callable[[], object] = str, within: float = PATIENCE
) -> None:
    """Waits until something holds; where it never does, ``said`` tells more."""
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"never came true\n{said()}"
        time.sleep(0.05)


def _ports() -> Iterator[int]:
    """Each once, other ones in each process of the tests, and none that the system gives to whoever
    asks for any: it may have given that to another by the time that a program opens it."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    for k in itertools.count(os.getpid()):
        yield 10000 + 8 * (k % 2500) + worker


PORTS = _ports()


def free_port() -> int:
    """For UDP and TCP."""
    return next(port for port in PORTS if _is_free(port))


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


class Daemon:
    """A real ``dreamd run`` in a process of its own, and a client that listens to it."""

    environment: dict[str, str] | None = None
    folder: Path | None = None
    """Where it is started; None: as the tests are."""

    def __init__(
        self,
        home: Path,
        folder: Path | None,
        *flags: str,
        tidal: bool = False,
        sizes: tuple[str, ...] | None = None,
    ) -> None:
        self.home, self.port = home, free_port()
        self.heard: list[tuple[str, list[Any]]] = []
        self._arguments = [
            sys.executable, "-m", "dreamd", "run", *([str(folder)] if folder else []),
            "--home", str(home), "--port", str(self.port), "--plain",
            *([] if tidal else ["--no-tidal"]), *(SMALL_FLAGS if sizes is None else sizes), *flags,
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self.output = (self.home.parent / f"{self.home.name}.out").open("a+")
        self.process = subprocess.Popen(
            self._arguments, stdout=self.output, stderr=self.output, stdin=subprocess.DEVNULL,
            env=self.environment, cwd=self.folder,
        )  # fmt: skip
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.register()

    def register(self) -> None:
        """Until the daemon answers: it may still be starting."""
        deadline = time.monotonic() + PATIENCE
        self.socket.settimeout(0.2)
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said()
            self.send("/dream/notify", 1)
            try:
                self.heard += transport.decode(self.socket.recv(65536))
                return
            except (TimeoutError, ConnectionRefusedError):
                continue
        raise AssertionError(f"the daemon never answered:\n{self.said()}")

    def send(self, address: str, *args: Any) -> None:
        self.send_raw(transport.encode(address, list(args)))

    def send_raw(self, packet: bytes) -> None:
        self.socket.sendto(packet, ("127.0.0.1", self.port))

    def ask(self, **keys: Any) -> None:
        self.send("/dream/request", *(item for pair in keys.items() for item in pair))

    def wait(self, address: str, *start: Any, within: float = PATIENCE) -> list[Any]:
        """The arguments of the next message there (whose arguments begin with ``start``)."""
        deadline = time.monotonic() + within
        self.socket.settimeout(0.2)
        while time.monotonic() < deadline:
            for k, (where, args) in enumerate(self.heard):
                if where == address and args[: len(start)] == list(start):
                    del self.heard[k]
                    return args
            try:
                self.heard += transport.decode(self.socket.recv(65536))
            except TimeoutError:
                continue
        raise AssertionError(f"no {address} {start}; heard {self.heard}\n{self.said()}")

    def status(self) -> dict[str, Any]:
        from dreamd.osc.replies import nested
        from dreamd.osc.requests import pairs

        self.heard = [h for h in self.heard if h[0] != "/dream/status"]
        self.send("/dream/status")
        return nested(pairs(self.wait("/dream/status")))

    def until(self, true: Callable[[], bool]) -> None:
        until(true, self.said)

    def workers(self) -> list[psutil.Process]:
        """The learner and those that dream."""
        return [
            child for child in psutil.Process(self.process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]  # fmt: skip

    def learner(self) -> psutil.Process:
        """The worker with a session of its own."""
        return next(child for child in self.workers() if os.getsid(child.pid) == child.pid)

    def until_it_rests(self) -> None:
        """Waits until the learner computes nothing: the step at hand is made, and reported."""
        self.until(lambda: share_of_core(self.learner(), 1.0) == 0.0)

    def said(self) -> str:
        return Path(self.output.name).read_text()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.socket.close()
        self.output.close()

    def stop(self) -> int:
        """Asks it to end; gives its exit status."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.socket.close()
        self.output.close()
        return self.process.returncode


SMALL_FLAGS = (
    "--vector", "64", "--hop", "64", "--frame", "256", "--window", "4", "--hidden", "16",
    "--batch", "2", "--stretch", "4", "--save-every", "1",
)  # fmt: skip


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    """Starts daemons with small models on a folder; ends them after the test."""
    daemons: list[Daemon] = []

    def start(folder: Path | None, *flags: str, home: str = "home") -> Daemon:
        daemons.append(Daemon(tmp_path / home, folder, *flags))
        return daemons[-1]

    yield start
    for one in daemons:
        if one.process.poll() is None:
            one.stop()


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """A folder with one voice, ``guitar``, and two short recordings."""
    folder = tmp_path / "recordings"
    (folder / "guitar").mkdir(parents=True)
    files.write(folder / "guitar" / "a.wav", tone(220, 2.0, 44100), 44100)
    files.write(folder / "guitar" / "b.wav", tone(330, 2.0, 44100), 44100)
    return folder


def share_of_core(process: psutil.Process, seconds: float) -> float:
    """The part of some seconds for which a process computed."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
