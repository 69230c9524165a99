"""Of ``dreamd scale``: what farms of one and two slots learn, and what a slice costs."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psutil
import torch

from dreamd.approaches.registry import config_of
from dreamd.cluster import engine
from dreamd.cluster.farm import SLICE_SECONDS, Farm
from dreamd.cluster.slices import newest_files
from dreamd.evaluation.markdown import Part
from dreamd.experiments.cluster_model import BYTES, RATE, Costs
from dreamd.experiments.scale_bench import Bench, Cluster, Diary
from dreamd.home import checkpoints
from dreamd.training.trainer import Trainer

VOICES = 4
BURST, CARRIED = 100, 4
"""Tasks that the scheduler is measured with: of a checkpoint each; of twenty minutes of recordings.
"""


@dataclass(frozen=True)
class StepsMade:
    """What training came to."""

    steps: int
    seconds: float  # by its own count
    took: float

    @property
    def rate(self) -> float:
        return self.steps / self.took


def farms(bench: Bench, wanted: float) -> tuple[Part, Costs]:
    """Voices trained for so many seconds each, by one slot and by two; and by this process."""
    alone, one, two = _alone(bench, wanted), _farmed(bench, 1, wanted), _farmed(bench, 2, wanted)
    rows = [["here, without a farm", "", f"{alone.rate:.0f}", ""]]
    for name, learned in (("1 slot", one), ("2 slots", two)):
        rows.append([name, f"{3600 * learned.seconds / learned.took / 300:.1f}",
                     f"{learned.rate:.0f}", f"{learned.rate / one.rate:.2f}"])  # fmt: skip
    said = (
        f"{VOICES} voices, spectrum, each learns for {wanted:.0f} s, at slots that have a core "
        f"each; a course is 300 s. One slot does {100 * one.rate / alone.rate:.0f} % of what the "
        f"same training does without a farm (asked: 95), two do {two.rate / one.rate:.2f} times "
        "what one does (asked: 1.8). All checkpoints came home."
    )
    head = ["", "courses an hour", "steps a second", "times one slot"]
    slices = VOICES * -(-wanted // SLICE_SECONDS)
    beside = max(one.took - one.seconds, 0.0) / slices
    return Part("A farm", said, head, rows), _costs(bench, beside)


def _farmed(bench: Bench, slots: int, wanted: float) -> StepsMade:
    settings, voices = bench.new_home(f"farm{slots}"), bench.voices(VOICES)
    config = config_of("spectrum", settings)
    with bench.cluster(slots) as cluster:
        cluster.pin()
        began = time.monotonic()
        Farm(settings, voices, [config], wanted, Diary()).run(cluster.address)
        took = time.monotonic() - began
    newest = [checkpoints.newest(checkpoints.folder(settings.home, v, config)) for v in voices]
    heads = [checkpoints.header(path) for path in newest if path]
    assert len(heads) == VOICES, "a farm that is over has brought all home"
    assert all(head.seconds >= 0.97 * wanted for head in heads)
    return StepsMade(sum(head.steps for head in heads), sum(head.seconds for head in heads), took)


def _alone(bench: Bench, seconds: float) -> StepsMade:
    settings = bench.new_home("alone")
    with torch.enable_grad(), _on_one_core():
        config = config_of("spectrum", settings)
        trainer = Trainer(config, settings, [bench.recording], lambda note: None)
        began = time.monotonic()
        trainer.train(seconds)
        trainer.save()
    return StepsMade(trainer.head.steps, trainer.head.seconds, time.monotonic() - began)


@contextmanager
def _on_one_core() -> Iterator[None]:
    """As a slot is."""
    here = psutil.Process()
    if not hasattr(here, "cpu_affinity"):  # macOS
        yield
        return
    cores = here.cpu_affinity()
    here.cpu_affinity(cores[:1])
    try:
        yield
    finally:
        here.cpu_affinity(cores)


def _costs(bench: Bench, beside: float) -> Costs:
    """Of a job that is learned in slices of a minute."""
    model = checkpoints.folder(
        bench.settings.home, "pluck", config_of("spectrum", bench.settings)
    )  # fmt: skip
    files = sum(map(len, newest_files(model).values()))
    assert files, "a model was trained"
    costs = Costs(checkpoint=files, beside=beside)
    with bench.cluster(1) as cluster:
        slice_busy = _busy(cluster, files, BURST, back=True)
        recordings = int(costs.recordings * RATE * BYTES)
        return replace(costs, dispatch=slice_busy,
                       carrying=_busy(cluster, recordings, CARRIED, back=False))  # fmt: skip


def _busy(cluster: Cluster, size: int, count: int, back: bool) -> float:
    """Seconds of processor time that a task takes of the scheduler, with so many bytes there, and
    back."""
    scheduler, content = psutil.Process(cluster.scheduler.pid), os.urandom(size)
    used = [sum(scheduler.cpu_times()[:2])]
    for k in range(count):
        cluster.client.submit(
            bytes if back else len, content, key=f"burst-{size}-{k}", pure=False,
            resources={engine.TRAINING: 1},
        ).result()  # fmt: skip
    used.append(sum(scheduler.cpu_times()[:2]))
    return (used[1] - used[0]) / count
