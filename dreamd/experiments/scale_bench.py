"""What ``dreamd scale`` measures with: a home with trained models, clusters, a diary."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import torch

from dreamd.approaches.registry import config_of
from dreamd.cluster import engine, local
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.dreamer import Elsewhere
from dreamd.corpus.recording import Recording
from dreamd.dreaming.job import Job
from dreamd.dreaming.live_speed import phrase_recording
from dreamd.experiments.common import job_of
from dreamd.experiments.timing import REFERENCE
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

COMES_TRUE = 180.0  # seconds after which what is waited for is given up: a watchdog
LOOKED_EVERY = 0.02  # seconds


def wait_until(true: Callable[[], bool], what: str) -> float:
    """When it was so. Raises :class:`TimeoutError`."""
    deadline = time.monotonic() + COMES_TRUE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"in {COMES_TRUE:.0f} s it never came about: {what}")
        time.sleep(LOOKED_EVERY)
    return time.monotonic()


class Diary:
    """What is said, and when; who watches a farm."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []

    def note(self, said: Any) -> None:
        if isinstance(said, Note):
            self.say(said.text)

    def say(self, line: str) -> None:
        self.lines.append((time.monotonic(), line))

    def model(self, name: str, seconds: float, of: float, error: float) -> None: ...

    def when(self, words: str, since: float = 0.0) -> float:
        """A line with these words was said, at the earliest ``since``; waits for it."""

        def said() -> list[float]:
            return [at for at, line in list(self.lines) if at >= since and words in line]

        wait_until(lambda: bool(said()), words)
        return said()[0]


def executing(dask_worker: Any) -> int:
    """On a worker: the tasks that run now, also cancelled ones that have not ended yet."""
    return len(dask_worker.state.executing)


class Cluster:
    """A scheduler and a worker of so many slots, as processes.

    :param start: a command as a process, here or on another machine, whose address is ``host``.
    """

    def __init__(
        self, shelf: Path, slots: int, start: Callable[..., Any] = local.start,
        host: str = "127.0.0.1", tls: Path | None = None,
    ) -> None:  # fmt: skip
        self.address, self._start = ClusterAddress(host, local.free_port(), tls), start
        self._tls = ("--tls", str(tls)) if tls else ()
        self.words = f"{host}:{self.address.port}"
        self.start_scheduler()
        self._worker = start("worker", self.words, "--slots", str(slots), "--device", "cpu",
                             "--shelf", str(shelf), *self._tls)  # fmt: skip
        self.meet()
        self.client.wait_for_workers(slots)

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", self.words, *self._tls)

    def kill_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def meet(self) -> None:
        """A client, as soon as the scheduler answers."""

        def is_there() -> bool:
            with contextlib.suppress(*engine.LOST):
                self.client: Any = engine.connect(self.address, "scale")
                return True
            return False

        wait_until(is_there, "a scheduler that answers")

    def pin(self) -> None:
        """Each slot to a core of its own, where there are enough."""
        cores = os.cpu_count() or 1
        for k, pid in enumerate(self.client.run(os.getpid).values()):
            if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
                psutil.Process(pid).cpu_affinity([k % cores])

    def tasks(self, doing: str) -> dict[str, str]:
        """Those whose keys begin so and that are at a slot: which one."""
        return {str(key): slot for slot, keys in self.client.processing().items() for key in keys
                if str(key).startswith(doing)}  # fmt: skip

    def executing(self) -> int:
        return sum(self.client.run(executing).values())

    def pid_of(self, doing: str) -> int:
        """The process of a slot that does such a thing."""
        wait_until(lambda: bool(self.tasks(doing)), doing)
        slot = next(iter(self.tasks(doing).values()))
        return int(self.client.run(os.getpid)[slot])

    def end(self) -> None:
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)
        for program in (self._worker, self.scheduler):
            local.end(program)


class Bench:
    """A home with trained models, and clusters beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = self.new_home("home")
        self.recording = phrase_recording(folder, REFERENCE.rate)
        for approach in ("spectrum", "transpose"):
            with torch.enable_grad():
                config = config_of(approach, self.settings)
                trainer = Trainer(config, self.settings, [self.recording], lambda note: None)
                trainer.train(2.0)
                trainer.save()

    def new_home(self, name: str) -> Settings:
        claim(self.folder / name)
        return replace(REFERENCE, home=self.folder / name)

    def voices(self, count: int) -> dict[str, list[Recording]]:
        return {f"voice{k}": [replace(self.recording, voice=f"voice{k}")] for k in range(count)}

    def job(self, approach: str, secs: float, name: str = "dream") -> Job:
        request = Request(approach, secs=secs, rand=5)
        job = job_of(self.settings, {"pluck": [self.recording]}, request)
        job = replace(job, path=self.folder / f"{name}.wav")
        job.file.create(job.frames)
        return job

    @contextmanager
    def cluster(self, slots: int, **where: Any) -> Iterator[Cluster]:
        cluster = Cluster(self.folder / "shelf", slots, **where)
        try:
            yield cluster
        finally:
            cluster.end()

    @contextmanager
    def elsewhere(self, cluster: Cluster, diary: Diary) -> Iterator[Elsewhere]:
        """A performer's dreaming process, but for the process."""
        tls = str(cluster.address.tls or "")
        elsewhere = Elsewhere(
            replace(self.settings, cluster=cluster.words, tls=tls), diary.note
        )  # fmt: skip
        try:
            yield elsewhere
        finally:
            elsewhere.close()
