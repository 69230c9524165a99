"""The folder of dreams, which is also a sample bank: ``HOME/dreams/dream/00007.wav``.

The daemon takes a number here for each request and gives it back if nothing came of it,
so that ``dream:7`` in a pattern and the file ``00007.wav`` stay the same thing. A dream in
the making has a marker in ``HOME/dreams/unfinished``: should the daemon be killed, the
next start finds the marker and clears away what was half made.
"""

import os
import re
import time
from collections.abc import Collection
from pathlib import Path

from dreamd.audio.dream_file import DreamFile
from dreamd.errors import NoSuchSeed
from dreamd.settings import BankLimit

_NUMBER = re.compile(r"[0-9]{5}|[1-9][0-9]{5,8}")


def number_of(name: str) -> int | None:
    """The number in the name of a dream's file or marker; None for other names.

    >>> number_of("00007"), number_of("123456"), number_of("7"), number_of("000007")
    (7, 123456, None, None)
    """
    return int(name) if _NUMBER.fullmatch(name) else None


class Bank:
    """:param home: the daemon's home folder.

    The numbers are held in memory, so that no request waits for a walk through thousands of
    files; what others delete from the folder, or add to it, comes in by :meth:`look`. One thread
    at a time calls the methods; ``count`` and ``newest`` may be read by any.
    """

    def __init__(self, home: Path) -> None:
        self.folder = home / "dreams" / "dream"
        self._markers = home / "dreams" / "unfinished"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._markers.mkdir(parents=True, exist_ok=True)
        self._making = set(self._unfinished())
        there = (number_of(path.stem) for path in sorted(self.folder.glob("*.wav"), key=_written))
        self._whole: dict[int, float | None] = dict.fromkeys(
            n for n in there if n is not None and n not in self._making
        )  # when each was finished, by a clock that nobody sets; None: before we came
        self._lowest = 0  # no number under it is free
        self._looked_at = -1  # the folder's time of change at the last look
        self._count()

    def sweep(self) -> None:
        """Clears away what was half made; for the daemon as it starts."""
        for index in list(self._making):
            self.drop(index)

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.wav"

    def begin(self, frames: int, rate: int, channels: int = 1) -> int:
        """The lowest free number, its file made and silent. Raises ``OSError`` for a full disk."""
        index = self._lowest
        while index in self._whole or index in self._making or self.path(index).exists():
            index += 1
        self._making.add(index)
        self._lowest = index + 1
        try:
            self._marker(index).touch()
            DreamFile(self.path(index), rate, channels).create(frames)
        except OSError:
            self.drop(index)
            raise
        return index

    def finish(self, index: int) -> None:
        """The dream is whole."""
        self._marker(index).unlink(missing_ok=True)
        self._making.discard(index)
        self._whole[index] = time.monotonic()
        self._count()

    def drop(self, index: int) -> None:
        """Nothing came of it. A file there that is not a dream of ours stays."""
        if DreamFile.is_one(self.path(index)):
            self.path(index).unlink(missing_ok=True)
        self._marker(index).unlink(missing_ok=True)
        self._making.discard(index)
        self._whole.pop(index, None)
        self._lowest = min(self._lowest, index)
        self._count()

    def thin(self, limit: BankLimit, spared: Collection[Path]) -> list[int]:
        """Deletes the finished dreams that ``limit`` leaves out, but none that is ``spared`` or
        not of our making. Gives their numbers."""
        old = list(self._whole)[: -limit.number] if limit.number else []
        if limit.seconds:
            old = [index for index in self._whole if self._age(index) > limit.seconds]
        old = [index for index in old if self._is_ours(index, spared)]
        for index in old:
            self.drop(index)
        return old

    def _age(self, index: int) -> float:
        """Seconds since the dream was made. Of our own ones by our own clock: a computer without
        a clock sets its time once it is in a network, and what is new would be old at once."""
        if (finished := self._whole[index]) is not None:
            return time.monotonic() - finished
        try:
            return time.time() - self.path(index).stat().st_mtime
        except OSError:  # it went since
            return 0.0

    def new_set(self, name: str, spared: Collection[Path]) -> list[int]:
        """Moves the finished dreams into a folder beside the bank, ``HOME/dreams/NAME``; it begins
        anew. Gives their numbers. Raises ``OSError``; what was not moved then is still here."""
        folder, moved = self.folder.parent / name, []
        folder.mkdir()
        for index in list(self._whole):
            if self._is_ours(index, spared):
                self.path(index).rename(folder / self.path(index).name)
                del self._whole[index]
                moved.append(index)
        self._lowest = 0
        self._count()
        return moved

    def _is_ours(self, index: int, spared: Collection[Path]) -> bool:
        path = self.path(index)
        return path not in spared and DreamFile.is_one(path)

    def whole(self) -> list[int]:
        """The numbers of the dreams that are finished, the oldest first."""
        return list(self._whole)

    def _count(self) -> None:
        self.count = len(self._whole)  #: of the dreams that are finished
        self.newest = next(reversed(self._whole), None)  #: number of the one finished last

    def finished(self, index: int) -> Path:
        """The file of an earlier dream. Raises :class:`NoSuchSeed`."""
        if index in self._making:
            raise NoSuchSeed(f"dream:{index} is still being made")
        if not self.path(index).is_file():
            raise NoSuchSeed(f"there is no dream:{index}; the bank holds {self.count}")
        return self.path(index)

    def look(self) -> None:
        """Takes in what others deleted and added: walks through the folder, if it has changed."""
        try:
            changed = self.folder.stat().st_mtime_ns
            if changed == self._looked_at:
                return
            names = [entry.name for entry in os.scandir(self.folder)]
        except OSError:  # somebody took the folder away: nothing is known of it
            return
        self._looked_at = changed
        numbers = (number_of(name[:-4]) for name in names if name.endswith(".wav"))
        there = {number for number in numbers if number is not None}
        for index in self._whole.keys() - there:
            del self._whole[index]
            self._lowest = min(self._lowest, index)
        for index in there - self._whole.keys() - self._making:
            self._whole[index] = None
        self._count()

    def _unfinished(self) -> list[int]:
        """The numbers in the making. A marker is an empty file with a number of ours as its name;
        whatever else lies there (``.DS_Store``) is none."""
        numbers = (
            number_of(entry.name) for entry in self._markers.iterdir()
            if entry.is_file() and not entry.stat().st_size
        )  # fmt: skip
        return [number for number in numbers if number is not None]

    def _marker(self, index: int) -> Path:
        return self._markers / f"{index:05d}"


def _written(path: Path) -> int:
    """When a file was written last; one that has just been deleted comes first."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def told(home: Path) -> str | None:
    """One line on how many dreams there are in a home and its older sets, and what they take; None
    where there are none. Walks through all of them."""
    sizes = [
        size for place, _, names in os.walk(home / "dreams") for name in names
        if name.endswith(".wav") and (size := _size(Path(place, name))) is not None
    ]  # fmt: skip
    return f"{len(sizes)} dreams take {sum(sizes) / 1e6:.0f} MB" if sizes else None


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:  # it went since it was listed
        return None
