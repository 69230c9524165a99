"""What a machine can dream live, and the size of the models that follows from it."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL_FLAGS, Daemon

from dreamd.approaches.registry import APPROACHES
from dreamd.daemon.estimates import Estimates
from dreamd.dreaming import live_speed
from dreamd.dreaming.live_speed import (
    FILE,
    KEEPS_TIME,
    Speeds,
    speeds,
    speeds_in_words,
    that_keep_time,
)
from dreamd.home.lock import claim
from dreamd.settings import Settings

Machine = Callable[[float], list[int]]


class Immediately(Executor):
    """What is submitted is done at once, in this process."""

    def __init__(self, *_: object) -> None: ...

    def submit(self, work: Callable[..., Any], *args: Any, **keys: Any) -> Future[Any]:  # type: ignore[override]
        outcome: Future[Any] = Future()
        outcome.set_result(work(*args, **keys))
        return outcome


@pytest.fixture
def home(small: Settings) -> Settings:
    claim(small.home)
    return replace(small, hidden=128)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One that dreams column so many times real time with 128 hidden units, and faster with fewer;
    gives the numbers of hidden units that are measured."""

    def make(speed: float) -> list[int]:
        asked: list[int] = []

        def measured(settings: Settings) -> Speeds:
            asked.append(settings.hidden)
            column = speed * 128 / settings.hidden
            return {"vector": 50.0, "spectrum": 20.0, "transpose": 2 * column, "column": column}

        monkeypatch.setattr(live_speed, "measured", measured)
        return asked

    return make


@pytest.mark.parametrize(
    ("speed", "hidden"), [(KEEPS_TIME, 128), (1.2, 96), (0.8, 64), (0.6, 48), (0.1, 48)]
)
def test_models_are_as_large_as_keeps_time(
    home: Settings, machine: Machine, speed: float, hidden: int
) -> None:
    machine(speed)
    settings, known = that_keep_time(home)
    assert settings == replace(home, hidden=hidden)
    slow = ": transpose, column" if 2 * known["column"] < KEEPS_TIME else ": column"
    assert speeds_in_words(known, settings).endswith("times real time" if speed > 0.5 else slow)


def test_it_is_remembered_for_this_machine_and_these_sizes(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real process of its own, once."""
    first = speeds(home)
    assert list(first) == list(APPROACHES)
    assert all(speed > 0 for speed in first.values())
    other = dict.fromkeys(first, 1.0)
    monkeypatch.setattr(live_speed, "measured", lambda settings: other)
    assert speeds(home) == first
    assert speeds(replace(home, hidden=64)) == other
    monkeypatch.setattr("dreamd.home.environment.processor", lambda: "another, 2 cores")
    assert speeds(home) == other


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "[7]", "{", '{"KEY": {"column": 1.0}}', '{"KEY": [1]}', '{"KEY": {}}']
)
def test_what_cannot_be_read_is_measured_again(home: Settings, machine: Machine, text: str) -> None:
    asked = machine(2.0)
    (home.home / FILE).write_text(text.replace("KEY", live_speed._key(home)))
    speeds(home)
    assert asked == [128]


def test_nothing_is_written_into_others_folders(
    small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = dict.fromkeys(APPROACHES, 2.0)
    monkeypatch.setattr(live_speed, "ProcessPoolExecutor", Immediately)
    monkeypatch.setattr(live_speed, "dream_a_little", lambda settings: found)
    (tmp_path / "music").mkdir()
    assert live_speed.measured(replace(small, home=tmp_path / "music")) == found
    assert not list((tmp_path / "music").iterdir())
    claim(small.home)
    live_speed.measured(small)
    assert (small.home / FILE).exists()


def test_the_first_dream_s_time_is_told_from_it(small: Settings) -> None:
    known = Estimates.begin(small, {"column": 7.5})
    assert known.speed("column", small.vector) == 7.5
    assert known.speed("column", small.vector, "paused") != 7.5
    assert known.speed("column", 2 * small.vector) != 7.5


def test_a_daemon_says_it_as_it_starts(recordings: Path, tmp_path: Path) -> None:
    """Where nobody chose the number of hidden units; measured once."""
    chosen = SMALL_FLAGS.index("--hidden")
    sizes = (*SMALL_FLAGS[:chosen], *SMALL_FLAGS[chosen + 2 :])
    one = Daemon(tmp_path / "home", recordings, sizes=sizes)
    try:
        one.until(lambda: "dreams live, at 11025 Hz with" in one.said())
        measured = one.said().count("measuring what this machine can dream live")
        assert measured  # for 128 hidden units, and for fewer where the machine is busy
        assert one.stop() == 0
        one.start()
        one.until(lambda: one.said().count("dreams live, at 11025 Hz with") == 2)
        assert one.said().count("measuring what this machine can dream live") == measured
    finally:
        one.stop()
