"""Liveliness as three numbers: what stands still scores near nothing, what begins is counted."""

import numpy as np
import pytest
from conftest import RATE, RATES, tone

from dreamd.audio import plucked_string
from dreamd.audio.files import Samples
from dreamd.evaluation.liveliness import alignment, distance, highs, kept, measure, ringing

at_every_rate = pytest.mark.parametrize("rate", RATES)


def hiss(seconds: int, rate: int, seed: int = 0) -> Samples:
    noise = np.random.default_rng(seed).standard_normal(seconds * rate)
    return noise.astype(np.float32)


@at_every_rate
def test_noise_and_a_sine_are_drones(rate: int) -> None:
    for drone in (hiss(20, rate), tone(440, 20.0, rate)):
        numbers = measure(drone, rate)
        assert numbers.onset_rate == 0
        assert numbers.liveliness < 1.5
        assert numbers.drift < 0.5


@at_every_rate
def test_plucks_are_entries_and_growth_is_drift(rate: int) -> None:
    envelope = np.exp(-4 * (np.arange(20 * rate) / rate % 1.0))  # one a second
    plucked = tone(440, 20.0, rate) * envelope.astype(np.float32)
    numbers = measure(plucked, rate)
    assert numbers.onset_rate == pytest.approx(1.0, abs=0.1)
    assert numbers.liveliness == pytest.approx(14.0, abs=0.3)
    growing = tone(440, 20.0, rate) * np.linspace(0, 1, 20 * rate, dtype=np.float32) ** 2
    assert measure(growing, rate).drift > 6


def bursts(every: float, seconds: float, rate: int, first: float = 0.1) -> Samples:
    t = np.arange(int(seconds * rate)) / rate
    since = np.where(t < first, 1.0, (t - first) % every)
    return tone(440, seconds, rate) * np.exp(-20 * since).astype(np.float32)


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_alignment_tells_the_same_onsets_from_others(rate: int) -> None:
    events = bursts(0.45, 6.0, rate)
    late = np.concatenate((np.zeros(rate // 20, np.float32), events))  # 50 ms
    assert alignment(events, events, rate) > 0.99
    assert alignment(late, events, rate) > 0.95
    assert alignment(bursts(0.37, 6.0, rate), events, rate) < 0.5
    assert alignment(hiss(6, rate), events, rate) < 0.5


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_distance_is_of_timbre_not_of_loudness(rate: int) -> None:
    noise = hiss(4, rate)
    assert distance(noise, 0.1 * hiss(4, rate, 1), rate) < 1
    assert distance(noise, tone(440, 4.0, rate), rate) > 20


def test_highs_are_what_the_other_measures_do_not_hear() -> None:
    low, high = tone(440, 2.0, 44100), tone(12000, 2.0, 44100, 0.05)  # 20 dB down
    assert highs(low, 44100) < -80
    assert highs(low + high, 44100) == pytest.approx(-20, abs=0.5)
    assert highs(tone(440, 2.0), RATE) < -80


def test_ringing_is_the_share_of_the_time_in_which_highs_sound() -> None:
    t = np.arange(2 * 44100) / 44100
    high = 0.1 * np.sin(2 * np.pi * 12000 * t)
    picks = high * np.exp(-120 * (t % 0.5))  # 20 dB down after 0.02 s
    assert ringing(high, 44100) == 1
    assert 0.05 < ringing(picks + tone(440, 2.0, rate=44100), 44100) < 0.25
    assert ringing(tone(440, 2.0), RATE) == 0


@at_every_rate
def test_kept_is_the_share_at_the_notes_partials(rate: int) -> None:
    notes = plucked_string.chord((60, 64), 4 * rate, rate, 0.5)
    assert kept(notes, rate, (60, 64)) > 0.98
    assert 0.2 < kept(notes, rate, (60,)) < 0.8
    assert kept(tone(300, 4.0, rate), rate, (60,)) < 0.05  # MIDI 62.4
