"""Life as three numbers: what stands still scores near nothing, what begins is counted."""

import numpy as np
import pytest
from conftest import RATE, tone

from dreamd.life import measure


def test_noise_and_a_sine_are_drones() -> None:
    noise = np.random.default_rng(0).standard_normal(20 * RATE).astype(np.float32)
    for drone in (noise, tone(440, 20.0)):
        numbers = measure(drone, RATE)
        assert numbers.entries == 0
        assert numbers.life < 1.5
        assert numbers.drift < 0.5


def test_plucks_are_entries_and_growth_is_drift() -> None:
    envelope = np.exp(-4 * (np.arange(20 * RATE) / RATE % 1.0))  # one a second
    plucked = tone(440, 20.0) * envelope.astype(np.float32)
    assert measure(plucked, RATE).entries == pytest.approx(1.0, abs=0.1)
    growing = tone(440, 20.0) * np.linspace(0, 1, 20 * RATE, dtype=np.float32) ** 2
    assert measure(growing, RATE).drift > 6
