"""C1, free of artifacts: what is undesirable in a dream and hard to filter away, each in numbers.

Noise between the partials, clicks, warbling between spectra, clipping, dropouts, a constant
(the paper, section 3.1). Recordings have some of it themselves (picks, breath, a snare): only
what a dream has beyond its recordings counts. Each kind takes its :func:`factor` of the score,
so that one bad fault is enough. The judge calls :func:`measure` and :func:`score`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.ndimage import maximum_filter1d, percentile_filter

from dreamd.audio.files import Samples
from dreamd.evaluation.mel import RATE, TINY, Numbers, frames_of, mel_bands, mel_levels


@dataclass(frozen=True)
class Artifacts:
    """How much there is of each kind."""

    noise: float  # dB: between the partials, under all there is
    clicks: float  # a second
    warble: float  # dB: to and fro between spectra within a fifth of a second
    clipped: float  # share of the samples, in percent
    dropouts: float  # a second
    constant: float  # DC over the root mean square


HALVES = Artifacts(noise=10.0, clicks=4.0, warble=2.0, clipped=1.0, dropouts=1.0, constant=0.2)
"""So much of a kind, beyond what the recordings have, halves the score.

*noise*: what is ten decibels stronger sounds twice as loud. *clicks*: from some four a second on
they are no longer single events. The others: as much as can plainly be heard."""


def score(dream: Artifacts, recordings: Artifacts) -> float:
    """0…1: 1 has no more of anything than the recordings."""
    return float(np.prod([factor(dream, recordings, kind.name) for kind in fields(Artifacts)]))


def factor(dream: Artifacts, recordings: Artifacts, kind: str) -> float:
    """What one kind leaves of the score."""
    beyond = max(getattr(dream, kind) - getattr(recordings, kind), 0.0)
    return float(0.5 ** (beyond / getattr(HALVES, kind)))


def measure(samples: Samples) -> Artifacts:
    """Of at least a second of sound."""
    level = max(float(np.sqrt(np.mean(samples**2))), 1e-9)
    constant = float(samples.mean())
    moving = (samples - constant) / level
    return Artifacts(
        noise=noise(moving),
        clicks=clicks(moving),
        warble=warble(moving),
        clipped=clipped(moving),
        dropouts=dropouts(moving),
        constant=abs(constant) / level,
    )


def mean_of(several: Sequence[Artifacts], seconds: Sequence[float]) -> Artifacts:
    """Of several recordings, weighted by their lengths."""
    return Artifacts(
        *(
            float(np.average([getattr(each, kind.name) for each in several], weights=seconds))
            for kind in fields(Artifacts)
        )
    )


# ---------------------------------------------------------------- noise

FRAME, HOP = 2048, 512
AROUND = 60.0  # Hz either way in which the floor between partials is looked for
FLOOR = 20  # percentile of the power there
MASKED = -30.0
"""dB: a floor under it is as good as none, so that the cleanest recordings ask no more."""
LOUDNESS = 0.3  # exponent from power to loudness (Stevens)
DRAWN = 2000


def noise(samples: Samples) -> float:
    """The level of the floor between the partials, in dB under the whole; loud moments count more.

    White and pink noise have -6, a guitar some -28; below :data:`MASKED` nothing counts.
    """
    frames = frames_of(samples, FRAME, HOP)
    frames = frames[:: max(len(frames) // DRAWN, 1)]
    spectra = np.fft.rfft(frames * np.blackman(FRAME).astype(np.float32))
    power = (spectra.real**2 + spectra.imag**2 + TINY)[:, 8:]
    whole = power.sum(1)
    heard = whole > 1e-5 * whole.max()
    width = 2 * round(AROUND * FRAME / RATE) + 1
    floor = percentile_filter(power[heard], FLOOR, size=(1, width)).sum(1)
    loudness = whole[heard] ** LOUDNESS
    level = (loudness * 10 * np.log10(floor / whole[heard])).sum() / loudness.sum()
    return max(float(level), MASKED)


# ---------------------------------------------------------------- clicks

BESIDE = 256
"""Samples before and after a click that it must stand out from, 23 ms: a note that begins goes
on sounding, a click does not."""
STEP = 32
OUTSTANDING = 12.0
"""Times the usual third difference beside it; noise reaches 5, strings at each period 8."""


def clicks(samples: Samples) -> float:
    """Isolated discontinuities a second."""
    jerk = np.abs(np.diff(samples.astype(np.float64), 3))
    beside = np.lib.stride_tricks.sliding_window_view(np.pad(jerk, BESIDE), BESIDE)[::STEP]
    usual = np.median(beside, axis=1) * 1.48  # of noise: its standard deviation
    near = np.arange(len(jerk)) // STEP
    after = np.minimum(near + BESIDE // STEP + 1, len(usual) - 1)
    level = np.maximum(usual[near], usual[after]) + 1e-4
    peaks = (jerk > OUTSTANDING * level) & (maximum_filter1d(jerk, 2 * 32 + 1) == jerk)
    return float(peaks.sum() * RATE / max(len(samples), 1))


# ---------------------------------------------------------------- warble

MEL, MEL_HOP, DEPTH = 16, 128, 20.0
SWINGS = (3, 6, 9)
"""Half swings in hops of 128 samples: 35, 70 and 104 ms."""


def warble(samples: Samples) -> float:
    """How far the spectrum's shape goes and comes back: what there is of there and back, in dB."""
    levels = mel_levels(samples, mel_bands(MEL, 40.0, 5500.0), MEL_HOP)
    loud = levels.max(1)
    shapes = np.maximum(levels, loud[:, None] - DEPTH)
    shapes = shapes - shapes.mean(1, keepdims=True)
    heard = loud > np.percentile(loud, 95) - 40
    return max(_swing(shapes, heard, half) for half in SWINGS)


def _swing(shapes: Numbers, heard: Numbers, half: int) -> float:
    there = shapes[half:-half] - shapes[: -2 * half]
    back = shapes[half:-half] - shapes[2 * half :]
    product = (there * back).mean(1)[heard[half:-half]]
    return float(np.sqrt(max(product.mean(), 0.0))) if len(product) else 0.0


# ---------------------------------------------------------------- clipping, dropouts


def clipped(samples: Samples) -> float:
    """Percent of the samples that stand still at one of the extremes."""
    moved = np.abs(np.diff(samples))
    edge = np.abs(samples[1:]) > 0.99 * np.abs(samples).max()
    return 100 * float(((moved < 1e-6) & edge).mean())


GAP = round(0.01 * RATE)


def dropouts(samples: Samples) -> float:
    """Sudden silences a second, from 10 to 50 ms long: 40 dB under what is before and after."""
    power = (samples[: len(samples) // GAP * GAP].reshape(-1, GAP) ** 2).mean(1)
    silent = np.zeros(len(power), bool)
    for gap in range(1, 6):
        before, after = power[: -gap - 1], power[gap + 1 :]
        around = np.minimum(before, after)
        for inside in range(1, gap + 1):
            middle = power[inside : inside + len(around)]
            silent[inside : inside + len(around)] |= middle < 1e-4 * around
    return float((np.diff(silent.astype(int)) == 1).sum() * RATE / max(len(samples), 1))
