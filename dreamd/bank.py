"""The folder of dreams, which is also a sample bank: ``HOME/dreams/dream/00007.wav``.

The daemon takes a number here for each request and gives it back if nothing came of it,
so that ``dream:7`` in a pattern and the file ``00007.wav`` stay the same thing. A dream in
the making has a marker in ``HOME/dreams/unfinished``: should the daemon be killed, the
next start finds the marker and clears away what was half made.
"""

from pathlib import Path

from dreamd.audio import DreamFile
from dreamd.errors import NoSuchSeed


class Bank:
    """:param home: the daemon's home folder."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "dreams" / "dream"
        self._markers = home / "dreams" / "unfinished"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._markers.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Clears away what was half made; for the daemon as it starts."""
        for marker in self._markers.iterdir():
            self.drop(int(marker.name))

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.wav"

    def begin(self, frames: int, rate: int) -> int:
        """The lowest free number, its file made and silent."""
        index = 0
        while self.path(index).exists():
            index += 1
        self._marker(index).touch()
        DreamFile(self.path(index), rate).create(frames)
        return index

    def finish(self, index: int) -> None:
        """The dream is whole."""
        self._marker(index).unlink(missing_ok=True)

    def drop(self, index: int) -> None:
        """Nothing came of it."""
        self.path(index).unlink(missing_ok=True)
        self._marker(index).unlink(missing_ok=True)

    def whole(self) -> list[int]:
        """The numbers of the dreams that are finished, the oldest first."""
        unfinished = {self.path(int(marker.name)) for marker in self._markers.iterdir()}
        files = [path for path in self.folder.glob("*.wav") if path not in unfinished]
        return [int(path.stem) for path in sorted(files, key=_written) if path.stem.isdecimal()]

    def finished(self, index: int) -> Path:
        """The file of an earlier dream. Raises :class:`NoSuchSeed`."""
        if not self.path(index).is_file():
            raise NoSuchSeed(f"there is no dream:{index}; the bank holds {len(self.whole())}")
        if self._marker(index).exists():
            raise NoSuchSeed(f"dream:{index} is still being made")
        return self.path(index)

    def _marker(self, index: int) -> Path:
        return self._markers / f"{index:05d}"


def _written(path: Path) -> int:
    """When a file was written last; one that has just been deleted comes first."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
