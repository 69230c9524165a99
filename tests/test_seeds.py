"""What the words of a seed mean, and which model dreams."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone

from dreamd.approaches.registry import config_of
from dreamd.audio import plucked_string
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.dreaming import seed_samples, seeds
from dreamd.dreaming.resolve import MOST_AMONG, all_voices, refresh, resolve, trained_voices
from dreamd.errors import BadRequest, DreamError, NoModel, NoSuchSeed, TooLong
from dreamd.home import checkpoints
from dreamd.home.bank import Bank
from dreamd.osc.requests import Request
from dreamd.settings import Settings

COUNT = 2048
RECORDING = Recording("v", "/v/a.wav", "/home/corpus/a.f32", RATE, RATE, 0.5, 0.2, 0.0)


@pytest.fixture
def voices(recorded: Callable[..., Recording]) -> dict[str, list[Recording]]:
    return {
        "guitar": [recorded(tone(200 + 100 * k, 2.0), "guitar", f"{k}.wav") for k in range(3)],
        "flute": [recorded(tone(900, 2.0), "flute")],
    }


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank(tmp_path)


@pytest.fixture
def heard(
    voices: dict[str, list[Recording]], bank: Bank
) -> Callable[..., tuple[float, str | None]]:
    """The pitch of a request's seed, and its voice."""

    def hear(at_rand: int = 0, **keys: object) -> tuple[float, str | None]:
        request = Request("column", **keys)  # type: ignore[arg-type]
        if words := seeds.file_named(request, voices):
            seeds.check_file(words)
        seed, voice = seeds.settle(request, voices, bank.finished, np.random.default_rng(at_rand))
        samples = seed_samples.load(seed, COUNT, RATE, 0.5, np.random.default_rng(at_rand))
        assert samples.shape == (COUNT,)
        return pitch(samples), voice

    return hear


@pytest.mark.parametrize(
    ("keys", "hertz"),
    [
        ({"seed": "guitar:0"}, 200),
        ({"seed": "guitar:2"}, 400),
        ({"seed": "guitar:4"}, 300),  # wraps round
        ({"seed": "guitar:-1"}, 400),
        ({"seed": "guitar", "seedn": 1}, 300),
        ({"seed": "guitar:2", "seedat": 1.5}, 400),
        ({"seed": "guitar:2", "seedat": 99.0}, 400),  # past the end: the last window
    ],
)
def test_numbers_of_recordings(heard, keys: dict[str, object], hertz: float) -> None:  # type: ignore[no-untyped-def]
    sound, voice = heard(**keys)
    assert sound == pytest.approx(hertz, abs=6)
    assert voice == "guitar"


def test_without_a_number_any_recording_by_chance(heard) -> None:  # type: ignore[no-untyped-def]
    assert len({round(heard(rand, seed="guitar")[0], -2) for rand in range(20)}) == 3
    assert heard(3, seed="guitar") == heard(3, seed="guitar")
    assert heard(voice="flute")[0] == pytest.approx(900, abs=6)


def test_seedat_is_a_second(recorded: Callable[..., Recording]) -> None:
    two = recorded(np.concatenate((tone(200, 1.0), tone(800, 1.0))))
    for second, hertz in ((0.1, 200), (1.1, 800)):
        seed = seeds.Seed("recording", recording=two, at=second)
        loaded = seed_samples.load(seed, COUNT, RATE, 0.5, np.random.default_rng(0))
        assert pitch(loaded) == pytest.approx(hertz, abs=6)


def test_files_and_earlier_dreams(heard, bank: Bank, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "x.flac", np.stack([tone(500, 1.0, 44100)] * 2, 1), 44100)
    assert heard(seed=str(tmp_path / "x.flac"))[0] == pytest.approx(500, abs=6)
    soundfile.write(tmp_path / "short.wav", tone(500, 0.05), RATE)
    assert heard(seed=str(tmp_path / "short.wav"))[0] == pytest.approx(500, abs=12)
    index = bank.begin(5000, RATE)
    with pytest.raises(NoSuchSeed, match="still being made"):
        heard(seed=f"dream:{index}")
    soundfile.write(bank.path(index), tone(700, 0.5), RATE, subtype="FLOAT")
    bank.finish(index)
    assert heard(seed=f"dream:{index}")[0] == pytest.approx(700, abs=6)
    assert heard(seed="dream", seedn=index)[0] == pytest.approx(700, abs=6)


def test_notes_sound_at_their_pitches() -> None:
    samples = plucked_string.chord((57, 64), 11025, RATE, 0.5)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    for note in (57, 64):
        around = int(plucked_string.hertz(note))
        assert spectrum[around - 3 : around + 4].max() > 0.05 * spectrum.max()
        assert spectrum[around - 3 : around + 4].argmax() in (2, 3, 4)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=1e-5)


def test_noise_and_silence() -> None:
    rng = np.random.default_rng(0)
    assert not seed_samples.load(seeds.Seed("silence"), COUNT, RATE, 0.5, rng).any()
    noise = seed_samples.load(seeds.Seed("noise"), COUNT, RATE, 0.8, rng)
    assert noise.std() == pytest.approx(0.2, rel=0.1)


@pytest.mark.parametrize(
    ("seed", "complaint"),
    [
        ("nobody", "no voice or file is called 'nobody'; voices: flute, guitar"),
        ("nobody:3", "no voice or file"),
        ("/no/where.wav", "no such file: /no/where.wav"),
        ("/etc/passwd", "cannot be read as audio"),
        ("dream:77", "there is no dream:77; the bank holds 0"),
        ("guitar/../../x", "no such file"),
        ("~nobody-of-this-name/x.wav", "no such file"),
        ("/dev/ptmx", "is no audio file"),
        ("/tmp", "is no audio file"),
        ("/x" + 300 * "y" + ".wav", "File name too long"),
        ("/x\0y.wav", "cannot be read"),
    ],
)
def test_seeds_that_are_nothing(heard, seed: str, complaint: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NoSuchSeed, match=complaint):
        heard(seed=seed)


def test_an_empty_file_is_no_seed(heard, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), RATE)
    with pytest.raises(NoSuchSeed, match="holds no samples"):
        heard(seed=str(tmp_path / "empty.wav"))


# ---------------------------------------------------------------- which model dreams


def planned(settings: Settings, voices: dict[str, list[Recording]], **keys: object):  # type: ignore[no-untyped-def]
    request = Request("column", **keys)  # type: ignore[arg-type]
    known = all_voices(trained_voices(settings), voices)
    return resolve(settings, request, known, Bank(settings.home).finished)


def test_whose_model(small: Settings, voices: dict[str, list[Recording]]) -> None:
    assert planned(small, voices, seed="guitar").voice == "guitar"
    assert planned(small, voices, seed="guitar", voice="flute").voice == "flute"
    assert planned(small, {"flute": voices["flute"]}, seed="noise").voice == "flute"
    assert planned(small, {**voices, "default": voices["flute"]}, seed="noise").voice == "default"
    assert planned(small, {}).voice == "default"
    with pytest.raises(NoModel, match="no voice is called 'drums'; voices: flute, guitar"):
        planned(small, voices, voice="drums")


def checkpoint(settings: Settings, voice: str, steps: int, vector: int) -> Path:
    config = replace(config_of("column", settings), vector=vector)
    head = checkpoints.Header(config, 1.0, voice, steps=steps)
    return checkpoints.save(settings.home, head, {"w": np.zeros(1)}, {"w/step": np.zeros(1)})


def test_which_checkpoint(small: Settings, voices: dict[str, list[Recording]]) -> None:
    assert planned(small, voices, seed="guitar").weights is None
    other = checkpoint(small, "guitar", 5, vector=32)
    assert planned(small, voices, seed="guitar").weights == other  # better than none
    first, second = (checkpoint(small, "guitar", steps, small.vector) for steps in (10, 20))
    assert planned(small, voices, seed="guitar").weights == second
    assert planned(small, voices, seed="guitar", steps=10).weights == first
    assert planned(small, voices, seed="guitar", vector=32).weights == other
    with pytest.raises(NoModel, match="no column model of 999; it has: 32, 64"):
        planned(small, voices, seed="guitar", vector=999)
    assert planned(small, voices, seed="guitar", steps=12).weights == first  # the nearest
    assert planned(small, voices, seed="guitar", steps=9999).weights == second
    assert planned(small, voices, seed="guitar", steps=10).blend_target is None
    assert planned(small, voices, seed="guitar", steps=10, blend=0.5).blend_target == second
    assert planned(small, voices, seed="guitar", blend=0.5).blend_target is None  # it is the newest
    with pytest.raises(NoModel, match="drums has no column model of 15 steps yet"):
        planned(small, {"drums": voices["guitar"]}, voice="drums", steps=15)
    assert planned(small, {}, voice="guitar").weights == second  # a voice of models alone


def test_a_dream_that_waited_takes_the_newest_weights(
    small: Settings, voices: dict[str, list[Recording]]
) -> None:
    first = checkpoint(small, "guitar", 10, small.vector)
    job = planned(small, voices, seed="guitar")
    named = planned(small, voices, seed="guitar", steps=10)
    second = checkpoint(small, "guitar", 20, small.vector)
    assert refresh(small, job).weights == second
    assert refresh(small, named).weights == first


def test_lengths(small: Settings, voices: dict[str, list[Recording]]) -> None:
    assert planned(small, voices, secs=1.5).frames == round(1.5 * RATE)
    assert planned(small, voices, secs=0.01).frames == round(0.01 * RATE)
    with pytest.raises(BadRequest, match=r"0\.01 or more"):
        planned(small, voices, secs=1e-6)
    with pytest.raises(TooLong, match="at most 300 s"):
        planned(small, voices, secs=1e9)


def test_every_failure_has_its_word() -> None:
    words = {error.code for error in DreamError.__subclasses__()}
    assert words == {
        "bad-request", "no-such-seed", "no-model", "too-long", "cancelled", "diverged", "busy",
    }  # fmt: skip


def test_a_dream_of_a_large_voice_costs_no_more(small: Settings) -> None:
    """It walks among some of the recordings, its own and the same for the same rand."""
    many = {"v": [replace(RECORDING, source=f"/v/{k:05d}.wav") for k in range(10_000)]}
    job = planned(small, many, seed="v:7", follow="v", rand=3)
    assert job.seed.recording in job.among
    assert job.follow in job.among
    assert MOST_AMONG <= len(job.among) <= MOST_AMONG + 2
    assert list(job.among) == sorted(job.among, key=lambda r: r.source)
    assert planned(small, many, seed="v:7", follow="v", rand=3).among == job.among
    assert planned(small, many, seed="v:7", follow="v", rand=4).among != job.among
    assert len(pickle.dumps(job)) < 100_000
    few = {"v": many["v"][:MOST_AMONG]}
    assert planned(small, few, seed="v:7").among == tuple(few["v"])


def test_a_seed_without_a_second_begins_where_something_begins(
    recorded: Callable[..., Recording],
) -> None:
    """And not in what is dying away: windows cut anywhere differ by tens of dB."""
    strikes = np.exp(-(np.arange(30 * RATE) % (3 * RATE)) / (0.2 * RATE))
    recording = recorded((tone(300, 30.0) * strikes).astype(np.float32))
    seed = seeds.Seed("recording", recording=recording)

    def levels() -> np.ndarray:
        rngs = [np.random.default_rng(k) for k in range(8)]
        windows = [seed_samples.load(seed, RATE // 4, RATE, 0.5, rng) for rng in rngs]
        return np.array([20 * np.log10(np.sqrt((window**2).mean())) for window in windows])

    assert np.ptp(levels()) > 20  # nobody has listened to it yet
    for _ in events.scan(recording):
        pass
    assert np.ptp(levels()) < 6
