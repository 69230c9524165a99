"""The vocoder against the plain sum of its oscillators, and what a listener hears of it."""

import numpy as np
import pytest

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import make
from dreamd.approaches.spectrum import Spectrum
from dreamd.audio.files import Samples
from dreamd.audio.vocoder import NEAR_PEAK, Vocoder, peaks

RATE, FRAME = 11025, 1024
HOPS = (1024, 512, 256, 128, 56)


def plain_sum(spectra: np.ndarray, frame: int, hop: int, channel: int) -> np.ndarray:
    """Each oscillator by itself: who goes on, where its phase is, a cosine for each sample."""
    out, alive = [], []
    t = np.arange(hop)
    for spectrum in spectra:
        new = peaks(spectrum)
        loudness = new.amplitude[channel]
        samples, next_alive, taken = np.zeros(hop), [], set()
        for place, amplitude, phase in alive:
            near = [k for k in range(len(new.place)) if abs(new.place[k] - place) <= NEAR_PEAK]
            near = [
                k
                for k in near
                if min(alive, key=lambda each, k=k: abs(each[0] - new.place[k]))[0] == place
            ]
            best = min(near, key=lambda k: abs(new.place[k] - place), default=None)
            to, loud = (place, 0.0) if best is None else (new.place[best], loudness[best])
            low, high = 2 * np.pi * place / frame, 2 * np.pi * to / frame
            angle = phase + low * t + (high - low) * t**2 / (2 * hop)
            samples += (amplitude + (loud - amplitude) * t / hop) * np.cos(angle)
            if best is not None:
                taken.add(best)
                next_alive.append((to, loud, phase + (low + high) / 2 * hop))
        for k in set(range(len(new.place))) - taken:
            omega = 2 * np.pi * new.place[k] / frame
            samples += loudness[k] * t / hop * np.cos(new.phase[k] + omega * t)
            next_alive.append((new.place[k], loudness[k], new.phase[k] + omega * hop))
        alive = sorted(next_alive)
        out.append(samples)
    return np.concatenate(out)  # fmt: skip


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("frame", "hop"), [(1024, hop) for hop in HOPS] + [(128, 128)])
def test_equals_the_plain_sum_of_oscillators(frame: int, hop: int, channels: int) -> None:
    rng, shape = np.random.default_rng(1), (channels, frame // 2 + 1)
    spectra = rng.random(shape) * (1 + 0.2 * rng.standard_normal((6, *shape)))
    spectra = np.maximum(spectra, 0).astype(np.float32)
    vocoder = Vocoder(frame, hop, channels)
    fast = np.concatenate([vocoder(s) for s in spectra])
    for channel in range(channels):
        slow = plain_sum(spectra, frame, hop, channel)
        np.testing.assert_allclose(fast[:, channel], slow, atol=1e-4)


def vocoded(samples: Samples, hop: int) -> Samples:
    """There and back: analysed as spectrum does, and resynthesized."""
    import torch

    model = make(ModelConfig("spectrum", RATE, hop, 8, 8, frame=FRAME))
    assert isinstance(model, Spectrum)
    return model.decoder()(model.spectra(torch.from_numpy(samples))).numpy()


@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("hertz", [110.0, 443.3, 2217.5])
def test_a_tone_comes_back_as_one_tone(hertz: float, hop: int) -> None:
    """Of any frequency, between bins or not: within 3 cents, 0.5 dB, and with nothing beside it."""
    tone = (0.3 * np.sin(2 * np.pi * hertz * np.arange(4 * RATE) / RATE)).astype(np.float32)
    back = vocoded(tone, hop)[RATE : 3 * RATE]
    spectrum = np.abs(np.fft.rfft(back * np.blackman(len(back)))) ** 2
    at = spectrum.argmax() * RATE / len(back)
    assert at == pytest.approx(hertz, rel=3 / 1200 * np.log(2), abs=0.3)
    near = np.abs(np.fft.rfftfreq(len(back), 1 / RATE) - at) < 4
    assert spectrum[~near].sum() < 1e-5 * spectrum.sum()
    assert 20 * np.log10(back.std() / tone.std()) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("hop", HOPS)
def test_noise_comes_back_as_loud(hop: int) -> None:
    noise = (0.1 * np.random.default_rng(2).standard_normal(4 * RATE)).astype(np.float32)
    level = 20 * np.log10(vocoded(noise, hop)[RATE:].std() / noise.std())
    assert -4 < level < 1


def test_no_click_where_spectra_change() -> None:
    """Peaks that come, go and wander: no sample to sample step beyond what the partials make."""
    rng = np.random.default_rng(3)
    spectra = np.zeros((40, 513), np.float32)
    for each in spectra:
        each[rng.integers(5, 60, 4)] = rng.random(4) * 0.2
    vocoder = Vocoder(1024, 256)
    sound = np.concatenate([vocoder(each[None]) for each in spectra])[:, 0]
    fastest = 2 * np.pi * 60 / 1024 * np.abs(spectra).sum(1).max() * 2
    assert np.abs(np.diff(sound)).max() < fastest + 0.8 / 256
