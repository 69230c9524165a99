"""Where in a recording something begins, how it sounds there and just before: its events.

The training process calls :func:`scan` for each new recording, which writes what it finds beside
the recording's cache, where :func:`known` reads it; a dream's cursor leaps from event to event.
All sizes are in seconds and Hz: events mean the same at every sample rate.

Boundaries between events are rises of the level. Where there is none for two seconds (pads, rain,
a bow), they are where the sound is newest: Foote's novelty ("Automatic audio segmentation using
a measure of audio novelty", 2000) on the same timbres.
"""

import contextlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import next_fast_len, rfft
from scipy.ndimage import correlate1d, maximum_filter1d

from dreamd.audio import channels, loudness, timbre
from dreamd.audio.files import Samples
from dreamd.audio.timbre import BANDS, HIGHEST, LEAST_POWER, LOWEST, TIMBRE_SPAN, Array, Frames
from dreamd.corpus.recording import Recording, cut

STEP, FRAME = 0.01, 0.023  # seconds between two looks at the level, and in each
STEPS_BESIDE = 5  # steps before and after, whose levels are compared: beats are no events
RISE, BRIGHT = 4.0, 7.0
"""dB by which the level rises where something begins, or that of the highs: where other notes
ring on, the whole level hardly rises."""
EVENT_QUIET = 45.0  # dB under the loudest: nothing begins there
EVENTS_APART = 0.12  # seconds between two rises, at least
EARLY = 0.01  # seconds that a boundary lies before its rise: the attack is the event's

LONGEST_EVENT = 2.0
"""Seconds between two boundaries, at most."""
CELL, REACH = 0.1, 10
"""Seconds between two timbres of the novelty, and how many of them lie on each side."""

LOW, HIGH, FINE = 28.0, 96.0, 0.1  # MIDI notes among which a pitch is looked for, and how finely
PARTIALS, FADING = 16, 0.9  # of a note, and how much less each counts than the one below
AGAINST = 0.5  # how much it counts against a note what lies between its partials
FAINT = 0.03  # of the strongest partial: what is weaker says nothing
NEW = 0.1  # share of the power that must be new, else the pitch is that of all that sounds
NEAR_PARTIAL = 2.0  # bins about a partial that are its own
CLEAR = 0.3
"""Share of the power that a note must explain, over what it would of noise."""

ANALYSED = 30.0  # seconds analysed at a time: memory stays flat
TOGETHER = 256  # timbres made at a time
SCANNED = 120.0  # seconds of a recording listened to at a time

Numbers = NDArray[np.float64]
Halves = NDArray[np.float16]  # of timbres in files: likeness to a thousandth

MAGIC = b"events 2"
"""What a file begins with; another kind of events gets another."""
FILE_HEAD = struct.Struct("<8sqd")
"""Then the number of events and the loudness; then :data:`COLUMNS`."""
COLUMNS = (
    ("frames", "<i8", ()), ("levels", "<f4", ()), ("pitches", "<f4", ()),
    ("before", "<f2", (BANDS,)), ("at", "<f2", (BANDS,)),
)  # fmt: skip
"""What follows, one column after the other: name, type, shape of one."""
EACH = sum(np.dtype((kind, shape)).itemsize for _, kind, shape in COLUMNS)  # bytes of an event


@dataclass(frozen=True)
class Events:
    """The events of one recording, ``n`` of them, in order."""

    frames: Frames  # (n,), where each begins; the first is 0
    levels: Array  # (n,), root mean square in dB of full scale
    pitches: Array  # (n,), MIDI note of what begins there, NaN where nothing clear does
    before: Halves  # (n, BANDS), the timbre that leads up to it
    at: Halves  # (n, BANDS), its own
    loudness: float  # of the whole recording, LUFS; -inf of silence

    def __len__(self) -> int:
        return len(self.frames)


def find(samples: Samples, rate: int) -> Events:
    """The events of a recording ``(frames,)``, which may be memory-mapped."""
    return Events(**_columns(samples, rate), loudness=loudness.integrated(samples, rate))


def _columns(samples: Samples, rate: int) -> dict[str, Any]:
    """What there is of each event: the arrays of :class:`Events`, by name."""
    frames = boundaries(samples, rate)
    before, at = (np.zeros((len(frames), BANDS), np.float16) for _ in range(2))
    levels, pitches = (np.zeros(len(frames), np.float32) for _ in range(2))
    size = round(TIMBRE_SPAN * rate)
    for k in range(0, len(frames), TOGETHER):
        here, some = slice(k, k + TOGETHER), frames[k : k + TOGETHER]
        past, now = (timbre.stretches(samples, from_, size) for from_ in (some - size, some))
        powers = timbre.powers(past, rate), timbre.powers(now, rate)
        before[here], at[here] = (timbre.timbres(power, rate, size) for power in powers)
        levels[here] = 10 * np.log10((now**2).mean(1) + LEAST_POWER)
        pitches[here] = _pitches(*powers, rate, size)
    return {"frames": frames, "levels": levels, "pitches": pitches, "before": before, "at": at}


def scan(recording: Recording) -> Iterator[bool]:
    """Finds a recording's events two minutes at a time, True after each, and keeps them.

    A boundary lies at each seam.
    """
    parts, length = [], int(SCANNED * recording.rate)
    weighting, powers = loudness.Weighting(recording.rate, recording.channels), []
    for start in range(0, recording.frames, length):
        piece = cut(recording, start, min(length, recording.frames - start), recording.channels)
        parts.append(_columns(channels.mono(piece), recording.rate))
        parts[-1]["frames"] += start
        powers.append(weighting(piece.astype(np.float64)))
        yield True
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    heard = loudness.gated(loudness.moments(np.concatenate(powers)))
    keep(recording, Events(**columns, loudness=heard))


# ---------------------------------------------------------------- files


def keep(recording: Recording, events: Events) -> None:
    """Writes down a recording's events. The file is whole or not there."""
    columns = [getattr(events, name).astype(kind).tobytes() for name, kind, _ in COLUMNS]
    path = _path(recording)
    temporary = Path(path + ".tmp")
    temporary.write_bytes(b"".join((FILE_HEAD.pack(MAGIC, len(events), events.loudness), *columns)))
    os.replace(temporary, path)


def exist(recording: Recording) -> bool:
    """Whether its events are written down, and in this form: the size tells."""
    try:
        return os.stat(_path(recording)).st_size % EACH == FILE_HEAD.size
    except OSError:
        return False


def known(recording: Recording) -> Events | None:
    """A recording's events; None where nobody has looked for them yet. A file that is damaged, or
    of another kind, is taken away: then somebody looks again."""
    path = Path(_path(recording))
    with contextlib.suppress(OSError):
        found = _parsed(path.read_bytes(), recording.frames)
        if found is None:
            path.unlink()
        return found
    return None


def _parsed(written: bytes, frames: int) -> Events | None:
    """The events of a recording of so many frames in a file's bytes; None where they are none."""
    at = FILE_HEAD.size
    magic, count, heard = FILE_HEAD.unpack_from(written.ljust(at))
    if magic != MAGIC or count < 1 or len(written) != at + count * EACH or heard != heard:
        return None
    columns = {}
    for name, kind, shape in COLUMNS:
        columns[name] = np.ndarray((count, *shape), kind, written, at)
        at += columns[name].nbytes
    here = columns["frames"]
    in_order = here[0] == 0 and here[-1] < frames and (np.diff(here) > 0).all()
    numbers = all(np.isfinite(columns[name]).all() for name in ("levels", "before", "at"))
    return Events(**columns, loudness=heard) if in_order and numbers else None


def _path(recording: Recording) -> str:
    return os.path.splitext(recording.cache)[0] + ".events"  # a third of what a Path would take


# ---------------------------------------------------------------- boundaries


def boundaries(samples: Samples, rate: int) -> Frames:
    """The frames at which events begin, ascending, never more than 2 s apart; the first is 0."""
    rises = [frame for frame in _rises(samples, rate) if frame > EVENTS_APART * rate]
    edges = np.array([0, *rises, len(samples)], np.int64)
    if np.diff(edges).max() <= LONGEST_EVENT * rate:
        return edges[:-1]
    novelty = _novelty(samples, rate)
    filled = [
        frame
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
        for frame in (start, *_newest(novelty, start, end, rate))
    ]
    return np.array(filled, np.int64)


def _rises(samples: Samples, rate: int) -> list[int]:
    """Where the level of 50 ms is 4 dB over that of the 50 ms before, or that of the highs 7."""
    hop = round(STEP * rate)
    levels = np.concatenate(list(_levels(samples, rate, hop)))  # (steps, 2)
    top = levels.max(0)
    levels = np.maximum(levels, top - EVENT_QUIET - 10)
    around = np.r_[np.full(STEPS_BESIDE, -1.0), np.full(STEPS_BESIDE, 1.0)] / STEPS_BESIDE
    rises = correlate1d(levels, around, axis=0, mode="nearest")
    after = levels[:, 0] + rises[:, 0] / 2
    strength = (rises / (RISE, BRIGHT)).max(1)
    peaks = strength == maximum_filter1d(strength, 2 * round(EVENTS_APART / STEP) + 1)
    steps = np.flatnonzero(peaks & (strength >= 1) & (after > top[0] - EVENT_QUIET))
    early = round(EARLY * rate)
    return [int(step) * hop - early for step in steps]


def _levels(samples: Samples, rate: int, hop: int) -> Iterator[Numbers]:
    """The level and that of the highs (6 dB more for each octave), in dB, a piece at a time."""
    size = round(FRAME * rate)
    hertz = np.fft.rfftfreq(size, 1 / rate)
    hertz[(hertz < LOWEST) | (hertz > HIGHEST)] = 0.0
    weights = np.stack(((hertz > 0).astype(float), (hertz / 1000) ** 2), 1).astype(np.float32)
    piece = round(ANALYSED / STEP) * hop
    for start in range(0, len(samples), piece):
        steps = len(range(start, min(start + piece, len(samples)), hop))
        first = np.array([start - size // 2])
        stretch = timbre.stretches(samples, first, (steps - 1) * hop + size)[0]
        frames = np.lib.stride_tricks.sliding_window_view(stretch, size)[::hop]
        spectra = rfft(frames * timbre.hann(size))
        power = spectra.real**2 + spectra.imag**2
        yield 10 * np.log10(power @ weights + LEAST_POWER)


def _novelty(samples: Samples, rate: int) -> Numbers:
    """How much what follows each cell's beginning differs from what came before.

    Foote slides a checkerboard along the matrix of all likenesses. It tapers off as a product,
    ``g(i) g(j) sign(i) sign(j)``, so its sum is the squared length of ``Σ g(i) sign(i) x(t + i)``:
    no matrix is needed.
    """
    size, hop = round(TIMBRE_SPAN * rate), round(CELL * rate)
    starts = np.arange(0, len(samples), hop)
    parts = [
        timbre.timbres(timbre.powers(timbre.stretches(samples, some, size), rate), rate, size)
        for some in np.array_split(starts, len(starts) // TOGETHER + 1)
    ]
    taper = np.exp(-0.5 * (np.arange(0.5, REACH) / (REACH / 2)) ** 2)
    taper /= taper.sum()
    change = correlate1d(np.concatenate(parts), np.r_[-taper[::-1], taper], axis=0, mode="nearest")
    return np.asarray((change.astype(np.float64) ** 2).sum(1))


def _newest(novelty: Numbers, start: int, end: int, rate: int) -> list[int]:
    """Boundaries that part ``start`` to ``end`` where most is new, until each part is short."""
    if end - start <= LONGEST_EVENT * rate:
        return []
    hop, margin = round(CELL * rate), round(LONGEST_EVENT * rate / 4)
    first, last = -(-(start + margin) // hop), (end - margin) // hop
    middle = (first + int(novelty[first : last + 1].argmax())) * hop
    sides = (start, middle), (middle, end)
    before, after = (_newest(novelty, *side, rate) for side in sides)
    return [*before, middle, *after]


# ---------------------------------------------------------------- pitches


def _pitches(before: Array, at: Array, rate: int, size: int) -> Array:
    """MIDI notes ``(count,)`` of what begins, from power spectra ``(count, bins)``.

    A note speaks for itself with its partials, and against itself with what lies halfway between
    them: of the octave above that is every other partial.
    """
    fresh = np.maximum(np.sqrt(at) - np.sqrt(before), 0)
    little = (fresh**2).sum(1) < NEW * at.sum(1)
    fresh[little] = np.sqrt(at[little])
    notes, partials, between, near = _comb(size, rate)
    wide = maximum_filter1d(fresh, 3, axis=1)
    wide /= wide.max(1, keepdims=True) + LEAST_POWER
    wide = np.pad(np.sqrt(np.where(wide > FAINT, wide, 0)), ((0, 0), (0, 1)))
    fading = (FADING ** np.arange(PARTIALS)).astype(np.float32)
    best = ((wide[:, partials] - AGAINST * wide[:, between]) @ fading).argmax(1)
    power, explained = fresh**2, near[best]
    share = (power * explained).sum(1) / (power.sum(1) + LEAST_POWER)
    chance = explained.mean(1)
    return np.where(share - chance > CLEAR * (1 - chance), notes[best], np.nan).astype(np.float32)


@lru_cache(maxsize=4)
def _comb(size: int, rate: int) -> tuple[Numbers, Frames, Frames, NDArray[np.bool_]]:
    """The notes that a pitch may be, ``(notes,)``; the bins of their partials and of the places
    between, ``(notes, PARTIALS)``, one past the last where they are too high; and which bins are
    near a partial, ``(notes, bins)``."""
    notes = np.arange(LOW, HIGH, FINE)
    bin, bins = rate / next_fast_len(size, real=True), timbre.mel(size, rate).shape[0]
    hertz = 440 * 2 ** ((notes - 69) / 12)
    order = np.arange(1, PARTIALS + 1)
    partials, between = (
        np.minimum(np.round(np.outer(hertz / bin, o)), bins).astype(np.int64)
        for o in (order, order - 0.5)
    )
    turns = np.arange(bins) / (hertz / bin)[:, None]
    away = np.abs(turns - np.maximum(np.round(turns), 1)) * (hertz / bin)[:, None]
    return notes, partials, between, away <= NEAR_PARTIAL
