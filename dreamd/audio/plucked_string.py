"""A plucked string by physical modelling: the project's own voice, and seeds from notes.

:func:`phrase` is the example recording that ``dreamd run`` trains on when it is given no
folder; :func:`chord` is the seed of a request with ``notes``. The model is Karplus and
Strong's string (1983) with Jaffe and Smith's extensions: pick position, tuning between
samples, brightness by dynamics.
"""

import numpy as np
from numpy.typing import NDArray

from dreamd.audio import resampling
from dreamd.audio.files import Samples

Wave = NDArray[np.float64]

TAIL = 2.0
"""Seconds of silence at the end of a phrase; rests inside it are shorter."""


MODEL_RATE = 44100
"""The strings' own sample rate; at lower ones their highs would die too soon."""

DULLING = 0.12
"""How much a pass through the string mixes neighbours: the larger, the sooner highs die."""

RING = 5.0
"""Seconds in which the lowest partials fall by 60 dB."""


def hertz(note: float) -> float:
    """The frequency of a MIDI note number.

    >>> hertz(69)
    440.0
    """
    return float(440.0 * 2 ** ((note - 69) / 12))


def string(
    note: float, seconds: float, rate: int, rng: np.random.Generator, hardness: float = 0.5
) -> Wave:
    """One plucked string, peak 1, shape ``(seconds * rate,)``.

    The delay line holds one period. Each pass through it mixes a sample with its neighbours:
    weights ``1 - d, d`` dull it a little (the decay of a string's highs) and delay by ``d``
    samples, weights ``1 - f, f`` delay by the fraction that the tuning still lacks.

    :param hardness: 0…1, the pick: soft is dark, hard is bright.
    """
    period = rate / hertz(note)
    whole = max(int(period - DULLING), 2)
    f = min(max(period - DULLING - whole, 0.0), 1.0)
    now, before, earlier = np.convolve((1 - DULLING, DULLING), (1 - f, f))
    loss = 0.001 ** (1 / (hertz(note) * RING))
    count = int(seconds * rate)
    line = np.zeros(count + whole + 2)
    line[2 : whole + 2] = _pick(whole, rng, hardness)
    for at in range(whole + 2, len(line), whole):
        end = min(at + whole, len(line))
        past = line[at - whole - 2 : end - whole]
        line[at:end] = loss * (now * past[2:] + before * past[1:-1] + earlier * past[:-2])
    wave = line[2 : count + 2]
    wave = wave - wave.mean()
    fade = min(count, int(0.05 * rate))
    wave[count - fade :] *= np.linspace(1, 0, fade)
    return wave / max(np.abs(wave).max(), 1e-9)


def _pick(period: int, rng: np.random.Generator, hardness: float) -> Wave:
    """The string's shape when it is let go: filtered noise, notched at the pick's place."""
    noise = rng.uniform(-1, 1, period)
    width = max(1, int((1 - hardness) * period / 8))
    smooth = np.convolve(np.tile(noise, 3), np.ones(width) / width, "same")[period : 2 * period]
    notched = smooth - np.roll(smooth, max(1, period // 5))
    return notched - notched.mean()


def chord(notes: tuple[float, ...], count: int, rate: int, peak: float) -> Samples:
    """``count`` samples of all ``notes`` (MIDI numbers) plucked together."""
    rng = np.random.default_rng(0)
    seconds = count / rate + 0.1
    mix = np.sum([string(note, seconds, MODEL_RATE, rng) for note in notes], axis=0)
    samples = resampling.resample(mix.astype(np.float32), MODEL_RATE, rate)[:count]
    return samples * np.float32(peak / max(np.abs(samples).max(), 1e-9))


# (beats until the next event, notes, loudness): a phrase in A minor that breathes.
_PHRASE: tuple[tuple[float, tuple[int, ...], float], ...] = (
    (1.0, (57,), 0.8), (0.5, (64,), 0.6), (0.5, (67,), 0.7), (2.0, (69,), 0.9),
    (1.0, (67,), 0.6), (1.0, (64,), 0.7), (2.5, (60,), 0.8), (1.5, (), 0),
    (0.5, (62,), 0.7), (0.5, (64,), 0.6), (1.0, (65,), 0.8), (1.0, (64,), 0.6),
    (2.0, (62,), 0.7), (3.0, (57, 62), 0.8), (1.5, (), 0),
    (1.0, (55,), 0.8), (0.5, (62,), 0.6), (0.5, (65,), 0.7), (2.0, (71,), 0.9),
    (1.0, (69,), 0.7), (0.5, (67,), 0.6), (0.5, (65,), 0.6), (2.0, (64,), 0.8), (2.0, (), 0),
    (0.25, (69,), 0.6), (0.25, (72,), 0.6), (0.25, (76,), 0.7), (1.25, (81,), 0.9),
    (1.0, (76,), 0.6), (1.0, (72,), 0.6), (3.0, (45, 57, 64), 0.9), (1.5, (), 0),
    (0.5, (60,), 0.6), (0.5, (62,), 0.6), (1.0, (64,), 0.8), (0.5, (60,), 0.5),
    (1.5, (57,), 0.7), (1.0, (55,), 0.6), (4.0, (45, 52, 57), 0.9),
)  # fmt: skip
_BEAT = 0.75  # seconds


def phrase(rate: int = MODEL_RATE) -> Samples:
    """The example recording: some 38 s of single notes, a few chords, and rests."""
    rng = np.random.default_rng(1983)
    length = sum(beats for beats, _, _ in _PHRASE) * _BEAT + TAIL
    out = np.zeros(int(length * rate))
    at = 0.0
    for beats, notes, loudness in _PHRASE:
        for k, note in enumerate(notes):
            start = int((at + 0.03 * k) * rate)
            ring = string(note, min(beats * _BEAT + 0.6, 4.0), rate, rng, hardness=loudness)
            out[start : start + len(ring)] += loudness * ring[: len(out) - start]
        at += beats * _BEAT
    return (0.5 * out / np.abs(out).max()).astype(np.float32)
