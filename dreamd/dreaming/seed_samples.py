"""From a seed to the window of samples that fills a dream's queue.

The dreamer calls :func:`load` for each dream, and :func:`start_of` where the seed goes on past
its window. What :func:`dreamd.dreaming.seeds.settle` left open, chance settles here.
"""

from pathlib import Path

import numpy as np

from dreamd.audio import files, plucked_string, resampling
from dreamd.audio.channels import of_channels, repeated
from dreamd.audio.files import Samples
from dreamd.corpus import events
from dreamd.corpus.recording import cut
from dreamd.dreaming.seeds import Cutting, Seed
from dreamd.errors import NoSuchSeed

AS_LOUD = 5.0
"""dB under nine tenths of a recording's events: what is softer begins no seed by chance."""
OVERLAP = 0.15
"""Part of a single that is too short in which it fades into itself."""


def load(
    seed: Seed, count: int, rate: int, peak: float, rng: np.random.Generator, channels: int = 1
) -> Samples:
    """``(count,)`` samples at ``rate``, of two channels ``(count, 2)``: what the dream's queue
    starts from.

    A source that is too short is looped. ``peak`` is the level of made-up seeds, which sound in
    the middle.
    """
    if seed.kind == "file":
        assert seed.path is not None
        return _from_file(seed.path, seed.at, count, rate, rng, channels)
    if seed.kind == "recording":
        assert seed.recording is not None
        start = start_of(seed, seed.recording.frames, count, rate, rng)
        return cut(seed.recording, start, count, channels)
    made = np.zeros(count, np.float32)
    if seed.kind == "noise":
        made = (rng.standard_normal(count) * peak / 4).astype(np.float32)
    elif seed.kind == "notes":
        made = _chord(seed, count, rate, peak)
    return of_channels(made[:, None], channels)


def start_of(seed: Seed, frames: int, count: int, rate: int, rng: np.random.Generator) -> int:
    """The frame at which the seed's window of ``count`` begins in its source of ``frames``: where
    nobody says it, at one of the louder events, and not in what is dying away."""
    spare = max(frames - count, 0)
    if seed.at is not None:
        return min(int(seed.at * rate), spare)
    heard = events.known(seed.recording) if seed.recording else None
    if heard is None:
        return int(rng.integers(spare + 1))
    loud = heard.levels >= np.percentile(heard.levels, 90) - AS_LOUD
    frames_there = heard.frames[loud & (heard.frames <= spare)]
    return int(rng.choice(frames_there)) if len(frames_there) else 0


def _chord(seed: Seed, count: int, rate: int, peak: float) -> Samples:
    """All notes at once, equally strong."""
    cuttings = seed.cuttings or (None,) * len(seed.notes)
    mix = np.zeros(count, np.float32)
    for note, cutting in zip(seed.notes, cuttings, strict=True):
        if cutting is None:
            one = plucked_string.chord((note,), count, rate, peak)
        else:
            one = _tuned(cutting, note, count, rate)
        mix += one / max(float(np.sqrt(np.mean(one**2))), 1e-9)
    mix *= np.float32(peak / max(float(np.abs(mix).max()), 1e-9))
    return mix


def _tuned(cutting: Cutting, note: float, count: int, rate: int) -> Samples:
    """A single, exactly at ``note``, for ``count`` samples."""
    single = cutting.single
    samples = np.array(cut(cutting.recording, single.start, single.frames))
    samples -= samples.mean()
    ratio = 2 ** ((note - single.note) / 12)
    return prolonged(
        resampling.resample(samples, rate, rate / ratio), count, rate / plucked_string.hertz(note)
    )


def prolonged(samples: Samples, count: int, period: float) -> Samples:
    """``count`` samples of a steady tone: where it is too short it fades into itself, again and
    again, moved by whole periods."""
    overlap = max(int(OVERLAP * len(samples)), 1)
    moves = max(int((len(samples) - overlap) / period), 1)
    hop = min(round(moves * period), len(samples) - overlap)
    out = samples[:count].copy()
    rise = np.linspace(0, 1, overlap, dtype=np.float32)
    at = hop
    while len(out) < count:
        joined = out[at : at + overlap] * (1 - rise) + samples[:overlap] * rise
        out = np.concatenate((out[:at], joined, samples[overlap:]))
        at += hop
    return out[:count]


def _from_file(
    path: Path, at: float | None, count: int, rate: int, rng: np.random.Generator, channels: int
) -> Samples:
    frames = int(files.info(path).seconds * rate)
    start = start_of(Seed("file", path=path, at=at), frames, count, rate, rng)
    samples = files.excerpt(path, rate, start / rate, count, channels)
    if not len(samples):
        raise NoSuchSeed(f"seed: holds no samples: {path}")
    samples = repeated(samples, count)
    return samples - samples.mean(0, dtype=np.float32)
