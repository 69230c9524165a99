"""``dreamd study``, seeds: what a dream owes to its seed, and what to the recording, as Markdown.

Four seeds are cut from four places of the first recording; each approach dreams from each of them,
all else equal. What a dream owes to its seed shows where two dreams differ, and where a dream's
first seconds name the seed they came from; what it owes to the recording, in how much of it runs in
the recording's own order. A copy in disguise would be alive and resemble its recording, too: so the
judge's three criteria stand beside.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from dreamd.approaches import registry
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio.files import Samples
from dreamd.corpus import events
from dreamd.corpus.recording import Recording, Voices
from dreamd.evaluation import liveliness, order
from dreamd.evaluation.judge import Judge
from dreamd.evaluation.markdown import Cells, Part
from dreamd.evaluation.mel import RATE, at_judge_s_rate
from dreamd.experiments.common import (
    heard,
    heard_by_judge,
    job_of,
    mean_and_range,
)
from dreamd.osc.requests import Request
from dreamd.settings import Settings

DREAM_SECONDS = 20.0  # of a dream
NAMING = 3.0  # seconds by which a dream names its seed
SETTLED_AFTER = 2.0  # seconds after which two dreams are compared
SHARES = (0.07, 0.3, 0.55, 0.8)
"""Of the recording, at which the seeds are looked for."""
NAMERS = (1, 2, 3)  # rands of the dreams that name their seeds; the first's are measured in full

SEED_MEASURES = ["approach", "two seeds", "named", "order", "life dB", "entries/s", "drift dB",
        "C1", "C2", "C3"]  # fmt: skip


def seeds(settings: Settings, voices: Voices) -> Part:
    """A row for each approach; the recordings' events must be known."""
    name, recordings = next(iter(voices.items()))
    recording = recordings[0]
    samples = heard_by_judge(recording)
    judge = Judge([heard_by_judge(each) for each in recordings])
    rows = [row(settings, voices, approach, samples, judge) for approach in APPROACHES]
    text = (
        f"Of {name}: {len(SHARES)} dreams of {DREAM_SECONDS:g} s from seeds of as many places, at "
        "the defaults: the mean, and from where to where. *two seeds*: log-mel correlation of two "
        f"dreams with the same `rand` after {SETTLED_AFTER:g} s, 1 for the same. *named*: dreams "
        f"whose first {NAMING:g} s are likest, of these seeds, to their own. *order*: log-mel "
        "correlation of the whole dream with the recording at its best offset."
    )
    return Part("The seed and the recording", text, SEED_MEASURES, rows)


def row(
    settings: Settings, voices: Voices, approach: str, recording: Samples, judge: Judge
) -> Cells:
    name, recordings = next(iter(voices.items()))
    places = places_of(recordings[0])

    def dream(second: float, rand: int, seconds: float) -> Samples:
        request = Request(approach, seconds, seed=f"{name}:0", seedat=second, rand=rand)
        made = heard(settings, job_of(settings, voices, request)).samples
        return at_judge_s_rate(made, settings.rate)

    dreams = [dream(second, NAMERS[0], DREAM_SECONDS) for second in places]
    later = [dream(second, rand, NAMING) for rand in NAMERS[1:] for second in places]
    size = registry.make(config_of(approach, settings)).seed_samples
    own_seeds = [
        recording[int(at * RATE) : int((at + size / settings.rate) * RATE)] for at in places
    ]
    named = sum(map(int, names([*dreams, *later], own_seeds, recording)))
    from_there = round(SETTLED_AFTER * RATE)
    two = [order.correlation(a[from_there:], b[from_there:]) for a, b in combinations(dreams, 2)]
    lives = [liveliness.measure(each, RATE) for each in dreams]
    judged = [judge.judge(each) for each in dreams]
    own = [order.best_offset(each, recording).correlation for each in dreams]
    return [
        approach, mean_and_range(two, 2), f"{named} of {len(dreams) + len(later)}",
        mean_and_range(own, 2), mean_and_range((each.liveliness for each in lives), 1),
        mean_and_range((each.onset_rate for each in lives), 2),
        mean_and_range((each.drift for each in lives), 1),
        *(mean_and_range((getattr(each, key) for each in judged), 2) for key in ("c1", "c2", "c3")),
    ]  # fmt: skip


def places_of(recording: Recording) -> list[float]:
    """Seconds at which something begins, as loud as most of what begins, near :data:`SHARES`."""
    found = events.known(recording)
    assert found is not None, "nobody has looked for the recording's events"
    loud = found.frames[found.levels >= np.median(found.levels)]
    wanted = [share * recording.frames for share in SHARES]
    return [float(loud[np.abs(loud - at).argmin()]) / recording.rate for at in wanted]


def names(dreams: Sequence[Samples], seeds: Sequence[Samples], recording: Samples) -> list[bool]:
    """Of each dream, in the order of the seeds and over again, whether its beginning is likest to
    the seed that it came from: by mean spectrum, beside the recording's own."""
    usual = order.log_mel(recording).mean(0)

    def colour(samples: Samples) -> Samples:
        beside = order.log_mel(samples[: int(NAMING * RATE)]).mean(0) - usual
        return beside - beside.mean()

    theirs = [colour(each) for each in seeds]
    likest = [
        int(np.argmax([np.corrcoef(colour(dream), each)[0, 1] for each in theirs]))
        for dream in dreams
    ]
    return [k % len(seeds) == each for k, each in enumerate(likest)]
