"""The vocoder against the plain sum of oscillators, and what a listener hears of it."""

import numpy as np
import pytest

from dreamd.vocoder import Vocoder, phases


def plain_sum(spectra: np.ndarray, frame: int, hop: int) -> np.ndarray:
    """y(t) = Σ_k a_k(t) cos(2π k t / N + φ_k), each oscillator written out."""
    bins = frame // 2 + 1
    ends = np.vstack((np.zeros(bins), spectra))
    out = []
    for j in range(len(spectra)):
        ramp = np.arange(hop)[:, None] / hop
        amplitude = ends[j] + ramp * (ends[j + 1] - ends[j])
        t = (j * hop + np.arange(hop))[:, None]
        angle = 2 * np.pi * np.arange(bins) * t / frame + phases(bins)
        out.append((amplitude * np.cos(angle)).sum(1))
    return np.concatenate(out)


@pytest.mark.parametrize(
    ("frame", "hop"), [(1024, hop) for hop in (1024, 512, 256, 128, 56)] + [(128, 128)]
)
def test_equals_the_plain_sum_of_oscillators(frame: int, hop: int) -> None:
    spectra = np.random.default_rng(1).random((6, frame // 2 + 1)).astype(np.float32)
    vocoder = Vocoder(frame, hop)
    fast = np.concatenate([vocoder(s) for s in spectra])
    np.testing.assert_allclose(fast, plain_sum(spectra, frame, hop), atol=1e-4)


def test_a_bin_sounds_at_its_centre_with_its_amplitude() -> None:
    vocoder, spectrum = Vocoder(1024, 256), np.zeros(513, np.float32)
    spectrum[40] = 0.5
    sound = np.concatenate([vocoder(spectrum) for _ in range(12)])[-1024:]
    heard = np.abs(np.fft.rfft(sound)) * 2 / 1024
    assert heard.argmax() == 40
    assert heard[40] == pytest.approx(0.5, abs=1e-5)
