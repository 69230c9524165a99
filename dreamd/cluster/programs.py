"""``dreamd scheduler`` and ``dreamd worker``: Dask's own scheduler and workers, as we need them.

A worker is a few slots, a process each; in each one dream and one slice of training may be at work,
and training waits while a dream is. A worker whose scheduler is gone looks for it until it is back.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable
from pathlib import Path

from distributed import Nanny
from distributed.system import MEMORY_LIMIT

from dreamd.cluster import engine
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.placing import PlacingScheduler
from dreamd.cluster.shelf import DEVICE, FOLDER
from dreamd.errors import SetupError

AGAIN_AFTER_SECONDS = 2.0
"""Before a scheduler that is not there is tried again."""
NOWHERE = "127.0.0.1:0"
"""Where Dask's pages would be, if it showed any."""
STARTING = 600.0  # seconds in which a slot must be up: it loads PyTorch, on a machine that is busy
MOST_MEMORY = 8 << 30
"""Bytes for one slot; one that takes more is ended and started again."""

Say = Callable[[str], None]
Where = Callable[[], ClusterAddress]


def run_scheduler(address: ClusterAddress, file: Path | None, say: Say) -> None:
    """Until it is interrupted. ``file`` will hold its address, for workers on a shared disk. Raises
    :class:`SetupError` where it cannot listen."""
    engine.configure()
    try:
        asyncio.run(_schedule(address, file, say))
    except OSError as error:
        raise SetupError(f"no scheduler at {address}: {error.strerror or error}") from None


async def _schedule(address: ClusterAddress, file: Path | None, say: Say) -> None:
    scheduler = PlacingScheduler(
        host=address.host, port=address.port, protocol="tls" if address.tls else "tcp",
        security=engine.security_of(address), dashboard=False, dashboard_address=NOWHERE,
        scheduler_file=str(file) if file else None,
    )  # fmt: skip
    async with scheduler:
        say(f"scheduler at {scheduler.address}")
        await scheduler.finished()


def run_worker(address: Where, slots: int, device: str, shelf: Path, say: Say) -> None:
    """Until it is interrupted. ``address`` is asked again whenever the scheduler is gone: a file of
    it may say another one then."""
    engine.configure()
    asyncio.run(_work(address, slots or os.cpu_count() or 1, device, shelf, say))


async def _work(address: Where, slots: int, device: str, shelf: Path, say: Say) -> None:
    shelf.mkdir(parents=True, exist_ok=True)
    told = _Told(say)
    await asyncio.gather(
        *(_slot(address, k, slots, device, shelf, told) for k in range(slots))
    )  # fmt: skip


async def _slot(
    address: Where, number: int, slots: int, device: str, shelf: Path, told: "_Told"
) -> None:
    while True:
        there = address()  # a file of it may say another one now
        nanny = Nanny(
            str(there), nthreads=2, resources={engine.DREAM: 1, engine.TRAINING: 1},
            name=f"{socket.gethostname()}-{os.getpid()}-{number}",
            memory_limit=min(int(MEMORY_LIMIT / slots), MOST_MEMORY),
            host="127.0.0.1" if there.is_here else None,
            security=engine.security_of(there), dashboard=False, dashboard_address=NOWHERE,
            silence_logs=logging.CRITICAL, death_timeout=STARTING,
            preload=["dreamd.cluster.tasks"], local_directory=str(shelf / "engine"),
            env={FOLDER: str(shelf), DEVICE: device},
        )  # fmt: skip
        try:
            async with nanny:
                told.change(f"at work for {there}, slots: {slots}")
                await nanny.finished()
        except Exception as error:  # whatever it was, it is tried again
            logging.info("a slot ended", exc_info=error)
        told.change(f"no scheduler at {there}: it is tried again until it is there")
        await asyncio.sleep(AGAIN_AFTER_SECONDS)


class _Told:
    """Says what is new, once for all slots."""

    def __init__(self, say: Say) -> None:
        self._say, self._last = say, ""

    def change(self, line: str) -> None:
        if line != self._last:
            self._last = line
            self._say(line)
