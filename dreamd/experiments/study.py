"""``dreamd study``: how alive dreams are on given recordings, as Markdown.

Dreams are made as for any request, from the models in the home folder, and measured
(:mod:`dreamd.evaluation.liveliness`). Four parts: paused against concurrent; the settings of the
concurrent walk against the literal loop of one element a step; the pitches that transpose keeps;
and what training gains from the starter models. ``models/dreaming.md`` is this command's output.
"""

import copy
import math
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach, SampleWise, initialize
from dreamd.approaches.config import config_of
from dreamd.approaches.registry import APPROACHES
from dreamd.audio.files import Samples
from dreamd.audio.limiter import Limiter
from dreamd.corpus.recording import Recording, Voices, cut
from dreamd.dreaming import worker
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.job import Job
from dreamd.dreaming.resolve import resolve
from dreamd.dreaming.worker import Sampling
from dreamd.evaluation import liveliness
from dreamd.evaluation.markdown import Row, part, table
from dreamd.home import checkpoints, pretrained
from dreamd.osc.messages import SAMPLINGS, Request
from dreamd.settings import Settings
from dreamd.training.trainer import SLICE, Trainer

LONG, SHORT = 20.0, 4.0  # seconds of a dream; of one by the literal loop
RANDS = (1, 2, 3)
NOTES = ((60.0, 64.0, 67.0), (57.0,), (52.0, 59.0))

Change = Callable[[Approach], None]


@dataclass(frozen=True)
class Heard:
    """A dream, what its cursor passed meanwhile, and how many times real time it was made."""

    samples: Samples
    passed: Samples
    speed: float


def report(settings: Settings, voices: Voices) -> Iterator[str]:
    """The report's parts, each as soon as it is measured; the first voice's models dream."""
    voice = next(iter(voices))
    there = {voice: voices[voice]}
    yield samplings(settings, there)
    yield walks(settings, there)
    yield pitches(settings, there)
    yield warm_start(settings, there)


# ---------------------------------------------------------------- dreams


def job_of(settings: Settings, voices: Voices, request: Request) -> Job:
    return resolve(settings, request, voices, lambda number: Path())


def heard(
    settings: Settings, job: Job, change: Change | None = None, sampling: Sampling | None = None
) -> Heard:
    """A dream as a client would hear it; ``change`` turns what no request can."""
    model = copy.deepcopy(worker.model_of(job, settings.init_std))
    if change:
        change(model)
    queue = worker.begin(model, job)
    blocks = (sampling or worker.SAMPLINGS[job.request.sampling])(model, queue, job, settings)
    began, parts, made = time.perf_counter(), [], 0
    while made < job.frames:
        parts.append(next(blocks))
        made += len(parts[-1])
    took = time.perf_counter() - began
    output = Limiter(job.frames, job.shape.rate, job.peak, job.loudest)
    samples = output(np.nan_to_num(np.concatenate(parts)[: job.frames]))
    return Heard(samples, passed(job), job.frames / job.shape.rate / took)


def passed(job: Job) -> Samples:
    """What the newest end of the cursor's windows passes during a dream; see :class:`Follower`."""
    assert job.follow is not None
    whole = cut(job.follow, 0, job.follow.frames)
    walked = (job.request.pace * np.arange(job.frames)).astype(int)
    return np.asarray(whole[(job.followat + walked) % len(whole)])


def whole_of(recordings: Sequence[Recording]) -> Samples:
    """A voice's recordings, one after another, up to ten minutes."""
    parts = [np.array(cut(r, 0, min(r.frames, 600 * r.rate))) for r in recordings]
    return np.concatenate(parts)[: 600 * recordings[0].rate]


# ---------------------------------------------------------------- tables


def spread(values: Iterable[float], digits: int) -> str:
    """The mean, and from where to where."""
    there = list(values)
    return f"{np.mean(there):.{digits}f} ({min(there):.{digits}f}…{max(there):.{digits}f})"


def numbers(dreams: Sequence[Heard], whole: Samples, rate: int) -> Row:
    lives = [liveliness.measure(dream.samples, rate) for dream in dreams]
    level = whole.std()
    return [
        spread((each.onset_rate for each in lives), 2),
        spread((each.liveliness for each in lives), 1),
        spread((each.drift for each in lives), 1),
        spread((20 * np.log10(d.samples.std() / level + 1e-9) for d in dreams), 0),
        spread((liveliness.distance(d.samples, whole) for d in dreams), 1),
        spread((liveliness.alignment(d.samples, d.passed, rate) for d in dreams), 2),
        f"{np.median([d.speed for d in dreams]):.2g}",
    ]


HEAD = ["entries/s", "life dB", "drift dB", "level dB", "distance dB", "alignment", "× real time"]


def samplings(settings: Settings, voices: Voices) -> str:
    """Every approach, paused and concurrent, at the defaults."""
    recordings = next(iter(voices.values()))
    whole, rate = whole_of(recordings), settings.rate
    own = liveliness.measure(whole, rate)
    alive = [f"{own.onset_rate:.2f}", f"{own.liveliness:.1f}", f"{own.drift:.1f}"]
    rows = [["the recording", "", "", *alive, "0", "0", "", ""]]
    for approach in APPROACHES:
        for sampling in reversed(SAMPLINGS):
            jobs = [
                job_of(settings, voices, Request(approach, LONG, sampling=sampling, rand=rand))
                for rand in RANDS
            ]
            dreams = [heard(settings, job) for job in jobs]
            model = worker.model_of(jobs[0], settings.init_std)
            rows.append(
                [
                    f"{approach} {model.shape.vector}",
                    sampling,
                    seconds_of(jobs[0]),
                    *numbers(dreams, whole, rate),
                ]
            )
    text = (
        f"{len(RANDS)} dreams of {LONG:g} s each, at the defaults: the mean, and from where to "
        "where. *level*: against the recording's. *distance*: of the mean spectrum from the "
        "recording's. *alignment*: of the onsets with those that the cursor passed."
    )
    return part("Paused and concurrent", text,
                table(["approach", "sampling", "trained", *HEAD], rows))  # fmt: skip


def seconds_of(job: Job) -> str:
    return f"{checkpoints.header(job.weights).seconds:.0f} s" if job.weights else "0 s"


# ---------------------------------------------------------------- the settings of the walk


def literal(model: Approach, queue: Tensor, job: Job, settings: Settings) -> Iterator[Samples]:
    """One element a step, one window, every window through the whole network, nothing held."""
    assert job.follow is not None
    model.block_windows, model.level_correction = 1, 0.0
    rate = worker.learning_rate(job)
    walk = Follower(model, job.follow, job.followat, float(model.element_samples), rate)
    decode = model.decoder()
    elements = Approach.run(model, queue, lead=walk)
    while True:
        walk.step()
        yield decode(next(elements)).numpy()


def block(samples: int, windows: int, apart: float = 1.0) -> Change:
    """So many samples a step, learning from so many windows, spread over ``apart`` blocks."""

    def change(model: Approach) -> None:
        model.block = min(samples, model.shape.vector)
        model.block_windows, model.block_apart = windows, apart

    return change


def windows(count: int) -> Change:
    def change(model: Approach) -> None:
        model.block_windows = count

    return change


def unheld(model: Approach) -> None:
    """Nothing holds the dream's level or its pitches."""
    model.level_correction = 0.0
    if isinstance(model, SampleWise):
        model.ceiling, model.keeps_pitches = math.inf, False


def walks(settings: Settings, voices: Voices) -> str:
    """Blocks, batches and spacings beside the loop of one element a step."""
    rows = [
        row
        for approach in ("column", "transpose")
        for row in (
            _case(settings, voices, approach, "literal, learn 0.0001", None, literal, 1e-4),
            *(_case(settings, voices, approach, f"{size} samples, 8 windows", block(size, 8))
              for size in (64, 128, 256, 512)),
            *(_case(settings, voices, approach, f"256 samples, {count} windows", block(256, count))
              for count in (2, 4, 16)),
            *(_case(settings, voices, approach, f"256, 8, windows over {apart:g} blocks",
                    block(256, 8, apart)) for apart in (0.25, 4.0)),
            _case(settings, voices, approach, "256, 8, nothing held", unheld),
        )
    ]  # fmt: skip
    rows += [
        row
        for approach in ("vector", "spectrum")
        for row in (
            _case(settings, voices, approach, "literal", None, literal),
            *(_case(settings, voices, approach, "1 window" if count == 1 else f"{count} windows",
                    windows(count)) for count in (1, 4, 8)),
        )
    ]  # fmt: skip
    text = (
        f"Concurrent dreams of {SHORT:g} s, {len(RANDS)} of each (of the sample-wise literal loop "
        "one). *literal*: one element a step, one window, the whole network for each window, and "
        "nothing that holds level or pitches."
    )
    return part("The walk", text, table(["approach", "a step", *HEAD], rows))


def _case(
    settings: Settings, voices: Voices, approach: str, name: str, change: Change | None,
    sampling: Sampling | None = None, learn: float | None = None,
) -> Row:  # fmt: skip
    slow = sampling is literal and approach in ("transpose", "column")
    dreams = [
        heard(
            settings,
            job_of(settings, voices, Request(approach, SHORT, rand=rand, learn=learn)),
            change,
            sampling,
        )
        for rand in (RANDS[:1] if slow else RANDS)
    ]
    whole = whole_of(next(iter(voices.values())))
    return [approach, name, *numbers(dreams, whole, settings.rate)]


# ---------------------------------------------------------------- pitches


def pitches(settings: Settings, voices: Voices) -> str:
    """How much of what is tonal in a transpose dream lies at its seed's notes."""
    rows = []
    for notes in NOTES:
        row = [" ".join(f"{note:g}" for note in notes)]
        for sampling, change in (("paused", None), ("concurrent", unheld), ("concurrent", None)):
            dreams = [
                heard(settings, job_of(settings, voices, Request(
                    "transpose", LONG / 2, sampling=sampling, notes=notes, rand=rand)), change)
                for rand in RANDS
            ]  # fmt: skip
            row.append(
                spread((liveliness.kept(d.samples, settings.rate, notes) for d in dreams), 2)
            )
        rows.append(row)
    text = (
        f"*transpose*, seeds made of MIDI notes: the share of the tonal energy of {LONG / 2:g} s "
        "that lies at their partials."
    )
    head = ["notes", "paused", "concurrent, nothing held", "concurrent"]
    return part("The pitches of the seed", text, table(head, rows))


# ---------------------------------------------------------------- warm_start

MARKS = (3, 10, 30)
"""Seconds of training at which the errors are compared."""


@torch.enable_grad()
def warm_start(settings: Settings, voices: Voices) -> str:
    """Two models of each approach learn in turns, from initial weights and from a starter's."""
    recordings = next(iter(voices.values()))
    rows = []
    for approach in APPROACHES:
        shape = config_of(approach, settings)
        if not pretrained.all_of(shape):
            continue
        with tempfile.TemporaryDirectory() as home:
            own = replace(settings, home=Path(home))
            fresh, begun = (Trainer(shape, own, recordings, lambda note: None) for _ in range(2))
        initialize(fresh.model, settings.init_std)
        courses = [_course(trainer) for trainer in (fresh, begun)]
        errors = [list(each) for each in zip(*courses, strict=True)]
        marks = [f"{one:.3f} / {other:.3f}" for one, other in errors]
        rows.append([approach, *marks])
    text = (
        "Errors (1 predicts silence) after so many seconds of training on one core, in turns: from "
        "initial weights / from the nearest starter model, where one is nearer than silence."
    )
    return part("Beginning from a starter model", text,
                table(["approach", *(f"after {mark} s" for mark in MARKS)], rows))  # fmt: skip


def _course(trainer: Trainer) -> Iterator[float]:
    """Trains in slices; the error at each of the marks. Two courses that are drawn from in turn
    share whatever else the machine does."""
    for mark in MARKS:
        while trainer.head.seconds < mark:
            trainer.train(SLICE)
        yield trainer.head.error
