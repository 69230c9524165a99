"""A dream that comes from elsewhere: its parts go into its file, and are told, once each.

Where its maker dies the dream is made again from its start, elsewhere or here. What was heard
already is compared and not told again; where it differs the dream has failed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job
from dreamd.errors import Diverged


class Receiver:
    """:param tell: hears what is new."""

    def __init__(self, job: Job, tell: Callable[[Any], None]) -> None:
        self._job, self._tell = job, tell
        self._file = job.file
        self._written = 0
        self._leaps: list[CursorLeapt] = []
        self._nth_leap = 0  # of the making that is heard now

    @property
    def whole(self) -> bool:
        return self._written >= self._job.frames

    @property
    def begun(self) -> bool:
        """Whether somebody has heard some of it."""
        return bool(self._written or self._leaps)

    def begins(self) -> None:
        """The dream is made from its start, maybe again."""
        self._nth_leap = 0

    def hear(self, said: Any, samples: bytes) -> None:
        """What its maker says; raises :class:`Diverged` where that is not what was heard before."""
        if isinstance(said, ChunkWritten):
            heard = np.frombuffer(samples, "<f4").reshape(-1, self._job.channels)
            self._on_chunk(said, heard if self._job.channels > 1 else heard[:, 0])
        elif isinstance(said, CursorLeapt):
            self._on_leap(said)
        else:
            self._tell(said)

    def _on_chunk(self, said: ChunkWritten, samples: "np.ndarray[Any, Any]") -> None:
        known = min(max(self._written - said.start, 0), said.frames)
        if known and not np.array_equal(self._file.read(said.start, known), samples[:known]):
            raise _other()
        if said.start > self._written:
            raise Diverged("a part of the dream was lost on its way: ask again")
        if known < said.frames:
            start = said.start + known
            self._file.write(start, samples[known:])
            self._written = start + said.frames - known
            self._tell(ChunkWritten(self._job.serial, start, said.frames - known))

    def _on_leap(self, said: CursorLeapt) -> None:
        if self._nth_leap < len(self._leaps):
            if said != self._leaps[self._nth_leap]:
                raise _other()
        else:
            self._leaps.append(said)
            self._tell(said)
        self._nth_leap += 1


def _other() -> Diverged:
    return Diverged("the dream was begun again elsewhere and came out otherwise: ask again")
