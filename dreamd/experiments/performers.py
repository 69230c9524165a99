"""An ensemble that asks a cluster for dreams, a process for each performer; for ``dreamd scale``.

A performer here is what a daemon's dreaming process is to the cluster: a client with a queue of its
own. It makes no dreams itself, and writes no files.
"""

import multiprocessing
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dreamd.cluster import engine
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.parcels import DreamMade, DreamParcel, Packer, moved
from dreamd.dreaming.job import Job
from dreamd.settings import Settings

DREAM_PATIENCE = 600.0  # seconds for one dream
STARTING_TOGETHER = 300.0  # seconds in which all performers are there


@dataclass(frozen=True)
class Served:
    """Seconds from asking until a worker began the dream, its first part was there, all of it."""

    began: float
    first: float
    whole: float


def ask_together(
    address: ClusterAddress, job: Job, settings: Settings, performers: int, every: float,
    seconds: float,
) -> list[Served | None]:  # fmt: skip
    """Each asks every so many seconds, at random moments; a dream that was not made is None."""
    context = multiprocessing.get_context("spawn")
    together = context.Barrier(performers)
    with context.Pool(performers, _meet, (together,)) as pool:
        asked = [
            pool.apply_async(_perform, (address, job, settings, k, every, seconds))
            for k in range(performers)
        ]
        return [answer for each in asked for answer in each.get()]


_together: Callable[[float], Any]
"""Of a process: waits until all performers are there."""


def _meet(together: Any) -> None:
    global _together  # a barrier is inherited, and no argument of a task
    _together = together.wait


def _perform(
    address: ClusterAddress, job: Job, settings: Settings, number: int, every: float, seconds: float
) -> list[Served | None]:
    """One performer, who does not wait for one dream before asking for the next."""
    performer = _Performer(engine.connect(address, f"performer-{number}"), f"performer-{number}")
    packer, chance = Packer(), random.Random(number)
    packed = moved(job, packer.move)
    _together(STARTING_TOGETHER)
    end = time.monotonic() + seconds
    while (pause := chance.expovariate(1 / every)) < end - time.monotonic():
        time.sleep(pause)
        performer.ask(packed, settings, packer)
    return performer.answers()


class _Performer:
    """Asks, and notes when what was there."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._topic = client, name
        self._futures: dict[str, Any] = {}
        self._asked: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._first: dict[str, float] = {}
        self._whole: dict[str, float] = {}
        client.subscribe_topic(name, self._hear)

    def ask(self, job: Job, settings: Settings, packer: Packer) -> None:
        number = len(self._futures)
        key = f"dream-{self._topic}-{number}"
        cargo = packer.cargo(packer.bundles)
        parcel = DreamParcel(key, self._topic, replace(job, serial=number), settings, cargo)
        self._asked[key] = time.monotonic()
        future = engine.submit(self._client, "dream_task", parcel, key,
                               place=engine.DREAM, priority=engine.DREAMS_FIRST)  # fmt: skip
        future.add_done_callback(partial(self._is_whole, key))
        self._futures[key] = future

    def _hear(self, event: tuple[float, Any]) -> None:
        key, _, _, samples = event[1]
        self._began.setdefault(key, time.monotonic())
        if samples:
            self._first.setdefault(key, time.monotonic())

    def _is_whole(self, key: str, _: Any) -> None:
        self._whole[key] = time.monotonic()

    def answers(self) -> list[Served | None]:
        """To all that was asked, once it is there."""
        made = {key: future.result(timeout=DREAM_PATIENCE) == DreamMade()
                for key, future in self._futures.items()}  # fmt: skip
        time.sleep(1.0)  # what is said of a dream comes by another way than that it is made
        self._client.close(timeout=1)
        heard = (self._began, self._first, self._whole)
        return [
            Served(*(there[key] - at for there in heard))
            if made[key] and all(key in there for there in heard)
            else None
            for key, at in self._asked.items()
        ]
