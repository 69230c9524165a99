"""The folder of dreams: numbers, what is whole, what is swept away."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon

from dreamd.audio.dream_file import DreamFile
from dreamd.errors import NoSuchSeed, SetupError
from dreamd.home.bank import Bank
from dreamd.settings import Settings, bank_limit, check


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def test_whole_dreams_are_listed_the_newest_last(bank: Bank, tmp_path: Path) -> None:
    for index in range(4):
        assert bank.begin(frames=10, rate=11025) == index
        os.utime(bank.path(index), (100 + index % 3, 100 + index % 3))
    for index in (0, 1, 2):
        bank.finish(index)
    os.utime(bank.path(0), (200, 200))
    assert bank.whole() == [0, 1, 2]
    again = Bank(tmp_path)  # as it lies on the disk, by what was written last
    assert again.whole() == [1, 2, 0]
    assert (again.count, again.newest) == (3, 0)


def test_files_of_other_names_are_no_dreams(bank: Bank) -> None:
    bank.finish(bank.begin(10, 11025))
    (bank.folder / "take.wav").touch()
    (bank.folder / "00001.txt").touch()
    assert bank.whole() == [0]


def test_the_lowest_free_number_is_next(bank: Bank) -> None:
    for index in range(3):
        bank.finish(bank.begin(10, 11025))
        assert bank.finished(index) == bank.path(index)
    bank.drop(1)
    with pytest.raises(NoSuchSeed, match="no dream:1; the bank holds 2"):
        bank.finished(1)
    assert bank.begin(10, 11025) == 1
    with pytest.raises(NoSuchSeed, match="still being made"):
        bank.finished(1)


def test_what_was_half_made_is_swept_away(bank: Bank) -> None:
    bank.finish(bank.begin(10, 11025))
    bank.begin(10, 11025)
    bank.sweep()
    assert bank.whole() == [0]
    assert not bank.path(1).exists()


def test_what_others_delete_and_add_comes_in(bank: Bank) -> None:
    """By a look into the folder, which no request waits for."""
    for _ in range(3):
        bank.finish(bank.begin(10, 11025))
    making = bank.begin(10, 11025)
    bank.path(1).unlink()
    bank.path(7).touch()
    (bank.folder / "take.wav").touch()
    bank.look()
    assert sorted(bank.whole()) == [0, 2, 7]
    assert bank.count == 3
    assert bank.newest == 7
    bank.finish(making)
    bank.look()
    assert sorted(bank.whole()) == [0, 2, making, 7]
    assert bank.begin(10, 11025) == 1
    assert bank.begin(10, 11025) == 4


@pytest.mark.parametrize("which", ["create", "touch"])
def test_a_full_disk_leaves_nothing_of_a_dream(
    bank: Bank, monkeypatch: pytest.MonkeyPatch, which: str
) -> None:
    """Neither an empty file nor a marker, and the number is free again."""

    def full(self: object, *_: object) -> None:
        if which == "create":
            bank.path(0).touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(DreamFile if which == "create" else Path, which, full)
        with pytest.raises(OSError, match="No space"):
            bank.begin(10, 11025)
    assert not list(bank.folder.iterdir())
    assert not list((bank.folder.parent / "unfinished").iterdir())
    assert bank.begin(10, 11025) == 0


def test_no_request_walks_through_the_bank(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of dreams: a new one looks at one name or two, and nobody lists the folder."""
    for index in range(3000):
        bank.path(index).touch()
    full = Bank(bank.folder.parent.parent)
    assert full.begin(10, 11025) == 3000
    looks: list[Path] = []
    exists = Path.exists

    def counted(path: Path) -> bool:
        looks.append(path)
        return exists(path)

    def never(*_: object) -> None:
        raise AssertionError("the folder was listed")

    monkeypatch.setattr(Path, "exists", counted)
    for each in ("iterdir", "glob"):
        monkeypatch.setattr(Path, each, never)
    monkeypatch.setattr(os, "scandir", never)
    for index in range(3001, 3011):
        assert full.begin(10, 11025) == index
        full.finish(index)
        assert (full.count, full.newest) == (index, index)
        assert full.finished(index) == full.path(index)
    assert len(looks) <= 20


# ---------------------------------------------------------------- how much is kept


def filled(bank: Bank, count: int) -> None:
    for _ in range(count):
        bank.finish(bank.begin(10, 11025))


def test_the_oldest_go_and_nothing_else(bank: Bank) -> None:
    filled(bank, 6)
    bank.path(1).write_bytes(b"somebody's own")
    running = bank.begin(10, 11025)
    assert bank.thin(bank_limit("2"), {bank.path(0)}) == [2, 3]
    assert bank.whole() == [0, 1, 4, 5]  # a seed that is waited for, somebody's, the newest two
    assert bank.path(1).read_bytes() == b"somebody's own"
    assert bank.path(running).exists()
    assert not bank.path(2).exists()
    assert bank.begin(10, 11025) == 2
    assert bank.thin(bank_limit("9"), ()) == []


def test_what_is_hours_old_goes_however_much_there_is(
    bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(bank, 4)
    (bank.folder / "00000.txt").touch()
    now = time.time()
    for index, hours in enumerate((3.0, 1.0, 2.5, 1.9)):
        os.utime(bank.path(index), (now - 3600 * hours,) * 2)
    again = Bank(tmp_path)
    assert again.thin(bank_limit("2h"), {again.path(2)}) == [0]
    assert sorted(again.whole()) == [1, 2, 3]
    assert again.thin(bank_limit("2h"), ()) == [2]
    assert (bank.folder / "00000.txt").exists()
    # A clock that is set when the computer finds a network makes nothing old.
    made = again.begin(10, 11025)
    again.finish(made)
    monkeypatch.setattr("dreamd.home.bank.time.time", lambda: now + 1e9)
    assert sorted(again.thin(bank_limit("2h"), ())) == [1, 3]
    assert again.whole() == [made]
    began = time.monotonic()
    monkeypatch.setattr("dreamd.home.bank.time.monotonic", lambda: began + 7300)
    assert again.thin(bank_limit("2h"), ()) == [made]


@pytest.mark.parametrize("words", ["-1", "h", "0h", "12", "12 h", "nanh", "1e9h", "infh", "٣h", ""])
def test_what_keep_dreams_takes(words: str) -> None:
    """Nothing that could be misread as so few, or no time at all."""
    if words == "12":
        assert check(Settings(keep_dreams=words)).keep_dreams == "12"
        return
    with pytest.raises(SetupError, match="--keep-dreams takes a number of dreams or of hours"):
        check(Settings(keep_dreams=words))


def test_a_new_set_begins_with_an_empty_bank(bank: Bank, tmp_path: Path) -> None:
    filled(bank, 4)
    bank.path(2).write_bytes(b"somebody's own")
    (bank.folder / "notes.txt").touch()
    running = bank.begin(10, 11025)
    assert bank.new_set("set one", {bank.path(3)}) == [0, 1]
    assert bank.whole() == [2, 3]
    moved = tmp_path / "dreams" / "set one"
    assert sorted(path.name for path in moved.iterdir()) == ["00000.wav", "00001.wav"]
    assert bank.begin(10, 11025) == 0
    bank.finish(running)
    assert Bank(tmp_path).count == 3
    with pytest.raises(FileExistsError):  # not in the same second
        bank.new_set("set one", ())
    assert bank.count == 3


def test_keeping_few_and_beginning_anew_while_it_runs(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    one = daemon(recordings, "--keep-dreams", "2")
    one.until(lambda: "guitar" in one.status()["voices"])
    for id in range(1, 6):
        one.ask(id=id, approach="vector", secs=0.3)
        one.wait("/dream/done", id)
    one.until(lambda: one.status()["dreams"] == 2)
    bank = one.home / "dreams" / "dream"
    names = sorted(path.stem for path in bank.iterdir())
    assert len(names) == 2
    credits = one.home / "dreams" / "credits"
    assert sorted(path.stem for path in credits.iterdir()) == names
    one.send("/dream/newset")
    one.until(lambda: one.status()["dreams"] == 0)
    (folder,) = (one.home / "dreams").glob("set *")
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{name}.{ext}" for name in names for ext in ("credits.json", "wav")
    )
    assert not list(bank.iterdir())
    one.ask(id=9, approach="vector", secs=0.3)
    assert one.wait("/dream/done", 9)[5] == 0
    one.stop()
    for dream in bank.iterdir():
        os.utime(dream, (1, 1))
    one._arguments[-1] = "5h"
    one.start()
    one.until(lambda: one.status()["dreams"] == 0)
    one.until(lambda: "3 dreams take 0 MB" in one.said())  # older sets are told of too, and stay
    assert len(list(folder.glob("*.wav"))) == 2
