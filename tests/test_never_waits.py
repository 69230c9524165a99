"""The daemon's one thread never waits: for a client's path, a worker that does not read, a disk."""

import contextlib
import errno
import multiprocessing
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import PATIENCE, Daemon
from test_queue import JOB, dream

from dreamd.daemon import errands, inbox, server, supervisor
from dreamd.daemon.errands import Errands
from dreamd.daemon.events import ErrandDone, Packet
from dreamd.dreaming import worker as dreaming_worker
from dreamd.errors import NoAnswer
from dreamd.settings import Settings
from dreamd.terminal import aside
from dreamd.training.messages import PauseTraining, SetRecordings, YieldCPU
from dreamd.workers import process
from dreamd.workers.messages import AreYouThere, End, Note, Ready
from dreamd.workers.process import Outbox, WorkerExited


def test_every_seed_is_answered(
    daemon: Callable[..., Daemon], recordings: Path, tmp_path: Path
) -> None:
    """Pipes, devices, names that no system has, and damaged notes."""
    one = daemon(recordings)
    one.wait("/dream/ingested")
    os.mkfifo(tmp_path / "pipe.wav")
    (tmp_path / "to-pipe.wav").symlink_to(tmp_path / "pipe.wav")
    (tmp_path / "round.wav").symlink_to(tmp_path / "round.wav")
    (tmp_path / "folder.wav").mkdir()
    (tmp_path / "empty.wav").touch()
    here = ("pipe.wav", "to-pipe.wav", "round.wav", "folder.wav", "empty.wav", f"{'x' * 256}.wav",
            "nowhere/x.wav", "pipe.wav/x.wav", "y/" * 3000 + "x.wav")  # fmt: skip
    odd = [str(tmp_path / name) for name in here]
    odd += ["~nobody-of-this-name/x.wav", "~", "/dev/ptmx/", "/dev/ptmx", "/dev/stdin", "/dev/zero",
            "/proc/self/mem/", "/", "//", "a\\b", "caf\u00e9/\u202e.wav", ".wav", "dream:-1",
            "dream:99999999999"]  # fmt: skip
    for id, seed in enumerate(odd):
        one.ask(id=id, approach="vector", seed=seed, secs=1)
    for id, seed in enumerate(odd):
        assert one.wait("/dream/failed", id)[1] in ("no-such-seed", "bad-request"), seed
    assert one.status()["queue"] == 0
    for cache in (one.home / "corpus").glob("*.f32"):
        cache.with_suffix(".solos").write_text("[[")
    one.ask(id=50, approach="vector", notes="60", secs=1)
    one.wait("/dream/done", 50)  # what is damaged is made again
    one.ask(id=51, approach="vector", seed="guitar:0", secs=0.2)
    one.wait("/dream/done", 51)


def test_workers_that_stand_still_hold_nobody_up(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    """Hundreds of messages to each of them: their pipes are full, the daemon answers, and ends."""
    one = daemon(recordings)
    one.until(lambda: one.status()["voices"].get("guitar", {}).get("recordings") == 2)
    stopped = one.workers()
    assert stopped
    for worker in stopped:
        worker.send_signal(signal.SIGSTOP)
    for k in range(600):
        one.send("/dream/pause" if k % 2 else "/dream/resume")
        time.sleep(0.002)  # not faster than the system's buffer for packets is emptied
    for id in range(60):
        one.ask(id=id, approach="vector", seed="guitar:0", secs=0.5)
    one.until(lambda: pauses(one))
    one.process.terminate()
    assert one.process.wait(PATIENCE) == 0
    assert not [worker for worker in stopped if worker.is_running()]


def pauses(one: Daemon) -> bool:
    """Asked again: the last of so many messages may be lost where the machine stands still."""
    one.send("/dream/pause")
    return not one.status()["training"]


def test_children_end_with_the_daemon_whatever_they_do(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    """Even those that stand still, and would not notice that their pipe has closed."""
    one = daemon(recordings)
    one.ask(id=1, approach="transpose", secs=300)
    one.wait("/dream/chunk", 1)
    children = one.workers()
    one.until(lambda: any(os.getsid(c.pid) == c.pid for c in children))  # the learner is under way
    for child in children:
        child.send_signal(signal.SIGSTOP)
    one.kill()
    assert not psutil.wait_procs(children, timeout=PATIENCE)[1]


def test_where_the_system_kills_no_children_a_thread_does() -> None:
    """As on macOS; not in faults.md: in the midst of a call that never returns."""
    code = (
        "import multiprocessing, sys, time\n"
        "from dreamd.workers import process\n"
        "def child(pipe):\n"
        "    sys.platform = 'darwin'\n"
        "    process.end_with_parent(0)\n"
        "    pipe.send(1)\n"
        "    time.sleep(1000)\n"
        "if __name__ == '__main__':\n"
        "    ours, theirs = multiprocessing.Pipe()\n"
        "    one = multiprocessing.get_context('fork').Process(target=child, args=(theirs,))\n"
        "    one.start()\n"
        "    ours.recv()\n"
        "    print(one.pid, flush=True)\n"
        "    time.sleep(1000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    assert not psutil.wait_procs([child], timeout=PATIENCE)[1]


class FakeWorker:
    """Says nothing, and stands still if it is told to."""

    def __init__(self, name: str, *_: object, **__: object) -> None:
        self.name, self.generation, self.still = name, 1, False
        self.starved = self.lingers = False
        self.sent: list[object] = []

    def start(self) -> None:
        self.generation += 1

    def send(self, message: object, latest: bool = False) -> None:
        self.sent.append(message)

    def stands_still(self) -> bool:
        return self.still

    def lives(self) -> bool:
        return self.lingers

    def unheard(self, passed: float) -> float:
        return 0.0 if self.starved else passed

    def abandon(self, why: str) -> WorkerExited:
        self.generation += 1
        return WorkerExited(self.name, self.generation, why)


class Standing:
    """A supervisor of fake workers, and its clock."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now, self.told = 100.0, []
        patch.setattr(supervisor, "Worker", FakeWorker)
        patch.setattr(supervisor.time, "monotonic", lambda: self.now)
        self.supervisor = supervisor.Supervisor(Settings(dreamers=1), self.told.append)
        self.dream = dream(0)
        self.learner = self.supervisor.slots["learner"]
        self.learner.worker.starved = True  # but for the tests that look at it
        self.supervisor.tick()

    def pass_(self, seconds: float) -> list[object]:
        for _ in range(int(seconds * 4)):
            self.now += 0.25
            self.supervisor.tick()
        told, self.told[:] = list(self.told), []
        return told


@pytest.fixture
def standing(monkeypatch: pytest.MonkeyPatch) -> Standing:
    return Standing(monkeypatch)


def test_a_dreamer_that_says_nothing_is_told_of_and_replaced(standing: Standing) -> None:
    sup = standing.supervisor
    sup.on_ready("dreamer-0", tuple, False)
    assert not standing.pass_(100), "one that has nothing to do owes no word"
    sup.reserve("dreamer-0", standing.dream)
    assert not standing.pass_(100), "nor one that has not been sent its job"
    sup.begin("dreamer-0")
    for _ in range(20):  # it is slow, but it works
        assert not standing.pass_(4)
        sup.heard("dreamer-0")
    (note,) = standing.pass_(10)
    assert isinstance(note, Note)
    assert "dreamer-0" in note.text
    (exited,) = standing.pass_(15)
    assert isinstance(exited, WorkerExited)
    assert sup.is_current(exited)
    assert sup.on_exited(exited) is standing.dream
    assert sup.free() is None
    standing.pass_(1)
    sup.on_ready("dreamer-0", tuple, False)
    assert sup.free() == "dreamer-0", "a fresh one is there"


def test_who_stands_still_before_it_is_up_is_replaced_too(standing: Standing) -> None:
    assert not standing.pass_(60), "a slow machine"
    standing.supervisor.slots["dreamer-0"].worker.still = True
    _, exited = standing.pass_(1)
    assert isinstance(exited, WorkerExited)


def test_who_stands_still_is_given_no_dream(standing: Standing) -> None:
    sup = standing.supervisor
    sup.on_ready("dreamer-0", tuple, False)
    assert sup.free() == "dreamer-0"
    sup.slots["dreamer-0"].worker.still = True
    assert sup.free() is None
    _, exited = standing.pass_(30)
    assert isinstance(exited, WorkerExited)
    assert sup.on_exited(exited) is None


def asked(learner: supervisor.Slot) -> bool:
    """Whether it was asked since the last time."""
    before, learner.worker.sent[:] = list(learner.worker.sent), []
    return AreYouThere() in before


def test_a_learner_that_answers_is_left_alone(standing: Standing) -> None:
    """It has nothing to learn, and nothing to say; or somebody stopped it, for a while."""
    sup, learner = standing.supervisor, standing.learner
    learner.worker.starved = False
    sup.on_ready("dreamer-0", tuple, False)
    sup.on_ready("learner", tuple, False)
    for _ in range(10):
        assert not standing.pass_(8)
        assert asked(learner)
        sup.heard("learner")
    learner.worker.still = True
    (note,) = standing.pass_(30)
    assert "learner" in note.text
    learner.worker.still = False
    sup.heard("learner")
    assert not standing.pass_(8)


@pytest.mark.parametrize("still", [True, False])
def test_a_learner_that_does_not_answer_is_replaced_ever_more_slowly(
    standing: Standing, still: bool
) -> None:
    """Stopped, or stuck."""
    sup, learner = standing.supervisor, standing.learner
    learner.worker.starved = False
    sup.on_ready("dreamer-0", tuple, False)
    sup.on_ready("learner", tuple, False)
    for pause in (1.0, 5.0, 30.0, 30.0):
        learner.worker.still = still
        note, exited = standing.pass_(70)
        assert isinstance(note, Note)
        assert isinstance(exited, WorkerExited)
        assert "said nothing for 60 s" in exited.why
        sup.on_exited(exited)
        assert learner.restart_at == standing.now + pause
        learner.worker.still, learner.worker.lingers = False, True
        standing.pass_(pause + 10)
        assert learner.restart_at is not None, "never two of them"
        learner.worker.lingers = False
        standing.pass_(1)
        assert learner.restart_at is None
        sup.on_ready("learner", tuple, False)
    sup.heard("learner")
    standing.pass_(8)
    sup.on_exited(WorkerExited("learner", learner.worker.generation, "ended"))
    assert learner.restart_at == standing.now, "one that worked for a while is replaced at once"


def test_whoever_gets_no_processor_is_not_silent(standing: Standing) -> None:
    """Neither who trains nor who dreams: a full machine."""
    sup = standing.supervisor
    for name in ("learner", "dreamer-0"):
        sup.on_ready(name, tuple, False)
        sup.slots[name].worker.starved = True
    sup.reserve("dreamer-0", standing.dream)
    sup.begin("dreamer-0")
    assert not standing.pass_(600)
    sup.slots["dreamer-0"].worker.starved = False
    assert len(standing.pass_(25)) == 2


@pytest.mark.parametrize(
    ("status", "computed", "silent"),
    [
        (psutil.STATUS_RUNNING, 0.0, 0.0),  # it waits for a processor
        (psutil.STATUS_RUNNING, 0.25, 0.25),  # it computes and says nothing
        (psutil.STATUS_RUNNING, 9.0, 1.0),  # by several threads
        (psutil.STATUS_SLEEPING, 0.0, 1.0),
        (psutil.STATUS_STOPPED, 0.0, 1.0),
        (psutil.STATUS_DISK_SLEEP, 0.0, 1.0),
        (None, 0.0, 1.0),  # it is gone
    ],
)
def test_what_counts_as_silence(
    monkeypatch: pytest.MonkeyPatch, status: str | None, computed: float, silent: float
) -> None:
    class Process:
        def __init__(self, pid: int) -> None:
            if status is None:
                raise psutil.NoSuchProcess(pid)

        def cpu_times(self) -> tuple[float, ...]:
            return (5.0 + computed / 2, 2.0 + computed / 2, 99.0, 99.0)

        def status(self) -> str | None:
            return status

    monkeypatch.setattr(process.psutil, "Process", Process)
    monkeypatch.setattr(process.Worker, "pid", 1)
    one = process.Worker.__new__(process.Worker)
    one._computed = 7.0
    assert one.unheard(1.0) == silent


def test_a_daemon_that_stood_still_itself_blames_nobody(standing: Standing) -> None:
    standing.supervisor.on_ready("dreamer-0", tuple, False)
    standing.supervisor.reserve("dreamer-0", standing.dream)
    standing.supervisor.begin("dreamer-0")
    standing.now += 3600
    assert not standing.pass_(1)


def test_a_worker_that_cannot_be_started_is_tried_again(standing: Standing) -> None:
    """Too many processes, or open files: not in faults.md."""
    sup = standing.supervisor
    slot = sup.slots["dreamer-0"]
    sup.on_exited(WorkerExited("dreamer-0", 1, "ended"))
    starts = [BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"), None]

    def start() -> None:
        if error := starts.pop(0):
            raise error

    slot.worker.start = start
    with pytest.raises(BlockingIOError):
        standing.pass_(5)
    standing.pass_(1)
    assert not starts
    assert slot.restart_at is None


def test_the_thread_that_receives_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[object] = [RuntimeError("odd"), (b"packet", ("127.0.0.1", 1)), None]

    class Socket:
        def receive(self) -> object:
            if isinstance(said := heard.pop(0), Exception):
                raise said
            return said

    one = server.Server.__new__(server.Server)
    one._socket, one._inbox = Socket(), inbox.Inbox()
    monkeypatch.setattr(server, "SHOW_EVERY", 0.0)
    one._receive()
    told = [one._inbox.take(0.0) for _ in range(2)]
    assert Packet(b"packet", ("127.0.0.1", 1)) in told
    assert any(isinstance(each, Note) and "odd" in each.text for each in told)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "too-long", "no room"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "too-long", "no room"),
        (OSError(errno.EIO, "Input/output error"), "diverged", "Input/output error"),
        (ZeroDivisionError("division by zero"), "diverged", "inside dreamd (division by zero)"),
    ],
)
def test_whatever_is_raised_the_dreamer_says_so_and_goes_on(
    monkeypatch: pytest.MonkeyPatch, small: Settings, error: Exception, code: str, said: str
) -> None:
    ours, theirs = multiprocessing.Pipe()

    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(dreaming_worker, "prepare", lambda: None)
    monkeypatch.setattr(dreaming_worker, "render", broken)
    thread = threading.Thread(target=dreaming_worker.main, args=(theirs, small))
    thread.start()
    for message in (JOB, JOB, End()):
        ours.send(message)
    ready, first, second = (ours.recv() for _ in range(3))
    thread.join()
    assert isinstance(ready, Ready)
    assert first == second
    assert first.code == code
    assert said in first.text


# ---------------------------------------------------------------- the terminal


class Still:
    """A screen on a terminal that takes nothing."""

    def __init__(self) -> None:
        self.resumed, self.shown = threading.Event(), []

    def __enter__(self) -> "Still":
        return self

    def __exit__(self, *_: object) -> None:
        self.shown.append("closed")

    def show(self, view: object) -> None:
        self.resumed.wait()
        if view == "evil":
            raise ValueError("cannot be drawn")
        self.shown.append(view)


def test_a_terminal_that_stands_still_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(aside, "LAST_WORDS", 0.0)
    screen = Still()
    with aside.DrawnAside(screen) as drawn:
        for k in range(1000):
            drawn.show(k)
    assert not screen.shown
    screen.resumed.set()
    drawn._thread.join()
    assert screen.shown[-2:] == [999, "closed"]
    assert len(screen.shown) <= 3, "what nobody saw is not drawn"


def test_what_cannot_be_drawn_does_not_end_the_screen() -> None:
    screen = Still()
    screen.resumed.set()
    with aside.DrawnAside(screen) as drawn:
        drawn.show("evil")
        while drawn._changed.is_set():
            time.sleep(0.01)
        drawn.show("good")
    assert screen.shown == ["good", "closed"]


class Unread(Daemon):
    """Prints into a pipe, or draws on a terminal, that is full and that nobody reads."""

    def __init__(self, home: Path, folder: Path, *, terminal: bool) -> None:
        self.terminal = terminal
        super().__init__(home, folder)

    def start(self) -> None:
        self.ends = pty.openpty() if self.terminal else os.pipe()
        out = self.ends[1]
        if not self.terminal:
            os.set_blocking(out, False)
            with contextlib.suppress(BlockingIOError):
                while os.write(out, b"x" * 4096):
                    pass
            os.set_blocking(out, True)
        arguments = [each for each in self._arguments if not (self.terminal and each == "--plain")]
        self.output = (self.home.parent / "none.out").open("a+")
        self.process = subprocess.Popen(
            arguments, stdout=out, stderr=self.output, stdin=subprocess.DEVNULL,
            env={**os.environ, "TERM": "xterm", "LINES": "60", "COLUMNS": "200"},
        )  # fmt: skip
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.register()


@pytest.mark.parametrize("terminal", [False, True])
def test_nobody_reads_what_it_prints(tmp_path: Path, recordings: Path, terminal: bool) -> None:
    """Ctrl-S, a stalled ssh, `dreamd run | less`: it answers, dreams, and leaves when asked."""
    one = Unread(tmp_path / "home", recordings, terminal=terminal)
    try:
        for id in range(20):  # lines enough to fill a terminal's buffer
            one.ask(id=id, approach="nonsense")
            one.wait("/dream/failed", id)
        one.ask(id=30, approach="vector", secs=0.2)
        one.wait("/dream/done", 30)
        assert one.stop() == 0
    finally:
        one.process.kill()
        for end in one.ends:
            os.close(end)


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
