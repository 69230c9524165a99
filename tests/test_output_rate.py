"""Dreams as an audio server wants them: files of its own sample rate, and nothing else changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, tone
from scipy import signal
from wire import Desk

from dreamd.audio import plucked_string
from dreamd.audio.files import Samples, excerpt, write
from dreamd.audio.resampling import ToRate
from dreamd.commands.offline import listen
from dreamd.corpus.recording import Recording
from dreamd.dreaming import course, networks, render
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job
from dreamd.dreaming.resolve import resolve
from dreamd.errors import BadRequest, SetupError
from dreamd.osc.requests import Request, request
from dreamd.settings import Settings, check

RATES = (8000, 44100, 48000, 96000)
CLIENT = ("127.0.0.1", 40001)


def noise(frames: int, level: float = 0.1) -> Samples:
    return (level * np.random.default_rng(0).standard_normal(frames)).astype(np.float32)


@pytest.mark.parametrize("to", RATES)
def test_as_many_frames_as_the_file_holds_in_whatever_blocks(to: int) -> None:
    given, frames = noise(3 * RATE + 17), round((3 * RATE + 17) * to / RATE) + 1
    made = []
    for size in (len(given), 999, 128):
        stream = ToRate(RATE, to, len(given), frames)
        blocks = [stream(given[at : at + size]) for at in range(0, len(given), size)]
        made.append(np.concatenate(blocks))
        assert len(made[-1]) == frames
        np.testing.assert_array_equal(made[-1], made[0])


def test_what_comes_first_comes_after_what_is_held_back() -> None:
    stream = ToRate(RATE, 48000, RATE, 48000)
    assert not len(stream(noise(stream.late - 1)))
    assert len(stream(noise(1)))


def power(samples: Samples, rate: int, low: float, high: float) -> float:
    """Mean power between two frequencies, in dB."""
    at, powers = signal.welch(samples.astype(float), rate, window=("kaiser", 30), nperseg=1 << 14)
    return float(10 * np.log10(powers[(at > low) & (at < high)].mean()))


@pytest.mark.parametrize("to", [44100, 48000, 96000])
def test_it_adds_no_images(to: int) -> None:
    """What a player makes that draws straight lines between samples lies 10 dB down."""
    given = noise(4 * RATE)
    made = ToRate(RATE, to, len(given), 4 * to)(given)
    assert power(made, to, 3000, 5400) - power(made, to, 5600, 8000) > 150
    lines = np.interp(np.arange(4 * to) * RATE / to, np.arange(len(given)), given)
    assert power(lines, to, 3000, 5400) - power(lines, to, 5600, 8000) < 20


# ---------------------------------------------------------------- whole dreams


@pytest.fixture
def job(small: Settings, recorded: Callable[..., Recording], tmp_path: Path) -> Callable[..., Job]:
    notes = [plucked_string.chord((n,), RATE // 4, RATE, 0.9) for n in (40, 52, 64, 76) * 3]
    recording = recorded(np.concatenate(notes))
    listen(recording)

    def make(**keys: object) -> Job:
        asked = Request(**{"approach": "column", "secs": 1.0, "rand": 5, **keys})  # type: ignore[arg-type]
        planned = resolve(small, asked, {"sine": [recording]}, lambda number: tmp_path)
        return replace(planned, path=tmp_path / f"{asked.outrate}.wav")

    return make


def made(job: Job, said: list[CursorLeapt | ChunkWritten] | None = None) -> Samples:
    job.file.create(job.frames)
    with torch.no_grad():
        render.render(job, Settings(), said.append if said is not None else lambda news: None)
    samples, rate = soundfile.read(job.path, dtype="float32")
    assert rate == job.rate
    return np.asarray(samples)


def test_the_same_dream_at_another_rate(job: Callable[..., Job]) -> None:
    plain, fine = made(job()), made(job(outrate=48000))
    assert len(fine) == 48000
    assert fine[0] == fine[-1] == 0, "no click at either end"
    np.testing.assert_array_equal(fine, made(job(outrate=48000)))
    again = excerpt(job(outrate=48000).path, RATE)[: len(plain)]
    low = signal.butter(8, 4000, "lowpass", fs=RATE, output="sos")  # both filters end near 5.5 kHz
    apart = signal.sosfiltfilt(low, again - plain)
    assert np.sqrt(np.mean(apart**2)) < 1e-3 * np.sqrt(np.mean(plain**2))


def test_frames_are_the_file_s_and_seconds_stay(job: Callable[..., Job]) -> None:
    news: dict[int, list[CursorLeapt | ChunkWritten]] = {RATE: [], 44100: []}
    credits = {}
    for rate, said in news.items():
        one = job(outrate=rate, wander=1.0, approach="spectrum", secs=2.0)
        samples = made(one, said)
        parts = [each for each in said if isinstance(each, ChunkWritten)]
        assert [part.start for part in parts[1:]] == list(np.cumsum([p.frames for p in parts])[:-1])
        assert sum(part.frames for part in parts) == len(samples) == 2 * rate
        credits[rate] = one.credits([each for each in said if isinstance(each, CursorLeapt)])
    assert len(credits[RATE]) > 1
    for one, other in zip(credits[RATE], credits[44100], strict=True):
        assert (one.start, one.end) == pytest.approx((other.start, other.end), abs=1e-3)
        assert one.first == other.first


@pytest.mark.parametrize("to", [48000, 96000])
def test_no_peak_passes_the_limit_at_any_rate(job: Callable[..., Job], to: int) -> None:
    one = job(outrate=to, gain=24.0, seed="noise", temperature=20.0)
    samples = made(one)
    ceiling = render.level_of(one).ceiling
    assert ceiling > 0.8
    assert np.abs(samples).max() > 0.7 * ceiling
    assert np.abs(signal.resample_poly(samples.astype(float), 4, 1)).max() <= ceiling * 1.001


def test_a_dream_of_any_rate_is_a_seed(
    small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> None:
    write(tmp_path / "dream.wav", tone(300, 1.0, 48000), 48000)
    voices = {"sine": [recorded(tone(500, 2.0))]}
    asked = Request("vector", seed="dream:3", seedat=0.25)
    one = resolve(small, asked, voices, lambda number: tmp_path / "dream.wav")
    heard = course.seed_of(one, networks.model_of(one, small.init_std).seed_samples)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard)), 1 << 14))
    assert np.argmax(spectrum) * RATE / (1 << 14) == pytest.approx(300, abs=15)


# ---------------------------------------------------------------- who decides


def test_the_setting_goes_before_the_asker_and_the_asker_before_the_model(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    def rate(setting: int, **keys: object) -> tuple[int, int]:
        asked = request({"approach": "vector", "secs": 2, **keys})
        planned = resolve(
            replace(small, output_rate=setting), asked, {"sine": [recorded(tone(300, 1.0))]}, Path
        )
        return planned.rate, planned.frames

    assert rate(0) == (RATE, 2 * RATE)
    assert rate(0, outrate=44099.7) == (44100, 88200)
    assert rate(96000, outrate=44100) == (96000, 192000)


def test_what_is_no_sample_rate_is_refused() -> None:
    for wrong in (0, 100, 1e6, "high", float("nan")):
        with pytest.raises(BadRequest, match="outrate"):
            request({"approach": "vector", "outrate": wrong})
    for setting in (100, 500000, -1):
        with pytest.raises(SetupError, match="--output-rate"):
            check(Settings(output_rate=setting))


def test_a_relay_tells_the_rate_for_those_who_do_not_know_it(desk: Desk) -> None:
    desk.register(CLIENT)
    rates = []
    for word in (None, 48000.0, 20.0):
        if word:
            desk.hear(CLIENT, "/dream/outrate", word)
        desk.ask(CLIENT, id=1)
        (accepted,) = (args for _, args in desk.told(CLIENT, "/dream/accepted"))
        rates.append((accepted[2], accepted[3], soundfile.info(accepted[1]).samplerate))
        desk.make()
    assert rates == [(RATE,) * 3, (48000,) * 3, (48000,) * 3]
    desk.ask(CLIENT, id=2, outrate=44100)
    assert [args[3] for _, args in desk.told(CLIENT, "/dream/accepted")] == [44100]
