"""An ensemble that asks a cluster for dreams, a process for each performer; for ``dreamd scale``.

A performer here is what a daemon's dreaming process is to the cluster: a client with a queue of its
own. It makes no dreams itself, and writes no files.
"""

import multiprocessing
import random
import time
from dataclasses import replace
from typing import Any

from dreamd.cluster import engine
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.parcels import DreamParcel, Packer, moved
from dreamd.dreaming.job import Job
from dreamd.settings import Settings

DREAM_PATIENCE = 600.0  # seconds for one dream


def ask_together(
    address: ClusterAddress, job: Job, settings: Settings, performers: int, every: float,
    seconds: float,
) -> list[float]:  # fmt: skip
    """Each asks every so many seconds, at random moments; gives how long each dream waited before
    a worker began it."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(performers) as pool:
        asked = [
            pool.apply_async(_perform, (address, job, settings, k, every, seconds))
            for k in range(performers)
        ]
        return [wait for each in asked for wait in each.get()]


def _perform(
    address: ClusterAddress, job: Job, settings: Settings, number: int, every: float, seconds: float
) -> list[float]:
    """One performer, who does not wait for one dream before asking for the next."""
    topic, chance = f"performer-{number}", random.Random(number)
    client, begun, asked = engine.connect(address, topic), dict[str, float](), dict[str, float]()

    def hear(event: tuple[float, Any]) -> None:
        begun.setdefault(event[1][0], time.monotonic())

    client.subscribe_topic(topic, hear)
    packer, futures = Packer(), list[Any]()
    packed, end = moved(job, packer.move), time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.expovariate(1 / every))
        key = f"dream-{topic}-{len(futures)}"
        parcel = DreamParcel(
            key, topic, replace(packed, serial=len(futures)), settings, packer.cargo(packer.bundles)
        )
        asked[key] = time.monotonic()
        futures.append(engine.submit(client, "dream_task", parcel, key,
                                     place=engine.DREAM, priority=engine.DREAMS_FIRST))  # fmt: skip
    for future in futures:
        future.result(timeout=DREAM_PATIENCE)
    client.close(timeout=1)
    return [begun[key] - at for key, at in asked.items() if key in begun]
