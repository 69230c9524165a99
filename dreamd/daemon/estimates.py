"""How long dreams take: measured here, else guessed. For the eta, the status and the screen."""

import time
from collections.abc import Iterable, Mapping

from dreamd.approaches.registry import ROWS, config_of
from dreamd.daemon.queue import Dream, Queue
from dreamd.settings import Settings

Kind = tuple[str, int, str]
"""Approach, vector length or hop, and way of sampling: such dreams are made about equally fast."""


class Estimates:
    """Changed by each dream that is done."""

    def __init__(self) -> None:
        self._speeds: dict[Kind, float] = {}

    @classmethod
    def begin(cls, settings: Settings, speeds: Mapping[str, float]) -> "Estimates":
        """With what is known of each approach's concurrent dreams, of the sizes that are set."""
        new = cls()
        for approach, speed in speeds.items():
            new._speeds[approach, config_of(approach, settings).vector, "concurrent"] = speed
        return new

    def learn(self, dream: Dream, seconds: float) -> None:
        """A dream was made in ``seconds``; an endless one, which keeps time, says nothing."""
        if dream.endless:
            return
        kind = kind_of(dream)
        speed = dream.secs / max(seconds, 1e-3)
        self._speeds[kind] = 0.5 * (self._speeds.get(kind, speed) + speed)

    def speed(self, approach: str, vector: int, sampling: str = "concurrent") -> float:
        """Seconds of dream made in a second: measured here, else a guess."""
        row = ROWS[approach]
        guess = row.paused_speed if sampling == "paused" else row.speed
        return self._speeds.get((approach, vector, sampling), guess)

    def left(self, dream: Dream) -> float:
        """Seconds of work still in a dream: from its own pace so far, else from others like it."""
        if dream.endless:  # it is no work that would ever be done
            return 0.0
        now = time.monotonic()
        if dream.first is not None and dream.made > dream.first[1]:
            at, made = dream.first
            pace = (dream.last - at) / (dream.made - made)
            return max(pace * (dream.frames - dream.made) - (now - dream.last), 0.0)
        spent = now - dream.started if dream.state == "running" else 0.0
        return max(dream.secs / self.speed(*kind_of(dream)) - spent, 0.0)

    def eta(self, dream: Dream, queue: Queue, workers: int) -> float:
        """Seconds until a dream that waits will be done, with the work before it shared out."""
        before: Iterable[Dream] = (*queue.running.values(), *queue.waiting)
        work = sum(self.left(other) for other in before if other.serial < dream.serial)
        return work / max(workers, 1) + self.left(dream)


def kind_of(dream: Dream) -> Kind:
    vector = dream.job.config.vector if dream.job else dream.request.vector or 0
    return dream.request.approach, vector, dream.request.sampling
