"""What travels to a worker and is kept there: bundles of files, called by their content.

A performer's process makes a :class:`Bundle` of each recording's cache and of each checkpoint; a
worker keeps them on its :class:`Shelf`, a folder of so many bytes that all of its slots share. So a
recording goes to a machine once, whoever's it is, and paths mean nothing beyond their own machine.
"""

import contextlib
import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from dreamd.errors import SetupError

FOLDER, DEVICE = "DREAMD_SHELF", "DREAMD_DEVICE"
"""The environment of a worker's processes: where its shelf is, and where it trains."""

SHELF_ROOM = 4 << 30  # bytes that a shelf may take
IN_USE = 900.0  # seconds for which a bundle stays after it was last asked for

KEY = re.compile(r"[0-9a-f]{32}")
"""What a bundle's folder is called; any other name is somebody else's."""

Files = Mapping[str, bytes]
"""Names, with ``/`` between their parts, and what is in the files."""


@dataclass(frozen=True)
class Bundle:
    """Files that belong together: their names on the shelf, and where they lie here."""

    files: tuple[tuple[str, Path], ...]

    @property
    def key(self) -> str:
        """Of names and contents; kept while the files stay as they are."""
        return _key_of(tuple((name, path, *_version(path)) for name, path in self.files))

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for _, path in self.files)

    def read(self) -> Files:
        return {name: path.read_bytes() for name, path in self.files}


def _version(path: Path) -> tuple[int, int]:
    now = path.stat()
    return now.st_size, now.st_mtime_ns


@lru_cache(maxsize=4096)
def _key_of(files: tuple[tuple[str, Path, int, int], ...]) -> str:
    return content_key({name: path.read_bytes() for name, path, _, _ in files})


def content_key(files: Files) -> str:
    """
    >>> content_key({"a": b"1", "b": b""}) == content_key({"b": b"", "a": b"1"})
    True
    """
    whole = hashlib.blake2b(digest_size=16)
    for name in sorted(files):
        for part in (name.encode(), files[name]):
            whole.update(len(part).to_bytes(8, "little"))
            whole.update(part)
    return whole.hexdigest()


class Shelf:
    """:param folder: on the worker's disk; :param room: bytes that it may take."""

    def __init__(self, folder: Path, room: int = SHELF_ROOM) -> None:
        self.folder, self._room = folder, room
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, needed: Iterable[str], carried: Mapping[str, Files]) -> tuple[str, ...]:
        """Puts what was ``carried`` on the shelf; gives the keys of what is still missing."""
        for key, files in carried.items():
            if not self.has(key):
                if content_key(files) != key:
                    raise SetupError("what came for the shelf is not what it is called")
                self.put(key, files)
        return tuple(key for key in needed if not self.has(key))

    def path(self, relative: Path) -> Path:
        """Of a file in a bundle: ``KEY/name``. Raises :class:`SetupError` for one that would lie
        elsewhere."""
        return self.folder / _safe(relative.as_posix())

    def has(self, key: str) -> bool:
        """Whether it is there; it was asked for now."""
        try:
            os.utime(self.folder / key)
        except OSError:
            return False
        return True

    def put(self, key: str, files: Files) -> None:
        """Whole, or not there."""
        half_made = self.folder / f"{key}.{secrets.token_hex(4)}.tmp"
        try:
            for name, content in files.items():
                place = half_made / _safe(name)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content)
            half_made.rename(self.folder / key)
        except OSError:
            if not self.has(key):  # else another slot was faster
                raise
        finally:
            shutil.rmtree(half_made, ignore_errors=True)

    def make_room(self) -> None:
        """The bundles that nobody has asked for longest go. It looks at all that is on the shelf:
        who has put something there does it when nobody waits."""
        there = []
        for entry in os.scandir(self.folder):
            if KEY.fullmatch(entry.name) and entry.is_dir():
                with contextlib.suppress(OSError):  # another slot was faster
                    there.append((entry.stat().st_mtime, _size(Path(entry.path)), entry.path))
        taken = sum(size for _, size, _ in there)
        for used, size, path in sorted(there):
            if taken <= self._room or time.time() - used < IN_USE:
                return
            shutil.rmtree(path, ignore_errors=True)
            taken -= size


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _safe(name: str) -> PurePosixPath:
    """A name that stays below its folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name:
        raise SetupError(f"a file for the shelf is called {name!r}")
    return path
