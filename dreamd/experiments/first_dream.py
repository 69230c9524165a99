"""``dreamd study``, the first good dream: what a voice dreams after so many seconds of training.

:mod:`dreamd.experiments.study` prints it; with another ``--rate`` it is the same for that rate.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.corpus.recording import Recording, Voices
from dreamd.evaluation.judge import Judge, word
from dreamd.evaluation.markdown import Cells, Part
from dreamd.evaluation.mel import at_judge_s_rate
from dreamd.experiments.common import heard, heard_by_judge, job_of
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.scheduler import SLICE
from dreamd.training.trainer import Trainer

TRAINED = (0, 10, 30, 60)
"""Seconds of training after which it dreams."""
HEARD_SECONDS = 8.0  # of a dream
RANDS = (1, 2, 3)


def first_dreams(settings: Settings, voices: Voices) -> Part:
    """Of the first voice, as if it were new: it begins from a starter, where one is near."""
    voice, recordings = next(iter(voices.items()))
    listener = Judge([heard_by_judge(each) for each in recordings])
    rows = []
    for approach in APPROACHES:
        with tempfile.TemporaryDirectory() as home:
            own = replace(settings, home=Path(home))
            claim(own.home)
            rows.append([approach, *_course(own, {voice: recordings}, approach, listener)])
    text = (
        f"The three criteria, each the mean over {len(RANDS)} dreams of {HEARD_SECONDS:g} s at "
        f"{settings.rate} Hz, after so many seconds of training on one core, from nothing but the "
        "starter models on. Bold: all three are high."
    )
    head = ["approach", *(f"after {mark} s" for mark in TRAINED)]
    return Part("The first good dream", text, head, rows)


def _course(settings: Settings, voices: Voices, approach: str, listener: Judge) -> Cells:
    recordings: Sequence[Recording] = next(iter(voices.values()))
    trainer = Trainer(config_of(approach, settings), settings, recordings, lambda note: None)
    cells = []
    for mark in TRAINED:
        with torch.enable_grad():
            while trainer.head.seconds < mark:
                trainer.train(SLICE)
        if mark:
            trainer.save()
        judged = []
        for rand in RANDS:
            asked = Request(approach, HEARD_SECONDS, rand=rand)
            dream = heard(settings, job_of(settings, voices, asked))
            one = listener.judge(at_judge_s_rate(dream.samples, settings.rate))
            judged.append((one.c1, one.c2, one.c3))
        means = np.mean(judged, axis=0)
        cell = " ".join(f"{each:.2f}" for each in means)
        cells.append(f"**{cell}**" if all(word(each) == "high" for each in means) else cell)
    return cells
