"""``dreamd bench``, processes: many dreams at a time, and dreams while it trains, as Markdown."""

import os
import queue
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import torch

from dreamd.approaches.registry import APPROACHES
from dreamd.audio.dream_file import DreamFile
from dreamd.dreaming.job import Finished, Job
from dreamd.dreaming.live_speed import phrase_recording, untrained_job
from dreamd.errors import SetupError
from dreamd.evaluation.markdown import Part
from dreamd.experiments import timing
from dreamd.experiments.bench_dreams import sliding
from dreamd.experiments.timing import REFERENCE, SAMPLE_WISE, made
from dreamd.home import log
from dreamd.home.lock import claim
from dreamd.kernels import sliding_lstm
from dreamd.training.messages import Progress, SetRecordings, YieldCPU
from dreamd.workers.messages import Ready
from dreamd.workers.process import Worker, WorkerExited, WorkerMessage

SHARE_SECONDS = 30.0
"""For which learning is watched beside dreams."""
BUSY = "import time; end = time.time() + 600\nwhile time.time() < end: pass"


class Dreamers:
    """As many dreaming processes as the daemon has, and jobs for them."""

    def __init__(self, home: Path, count: int) -> None:
        self._home, self._heard = home, queue.SimpleQueue[WorkerMessage | WorkerExited]()
        settings = replace(REFERENCE, home=home)
        self._workers = [
            Worker(f"dreamer-{k}", "dreamd.dreaming.worker", settings, self._heard.put)
            for k in range(count)
        ]
        self._wait(Ready, count)

    def dream(self, approach: str, count: int, secs: float) -> None:
        """``count`` dreams, dealt out as dreamers become free."""
        jobs = [self._job(approach, k, secs) for k in range(count)]
        for child, job in zip(self._workers, jobs, strict=False):
            child.send(job)
        for job in jobs[len(self._workers) :]:
            name = self._wait(Finished, 1)
            next(c for c in self._workers if c.name == name).send(job)
        self._wait(Finished, min(count, len(self._workers)))

    def end(self) -> None:
        for child in self._workers:
            child.end()
        for child in self._workers:
            child.join()

    def _job(self, approach: str, serial: int, secs: float) -> Job:
        frames, path = round(secs * REFERENCE.rate), self._home / f"{approach}-{serial}.wav"
        DreamFile(path, REFERENCE.rate).create(frames)
        job = untrained_job(approach, REFERENCE, None)
        return replace(job, serial=serial, rand=serial, path=path, frames=frames)

    def _wait(self, kind: type, count: int) -> str:
        """Until that many of this kind have been heard; gives the last one's sender."""
        while True:
            heard = self._heard.get()
            if isinstance(heard, WorkerExited):
                raise SetupError(f"a dreaming process {heard.why}; see {log.path(self._home)}")
            if isinstance(heard.message, kind):
                count -= 1
                if not count:
                    return heard.name


def together() -> Part:
    """Eight dreams asked for at once, against one."""
    rows = []
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as home:
        dreamers = Dreamers(Path(home), cores)
        for approach in APPROACHES:
            secs = 3.0 if approach in SAMPLE_WISE else 30.0
            one, eight = timing.in_turn(
                partial(dreamers.dream, approach, 1, secs),
                partial(dreamers.dream, approach, 8, secs),
                rounds=3,
            )
            batch = f"{batching(approach):.2f}"
            rows.append(
                [approach, f"{one:.2f} s", f"{eight:.2f} s", f"**{eight / one:.1f}**", batch]
            )
        dreamers.end()
    text = (
        f"Dreams of 3 s (sample-wise) and 30 s, made by {cores} processes. The last column is what "
        "one process would gain by making eight in one batch: eight steps one by one, over one "
        "step of eight."
    )
    return Part(
        "Eight dreams together",
        text,
        ["approach", "one", "eight", "eight over one", "batched"],
        rows,
    )


def batching(approach: str) -> float:
    """Time of eight dream steps over that of one step with eight windows."""
    dream = made(approach, REFERENCE)
    one = dream.model.inputs(dream.queue)
    if approach in SAMPLE_WISE:  # its products have many rows already: 128 and 1024 of them
        weight, few, many = torch.randn(128, 512), torch.randn(256, 128), torch.randn(2048, 128)
        apart, joined = timing.in_turn(
            lambda: [torch.mm(few, weight) for _ in range(8)], lambda: torch.mm(many, weight)
        )
        return apart / joined
    eight = one.repeat(8, 1, 1)
    apart, joined = timing.in_turn(
        lambda: [dream.model(one) for _ in range(8)], lambda: dream.model(eight), rounds=50
    )
    return apart / joined


class Learner:
    """The training process on the project's own phrase."""

    def __init__(self, home: Path) -> None:
        claim(home)
        self._heard: queue.SimpleQueue[WorkerMessage | WorkerExited] = queue.SimpleQueue()
        settings = replace(REFERENCE, home=home)
        self._worker = Worker("learner", "dreamd.training.worker", settings, self._heard.put)
        self._worker.send(SetRecordings((phrase_recording(home, REFERENCE.rate),)))
        self._steps: dict[str, int] = {}
        while not any(self.steps().values()):
            time.sleep(0.1)

    def steps(self) -> dict[str, int]:
        """Of each approach, so far."""
        while not self._heard.empty():
            heard = self._heard.get()
            if isinstance(heard, WorkerExited):
                raise SetupError(f"the training process {heard.why}")
            if isinstance(progress := heard.message, Progress):
                self._steps[progress.config.approach] = progress.steps
        return dict(self._steps)

    def computed(self) -> float:
        """Seconds of computing, so far."""
        return sum(psutil.Process(self._worker.pid).cpu_times()[:2])

    def yields(self) -> None:
        """As the daemon says while dreams are made."""
        self._worker.send(YieldCPU(True))

    def end(self) -> None:
        self._worker.end()
        self._worker.join()


def while_training() -> Part:
    """The sample-wise approaches on one core while the learner trains, at its low priority."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        learner = Learner(Path(folder))
        for approach in SAMPLE_WISE:
            dream, samples = made(approach, REFERENCE), 40 * sliding_lstm.LARGEST
            taken = timing.in_turn(sliding(dream, samples, 1))[0]
            rows.append([approach, f"**{samples / REFERENCE.rate / taken:.1f}**"])
        learner.end()
    text = "One dream on one core while all four approaches of a voice are being trained:"
    return Part("While it trains", text, ["approach", "× real time"], rows)


def learning_share() -> Part:
    """What learning gets while dreams are asked without pause, and on a full machine."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home, cores = Path(folder), os.cpu_count() or 1
        learner, dreamers = Learner(home), Dreamers(home, cores)
        learner.yields()
        for beside, loops in (("nothing", 0), (f"{cores} busy loops", cores)):
            busy = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(loops)]
            try:
                rows.append([beside, *_share(learner, dreamers)])
            finally:
                for process in busy:
                    process.kill()
                    process.wait()
        dreamers.end()
        learner.end()
    text = (
        f"{cores} processes dream without pause, for {SHARE_SECONDS:g} s. The share is the "
        "training process's own CPU time, of one core; at least 5 % are promised."
    )
    head = ["beside the dreams", "share of learning", *(f"steps of {each}" for each in APPROACHES)]
    return Part("Learning while dreams are asked without pause", text, head, rows)


def _share(learner: Learner, dreamers: Dreamers) -> list[str]:
    """The share of one core that learning got, and its steps by approach."""
    steps, computed, began = learner.steps(), learner.computed(), time.monotonic()
    while (passed := time.monotonic() - began) < SHARE_SECONDS:
        dreamers.dream("column", os.cpu_count() or 1, 2.0)
    share = (learner.computed() - computed) / passed
    after = learner.steps()
    return [f"**{share:.1%}**", *(str(after.get(e, 0) - steps.get(e, 0)) for e in APPROACHES)]
