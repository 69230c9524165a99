"""Liveliness as three numbers: what stands still scores near nothing, what begins is counted."""

import numpy as np
import pytest
from conftest import RATE, tone

from dreamd.audio import plucked_string
from dreamd.evaluation.liveliness import alignment, distance, kept, measure


def test_noise_and_a_sine_are_drones() -> None:
    noise = np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32)
    for drone in (noise, tone(440, 20.0)):
        numbers = measure(drone, RATE)
        assert numbers.onset_rate == 0
        assert numbers.liveliness < 1.5
        assert numbers.drift < 0.5


def test_plucks_are_entries_and_growth_is_drift() -> None:
    envelope = np.exp(-4 * (np.arange(20 * RATE) / RATE % 1.0))  # one a second
    plucked = tone(440, 20.0) * envelope.astype(np.float32)
    assert measure(plucked, RATE).onset_rate == pytest.approx(1.0, abs=0.1)
    growing = tone(440, 20.0) * np.linspace(0, 1, 20 * RATE, dtype=np.float32) ** 2
    assert measure(growing, RATE).drift > 6


def bursts(every: float, seconds: float, first: float = 0.1) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    since = np.where(t < first, 1.0, (t - first) % every)
    return tone(440, seconds) * np.exp(-20 * since).astype(np.float32)


def test_alignment_tells_the_same_onsets_from_others() -> None:
    events = bursts(0.45, 6.0)
    late = np.concatenate((np.zeros(RATE // 20, np.float32), events))  # 50 ms
    assert alignment(events, events, RATE) > 0.99
    assert alignment(late, events, RATE) > 0.95
    assert alignment(bursts(0.37, 6.0), events, RATE) < 0.5
    noise = np.random.default_rng(0).standard_normal(6 * RATE).astype(np.float32)
    assert alignment(noise, events, RATE) < 0.5


def test_distance_is_of_timbre_not_of_loudness() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(4 * RATE).astype(np.float32)
    assert distance(noise, 0.1 * rng.standard_normal(4 * RATE).astype(np.float32)) < 1
    assert distance(noise, tone(440, 4.0)) > 20


def test_kept_is_the_share_at_the_notes_partials() -> None:
    notes = plucked_string.chord((60, 64), 4 * RATE, RATE, 0.5)
    assert kept(notes, RATE, (60, 64)) > 0.98
    assert 0.2 < kept(notes, RATE, (60,)) < 0.8
    assert kept(tone(300, 4.0), RATE, (60,)) < 0.05  # MIDI 62.4
