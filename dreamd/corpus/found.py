"""A file in the watched folder: what the watcher finds and tells, and the corpus remembers."""

import os
from dataclasses import dataclass
from pathlib import Path

from dreamd.audio.no_audio import shown


@dataclass(frozen=True)
class Found:
    """A file, its voice, and what tells one version of it from another."""

    path: Path
    voice: str
    size: int
    mtime_ns: int
    ctime_ns: int = 0
    """When it was last written or replaced, which nobody can set back: 0, not known."""

    @staticmethod
    def at(path: Path, voice: str) -> "Found | None":
        """What lies there now; None where nothing does. A link to nothing is found too: whoever
        reads it says what is wrong."""
        try:
            now = path.stat()
        except OSError:
            return Found(path, voice, 0, 0) if os.path.lexists(path) else None
        return Found(path, voice, now.st_size, now.st_mtime_ns, now.st_ctime_ns)

    @property
    def name(self) -> str:
        """As it can be printed."""
        return shown(Path(self.path.name))

    def unchanged(self) -> bool:
        """Whether the file is still there as it was found."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)

    def is_version(self, other: "Found") -> bool:
        """Whether what lies at one path is certainly the same now as then."""
        known = self.ctime_ns == other.ctime_ns or not other.ctime_ns
        return known and (self.size, self.mtime_ns) == (other.size, other.mtime_ns)

    def is_gone(self) -> bool:
        return not os.path.lexists(self.path)


@dataclass(frozen=True)
class Growing:
    """A take that is still being recorded has more to learn from."""

    found: Found


@dataclass(frozen=True)
class Gone:
    """A file that was there is not any more (deleted, or renamed: then it is also found)."""

    path: Path
