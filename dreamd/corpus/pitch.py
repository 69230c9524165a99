"""Listens to recordings for pitches that sound alone. The only importer of parselmouth.

The learner calls :func:`listen` for each new recording, ``dreamd dream`` for those of its voice.
Praat's autocorrelation tracker (Boersma 1993) says where one pitch could be; the spectrum there
must agree that it is alone: a chord's common subharmonic looks like a pitch to any tracker.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import parselmouth
from numpy.typing import NDArray

from dreamd.audio import plucked_string, resampling
from dreamd.audio.files import Samples
from dreamd.corpus.recording import Recording, cut
from dreamd.corpus.single_notes import SingleNote
from dreamd.settings import PAPER_RATE

LOWEST, HIGHEST = 40.0, 2000.0  # Hz
PITCH_STEP = 0.02  # seconds between two frames of the tracker
SURE = 0.7  # of 1: how periodic each frame must be
STEADY = 0.4  # semitones that a single may wander about its middle
SHORTEST_NOTE = 0.2  # seconds
PIECE = 60.0  # seconds analysed at a time: memory stays flat
LISTENED = PAPER_RATE  # Hz, at most: all of this lies below half of it, and so says the same

ALONE = 0.9
"""Share of a stretch's energy that must lie at its pitch's partials."""
FUNDAMENTAL = 0.004
"""Share of it that must lie at the first partial: of a chord's subharmonic nothing does."""
LOW = 0.05
"""Share of it that must lie at the first three."""
BESIDE_NOTE = 0.4
"""Semitones, at least two and a half bins, either way that count as a partial's place."""

Numbers = NDArray[np.float64]


def scan(recording: Recording) -> Iterator[list[SingleNote]]:
    """The stretches of a recording in which one pitch sounds alone, a minute of it at a time."""
    length = int(PIECE * recording.rate)
    for start in range(0, recording.frames, length):
        piece = cut(recording, start, min(length, recording.frames - start))
        found = singles(np.array(piece), recording.rate)
        yield [replace(single, start=single.start + start) for single in found]


def singles(samples: Samples, rate: int) -> Iterator[SingleNote]:
    """The singles in ``(frames,)`` samples."""
    if len(samples) < SHORTEST_NOTE * rate:
        return
    if rate > LISTENED:
        heard = resampling.resample(samples, rate, LISTENED)
        for each in singles(heard, LISTENED):
            start, frames = (n * rate // LISTENED for n in (each.start, each.frames))
            yield SingleNote(each.note, start, frames)
        return
    sound = parselmouth.Sound(samples.astype(np.float64), rate)
    highest = min(HIGHEST, rate / 4)
    pitch = sound.to_pitch_ac(PITCH_STEP, LOWEST, pitch_ceiling=highest, silence_threshold=0.01)
    hertz = pitch.selected_array["frequency"]
    sure = (pitch.selected_array["strength"] >= SURE) & (hertz > 0)
    notes = 69 + 12 * np.log2(np.where(sure, hertz, 440.0) / 440.0)
    times = pitch.xs()
    for first, last in _runs(notes, sure):
        start, end = int(times[first] * rate), int(times[last - 1] * rate)
        note = float(np.median(notes[first:last]))
        if end - start >= SHORTEST_NOTE * rate and alone(samples[start:end], rate, note):
            yield SingleNote(round(note, 2), start, end - start)


def _runs(notes: Numbers, sure: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Frames ``first`` to ``last`` (exclusive) that hold one note."""
    first = 0
    for k in range(1, len(notes) + 1):
        goes_on = k < len(notes) and sure[k] and sure[first]
        if goes_on and abs(notes[k] - np.median(notes[first:k])) <= STEADY:
            continue
        if sure[first] and k > first:
            yield first, k
        first = k


def alone(samples: Samples, rate: int, note: float) -> bool:
    """Whether what sounds is this note and nothing else, throughout."""
    half = len(samples) // 2
    return all(_alone(part, rate, note) for part in (samples[:half], samples[half:]))


def _alone(samples: Samples, rate: int, note: float) -> bool:
    there = shares(samples, rate, note)
    low = float(there[0]) >= FUNDAMENTAL and float(there[:3].sum()) >= LOW
    return low and float(there.sum()) >= ALONE


def shares(samples: Samples, rate: int, note: float) -> Numbers:
    """The share of the energy at each partial of ``note``, up to half the rate."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    bin = rate / len(samples)
    hertz = np.arange(len(power)) * bin
    fundamental = plucked_string.hertz(note)
    order = np.maximum(np.round(hertz / fundamental), 1)
    partial = order * fundamental
    width = np.maximum(partial * (2 ** (BESIDE_NOTE / 12) - 1), 2.5 * bin)
    near = np.abs(hertz - partial) <= np.minimum(width, fundamental / 4)
    energy = np.bincount(order[near].astype(int) - 1, power[near], minlength=int(order.max()))
    return energy / max(float(power.sum()), 1e-20)
