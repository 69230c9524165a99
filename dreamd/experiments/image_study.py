"""``dreamd study``, the image: what of its recordings' width and balance a dream in stereo has.

:mod:`dreamd.experiments.study` prints it where ``--channels`` is 2.
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from dreamd.approaches.registry import APPROACHES
from dreamd.audio.files import Samples
from dreamd.corpus.recording import Recording, Voices, loop
from dreamd.evaluation.markdown import Cells, Part
from dreamd.evaluation.mel import Numbers, decibels, power_of
from dreamd.experiments.common import Heard, heard, job_of, mean_and_range
from dreamd.home.credits import Credit
from dreamd.osc.requests import Request
from dreamd.settings import Settings

DREAMT = 6.0  # of a dream
RANDS = (1, 2, 3, 4)
LOWEST, THIRDS = 100.0, 22
"""Hz; thirds of an octave from there on."""
UNHEARD = 30.0  # dB under the loudest third: what is fainter has no side
SPECTRUM_SECONDS = 0.1  # seconds of a spectrum


def image(settings: Settings, voices: Voices) -> Part:
    """Of the first voice's models."""
    voice, recordings = next(iter(voices.items()))
    whole = np.concatenate([loop(each, 0, each.frames, 2) for each in recordings])
    rows = []
    for approach in APPROACHES:
        asked = [Request(approach, secs=DREAMT, rand=rand, voice=voice) for rand in RANDS]
        dreams = [heard(settings, job_of(settings, voices, each)) for each in asked]
        rows.append([approach, *_row(dreams, recordings, whole, settings.rate)])
    text = (
        f"Of {len(RANDS)} dreams of {DREAMT:g} s each at {settings.rate} Hz: the side's "
        "level over the middle's, in dB, and that of the passages that they leant on; and how like "
        "the balance of left and right is in each third of an octave, its correlation with that of "
        "the recordings: 1 the same, below 0 exchanged."
    )
    return Part("The image", text, ["approach", "width", "of the passages", "balance"], rows)


def _row(
    dreams: Sequence[Heard], recordings: Sequence[Recording], whole: Samples, rate: int
) -> Cells:
    passages = [passages_of(dream.credits, recordings, rate) for dream in dreams]
    sounds = [dream.sound for dream in dreams]
    widths = [" ".join(f"{width(each):.1f}" for each in some) for some in (sounds, passages)]
    return [*widths, mean_and_range((likeness(each, whole, rate) for each in sounds), 2)]


def passages_of(credits: Sequence[Credit], recordings: Sequence[Recording], rate: int) -> Samples:
    """``(frames, 2)``: the passages, one after another."""
    by_source = {each.source: each for each in recordings}
    return np.concatenate([
        loop(by_source[each.source], int(each.first * rate),
             max(int((each.last - each.first) * rate), 1), 2)
        for each in credits
    ])  # fmt: skip


def width(samples: Samples) -> float:
    """The side's level over the middle's, in dB; ``samples (frames, 2)``."""
    left, right = samples.T.astype(np.float64)
    side, middle = np.square(left - right).mean(), np.square(left + right).mean()
    return float(10 * np.log10(max(side, 1e-12) / max(middle, 1e-12)))


def likeness(samples: Samples, other: Samples, rate: int) -> float:
    """The correlation of the balances, over the thirds of an octave that both have."""
    powers = [_thirds(each, rate) for each in (samples, other)]
    both = np.logical_and(*(decibels(p.sum(1) / p.sum(1).max()) > -UNHEARD for p in powers))
    one, two = (decibels(p[both, 0]) - decibels(p[both, 1]) for p in powers)
    return float(np.corrcoef(one, two)[0, 1])


def _thirds(samples: Samples, rate: int) -> Numbers:
    """The power of each channel in each third of an octave, ``(thirds, 2)``."""
    size = round(SPECTRUM_SECONDS * rate)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    edges = LOWEST * 2 ** (np.arange(THIRDS + 1) / 3)
    which = np.array([(hertz >= low) & (hertz < high) for low, high in pairwise(edges)], float)
    thirds = which[which.any(1)]
    return np.stack([power_of(each, size, size // 2, thirds).mean(0) for each in samples.T], 1)
