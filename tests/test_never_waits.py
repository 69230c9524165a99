"""The daemon's one thread never waits: for a client's path, a worker that does not read, a disk."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import Daemon

from dreamd.daemon import errands
from dreamd.daemon.errands import Errands
from dreamd.daemon.events import ErrandDone
from dreamd.errors import NoAnswer
from dreamd.training.messages import PauseTraining, SetRecordings, YieldCPU
from dreamd.workers.process import Outbox


def workers(one: Daemon) -> list[psutil.Process]:
    return [
        child for child in psutil.Process(one.process.pid).children()
        if "spawn_main" in " ".join(child.cmdline())
    ]  # fmt: skip


def test_seeds_that_never_open_are_answered(
    daemon: Callable[..., Daemon], recordings: Path, tmp_path: Path
) -> None:
    one = daemon(recordings)
    os.mkfifo(tmp_path / "pipe.wav")
    odd = ("pipe.wav", f"{'x' * 300}.wav", "nowhere/x.wav")
    for id, name in enumerate(odd):
        one.ask(id=id, approach="vector", seed=str(tmp_path / name), secs=1)
    one.ask(id=8, approach="vector", seed="~nobody-of-this-name/x.wav", secs=1)
    one.ask(id=9, approach="vector", seed="/dev/ptmx/", secs=1)
    for id in (0, 1, 2, 8, 9):
        assert one.wait("/dream/failed", id)[1] == "no-such-seed"
    assert one.status()["queue"] == 0


def test_workers_that_stand_still_hold_nobody_up(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    """Hundreds of messages to each of them: their pipes are full, the daemon answers, and ends."""
    one = daemon(recordings)
    one.until(lambda: one.status()["voices"].get("guitar", {}).get("recordings") == 2)
    stopped = workers(one)
    assert stopped
    for worker in stopped:
        worker.send_signal(signal.SIGSTOP)
    for k in range(600):
        one.send("/dream/pause" if k % 2 else "/dream/resume")
        time.sleep(0.002)  # not faster than the system's buffer for packets is emptied
    for id in range(60):
        one.ask(id=id, approach="vector", seed="guitar:0", secs=0.5)
    assert not one.status()["training"]
    one.process.terminate()
    assert one.process.wait(30) == 0
    assert not [worker for worker in stopped if worker.is_running()]


def test_an_outbox_sends_in_order_and_only_the_newest_of_its_kind() -> None:
    sent: list[object] = []

    class Pipe:
        def send(self, message: object) -> None:
            sent.append(message)

    outbox = Outbox()
    outbox.put(PauseTraining(True), True)
    outbox.put("a job", False)
    for _ in range(400):
        outbox.put(SetRecordings(()), True)
    outbox.put(YieldCPU(True), True)
    outbox.put(PauseTraining(False), True)
    outbox.put("another", False)
    pouring = threading.Thread(target=outbox.pour, args=(Pipe(),))
    pouring.start()
    while len(sent) < 5:
        time.sleep(0.01)
    outbox.close()
    pouring.join()
    expected = ["a job", SetRecordings(()), YieldCPU(True), PauseTraining(False), "another"]
    assert sent == expected


def deliver(told: list[ErrandDone], count: int) -> None:
    """As the router does, once there are so many."""
    while len(told) < count:
        time.sleep(0.01)
    for done in told:
        done.deliver()
    told.clear()


def test_a_disk_that_sleeps_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in faults.md: what neither opens nor fails, on more paths than there are threads."""
    awake, told, heard, late = threading.Event(), [], [], []
    monkeypatch.setattr(errands, "PATIENCE", 0.0)
    paths = Errands("seed", 2, told.append)
    for _ in range(3):
        paths.run(awake.wait, heard.append, late.append)
    time.sleep(0.01)
    paths.overdue()
    assert [type(each) for each in heard] == [NoAnswer] * 3
    paths.overdue()
    assert len(heard) == 3, "each is told once"
    monkeypatch.setattr(errands, "PATIENCE", 60.0)
    paths.run(lambda: "another path", heard.append)
    awake.set()
    deliver(told, 4)
    assert late == [True] * 3
    assert heard[3:] == ["another path"]


def test_an_errand_beside_one_that_hangs_is_done() -> None:
    awake, told, heard = threading.Event(), [], []
    paths = Errands("seed", 2, told.append)
    paths.run(awake.wait)
    for k in range(3):
        paths.run(lambda k=k: k, heard.append)
    deliver(told, 3)
    assert heard == [0, 1, 2]
    awake.set()
    deliver(told, 1)


def test_an_errand_that_fails_says_so_and_its_thread_goes_on() -> None:
    told, heard = [], []
    home = Errands("home", 1, told.append)
    home.run(lambda: 1 // 0, heard.append)
    home.run(lambda: "done", heard.append)
    deliver(told, 2)
    assert isinstance(heard[0], ZeroDivisionError)
    assert heard[1] == "done"
