"""How loud a dream comes: as its recordings, and never louder than anything sane."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
import soundfile
import torch
from conftest import RATE, RATES, pitch, tone
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy import signal

from dreamd.approaches.registry import APPROACHES
from dreamd.audio import loudness
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.files import Samples
from dreamd.audio.limiter import HIGHEST_PEAK, LOUDEST_SANE, OVER, Level, Limiter
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.resolve import resolve
from dreamd.errors import Diverged
from dreamd.osc.requests import Request
from dreamd.settings import Settings

LOUD = Level.of(-20.0, -18.0, 1.0)


def through(
    samples: np.ndarray, level: Level, rate: int = RATE, block: int = 700, seed: float = 0.0
) -> Samples:
    """``seed``: so many seconds of its beginning are what the dream goes on from."""
    output = Limiter(len(samples), rate, level)
    output.begin(samples[: int(seed * rate)])
    parts = [samples[k : k + block].astype(np.float32) for k in range(0, len(samples), block)]
    return np.concatenate([output(part) for part in parts])


def true_peak(samples: Samples) -> float:
    """By another and finer filter than the limiter's."""
    return float(np.abs(signal.resample_poly(samples.astype(float), 16, 1)).max())


def loudest_moment(samples: Samples, rate: int) -> float:
    """Of every 0.4 s, from sample to sample, in LUFS."""
    power = signal.sosfilt(loudness._sections(rate), samples.astype(float)) ** 2
    count = min(int(0.4 * rate), len(power))
    summed = np.cumsum(np.append(0.0, power))
    return loudness.lufs(float((summed[count:] - summed[:-count]).max() / count))


def music(rate: int, seconds: float = 8.0) -> Samples:
    """Tones and noise that come and go, with a rest."""
    rng = np.random.default_rng(4)
    t = np.arange(int(seconds * rate)) / rate
    swells = 0.55 - 0.45 * np.cos(2 * np.pi * t / 1.7)
    sound = np.sin(2 * np.pi * 220 * t) + 0.2 * rng.standard_normal(len(t))
    sound[int(3 * rate) : int(4 * rate)] = 0
    return (0.2 * swells * sound).astype(np.float32)


# ---------------------------------------------------------------- measured


@pytest.mark.parametrize("rate", RATES)
def test_loudness_is_that_of_the_standard(rate: int) -> None:
    meter = pyloudnorm.Meter(rate, filter_class="DeMan")
    theirs = meter.integrated_loudness(music(rate).astype(float))
    assert loudness.integrated(music(rate), rate) == pytest.approx(theirs, abs=0.1)
    times = 10.0 ** (-12 / 20)
    softer = loudness.integrated(music(rate) * np.float32(times), rate)
    assert softer == pytest.approx(theirs - 12, abs=0.15)


def test_silence_has_none_and_a_short_sound_has_its_own() -> None:
    assert loudness.integrated(np.zeros(RATE, np.float32), RATE) == -np.inf
    assert loudness.integrated(np.zeros(0, np.float32), RATE) == -np.inf
    whole = tone(997, 2.0, level=0.5)
    assert loudness.integrated(whole[: RATE // 10], RATE) == pytest.approx(
        loudness.integrated(whole, RATE), abs=0.5
    )


# ---------------------------------------------------------------- led


@pytest.mark.parametrize("quieter", [0.02, 0.1, 1.0, 8.0])
@pytest.mark.parametrize("seconds", [4.0, 20.0])
def test_a_dream_comes_at_the_loudness_of_its_recordings(quieter: float, seconds: float) -> None:
    dream = music(RATE, seconds) * np.float32(quieter)
    level = Level.of(-24.0, -22.0, 1.0)
    out = through(dream, level, seed=0.75)
    assert loudness.integrated(out, RATE) == pytest.approx(-24.0, abs=3.0)


def test_its_dynamics_are_its_own() -> None:
    """What is 12 dB softer for half a second stays about that much softer."""
    half = RATE // 2
    loud = np.arange(40 * half) // half % 2 == 0
    dream = 0.02 * np.sin(np.arange(40 * half) / 5) * np.where(loud, 1.0, 0.25)
    out = through(dream, LOUD)
    later = out[20 * half :].reshape(-1, half)[:, RATE // 10 : -RATE // 10]
    levels = 20 * np.log10(np.sqrt((later**2).mean(1)))
    assert np.abs(np.diff(levels)).mean() == pytest.approx(12.0, abs=1.5)


def test_silence_is_not_turned_up() -> None:
    dream = music(RATE, 12.0)
    dream[4 * RATE :] = 1e-5 * np.random.default_rng(0).standard_normal(8 * RATE)
    out = through(dream, Level.of(-24.0, -24.0, 1.0))
    assert np.abs(out[6 * RATE :]).max() < 1e-3


def test_gain_turns_it_up_and_down() -> None:
    dream = music(RATE, 10.0)
    plain, softer = (
        loudness.integrated(through(dream, Level.of(-30.0, -26.0, 1.0, gain), seed=0.75), RATE)
        for gain in (0.0, -12.0)
    )
    assert plain - softer == pytest.approx(12.0, abs=0.5)
    louder = through(dream, Level.of(-30.0, -26.0, 1.0, 24.0))
    assert loudest_moment(louder, RATE) <= -26 + OVER


@pytest.mark.parametrize("most", [-30.0, -40.0, -60.0])
def test_a_softer_level_is_no_gap(most: float) -> None:
    """It is led there: what sounded loud just before does not silence what comes."""
    dream, turned = 0.5 * tone(220, 8.0).astype(np.float32), 4 * RATE
    limiter = Limiter(None, RATE, Level.of(-20.0, -14.0, 1.0))
    before = limiter(dream[:turned])
    limiter.turn(Level.of(most - 6, most, 1.0))
    out = np.concatenate((before, limiter(dream[turned:])))
    hop = RATE // 100
    hops = 20 * np.log10(np.abs(out[: len(out) // hop * hop]).reshape(-1, hop).max(1) + 1e-12)
    assert hops[100:].min() > most - 10
    assert loudest_moment(out[turned + RATE :], RATE) <= most + OVER


@pytest.mark.parametrize("quiet", [0.0, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("softer", [6.0, 20.0])
def test_what_bursts_out_at_a_softer_level_is_no_gap(quiet: float, softer: float) -> None:
    """A rest, an attack: what may sound beyond the level on its way is not owed afterwards."""
    dream, turned = 0.5 * tone(220, 8.0).astype(np.float32), 4 * RATE
    burst = turned + int(0.05 * RATE)
    dream[:burst] *= 0.05
    dream[turned - int(quiet * RATE) : burst] *= 0.01
    limiter = Limiter(None, RATE, Level.of(-20.0, -20.0, 1.0))
    before = limiter(dream[:turned])
    limiter.turn(Level.of(-20.0 - softer, -20.0 - softer, 1.0))
    out = np.concatenate((before, limiter(dream[turned:])))
    hop = RATE // 100
    hops = 20 * np.log10(np.abs(out[: len(out) // hop * hop]).reshape(-1, hop).max(1) + 1e-12)
    assert hops[100:].min() > -100
    assert loudest_moment(out, RATE) <= -20 + OVER
    assert loudest_moment(out[turned + RATE :], RATE) <= -20 - softer + OVER


@pytest.mark.parametrize("seed", range(8))
def test_turned_at_any_moment_it_is_within_its_levels(seed: int) -> None:
    """Any levels, one after another, sooner or later than within a moment; a dream as lively."""
    rng, made, before = np.random.default_rng(seed), list[np.ndarray](), 0.5

    def level() -> Level:
        loudness = rng.uniform(-45, -12)
        return Level.of(loudness, loudness + rng.uniform(0, 12), 1.0, rng.uniform(-12, 6))

    levels = [level()]
    limiter = Limiter(None, RATE, levels[0])
    for block in np.array_split(tone(220, 12.0).astype(np.float32), 400):
        if rng.random() < 0.06:
            levels.append(level())
            limiter.turn(levels[-1])
        if rng.random() < 0.06:
            before = 10 ** rng.uniform(-2, 0)
        made.append(limiter(before * block))
    out = np.concatenate(made)
    hops = np.abs(out[: len(out) // 110 * 110]).reshape(-1, 110).max(1)
    assert hops[1:].min() > 0
    assert loudest_moment(out, RATE) <= max(each.most for each in levels)


# ---------------------------------------------------------------- bounded


def wild(kind: str, rate: int, rng: np.random.Generator) -> np.ndarray:
    """Three seconds of what no recording should make a dream do."""
    t = np.arange(3 * rate) / rate
    noise = rng.standard_normal(len(t))
    return {
        "noise": noise,
        "square": np.sign(np.sin(2 * np.pi * rng.uniform(30, rate / 4) * t)),
        "constant": np.ones(len(t)) + 0.01 * noise,
        "burst": np.where(t > rng.uniform(0.1, 2), noise, 1e-4 * noise),
        "clicks": np.where(rng.uniform(size=len(t)) < 1e-3, 1.0, 0.0),
        "between samples": np.tile([1.0, 1.0, -1.0, -1.0], len(t) // 4 + 1)[: len(t)],
        "growing": np.exp(3 * t) * np.sin(2 * np.pi * 100 * t),
    }[kind]


@hypothesis_settings(max_examples=60, deadline=None, derandomize=True)
@given(
    kind=st.sampled_from(
        ["noise", "square", "constant", "burst", "clicks", "between samples", "growing"]
    ),
    rate=st.sampled_from(RATES),
    power=st.floats(-4, 6),
    recorded=st.floats(-60, 10),
    gain=st.floats(-60, 24),
    peak=st.floats(0.01, 8),
    seed=st.integers(0, 99),
)
def test_nothing_is_louder_than_it_may_be(
    kind: str, rate: int, power: float, recorded: float, gain: float, peak: float, seed: int
) -> None:
    """Whatever comes out of a network, at any scale, of whatever recordings."""
    rng = np.random.default_rng(seed)
    dream = wild(kind, rate, rng) * 10.0**power
    out = through(dream, Level.of(recorded, recorded, peak, gain), rate, block=2000)
    assert len(out) == len(dream)
    assert np.isfinite(out).all()
    assert true_peak(out) <= HIGHEST_PEAK
    assert loudest_moment(out, rate) <= min(recorded, LOUDEST_SANE) + OVER
    assert abs(out.mean()) < 1e-2


def test_no_peak_is_higher_than_the_recordings_own() -> None:
    out = through(20 * music(RATE), Level.of(-12.0, -10.0, 0.3))
    assert true_peak(out) <= 0.3


def test_music_that_is_as_it_should_be_passes() -> None:
    wave = tone(440, 3.0, level=0.1)
    own = loudness.integrated(wave, RATE)
    out = through(wave, Level.of(own, own, 0.5))
    assert pitch(out) == pytest.approx(440, abs=1)
    assert np.abs(out[2000:-2000]).max() == pytest.approx(0.1, rel=0.02)


# ---------------------------------------------------------------- edges


def test_ends_are_faded_and_blocks_do_not_matter() -> None:
    wave = tone(441, 1.0)
    out = through(wave, LOUD)
    assert abs(out[0]) < 1e-3
    assert abs(out[-1]) < 1e-3
    np.testing.assert_allclose(out, through(wave, LOUD, block=11), atol=1e-6)


@pytest.mark.parametrize("block", [11, 512, 4000])
def test_where_peaks_are_turned_down_blocks_do_not_matter_to_the_last_bit(block: int) -> None:
    sound = (0.4 * np.random.default_rng(0).standard_normal(10 * RATE)).astype(np.float32)
    low = Level.of(-20.0, -14.0, 0.2)
    np.testing.assert_array_equal(through(sound, low, block=block), through(sound, low))


def test_the_first_of_a_dream_comes_soon() -> None:
    """No more than 30 ms are held back."""
    output = Limiter(RATE, RATE, LOUD)
    out = output(tone(300, 0.5))
    assert len(out) >= 0.47 * RATE


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(FloatingPointError):
        through(np.array([0.0, np.nan, 0.0]), LOUD)
    assert through(np.array([0.5]), LOUD).shape == (1,)  # the shortest dream


# ---------------------------------------------------------------- whatever dreams


@pytest.mark.parametrize("approach", APPROACHES)
@pytest.mark.parametrize("sampling", ["paused", "concurrent"])
def test_no_weights_and_no_keys_make_a_dream_that_blasts(
    small: Settings, recorded: Callable[..., Recording], approach: str, sampling: str
) -> None:
    """From none at all to huge ones: the dream is in its bounds, or it has failed in one line."""
    recording = recorded(music(RATE), "voice")
    most = loudness.integrated(music(RATE), RATE) + OVER
    for _ in events.scan(recording):
        pass
    made = 0
    for spread in (0.0, 1.0, 100.0, 1e30):
        wild = replace(small, init_std=spread)
        for seed, keys in (
            ("noise", {"temperature": 100.0, "gain": 24.0}), ("silence", {"learn": 1.0}),
            ("voice", {"gain": 24.0}),
        ):  # fmt: skip
            asked = Request(
                approach, 1.0, seed=seed, sampling=sampling, rand=1, voice="voice", **keys
            )  # type: ignore[arg-type]
            job = resolve(wild, asked, {"voice": [recording]}, lambda number: Path())
            job = replace(job, path=small.home / "dream.wav", weights=None, ages=())
            DreamFile(job.path, RATE).create(job.frames)
            try:
                with torch.no_grad():
                    render.render(job, wild, lambda wrote: None)
            except Diverged:
                continue
            out = soundfile.read(job.path, dtype="float32")[0]
            made += 1
            assert np.isfinite(out).all()
            assert true_peak(out) <= min(HIGHEST_PEAK, recording.peak * 10 ** (24 / 20))
            assert loudest_moment(out, RATE) <= most
    assert made >= 6  # most of them dream
