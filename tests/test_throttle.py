"""How much training may take: a share, what others leave, and nothing while dreams are made."""

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import Daemon

from dreamd.training.throttle import HEADROOM, LEAST, Reading, Throttle

Start = Callable[..., Daemon]


def governor(share: float, threads: int = 1, cores: int = 4) -> Throttle:
    it = Throttle(share, threads, cores)
    it._last = Reading(0.0, 0.0, 0.0)
    return it


def test_alone_on_the_machine_it_takes_its_share() -> None:
    alone = Reading(clock=10.0, busy=10.0, own=10.0)
    assert governor(0.5).duty(alone) == 1.0  # a thread is a quarter of four cores
    assert governor(0.125).duty(alone) == 0.5
    assert governor(0.5, threads=4).duty(alone) == 0.5
    assert governor(0.0).duty(alone) == LEAST
    assert governor(0.125).rest(2.0, alone) == pytest.approx(2.0)


def test_it_yields_what_others_need() -> None:
    """Others use 3.2 of four cores and half a core is kept free: 0.3 are left for one thread."""
    crowded = Reading(clock=10.0, busy=32.0 + 5.0, own=5.0)
    assert governor(1.0).duty(crowded) == pytest.approx(4 * (1 - HEADROOM) - 3.2)
    full = Reading(clock=10.0, busy=40.0, own=2.0)
    assert governor(1.0).duty(full) == LEAST


def test_what_counts_is_what_was_taken_since_the_last_call() -> None:
    it = governor(1.0)
    it.duty(Reading(10.0, 40.0, 1.0))
    assert it.duty(Reading(20.0, 40.0 + 5.0, 1.0 + 5.0)) == 1.0


def learner(one: Daemon) -> psutil.Process:
    """The daemon's process of the lowest priority."""
    children = psutil.Process(one.process.pid).children()
    return max(children, key=lambda child: child.nice())


def cpu(process: psutil.Process, seconds: float) -> float:
    """The part of some seconds for which a process computed."""
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    time.sleep(seconds)
    return (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)


def test_a_small_share_is_a_small_share(daemon: Start, recordings: Path) -> None:
    """A twentieth of the machine, with room for its reports and checkpoints."""
    one = daemon(recordings, "--training-share", "0.05")
    one.wait("/dream/trained")
    cores = psutil.cpu_count() or 1
    assert cpu(learner(one), 4.0) < 0.05 * cores + 0.15
    assert one.status()["training"]


def steps(one: Daemon) -> int:
    models = one.status()["voices"]["guitar"]["models"]
    return sum(model["steps"] for model in models.values())


def test_training_yields_while_a_dream_is_made(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    one.wait("/dream/trained")
    one.ask(id=1, approach="column", seed="guitar", secs=120)
    one.wait("/dream/chunk", 1)
    time.sleep(0.5)  # the step at hand and its report
    before = steps(one)
    time.sleep(1.0)
    making = one.status()["making"]["1"]
    assert steps(one) == before
    assert making["approach"] == "column"
    assert 0 < making["progress"] < 1
    assert making["eta"] > 0
    one.send("/dream/cancel", 1)
    one.wait("/dream/failed", 1)
    one.until(lambda: steps(one) > before)
    assert one.status()["making"] == {}
