"""The folder of dreams, which is also a sample bank: ``HOME/dreams/dream/00007.wav``.

The daemon takes a number here for each request and gives it back if nothing came of it,
so that ``dream:7`` in a pattern and the file ``00007.wav`` stay the same thing. A dream in
the making has a marker in ``HOME/dreams/unfinished``: should the daemon be killed, the
next start finds the marker and clears away what was half made.
"""

import re
from pathlib import Path

from dreamd.audio.files import DreamFile
from dreamd.errors import NoSuchSeed

_NUMBER = re.compile(r"[0-9]{5}|[1-9][0-9]{5,8}")


def number_of(name: str) -> int | None:
    """The number in the name of a dream's file or marker; None for other names.

    >>> number_of("00007"), number_of("123456"), number_of("7"), number_of("000007")
    (7, 123456, None, None)
    """
    return int(name) if _NUMBER.fullmatch(name) else None


class Bank:
    """:param home: the daemon's home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "dreams" / "dream"
        self._markers = home / "dreams" / "unfinished"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._markers.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Clears away what was half made; for the daemon as it starts."""
        for index in self._unfinished():
            self.drop(index)

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.wav"

    def begin(self, frames: int, rate: int) -> int:
        """The lowest free number, its file made and silent."""
        index = 0
        while self.path(index).exists() or self._marker(index).exists():
            index += 1
        self._marker(index).touch()
        DreamFile(self.path(index), rate).create(frames)
        return index

    def finish(self, index: int) -> None:
        """The dream is whole."""
        self._marker(index).unlink(missing_ok=True)

    def drop(self, index: int) -> None:
        """Nothing came of it. A file there that is not a dream of ours stays."""
        if DreamFile.is_one(self.path(index)):
            self.path(index).unlink(missing_ok=True)
        self._marker(index).unlink(missing_ok=True)

    def whole(self) -> list[int]:
        """The numbers of the dreams that are finished, the oldest first."""
        unfinished = set(self._unfinished())
        there = sorted(self.folder.glob("*.wav"), key=_written)
        numbers = (number_of(path.stem) for path in there)
        return [n for n in numbers if n is not None and n not in unfinished]

    def finished(self, index: int) -> Path:
        """The file of an earlier dream. Raises :class:`NoSuchSeed`."""
        if not self.path(index).is_file():
            raise NoSuchSeed(f"there is no dream:{index}; the bank holds {len(self.whole())}")
        if self._marker(index).exists():
            raise NoSuchSeed(f"dream:{index} is still being made")
        return self.path(index)

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
