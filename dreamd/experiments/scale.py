"""``dreamd scale``: what going beyond one machine costs and gives, as Markdown (``docs/scale.md``).

Real schedulers and workers as processes of this machine, one trial after another, and the model
(:mod:`dreamd.experiments.cluster_model`) beside what was measured.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from dreamd.dreaming import render
from dreamd.dreaming.job import ChunkWritten, Job, Said, Stop
from dreamd.errors import Cancelled
from dreamd.evaluation.markdown import Cells, Part
from dreamd.experiments.cluster_model import GIGABIT, Costs, ensemble_forecast, farm_forecast
from dreamd.experiments.performers import Served, ask_together
from dreamd.experiments.scale_bench import Bench, Cluster, Diary, wait_until
from dreamd.experiments.scale_farms import farms
from dreamd.experiments.scale_losses import losses
from dreamd.settings import Settings

PAIRS = 15  # dreams of each kind
LONG_DREAM = 30.0  # seconds of one that is stopped
SERVICE_SECONDS = 4.0  # of a dream that a performer asks for
PERFORMERS, ASKING_EVERY = 20, 8.0
RUNS = 200  # of the model of an ensemble
WARMING = 4  # dreams


def report(minutes: float) -> Iterator[Part]:
    """The parts, each as soon as it is measured; each model of the farm learns for ``minutes``."""
    render.prepare()
    with tempfile.TemporaryDirectory(prefix="dreamd-scale-") as folder:
        bench = Bench(Path(folder))
        yield first_parts(bench)
        farm, costs = farms(bench, 60 * minutes)
        yield farm
        yield losses(bench)
        part, making = ensemble(bench, 60 * minutes)
        yield part
        yield farms_to_come(costs)
        yield ensembles_to_come(making)


def introduction(minutes: float, took: float) -> str:
    """Of the page, which was measured in so many seconds."""
    return (
        "# Beyond one machine, measured\n\n"
        f"`dreamd scale --minutes {minutes:g} --out docs/scale.md` wrote this in "
        f"{took / 60:.0f} minutes, on {os.cpu_count()} cores. Schedulers and workers "
        "are processes of one machine, and the link that goes down lies between two network "
        "namespaces: nothing here has crossed a real network. Training that should take an hour "
        f"takes {minutes:g} min for each model. Dreams are concurrent ones of the project's own "
        "phrase. *Asked* is what the project asks of itself.\n"
    )


# ---------------------------------------------------------------- the first part, and a cancel


def first_parts(bench: Bench) -> Part:
    """How much later the first part of a dream is there, and how soon a cancelled one stops."""
    rows = list[Cells]()
    with bench.cluster(1) as cluster, bench.elsewhere(cluster, Diary()) as elsewhere:
        cluster.pin()
        for approach in ("spectrum", "transpose"):
            job, here, there, cancels = bench.job(approach, LONG_DREAM), [], [], []
            for _ in range(PAIRS + 1):  # the first of each warms
                first, stopped = until_first(elsewhere.make, job, bench.settings)
                there.append(first)
                cancels.append(wait_until(lambda: not cluster.executing(), "no dream") - stopped)
                here.append(until_first(render.render, job, bench.settings)[0])
            medians = [statistics.median(each[1:]) for each in (here, there, cancels)]
            late, worst = medians[1] - medians[0], max(cancels[1:])
            shown = (medians[0], medians[1], late, medians[2], worst)
            rows.append([approach, *(f"{1000 * each:.0f} ms" for each in shown)])
    said = (
        f"Medians of {PAIRS}, in turn. Asked: at most 40 ms later; a cancel within 200 ms. A "
        "cancel is over when its worker runs nothing any more."
    )
    head = ["", "made here", "by a worker", "later", "a cancel takes", "at most"]
    return Part("First part of a dream, and a cancel", said, head, rows)


def until_first(
    make: Callable[..., Any], job: Job, settings: Settings
) -> tuple[float, float]:  # fmt: skip
    """Seconds until the first part is there; and when it was said that the dream is to stop."""
    heard, stopped = list[float](), list[float]()

    def tell(said: Any) -> None:
        if isinstance(said, ChunkWritten):
            heard.append(time.monotonic())

    def hear(patience: float) -> Iterable[Said]:
        if not heard:
            return []
        stopped.append(time.monotonic())
        return [Stop(job.serial)]

    began = time.monotonic()
    with suppress(Cancelled):
        make(job, settings, tell, hear)
    return heard[0] - began, stopped[0]


# ---------------------------------------------------------------- an ensemble


def ensemble(bench: Bench, seconds: float) -> tuple[Part, float]:
    """Performers who ask at random moments, beside the model; and how long one dream takes."""
    slots, rows = os.cpu_count() or 1, list[Cells]()
    with bench.cluster(slots) as cluster:
        cluster.pin()
        job = bench.job("transpose", SERVICE_SECONDS)
        making = making_time(bench, cluster, job)
        for load in (0.5, 0.8):
            every = PERFORMERS * making / (slots * load)
            answers = ask_together(
                cluster.address, job, bench.settings, PERFORMERS, every, seconds
            )  # fmt: skip
            rows.append([f"{100 * load:.0f} %", f"{every:.1f} s", *served_in_words(answers),
                         forecast_in_words(every, making, slots, seconds)])  # fmt: skip
    head = ["load", "each asks every", "dreams made", "waited", "at most", "first part after",
            "the model says"]  # fmt: skip
    said = (
        f"{PERFORMERS} processes, each a performer, ask {slots} slots for {seconds:.0f} s; a "
        f"dream of {SERVICE_SECONDS:.0f} s takes {making:.2f} s. What the model says is the mean "
        f"of {RUNS} runs as long, and between what 19 of 20 of them are."
    )
    return Part("An ensemble", said, head, rows), making


def making_time(bench: Bench, cluster: Cluster, job: Job) -> float:
    """Seconds that a dream takes where nobody else asks."""
    taken = list[float]()
    with bench.elsewhere(cluster, Diary()) as elsewhere:
        for _ in range(2 * WARMING):
            began = time.monotonic()
            elsewhere.make(job, bench.settings, lambda said: None, lambda patience: ())
            taken.append(time.monotonic() - began)
    return statistics.median(taken[WARMING:])


def served_in_words(answers: Sequence[Served | None]) -> Cells:
    """How many were made; how long they waited, and for their first parts."""
    there = [each for each in answers if each]
    count = f"all {len(there)}" if len(there) == len(answers) else (
        f"LOST: {len(answers) - len(there)} of {len(answers)}"
    )  # fmt: skip
    if not there:
        return [count, "-", "-", "-"]
    waits = [each.began for each in there]
    return [count, f"{statistics.mean(waits):.2f} s", f"{max(waits):.2f} s",
            f"{statistics.mean(each.first for each in there):.2f} s"]  # fmt: skip


def forecast_in_words(every: float, making: float, slots: int, seconds: float) -> str:
    means = sorted(
        ensemble_forecast(PERFORMERS, every, making, slots, seconds / 3600, rand).mean
        for rand in range(RUNS)
    )
    low, high = means[RUNS // 40], means[-RUNS // 40 - 1]
    return f"{statistics.mean(means):.2f} s ({low:.2f} to {high:.2f})"


# ---------------------------------------------------------------- what nobody here has


def farms_to_come(costs: Costs) -> Part:
    """The model, fed with what was measured."""
    rows = list[Cells]()
    for workers in (1, 2, 40, 100, 400, 1000):
        slow, fast = (farm_forecast(10_000, workers, k * GIGABIT, costs) for k in (1, 10))
        rows.append([str(workers), f"{slow.times:.1f}", f"{fast.times:.1f}",
                     f"{100 * fast.scheduler:.1f} %"])  # fmt: skip
    said = (
        "10,000 jobs of 300 s, each with twenty minutes of recordings that come by one link; times "
        "as fast as one process without a farm. Calculated, from these costs, measured here: a "
        f"job is {costs.slices} slices, and each takes its worker {costs.beside:.2f} s beside "
        f"training and the scheduler {1000 * costs.dispatch:.1f} ms; a model's files are "
        f"{costs.checkpoint / 1e6:.1f} MB, and go and come with each; the recordings take the "
        f"scheduler {1000 * costs.carrying:.0f} ms. Recordings that workers have, or read "
        "themselves, need no link of ours."
    )
    head = ["workers", "1 Gbit/s", "10 Gbit/s", "scheduler is busy (10 Gbit/s)"]
    return Part("To a thousand workers", said, head, rows)


def ensembles_to_come(making: float) -> Part:
    rows = list[Cells]()
    for slots in (6, 8, 12, 16):
        waiting = ensemble_forecast(PERFORMERS, ASKING_EVERY, making, slots)
        busy = PERFORMERS * making / (ASKING_EVERY * slots)
        rows.append([str(slots), f"{100 * busy:.0f} %", f"{waiting.mean:.2f} s",
                     f"{waiting.worst:.1f} s"])  # fmt: skip
    said = (
        f"{PERFORMERS} who each ask every {ASKING_EVERY:.0f} s for {SERVICE_SECONDS:.0f} s of "
        f"transpose, {making:.2f} s of work each, for four hours: calculated. At more than 100 % "
        "it waits longer and longer."
    )
    return Part("An ensemble in a room with more cores", said,
                ["slots", "load", "waits", "at most"], rows)  # fmt: skip
