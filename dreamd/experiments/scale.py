"""``dreamd scale``: what going beyond one machine costs and gives, as Markdown (``docs/scale.md``).

Real schedulers and workers as processes of this machine, and the model
(:mod:`dreamd.experiments.cluster_model`) beside what was measured.
"""

import itertools
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import torch

from dreamd.approaches.registry import config_of
from dreamd.audio.files import DreamFile
from dreamd.cluster import engine, local
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.dreamer import Elsewhere
from dreamd.cluster.farm import Farm
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.job import ChunkWritten, Job
from dreamd.dreaming.live_speed import phrase_recording
from dreamd.evaluation.markdown import Part
from dreamd.experiments import cluster_model
from dreamd.experiments.cluster_model import GIGABIT
from dreamd.experiments.common import job_of
from dreamd.experiments.performers import ask_together
from dreamd.experiments.timing import REFERENCE
from dreamd.home import checkpoints
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

SCALE_INTRODUCTION = """# Beyond one machine, measured

What `dreamd scale` printed: schedulers and workers are processes of one machine, a core for each
slot, so nothing here has crossed a real network. Dreams are concurrent ones of the project's own
phrase.
"""
PAIRS = 15  # dreams of each kind
SERVICE_SECONDS = 4.0  # of a dream that a performer asks for
PERFORMERS = 20
VOICES = 4


def report(minutes: float) -> Iterator[Part]:
    """The parts, each as soon as it is measured; each model of the farm learns for ``minutes``."""
    render.prepare()
    with tempfile.TemporaryDirectory(prefix="dreamd-scale-") as folder:
        bench = _Bench(Path(folder))
        yield bench.first_parts()
        yield bench.farms(60 * minutes)
        yield bench.losses()
        yield bench.ensemble(60 * minutes)
        yield forecasts()


class _Bench:
    """A home with a trained model, and clusters beside it."""

    def __init__(self, folder: Path) -> None:
        self._folder, home = folder, folder / "home"
        claim(home)
        self._settings = replace(REFERENCE, home=home)
        self._recording = phrase_recording(folder, REFERENCE.rate)
        for approach in ("spectrum", "transpose"):
            with torch.enable_grad():
                config = config_of(approach, self._settings)
                trainer = Trainer(config, self._settings, [self._recording], lambda note: None)
                trainer.train(2.0)
                trainer.save()

    def job(self, approach: str, secs: float) -> Job:
        request = Request(approach, secs=secs, rand=5)
        job = job_of(self._settings, {"pluck": [self._recording]}, request)
        path = self._folder / f"{approach}.wav"
        DreamFile(path, job.rate).create(job.frames)
        return replace(job, path=path)

    @contextmanager
    def _cluster(self, slots: int) -> Iterator[tuple[ClusterAddress, Any]]:
        """Its slots are up, each on a core of its own where there are enough."""
        with local.local_cluster(self._folder / "shelf", slots) as address:
            client = _when_there(address, slots)
            cores = os.cpu_count() or 1
            for k, pid in enumerate(client.run(os.getpid).values()):
                if hasattr(psutil.Process, "cpu_affinity"):  # not on macOS
                    psutil.Process(pid).cpu_affinity([k % cores])
            yield address, client
            client.close(timeout=1)

    def _elsewhere(self, address: ClusterAddress, say: Callable[[Any], None]) -> Elsewhere:
        words = f"{address.host}:{address.port}"
        return Elsewhere(replace(self._settings, cluster=words), say)

    # ------------------------------------------------------------ parts

    def first_parts(self) -> Part:
        """How much later the first part of a dream is there."""
        rows = []
        with self._cluster(1) as (address, _):
            elsewhere = self._elsewhere(address, lambda said: None)
            for approach in ("spectrum", "transpose"):
                there, here = [], []
                for _ in range(PAIRS + 1):  # the first of each warms
                    job = self.job(approach, 2.0)
                    there.append(first_part(elsewhere.make, job, self._settings))
                    here.append(first_part(render.render, job, self._settings))
                medians = [statistics.median(each[1:]) for each in (here, there)]
                late = medians[1] - medians[0]
                rows.append([approach, *(f"{1000 * each:.0f} ms" for each in (*medians, late))])
        return Part("First part of a dream", f"Medians of {PAIRS}, in turn.",
                    ["", "made here", "by a worker", "later"], rows)  # fmt: skip

    def farms(self, wanted: float) -> Part:
        """Voices trained by one and by two workers, and by this process alone."""
        voices = {f"voice{k}": [replace(self._recording, voice=f"voice{k}")] for k in range(VOICES)}
        alone = self._alone(voices["voice0"], wanted)
        rows, rates = [["here, no cluster", "", f"{alone:.0f}", ""]], []
        for slots in (1, 2):
            home = self._folder / f"farm{slots}"
            claim(home)
            settings = replace(self._settings, home=home)
            with self._cluster(slots) as (address, _):
                config, began = config_of("spectrum", settings), time.monotonic()
                Farm(settings, voices, [config], wanted, _Unseen()).run(address)
                took = time.monotonic() - began
            newest = [checkpoints.newest(checkpoints.folder(home, v, config)) for v in voices]
            steps = sum(checkpoints.steps_of(path) for path in newest if path)
            rates.append(steps / took)
            per_hour = VOICES * 3600 / took * wanted / 300
            rows.append([f"{slots} slots", f"{per_hour:.1f}", f"{rates[-1]:.0f}",
                         f"{rates[-1] / rates[0]:.2f}"])  # fmt: skip
        said = (
            f"{VOICES} voices, spectrum, {wanted:.0f} s each; a course is 300 s. One worker does "
        )
        said += f"{100 * rates[0] / alone:.0f} % of what this process does alone."
        head = ["", "courses an hour", "steps a second", "of one slot"]
        return Part("A farm", said, head, rows)

    def _alone(self, recordings: Sequence[Recording], seconds: float) -> float:
        """Steps a second."""
        home = self._folder / "alone"
        claim(home)
        settings = replace(self._settings, home=home)
        with torch.enable_grad():
            config = config_of("spectrum", settings)
            trainer = Trainer(config, settings, recordings, lambda note: None)
            began = time.monotonic()
            trainer.train(min(seconds, 30.0))
        return trainer.head.steps / (time.monotonic() - began)

    def losses(self) -> Part:
        """The longest silence in a dream whose worker, or whose scheduler, is killed."""
        rows = []
        with self._cluster(2) as (address, client):
            notes: list[Any] = []
            elsewhere = self._elsewhere(address, notes.append)
            pids, job = client.run(os.getpid), self.job("transpose", 30.0)

            def kill_worker() -> None:
                busy = [w for w, keys in client.processing().items() if keys]
                os.kill(pids[busy[0]], signal.SIGKILL)

            rows.append(
                ["a worker is killed", *silence(elsewhere, notes, job, self._settings, kill_worker)]
            )
            here = psutil.Process()
            schedulers = [p for p in here.children() if "scheduler" in p.cmdline()]
            still = silence(elsewhere, notes, job, self._settings, schedulers[0].suspend)
            rows.append(["the scheduler stands still (a link that is down)", *still])
            schedulers[0].resume()
            began = time.monotonic()
            while not any("dreams go to" in each.text for each in notes if isinstance(each, Note)):
                time.sleep(0.05)
            rows.append(["… and answers again: dreams go there after",
                         f"{time.monotonic() - began:.1f} s", ""])  # fmt: skip
        said = "The longest time between two parts of a transpose dream of 30 s; all of it comes."
        return Part("What is lost", said, ["", "silence", "said"], rows)

    def ensemble(self, seconds: float) -> Part:
        """Performers who ask at random moments, beside the model."""
        slots, rows = os.cpu_count() or 1, []
        with self._cluster(slots) as (address, _):
            job = self.job("transpose", SERVICE_SECONDS)
            elsewhere = self._elsewhere(address, lambda said: None)
            making = making_time(elsewhere, job, self._settings)
            for load in (0.5, 0.8):
                every = PERFORMERS * making / (slots * load)
                waits = ask_together(address, job, self._settings, PERFORMERS, every, seconds)
                model = cluster_model.ensemble_forecast(PERFORMERS, every, making, slots)
                rows.append([f"{100 * load:.0f} %", f"{every:.1f} s", str(len(waits)),
                             f"{statistics.mean(waits):.2f} s", f"{max(waits):.2f} s",
                             f"{model.mean:.2f} s"])  # fmt: skip
        head = ["load", "each asks every", "dreams", "waited", "at most", "the model says"]
        said = f"{PERFORMERS} processes, each a performer, on {slots} slots; a dream of "
        said += f"{SERVICE_SECONDS:.0f} s takes {making:.2f} s."
        return Part("An ensemble", said, head, rows)


def silence(
    elsewhere: Elsewhere, notes: list[Any], job: Job, settings: Settings,
    break_it: Callable[[], None],
) -> list[str]:  # fmt: skip
    """The longest time between two parts of a dream in which something breaks, and what is said."""
    times, known = list[float](), len(notes)

    def tell(said: Any) -> None:
        if isinstance(said, ChunkWritten):
            times.append(time.monotonic())
            if len(times) == 3:
                break_it()

    elsewhere.make(job, settings, tell, lambda patience: ())
    gap = max(b - a for a, b in itertools.pairwise(times))
    lines = [each.text for each in notes[known:] if isinstance(each, Note)]
    del notes[:]
    return [f"{gap:.1f} s", "; ".join(lines)]


def making_time(elsewhere: Elsewhere, job: Job, settings: Settings) -> float:
    """Seconds that a dream takes where nobody else asks."""
    taken = list[float]()
    for _ in range(4):
        began = time.monotonic()
        elsewhere.make(job, settings,
                       lambda said: None, lambda patience: ())  # fmt: skip
        taken.append(time.monotonic() - began)
    return statistics.median(taken[1:])


class _Unseen:
    """A farm that nobody watches."""

    def say(self, line: str) -> None: ...

    def model(self, name: str, seconds: float, of: float, error: float) -> None: ...


def first_part(make: Callable[..., Any], job: Job, settings: Settings) -> float:
    """Seconds until it is there."""
    heard = threading.Event()
    at: list[float] = []

    def tell(said: Any) -> None:
        if isinstance(said, ChunkWritten) and not heard.is_set():
            at.append(time.monotonic())
            heard.set()

    began = time.monotonic()
    make(job, settings, tell, lambda patience: ())
    return at[0] - began


def forecasts() -> Part:
    """The model, to clusters that nobody here has."""
    rows = []
    for workers in (1, 2, 40, 100, 400, 1000):
        slow, fast = (cluster_model.farm_forecast(10_000, workers, k * GIGABIT) for k in (1, 10))
        rows.append([str(workers), f"{slow.times:.0f}", f"{fast.times:.0f}",
                     f"{100 * fast.scheduler:.1f} %"])  # fmt: skip
    said = (
        "10,000 jobs of 300 s, each with twenty minutes of recordings that come by one link; times "
        "as fast as one worker, calculated. Recordings that workers have, or read themselves, need "
        "no link of ours."
    )
    return Part("To a thousand workers", said,
                ["workers", "1 Gbit/s", "10 Gbit/s", "scheduler is busy"], rows)  # fmt: skip


def _when_there(address: ClusterAddress, slots: int) -> Any:
    """A client, once all slots are up."""
    while True:
        try:
            client = engine.connect(address, "scale")
            break
        except engine.LOST:
            time.sleep(0.2)
    client.wait_for_workers(slots)
    return client
