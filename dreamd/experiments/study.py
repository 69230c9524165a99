"""``dreamd study``: how alive dreams are on given recordings, as Markdown.

Dreams are made as for any request, from the models in the home folder, and measured
(:mod:`dreamd.evaluation.liveliness`). Six parts: the seed and the recording; paused against
concurrent; the settings of the concurrent walk against the literal loop of one element a step; the
pitches that transpose keeps; what training gains from the starter models; and what a new voice
dreams, by the judge. In stereo there is one more, of the image.
``models/dreaming.md`` is this command's output.
"""

import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dreamd.approaches.base import initialize
from dreamd.approaches.registry import APPROACHES, ROWS, Concurrent, config_of
from dreamd.audio.files import Samples
from dreamd.corpus.recording import Voices
from dreamd.dreaming import sampling
from dreamd.dreaming.job import Job
from dreamd.errors import SetupError
from dreamd.evaluation import liveliness
from dreamd.evaluation.markdown import Cells, Part
from dreamd.experiments.common import Heard, heard, job_of, mean_and_range, whole_of
from dreamd.experiments.first_dream import first_dreams
from dreamd.experiments.image_study import image
from dreamd.experiments.seed_study import seeds
from dreamd.home import checkpoints, pretrained
from dreamd.osc.requests import SAMPLINGS, Request
from dreamd.settings import Settings
from dreamd.training.scheduler import SLICE
from dreamd.training.trainer import Trainer

LONG, SHORT = 20.0, 4.0  # seconds of a dream; of one by the literal loop
RANDS = (1, 2, 3)
NOTES = ((60.0, 64.0, 67.0), (57.0,), (52.0, 59.0))


def report(settings: Settings, voices: Voices, only: str | None = None) -> Iterator[Part]:
    """The report's parts, each as soon as it is measured; the first voice's models dream.

    :param only: one of them: seeds, samplings, walks, pitches, starters, first, image.

    Raises :class:`SetupError` for the image of what has one channel.
    """
    voice = next(iter(voices))
    parts = {"seeds": seeds, "samplings": samplings, "walks": walks, "pitches": pitches,
             "starters": warm_start, "first": first_dreams}  # fmt: skip
    if settings.channels > 1:
        parts["image"] = image
    elif only == "image":
        raise SetupError("one channel has no image: --channels 2")
    for part in [parts[only]] if only else parts.values():
        yield part(settings, {voice: voices[voice]})


# ---------------------------------------------------------------- tables


def numbers(dreams: Sequence[Heard], whole: Samples, rate: int) -> Cells:
    lives = [liveliness.measure(dream.samples, rate) for dream in dreams]
    level = whole.std()
    return [
        mean_and_range((each.onset_rate for each in lives), 2),
        mean_and_range((each.liveliness for each in lives), 1),
        mean_and_range((each.drift for each in lives), 1),
        mean_and_range((20 * np.log10(d.samples.std() / level + 1e-9) for d in dreams), 0),
        mean_and_range((liveliness.distance(d.samples, whole, rate) for d in dreams), 1),
        mean_and_range((liveliness.alignment(d.samples, d.passed, rate) for d in dreams), 2),
        f"{np.median([d.speed for d in dreams]):.2g}",
    ]


MEASURES = [
    "entries/s",
    "life dB",
    "drift dB",
    "level dB",
    "distance dB",
    "alignment",
    "× real time",
]


def samplings(settings: Settings, voices: Voices) -> Part:
    """Every approach, paused and concurrent, at the defaults."""
    recordings = next(iter(voices.values()))
    whole, rate = whole_of(recordings), settings.rate
    own = liveliness.measure(whole, rate)
    alive = [f"{own.onset_rate:.2f}", f"{own.liveliness:.1f}", f"{own.drift:.1f}"]
    rows = [["the recording", "", "", *alive, "0", "0", "", ""]]
    for approach in APPROACHES:
        for way in reversed(SAMPLINGS):
            jobs = [
                job_of(settings, voices, Request(approach, LONG, sampling=way, rand=rand))
                for rand in RANDS
            ]
            dreams = [heard(settings, job) for job in jobs]
            rows.append(
                [
                    f"{approach} {jobs[0].config.vector}",
                    way,
                    seconds_of(jobs[0]),
                    *numbers(dreams, whole, rate),
                ]
            )
    text = (
        f"{len(RANDS)} dreams of {LONG:g} s each, at the defaults: the mean, and from where to "
        "where. *level*: against the recording's. *distance*: of the mean spectrum from the "
        "recording's. *alignment*: of the onsets with those that the cursor passed."
    )
    return Part("Paused and concurrent", text, ["approach", "sampling", "trained", *MEASURES], rows)


def seconds_of(job: Job) -> str:
    return f"{checkpoints.header(job.weights).seconds:.0f} s" if job.weights else "0 s"


# ---------------------------------------------------------------- the settings of the walk


UNHELD = {"level_correction": 0.0, "ceiling": math.inf, "holds_harmonics": False}
"""Nothing holds the dream's level or its pitches."""

LITERAL = {"block": 1, "windows": 1, "level_correction": 0.0}
"""One element a step, one window, every window through the whole network, nothing held."""


def changed(approach: str, **other: Any) -> Concurrent:
    """The approach's own profile but for these."""
    return replace(ROWS[approach].concurrent, **other)


def walks(settings: Settings, voices: Voices) -> Part:
    """Blocks, batches and spacings beside the loop of one element a step."""
    case = partial(_case, settings, voices)
    rows = []
    for approach in ("column", "transpose"):
        rows.append(case(approach, "literal, learn 0.0001", LITERAL, literal=True, learn=1e-4))
        for size in (64, 128, 256, 512):
            rows.append(case(approach, f"{size} samples, 8 windows", {"block": size}))
        for count in (2, 4, 16):
            sizes = {"block": 256, "windows": count}
            rows.append(case(approach, f"256 samples, {count} windows", sizes))
        for wide in (0.25, 4.0):
            over: dict[str, Any] = {"block": 256, "spread": wide}
            rows.append(case(approach, f"256, 8, windows over {wide:g} blocks", over))
        rows.append(case(approach, "nothing held", UNHELD))
    for approach in ("vector", "spectrum"):
        rows.append(case(approach, "literal", LITERAL, literal=True))
        for count in (1, 4, 8):
            name = "1 window" if count == 1 else f"{count} windows"
            rows.append(case(approach, name, {"windows": count}))
    text = (
        f"Concurrent dreams of {SHORT:g} s, {len(RANDS)} of each (of the sample-wise literal loop "
        "one). *literal*: one element a step, one window, the whole network for each window, and "
        "nothing that holds level or pitches."
    )
    return Part("The walk", text, ["approach", "a step", *MEASURES], rows)


def _case(
    settings: Settings,
    voices: Voices,
    approach: str,
    name: str,
    other: Mapping[str, Any],
    literal: bool = False,
    learn: float | None = None,
) -> Cells:
    loop = sampling.one_by_one if literal else sampling.concurrent
    slow = literal and ROWS[approach].sample_wise
    asked = (
        Request(approach, SHORT, rand=rand, learn=learn) for rand in (RANDS[:1] if slow else RANDS)
    )
    profile = changed(approach, **other)
    dreams = [heard(settings, job_of(settings, voices, each), profile, loop) for each in asked]
    whole = whole_of(next(iter(voices.values())))
    return [approach, name, *numbers(dreams, whole, settings.rate)]


# ---------------------------------------------------------------- pitches


def pitches(settings: Settings, voices: Voices) -> Part:
    """How much of what is tonal in a transpose dream lies at its seed's notes."""
    rows, unheld = [], changed("transpose", **UNHELD)
    for notes in NOTES:
        row = [" ".join(f"{note:g}" for note in notes)]
        for way, profile in (("paused", None), ("concurrent", unheld), ("concurrent", None)):
            dreams = [
                heard(settings, job_of(settings, voices, Request(
                    "transpose", LONG / 2, sampling=way, notes=notes, rand=rand)), profile)
                for rand in RANDS
            ]  # fmt: skip
            row.append(
                mean_and_range(
                    (liveliness.kept(d.samples, settings.rate, notes) for d in dreams), 2
                )
            )
        rows.append(row)
    text = (
        f"*transpose*, seeds made of MIDI notes: the share of the tonal energy of {LONG / 2:g} s "
        "that lies at their partials."
    )
    head = ["notes", "paused", "concurrent, nothing held", "concurrent"]
    return Part("The pitches of the seed", text, head, rows)


# ---------------------------------------------------------------- warm_start

MARKS = (3, 10, 30)
"""Seconds of training at which the errors are compared."""


@torch.enable_grad()
def warm_start(settings: Settings, voices: Voices) -> Part:
    """Two models of each approach learn in turns, from initial weights and from a starter's."""
    recordings = next(iter(voices.values()))
    rows = []
    for approach in APPROACHES:
        config = config_of(approach, settings)
        if not pretrained.all_of(config):
            continue
        with tempfile.TemporaryDirectory() as home:
            own = replace(settings, home=Path(home))
            fresh, begun = (Trainer(config, own, recordings, lambda note: None) for _ in range(2))
        initialize(fresh.model, settings.init_std)
        courses = [_course(trainer) for trainer in (fresh, begun)]
        errors = [list(each) for each in zip(*courses, strict=True)]
        marks = [f"{one:.3f} / {other:.3f}" for one, other in errors]
        rows.append([approach, *marks])
    text = (
        "Errors (1 predicts silence) after so many seconds of training on one core, in turns: from "
        "initial weights / from the nearest starter model, where one is nearer than silence."
    )
    return Part(
        "Beginning from a starter model",
        text,
        ["approach", *(f"after {mark} s" for mark in MARKS)],
        rows,
    )


def _course(trainer: Trainer) -> Iterator[float]:
    """Trains in slices; the error at each of the marks. Two courses that are drawn from in turn
    share whatever else the machine does."""
    for mark in MARKS:
        while trainer.head.seconds < mark:
            trainer.train(SLICE)
        yield trainer.head.error
