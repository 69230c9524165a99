"""Takes that are still being recorded, ``NAME.wav.recording`` in the watched folder.

The watcher has one :class:`Takes`. A take is learned while it grows: as soon as there are ten
seconds of it, then each time that it has doubled, so that a long one is read twice in all. Renamed
to ``NAME.wav`` it is a recording as any other. One whose recorder has ended without renaming it is
renamed here: nothing that was played is lost.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dreamd.audio import raw_samples
from dreamd.audio.no_audio import shown
from dreamd.corpus.folder import Listing
from dreamd.corpus.found import Found, Gone, Growing

FIRST = 10.0  # seconds of a take that are learned first
EMPTY = 4096  # bytes of a file that holds a head at most
LONG_AGO = 10.0  # seconds since the last change of a file that nobody is writing any more


@dataclass
class _Take:
    due: float = FIRST  # seconds at which it is learned again
    looked: float = 0.0  # when it was last asked who writes it, by the monotonic clock


class Takes:
    """:param tell: called with each :class:`Growing`, and with :class:`Gone`.
    :param complain: called with a line for the performer.
    """

    def __init__(
        self, tell: Callable[[Growing | Gone], None], complain: Callable[[str], None]
    ) -> None:
        self._tell, self._complain = tell, complain
        self._takes: dict[Path, _Take] = {}

    def look(self, now: Listing, written: Callable[[], frozenset[str]]) -> None:
        """Compares what is there with the last look.

        :param written: gives the real paths of files that some process is writing.
        """
        for path, voice in now.takes:
            take = self._takes.setdefault(path, _Take())
            if (found := Found.at(path, voice)) is not None:
                self._look_at(take, found, written)
        whole = {path for path, _ in now.recordings}
        for path in self._takes.keys() - {path for path, _ in now.takes}:
            if path.parent not in now.blind:
                del self._takes[path]
                self._tell(Gone(path))
                if when_whole(path) not in whole:  # thrown away, and what was learned of it with it
                    self._tell(Gone(when_whole(path)))

    def _look_at(self, take: _Take, found: Found, written: Callable[[], frozenset[str]]) -> None:
        if (seconds := _seconds(found.path)) >= take.due:
            take.due = 2 * seconds
            self._tell(Growing(found))
        rests = time.time() - found.mtime_ns / 1e9 > LONG_AGO
        if found.size > EMPTY and rests and time.monotonic() - take.looked > LONG_AGO:
            take.looked = time.monotonic()
            if os.path.realpath(found.path) not in written():
                self._finish(found.path)

    def _finish(self, path: Path) -> None:
        """Nobody writes it any more."""
        whole, number = when_whole(path), 1
        while whole.exists():
            number += 1
            whole = when_whole(path).with_stem(f"{when_whole(path).stem}-{number}")
        try:
            path.rename(whole)
        except OSError as error:
            self._complain(f"{shown(path)} is left over, and cannot be renamed: {error.strerror}")
        else:
            self._complain(f"{shown(path)}: its recorder has ended; it is kept as {whole.name}")


def when_whole(path: Path) -> Path:
    """What a take is called when it is whole.

    >>> when_whole(Path("guitar/take.wav.recording")).name
    'take.wav'
    """
    return path.with_suffix("")


def _seconds(path: Path) -> float:
    """Of the take by now; 0 of a file that is nothing like it, or whole already."""
    try:
        raw = raw_samples.find_samples(path)
        return raw.frames_in(path.stat().st_size) / raw.rate if raw and raw.rate else 0.0
    except OSError:
        return 0.0
