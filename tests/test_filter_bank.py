"""The filter bank: what goes in comes out again, block by block, and bands keep to themselves."""

import numpy as np
import pytest
import torch
from conftest import tone

from dreamd.audio import plucked_string
from dreamd.audio.filter_bank import TAPS, Analysis, Synthesis

RATE = 44100

Signal = np.ndarray


def noise(count: int) -> Signal:
    return (0.2 * np.random.default_rng(0).standard_normal(count)).astype(np.float32)


def sweep(count: int) -> Signal:
    """From 20 Hz to the highest that there is."""
    t = np.arange(count) / RATE
    seconds = count / RATE
    return np.sin(2 * np.pi * (20 * t + (RATE / 2 - 20) * t**2 / (2 * seconds))).astype(np.float32)


def plucked(count: int) -> Signal:
    return plucked_string.chord((45, 57, 64), count, RATE, 0.5)


def there_and_back(samples: Signal, bands: int) -> Signal:
    return Synthesis(bands)(Analysis(bands)(torch.from_numpy(samples))).numpy()


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("sound", [noise, sweep, plucked])
def test_what_went_in_comes_out(sound: object, bands: int) -> None:
    """An error 80 dB down is asked for; float32's own lies 140 dB down."""
    samples = sound(RATE)  # type: ignore[operator]
    margin = Analysis(bands).margin
    back = there_and_back(samples, bands)
    error = (back - samples[: len(back)])[margin:]
    assert 20 * np.log10(error.std() / samples.std()) < -100


def test_it_is_late_by_less_than_three_milliseconds() -> None:
    bank = Analysis(4)
    assert bank.margin / RATE < 0.003
    click = torch.zeros(4 * 50 + bank.margin)
    click[101] = 1.0
    frames = bank(click)
    heard = frames.abs().amax(1).nonzero().flatten()
    assert (101 - bank.margin) // 4 <= heard.min()
    assert heard.max() <= 101 // 4
    assert Synthesis(4)(frames).argmax() == 101


@pytest.mark.parametrize("bands", [2, 4])
@pytest.mark.parametrize("cuts", [[1] * 40, [7, 16, 33, 100], [256, 1]])
def test_in_blocks_of_any_size_it_speaks_as_in_one(bands: int, cuts: list[int]) -> None:
    frames = torch.from_numpy(noise(sum(cuts) * bands)).view(-1, bands)
    synthesis = Synthesis(bands)
    parts = torch.cat([synthesis(part) for part in frames.split(cuts)])
    torch.testing.assert_close(parts, Synthesis(bands)(frames), atol=1e-6, rtol=0)


@pytest.mark.parametrize("bands", [2, 4])
def test_a_frame_is_the_same_whatever_is_beside_it(bands: int) -> None:
    """Windows of one recording share their frames."""
    bank, samples = Analysis(bands), torch.from_numpy(noise(3000))
    whole = bank(samples)
    for first, count in ((0, 1), (1, 15), (40, 177)):
        part = samples[first * bands : (first + count) * bands + bank.margin]
        torch.testing.assert_close(bank(part), whole[first : first + count], atol=1e-6, rtol=0)
    both = bank(torch.stack((samples, samples.flip(0))))
    torch.testing.assert_close(both[0], whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("band", range(4))
def test_a_tone_is_in_its_band_alone_and_as_loud_there(band: int) -> None:
    frames = Analysis(4)(torch.from_numpy(tone((band + 0.5) * RATE / 8 + 100, 0.5, RATE))).numpy()
    levels = 20 * np.log10(frames.std(0) / (0.5 / np.sqrt(2)) + 1e-9)
    assert levels[band] == pytest.approx(0, abs=0.1)
    assert np.delete(levels, band).max() < -80


def test_the_bank_is_as_short_as_it_says() -> None:
    assert Analysis(4).margin == (TAPS - 1) * 4
    assert Analysis(4)(torch.zeros(3, 4 * 5 + Analysis(4).margin)).shape == (3, 5, 4)
