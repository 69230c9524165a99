"""What is wrong with what an audio server played: gaps, clicks, what is too loud.

:mod:`concert.stage` hands over each stretch of tape. Dreams of a model at 11025 Hz have nothing
over 5.5 kHz: what is heard over :data:`OVER` has come in on the way, a step, a splice, a spike.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage, signal

from dreamd.audio.files import Samples

OVER = 8000.0  # Hz
SILENT = 1e-5  # of full scale
AUDIBLE = 1e-3
"""Of full scale: a gap cuts something off that sounds. A note that has died away is a rest."""
LONGEST_GAP = 0.05  # seconds
LEAST = 3e-4
"""Of full scale: what of a click is over 8 kHz; at this level nobody hears it beside the music."""
SHARP = 12.0  # times what is over 8 kHz within half a second around it, by the median
APART = 0.02  # seconds between two clicks that count as two


@dataclass(frozen=True)
class Heard:
    """Seconds in the tape."""

    gaps: list[tuple[float, float]]  #: from, and for how long
    clicks: list[float]


def listen(samples: Samples, rate: int) -> Heard:
    """:param samples: one channel; it sounds already."""
    return Heard(gaps(samples, rate), clicks(samples, rate))


def gaps(samples: Samples, rate: int) -> list[tuple[float, float]]:
    """Silences longer than :data:`LONGEST_GAP` that begin while something sounds.

    >>> tone = np.sin(np.arange(48000, dtype=np.float32))
    >>> tone[4800:9600] = 0
    >>> gaps(tone, 48000)
    [(0.1, 0.1)]
    """
    quiet = np.concatenate(([False], np.abs(samples) < SILENT, [False]))
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8)))
    runs = edges.reshape(-1, 2)
    before = int(LONGEST_GAP * rate)
    longest = [
        (a / rate, (b - a) / rate)
        for a, b in runs[runs[:, 1] - runs[:, 0] > before]
        if np.abs(samples[max(a - before, 0) : a]).max(initial=0.0) > AUDIBLE
    ]
    return [(round(float(start), 3), round(float(length), 3)) for start, length in longest]


def clicks(samples: Samples, rate: int) -> list[float]:
    """Where something sounds for an instant that a dream has not: over :data:`OVER`."""
    sos = signal.butter(8, OVER, "highpass", fs=rate, output="sos")
    high = np.abs(signal.sosfiltfilt(sos, samples.astype(float)))
    coarse = ndimage.maximum_filter1d(high, rate // 1000)[:: rate // 1000]  # every millisecond
    usual = ndimage.median_filter(coarse, size=501, mode="nearest")
    found = np.flatnonzero(coarse > np.maximum(SHARP * usual, LEAST)) / 1000
    return [float(t) for k, t in enumerate(found) if k == 0 or t - found[k - 1] > APART]


def spliced(samples: Samples, rate: int, count: int, seed: int) -> tuple[Samples, list[float]]:
    """The tape with so many cuts, each of 5 ms, where a player would go on elsewhere without a
    crossfade; and where they are. A cut at which next to nothing sounds is none."""
    rng, jump = np.random.default_rng(seed), rate // 200
    places = np.sort(rng.choice(np.arange(rate // 10, len(samples) - rate // 10, rate // 5),
                                min(count, len(samples) // rate), replace=False))  # fmt: skip
    parts, at, made = [], 0, list[float]()
    out = 0
    for place in places:
        step = abs(float(samples[place] - samples[place + jump]))
        if step < 20 * LEAST:
            continue
        parts.append(samples[at:place])
        out += place - at
        made.append(out / rate)
        at = place + jump
    return np.concatenate([*parts, samples[at:]]), made


def share_found(samples: Samples, rate: int, count: int, seed: int) -> tuple[int, int]:
    """Of so many inserted clicks: how many were found, and how many there were."""
    tape, places = spliced(samples, rate, count, seed)
    found = np.array(clicks(tape, rate))
    return sum(bool((np.abs(found - place) < APART).any()) for place in places), len(places)
