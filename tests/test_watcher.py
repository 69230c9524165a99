"""When a file counts as complete, and what is followed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import RATE, tone, until

from dreamd.audio import files
from dreamd.corpus import watcher
from dreamd.corpus.found import Found
from dreamd.corpus.watcher import Gone, Watcher


class Ears:
    def __init__(self) -> None:
        self.told: list[Found | Gone] = []
        self.complaints: list[str] = []

    def names(self, kind: type = Found) -> list[str]:
        return [event.path.name for event in self.told if isinstance(event, kind)]

    def until(self, true: Callable[[], bool]) -> None:
        until(true, lambda: (self.told, self.complaints))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "rec").mkdir()
    return tmp_path / "rec"


@pytest.fixture
def ears(root: Path) -> Iterator[Ears]:
    ears = Ears()
    watching = Watcher(root, ears.told.append, ears.complaints.append)
    watching.start()
    yield ears
    watching.stop()


def write(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    files.write(path, tone(440, 0.1), RATE)


def test_finds_what_comes_with_its_voice(root: Path, ears: Ears) -> None:
    write(root / "guitar" / "a.wav")
    write(root / "loose.wav")
    ears.until(lambda: len(ears.told) == 2)
    assert {(e.path.name, e.voice) for e in ears.told if isinstance(e, Found)} == {
        ("a.wav", "guitar"), ("loose.wav", "default"),
    }  # fmt: skip


def test_passes_over_hidden_temporary_and_other_files(root: Path, ears: Ears) -> None:
    for name in (".a.wav", "a.wav.part", "a.txt"):
        (root / name).write_bytes(b"x")
    (root / ".hidden").mkdir()
    write(root / ".hidden" / "a.wav")
    write(root / "last.wav")
    ears.until(lambda: bool(ears.told))
    assert ears.names() == ["last.wav"]


def test_a_file_still_held_open_is_not_complete(root: Path, ears: Ears) -> None:
    """However long its writer pauses: SuperCollider's recorder can."""
    with (root / "take.wav").open("wb") as file:
        file.write(b"x" * 1000)
        file.flush()
        time.sleep(2.5 * watcher.SETTLED)
        assert ears.told == []
        file.write(b"x" * 1000)
    ears.until(lambda: bool(ears.told))
    assert [e.size for e in ears.told if isinstance(e, Found)] == [2000]


def test_a_rested_size_is_enough_where_nobody_tells_of_closing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watcher, "_written", frozenset)
    ears = Ears()
    watching = Watcher(root, ears.told.append, ears.complaints.append)
    (root / "a.wav").write_bytes(b"x" * 100)
    watching.look()
    assert ears.told == []
    moment = time.monotonic
    monkeypatch.setattr(watcher.time, "monotonic", lambda: moment() + 2 * watcher.SETTLED)
    watching.look()
    assert ears.names() == ["a.wav"]


def test_follows_renames_replacements_and_deletions(root: Path, ears: Ears) -> None:
    write(root / "a.wav")
    ears.until(lambda: ears.names() == ["a.wav"])
    (root / "a.wav").rename(root / "b.wav")
    ears.until(lambda: ears.names(Gone) == ["a.wav"] and ears.names() == ["a.wav", "b.wav"])
    files.write(root / "b.wav", tone(330, 0.3), RATE)
    ears.until(lambda: ears.names() == ["a.wav", "b.wav", "b.wav"])
    (root / "b.wav").unlink()
    ears.until(lambda: ears.names(Gone) == ["a.wav", "b.wav"])


def test_says_once_that_the_folder_is_gone_and_once_that_it_is_back(root: Path, ears: Ears) -> None:
    root.rename(root.with_name("away"))
    ears.until(lambda: len(ears.complaints) == 1)
    assert "cannot look into" in ears.complaints[0]
    time.sleep(2.2 * watcher.LOOK_EVERY)
    root.with_name("away").rename(root)
    ears.until(lambda: len(ears.complaints) == 2)
    assert "is back" in ears.complaints[1]
