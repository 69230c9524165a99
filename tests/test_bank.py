"""The folder of dreams: numbers, what is whole, what is swept away."""

import os
from pathlib import Path

import pytest

from dreamd.errors import NoSuchSeed
from dreamd.home.bank import Bank


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


def test_whole_dreams_are_listed_the_newest_last(bank: Bank) -> None:
    for index in range(4):
        assert bank.begin(frames=10, rate=11025) == index
        os.utime(bank.path(index), (100 + index % 3, 100 + index % 3))
    for index in (0, 1, 2):
        bank.finish(index)
    os.utime(bank.path(0), (200, 200))
    assert bank.whole() == [1, 2, 0]


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
