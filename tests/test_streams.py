"""Endless dreams in SuperCollider: what is heard of them, with a scripted writer and the daemon."""

from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from test_supercollider import (  # noqa: F401 - fixtures
    LONG,
    Daemon,
    Double,
    SuperCollider,
    daemon,
    double,
    jack,
    read_wav,
    recording,
    supercollider,
    write_wav,
)

pytestmark = pytest.mark.supercollider

RATE = 11025
HERTZ = 200


def tone(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.5 * np.sin(2 * np.pi * HERTZ * t), np.float32)


def clicks(sound: np.ndarray, rate: int, hertz: float = 1000) -> float:
    """The loudest moment above ``hertz``, where nothing of the sound is but its clicks."""
    high = signal.butter(8, hertz, "high", fs=rate, output="sos")
    return float(np.abs(signal.sosfilt(high, sound)).max())


def longest_gap(sound: np.ndarray, rate: int, silent: float = 0.02) -> float:
    """Seconds of the longest stretch without a sample louder than ``silent``, once it sounds."""
    loud = np.flatnonzero(np.abs(sound) > silent)
    return float(np.diff(loud).max() / rate)


def played(folder: Path, name: str) -> np.ndarray:
    """What the server played of a case: from its first sound on."""
    sound = read_wav(folder / f"{name}.wav")
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0.4, f"{name} is silent"
    return np.asarray(sound[np.flatnonzero(sound)[0] :])


def test_a_dream_is_played_without_gap_or_click(
    supercollider: SuperCollider,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Where the ring wraps, the writer stalls or is too slow, a loop ends, a dream is restarted."""
    ring = write_wav(tmp_path / "ring.wav", tone(8), RATE)  # whole waves, so it has no seam
    cut = write_wav(tmp_path / "cut.wav", tone(1.00625), RATE)
    told = supercollider.well("play.scd", ring, tmp_path, cut, seconds=LONG)
    assert told.warnings() == []

    for rate in (44100, 48000, 96000):
        sound = played(tmp_path, f"round{rate}")
        assert len(sound) > 11 * rate
        assert clicks(sound, rate) < 0.005
        held = sound[rate // 2 : -rate // 2]
        waves = np.count_nonzero(np.diff(np.sign(held)) > 0) / len(held) * rate
        assert waves == pytest.approx(HERTZ, rel=0.003), "the pitch of the file"
        quarters = np.abs(held[: len(held) // 1000 * 1000]).reshape(-1, 1000).max(axis=1)
        assert quarters.min() > 0.49, "it is never faded where all goes well"

    for name in ("stalled", "slow", "caught"):
        sound = played(tmp_path, name)
        assert len(sound) > 9 * 48000
        assert longest_gap(sound, 48000) < 0.05, name
        assert clicks(sound, 48000) < 0.005, name

    for name in ("looped", "restarted"):
        sound = played(tmp_path, name)
        assert len(sound) > 3.9 * 48000
        assert longest_gap(sound, 48000) < 0.05, name
        assert clicks(sound, 48000) < 0.005, name
    assert clicks(played(tmp_path, "clicks"), 48000) > 0.1, "a click would be found"

    for name, ends in (("freed", 2.2), ("once", 1.1), ("event", 1.1)):
        sound = played(tmp_path, name)
        assert clicks(sound, 48000) < 0.005, name
        assert 0.9 < np.flatnonzero(np.abs(sound) > 1e-4)[-1] / 48000 < ends, name
