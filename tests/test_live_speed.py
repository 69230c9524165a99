"""What a machine can dream live, and the size of the models that follows from it."""

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SMALL_FLAGS, Daemon

from dreamd.approaches.registry import APPROACHES
from dreamd.daemon.estimates import Estimates
from dreamd.dreaming import live_speed
from dreamd.dreaming.live_speed import (
    FILE,
    KEEPS_TIME,
    Speeds,
    key_of,
    speeds_in_words,
    that_keep_time,
)
from dreamd.home.lock import claim
from dreamd.settings import Settings

Machine = Callable[[float], list[int]]
SPEEDS = {"vector": 50.0, "spectrum": 20.0, "transpose": 2.5, "column": 2.9}


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

        def measured(sizes: list[Settings]) -> dict[str, Speeds]:
            asked.extend(each.hidden for each in sizes)
            columns = {key_of(each): speed * 128 / each.hidden for each in sizes}
            return {
                key: {"vector": 50.0, "spectrum": 20.0, "transpose": 2 * column, "column": column}
                for key, column in columns.items()
            }

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
    home: Settings, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a real process of its own, once."""
    monkeypatch.setattr(live_speed, "LONGEST_MEASURING", 120.0)
    first = that_keep_time(home)
    assert list(first[1]) == list(APPROACHES)
    assert all(speed > 0 for speed in first[1].values())
    asked = machine(2.0)
    assert that_keep_time(home) == first
    assert not asked
    that_keep_time(replace(home, vector=128))
    assert asked
    asked.clear()
    monkeypatch.setattr("dreamd.home.environment.processor", lambda: "another, 2 cores")
    that_keep_time(home)
    assert asked


def test_a_machine_that_is_too_busy_keeps_nobody_waiting(
    home: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_speed, "LONGEST_MEASURING", 0.0)
    assert that_keep_time(home) == (home, {})
    assert not multiprocessing.active_children()
    assert not (home.home / FILE).exists(), "the next start measures it"


@pytest.mark.parametrize(
    "text", ["", "[]", "7", "[7]", "{", '{"KEY": {"column": 1.0}}', '{"KEY": [1]}', '{"KEY": {}}']
)
def test_what_cannot_be_read_is_measured_again(home: Settings, machine: Machine, text: str) -> None:
    asked = machine(2.0)
    (home.home / FILE).write_text(text.replace("KEY", key_of(home)))
    that_keep_time(home)
    assert asked[0] == 128


def test_nothing_is_written_into_others_folders(small: Settings, tmp_path: Path) -> None:
    found = {key_of(small): dict.fromkeys(APPROACHES, 2.0)}
    (tmp_path / "music").mkdir()
    live_speed._remember(tmp_path / "music", found)
    assert not list((tmp_path / "music").iterdir())
    claim(small.home)
    live_speed._remember(small.home, found)
    assert that_keep_time(small) == (small, found[key_of(small)])


def test_the_first_dream_s_time_is_told_from_it(small: Settings) -> None:
    known = Estimates.begin(small, {"column": 7.5})
    assert known.speed("column", small.vector) == 7.5
    assert known.speed("column", small.vector, "paused") != 7.5
    assert known.speed("column", 2 * small.vector) != 7.5


def test_a_daemon_says_it_as_it_starts(recordings: Path, tmp_path: Path) -> None:
    """Where nobody chose the number of hidden units."""
    chosen = SMALL_FLAGS.index("--hidden")
    sizes = (*SMALL_FLAGS[:chosen], *SMALL_FLAGS[chosen + 2 :])
    settings = Settings(home=tmp_path / "home", vector=64, hop=64, frame=256, window=4)
    claim(settings.home)
    slow, fast = replace(settings, hidden=128), replace(settings, hidden=96)
    known = {key_of(slow): dict.fromkeys(APPROACHES, 1.2), key_of(fast): SPEEDS}
    live_speed._remember(settings.home, known)
    one = Daemon(settings.home, recordings, sizes=sizes)
    try:
        one.until(lambda: speeds_in_words(SPEEDS, fast) in one.said())
        assert "measuring" not in one.said()
        one.until(lambda: bool(list(settings.home.glob("models/guitar/column-11025-v64-n4-h96-*"))))
    finally:
        one.stop()
