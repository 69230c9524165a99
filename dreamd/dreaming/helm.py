"""What clients say of a dream while it is made: it is stopped, steered, or gets another seed.

:func:`dreamd.dreaming.render.render` has one :class:`Helm` for each dream, and asks it between two
blocks.
"""

from collections.abc import Callable, Iterable

from dreamd.audio.limiter import Level, Limiter
from dreamd.dreaming.course import Course
from dreamd.dreaming.job import Job, Remarked, Reseeded, Said, Steered, Stop
from dreamd.errors import DreamError

Hear = Callable[[float], Iterable[Said]]
"""Gives what was said; waits for it for so many seconds at most."""


class Helm:
    """:param level: how loud a job's dream comes; :param tell: hears why something was not done."""

    def __init__(
        self, job: Job, course: Course, limiter: Limiter, level: Callable[[Job], Level],
        tell: Callable[[Remarked], None], hear: Hear,
    ) -> None:  # fmt: skip
        self._course, self._limiter, self._level = course, limiter, level
        self._tell, self._hear = tell, hear
        self.job = job  #: as it was steered last

    def stopped(self, patience: float = 0.0) -> bool:
        """Does what was said, after waiting for it; whether the dream is to end."""
        for said in self._hear(patience):
            if isinstance(said, Stop):
                return True
            try:
                self._do(said)
            except DreamError as error:
                self._tell(Remarked(said.serial, str(error)))
        return False

    def _do(self, said: Steered | Reseeded) -> None:
        if isinstance(said, Reseeded):
            self._course.reseed(said.seed)
            return
        self.job = said.job
        self._limiter.turn(self._level(said.job))
        self._course.steer(said.job, said.moved)
