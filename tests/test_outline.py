"""A melody goes in; its outline comes out, in the recordings' sounds (paper, section 5.2).

The voice plays single plucked notes, the melody others, and its own rhythm. What is measured is
what is heard: where something begins in the dream, and with which pitch.
"""

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE
from test_controls import Stage

from dreamd.audio import plucked_string, timbre
from dreamd.audio.files import Samples
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.dreaming.guides import direction
from dreamd.settings import Settings

VOICE = (50, 52, 55, 57, 59, 62, 64, 67, 69, 71, 74)
MELODY = (66, 61, 63, 70, 58, 56, 61, 68, 73, 66, 58, 63, 54, 61, 70, 68, 66, 58, 63, 61)
"""None of them is the voice's."""
LENGTHS = (0.6, 0.45, 0.9, 0.45, 0.6, 0.75, 0.45)
SECONDS = 20.0
NEAR = 0.1  # seconds
ORDERS = (0, 1, 6)
"""Of the melody's notes: by lot, 0 as they stand above."""
CONTOUR = 0.5
"""Of a melody's steps; measured, with an outline 0.7 in these orders together, without 0.3."""


def played(
    notes: tuple[int, ...], lengths: tuple[float, ...], seed: int
) -> tuple[Samples, list[float]]:
    """Plucked notes one after the other, and when each begins; a length for each in turn."""
    rng = np.random.default_rng(seed)
    gaps = [lengths[k % len(lengths)] for k in range(len(notes))]
    begins = np.cumsum([0.0, *gaps])
    samples = np.zeros(int(begins[-1] * RATE))
    for note, at, gap in zip(notes, begins[:-1], gaps, strict=True):
        ring = plucked_string.string(note, gap + 0.2, RATE, rng)
        here = samples[int(at * RATE) :]
        here += np.pad(ring, (0, len(samples)))[: len(here)]
    return (0.4 * samples / np.abs(samples).max()).astype(np.float32), begins[:-1].tolist()


@pytest.fixture
def outlined(
    small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> Callable[..., tuple[Samples, np.ndarray, np.ndarray]]:
    """A dream of a voice, the melody its seed; when the melody's notes begin in it, and which."""
    settings = replace(small, hop=256, frame=1024, hidden=128, window=8, learning_rate=3e-3)
    stage = Stage(settings, recorded)
    order = np.random.default_rng(1).permutation(np.repeat(VOICE, 5))
    voice = recorded(played(tuple(order), (0.8, 1.0), 2)[0], "voice")
    for _ in events.scan(voice):
        pass
    stage.voices = {"voice": [voice]}
    stage.learn("voice", "spectrum", 2000)
    window = (settings.window - 1) * settings.hop + settings.frame

    def dream(
        approach: str, order: int = 0, **keys: object
    ) -> tuple[Samples, np.ndarray, np.ndarray]:
        tune = np.random.default_rng(order).permutation(MELODY) if order else np.array(MELODY)
        samples, begins = played(tuple(tune), LENGTHS, 3)
        melody = tmp_path / f"melody{order}.wav"
        soundfile.write(melody, samples, RATE)
        heard = stage.dream(
            approach, seed=str(melody), seedat=0.0, voice="voice", secs=SECONDS, **keys
        )
        laps = [np.array(begins) + lap * len(samples) / RATE for lap in range(3)]
        times, notes = np.concatenate(laps) - window / RATE, np.tile(tune, 3)
        inside = (times > 0.2) & (times < SECONDS - 0.5)
        return heard, times[inside], notes[inside]

    return dream


def entries(samples: Samples) -> np.ndarray:
    """When something begins, in seconds."""
    return events.boundaries(samples, RATE)[1:] / RATE


def pitches(samples: Samples, times: np.ndarray) -> np.ndarray:
    """Which note is heard from a little later on; NaN where none is clear."""
    size = round(timbre.TIMBRE_SPAN * RATE)
    at = ((times + 0.05) * RATE).astype(int)
    before, here = (
        timbre.powers(timbre.stretches(samples, some, size), RATE) for some in (at - size, at)
    )
    return np.asarray(events._pitches(before, here, RATE, size))


def agreement(heard: Samples, times: np.ndarray, notes: np.ndarray) -> np.ndarray:
    """Of each step between two clear pitches: does it go the melody's way?"""
    own = pitches(heard, times)
    steps = np.flatnonzero(~np.isnan(own[:-1]) & ~np.isnan(own[1:]))
    return np.asarray(direction(own[steps + 1] - own[steps]) == direction(np.diff(notes)[steps]))


def test_the_dream_has_the_melody_s_outline_and_the_voice_s_pitches(
    outlined: Callable[..., tuple[Samples, np.ndarray, np.ndarray]],
) -> None:
    """Some 27 steps a dream: one dream's contour may go its own way by chance. And what is found
    with an outline is not found anywhere."""
    agrees: dict[float, list[np.ndarray]] = {0.0: [], 1.0: []}
    for order, outline in itertools.product(ORDERS, agrees):
        heard, times, notes = outlined("spectrum", order=order, outline=outline)
        agrees[outline].append(agreement(heard, times, notes))
        apart = np.abs(entries(heard)[:, None] - times)
        if not outline:
            assert (apart.min(1) <= NEAR).mean() < 0.7
            continue
        assert (apart.min(1) <= NEAR).mean() >= 0.8  # the dream's entries are the melody's
        assert (apart.min(0) <= NEAR).mean() >= 0.7  # and most of them
        own = pitches(heard, times)
        clear = ~np.isnan(own)
        assert clear.mean() >= 0.6
        away = np.abs(own[clear][:, None] - np.array(VOICE)).min(1)
        assert (away < 0.5).mean() >= 0.8
    assert np.concatenate(agrees[1.0]).mean() >= CONTOUR
    assert np.concatenate(agrees[0.0]).mean() < CONTOUR
