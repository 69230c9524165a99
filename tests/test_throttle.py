"""How much training may take: a share, what others leave, and its least whatever happens."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import Daemon, share_of_core

from dreamd.approaches.registry import config_of
from dreamd.corpus.cache import Corpus
from dreamd.daemon.queue import Queue
from dreamd.daemon.snapshot import status, view
from dreamd.daemon.state import State
from dreamd.home.bank import Bank
from dreamd.training import worker
from dreamd.training.messages import Pace, PauseTraining, Progress, SetRecordings, YieldCPU
from dreamd.training.throttle import HEADROOM, LEAST, PACE_OVER, Reading, Throttle
from dreamd.workers.messages import AreYouThere, End, Here

Start = Callable[..., Daemon]
PROMISED = 0.05  # of one core, in any minute


class Machine:
    """A machine by numbers: others take ``others`` cores, and a turn's computing takes as long as
    ``speed(urgent)`` says (1: a core to itself)."""

    def __init__(self, share: float = 0.5, threads: int = 1, cores: int = 4) -> None:
        self.throttle = Throttle(share, threads, cores)
        self.clock = self.busy = self.own = 0.0
        self.others: Callable[[float], float] = lambda clock: 0.0
        self.speed: Callable[[bool], float] = lambda urgent: 1.0
        self.turns: list[tuple[float, float]] = []  # when each ended, and what it computed
        self.throttle.begin(self.reading())

    def reading(self) -> Reading:
        return Reading(self.clock, self.busy, self.own)

    def pass_by(self, seconds: float) -> None:
        end = self.clock + seconds
        while self.clock < end:
            step = min(end - self.clock, 0.1)
            self.busy += self.others(self.clock) * step
            self.clock += step

    def run(self, seconds: float, each: Callable[[], None] = lambda: None) -> None:
        end = self.clock + seconds
        while self.clock < end:
            each()
            wait = self.throttle.wait(self.reading())
            self.pass_by(min(wait, 0.2))  # the daemon says something every 0.2 s
            if wait > 0.2:
                continue
            urgent = self.throttle.urgent
            work = worker.URGENT_SLICE if urgent else worker.SLICE
            self.pass_by(work / self.speed(urgent))
            self.own += work
            self.busy += work
            self.throttle.trained(work)
            self.turns.append((self.clock, work))

    def taken(self, start: float, end: float) -> float:
        """Cores that training had in that time."""
        return sum(work for at, work in self.turns if start < at <= end) / (end - start)

    def least_in_any_minute(self) -> float:
        starts = range(0, int(self.clock) - 60, 5)
        return min(self.taken(start, start + 60) for start in starts)


@pytest.mark.parametrize(
    ("share", "taken"),
    [(0.5, 1.0), (0.125, 0.5), (0.03, 0.12), (0.0, LEAST)],
)
def test_alone_on_the_machine_it_takes_its_share(share: float, taken: float) -> None:
    machine = Machine(share)
    machine.run(100)
    assert machine.taken(20, 100) == pytest.approx(taken, rel=0.1)


def test_it_takes_what_others_leave() -> None:
    """Others use 3.2 of four cores and half a core is kept free: 0.3 are left for one thread."""
    machine = Machine(1.0)
    machine.others = lambda clock: 3.2
    machine.run(100)
    assert machine.taken(20, 100) == pytest.approx(4 * (1 - HEADROOM) - 3.2, rel=0.1)
    machine.others = lambda clock: 0.0
    machine.run(100)
    assert machine.taken(150, 200) == pytest.approx(1.0, rel=0.1)


def full(machine: Machine) -> Callable[[], None]:
    machine.others = lambda clock: 4.0
    return lambda: None


def dreams_without_end(machine: Machine) -> Callable[[], None]:
    machine.throttle.yielding = True
    return lambda: None


def dreams_that_come_and_go(machine: Machine) -> Callable[[], None]:
    def toggle() -> None:
        machine.throttle.yielding = not machine.throttle.yielding

    machine.others = lambda clock: 3.9
    return toggle


def starved(machine: Machine) -> Callable[[], None]:
    """The first turn of half a second takes 25 s, as once on a machine of load 9."""
    machine.others = lambda clock: 4.0 if clock > 10 else 0.0
    machine.speed = lambda urgent: 0.2 if urgent else 0.02
    return lambda: None


def in_bursts(machine: Machine) -> Callable[[], None]:
    """Not in faults.md: full for three seconds of four, as a renderer may make it."""
    machine.others = lambda clock: 4.0 if clock % 4 < 3 else 0.0
    machine.speed = lambda urgent: 0.2 if urgent else 0.1
    return lambda: None


def suspended(machine: Machine) -> Callable[[], None]:
    """Not in faults.md: the clock jumps while the lid is closed; it need not be made up for."""
    machine.others = lambda clock: 4.0
    machine.pass_by(3600)
    return lambda: None


@pytest.mark.parametrize(
    "busy", [full, dreams_without_end, dreams_that_come_and_go, starved, in_bursts, suspended]
)
def test_in_any_minute_it_has_its_least(busy: Callable[[Machine], Callable[[], None]]) -> None:
    machine = Machine()
    each = busy(machine)
    start = machine.clock
    machine.run(400, each)
    machine.turns = [(at - start, work) for at, work in machine.turns]
    machine.clock -= start
    assert machine.least_in_any_minute() >= PROMISED
    if busy in (full, dreams_without_end):  # and no more: the rest is the dreams'
        assert machine.taken(20, 400) < 0.08
    if busy is suspended:
        assert machine.taken(60, 400) < 0.08


def test_it_says_when_it_is_slow_and_what_it_gets() -> None:
    machine = Machine()
    machine.run(PACE_OVER)
    assert not machine.throttle.slow(machine.reading())
    assert machine.throttle.share(machine.reading()) == pytest.approx(1.0, rel=0.1)
    machine.others = lambda clock: 4.0
    machine.run(2 * PACE_OVER)
    assert machine.throttle.slow(machine.reading())
    assert machine.throttle.share(machine.reading()) == pytest.approx(LEAST, rel=0.2)
    machine.throttle.begin(machine.reading())  # after a pause
    assert not machine.throttle.slow(machine.reading())
    small = Machine(share=0.01)  # it has all that it may
    small.run(2 * PACE_OVER)
    assert not small.throttle.slow(small.reading())


def test_the_time_left_is_that_of_learning_as_it_goes(small, tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A sixteenth of a core, shared by two models: sixteen and twice as long."""
    state = State(small, tmp_path, Corpus(small.home, 11025), Bank(small.home), Queue(9))
    assert not view(state).models
    for approach in ("vector", "column"):
        config = config_of(approach, small)
        seconds = small.course - 10.0
        state.models["guitar", approach] = Progress("guitar", config, 9, 0.5, seconds, 3.0, ())
    assert view(state).models[0].left is None  # nobody knows yet
    state.pace = Pace(share=LEAST, slow=True)
    assert view(state).models[0].left == 10.0 * 2 / LEAST
    assert view(state).slowly
    assert status(state, lambda dream: dream.id)["learning_slowly"]


class Chatter:
    """A pipe on which somebody talks without end."""

    def __init__(self, messages: Iterator[object]) -> None:
        self.messages, self.heard = messages, 0
        self.said: list[object] = []

    def poll(self, timeout: float | None = 0.0) -> bool:
        return True

    def recv(self) -> object:
        self.heard += 1
        return next(self.messages)

    def send(self, message: object) -> None:
        self.said.append(message)


def test_who_talks_without_pause_stops_no_learning(small, recorded, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import numpy as np

    monkeypatch.setattr(worker, "Urgency", lambda threads: Direct())

    def messages() -> Iterator[object]:
        yield SetRecordings((recorded(np.sin(np.arange(9000)).astype(np.float32)),))
        while True:
            yield YieldCPU(True)
            yield PauseTraining(False)

    pipe = Chatter(messages())
    scheduler = worker.TrainingScheduler(small, pipe.send)
    process = worker._Process(pipe, pipe.send, small, scheduler)  # type: ignore[arg-type]
    for _ in range(5):
        assert process.listen()
        process.turn()
    trained = scheduler._at_work.get(("sine", "vector"))
    assert trained is not None
    assert trained.head.steps
    process._pipe.messages = iter([AreYouThere(), End()])  # type: ignore[attr-defined]
    process._pipe.said.clear()  # type: ignore[attr-defined]
    assert not process.listen()
    assert process._pipe.said == [Here()]  # type: ignore[attr-defined]


class Direct:
    def run(self, work: Callable[[], None], urgent: bool, hurry: Callable[[], bool]) -> None:
        work()


# ---------------------------------------------------------------- with real processes


def test_a_small_share_is_a_small_share(daemon: Start, recordings: Path) -> None:
    """A twentieth of the machine, with room for its reports and checkpoints."""
    one = daemon(recordings, "--training-share", "0.05")
    one.wait("/dream/trained")
    cores = psutil.cpu_count() or 1
    assert share_of_core(one.learner(), 4.0) < 0.05 * cores + 0.15
    assert one.status()["training"]


def steps(one: Daemon) -> dict[str, int]:
    models = one.status()["voices"].get("guitar", {}).get("models", {})
    return {approach: model["steps"] for approach, model in models.items()}


def test_it_learns_while_dreams_are_made_on_a_full_machine(daemon: Start, recordings: Path) -> None:
    """All approaches move while dreams are asked without pause and others take every core."""
    one = daemon(recordings)
    one.until(lambda: len(steps(one)) == 4 and all(steps(one).values()))
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"])
        for _ in range(os.cpu_count() or 1)
    ]
    try:
        for id in range(1, 4):
            one.ask(id=id, approach="column", seed="guitar", secs=120)
        one.wait("/dream/chunk", 1)
        before = steps(one)
        one.until(lambda: all(has > before[each] for each, has in steps(one).items()))
        making = one.status()["making"]
        assert "1" in making
        assert 0 < making["1"]["progress"] < 1
        one.until(lambda: one.status()["learning_slowly"])
        one.until(lambda: "learning slowly: the machine is busy" in one.said())
    finally:
        for process in busy:
            process.kill()
            process.wait()
    for id in range(1, 4):
        one.send("/dream/cancel", id)
        one.wait("/dream/failed", id)
    one.until(lambda: one.status()["making"] == {})


def test_a_pause_ends_all_learning(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    one.until(lambda: len(steps(one)) == 4 and all(steps(one).values()))
    one.send("/dream/pause")
    one.until(lambda: not one.status()["training"])
    one.until_it_rests()
    before = steps(one)
    time.sleep(1.0)
    assert steps(one) == before
    assert not one.status()["learning_slowly"]
    one.send("/dream/resume")
    one.until(lambda: steps(one) != before)
