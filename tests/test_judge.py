"""The judge on cases whose answers are known, and beside the authors' own ratings.

The recording is a take of plucked notes, made here. The paper's examples may only be measured,
not kept: they lie in ``../shared/reference`` beside a checkout where the measure is worked on.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter1d

from dreamd import cli
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import make
from dreamd.approaches.spectrum import Spectrum
from dreamd.audio import files
from dreamd.audio.files import Samples
from dreamd.audio.plucked_string import hertz, string
from dreamd.errors import BadRecording
from dreamd.evaluation import copying, judge
from dreamd.evaluation.judge import Judge, word
from dreamd.evaluation.mel import RATE

SECONDS = 40
SCALE = (52, 55, 59, 62, 64, 67, 69, 71)


def take(seed: int) -> Samples:
    """A player's take: plucked notes at uneven times, and the hiss of a recording."""
    rng = np.random.default_rng(seed)
    sound = 3e-4 * rng.standard_normal(SECONDS * RATE)
    at = 0.2
    while at < SECONDS - 3:
        note = string(float(rng.choice(SCALE)), 2.5, RATE, rng, float(rng.uniform(0.4, 0.9)))
        start = int(at * RATE)
        sound[start : start + len(note)] += rng.uniform(0.2, 0.5) * note
        at += float(rng.choice([0.35, 0.5, 0.75, 1.1, 1.6]))
    return sound.astype(np.float32)


def reordered(samples: Samples, seconds: float) -> Samples:
    """Cut into pieces, each faded for 10 ms, and put into another order."""
    size, fade = int(seconds * RATE), int(0.01 * RATE)
    pieces = samples[: len(samples) // size * size].reshape(-1, size).copy()
    rise = np.linspace(0, 1, fade, dtype=np.float32)
    pieces[:, :fade] *= rise
    pieces[:, -fade:] *= rise[::-1]
    return pieces[np.random.default_rng(5).permutation(len(pieces))].ravel()


def noisy(samples: Samples, decibels: float) -> Samples:
    noise = np.random.default_rng(6).standard_normal(len(samples)) * samples.std()
    return (samples + 10 ** (decibels / 20) * noise).astype(np.float32)


def clicking(samples: Samples) -> Samples:
    clicks = samples.copy()
    clicks[::1024] += 0.1 * np.abs(samples).max()
    return clicks


def pink(samples: Samples) -> Samples:
    spectrum = np.fft.rfft(np.random.default_rng(7).standard_normal(len(samples)))
    sound = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 1), len(samples))
    return (0.1 * sound / sound.std()).astype(np.float32)


def tones(*notes: float) -> Callable[[Samples], Samples]:
    """A sustained chord of notes with eight partials each (of one: a sine)."""

    def sound(samples: Samples) -> Samples:
        t = np.arange(20 * RATE) / RATE
        partials = range(1, 9 if len(notes) > 1 else 2)
        waves = [np.sin(2 * np.pi * hertz(n) * k * t + k) / k**1.5 for n in notes for k in partials]
        return (0.1 * np.sum(waves, axis=0)).astype(np.float32)

    return sound


def drums(samples: Samples) -> Samples:
    """Another instrument: bursts of filtered noise, and a falling tone."""
    rng, sound = np.random.default_rng(8), np.zeros(20 * RATE)
    t = np.arange(RATE // 3) / RATE
    for k in range(50):
        kick = np.sin(2 * np.pi * (60 * t + 4 * np.exp(-20 * t))) * np.exp(-9 * t)
        hat = rng.standard_normal(len(t)) * np.exp(-30 * t)
        sound[k * 4000 : k * 4000 + len(t)] += kick if k % 2 else 0.4 * hat
    return (0.3 * sound).astype(np.float32)


def melted(samples: Samples) -> Samples:
    """Its spectra, averaged over two seconds: the colours without the attacks."""
    model = make(ModelConfig("spectrum", RATE, 256, 8, 8, frame=1024))
    assert isinstance(model, Spectrum)
    spectra = model.spectra(torch.from_numpy(samples)).numpy()
    smooth = uniform_filter1d(spectra, round(2 * RATE / 256), axis=0)
    model.scale = float(smooth.max())
    return np.asarray(model.decoder()(torch.from_numpy(smooth / model.scale)).numpy())


def inside(samples: Samples) -> Samples:
    """Eight seconds of the recording in the middle of another take."""
    other = take(99)[: 24 * RATE]
    other[8 * RATE : 16 * RATE] = samples[20 * RATE : 28 * RATE]
    return other


NOT_LOW, NOT_HIGH, ANY = ("medium", "high"), ("low", "medium"), judge.WORDS
HIGH, LOW = ("high",), ("low",)

KNOWN = {
    "the recording itself": (lambda x: x, HIGH, HIGH, LOW),
    "twice as loud": (lambda x: 2 * x, HIGH, HIGH, LOW),
    "half a minute of it": (lambda x: x[5 * RATE : 35 * RATE], HIGH, HIGH, LOW),
    "with quiet noise": (lambda x: noisy(x, -30), NOT_LOW, HIGH, LOW),
    "with loud noise": (lambda x: noisy(x, -10), NOT_HIGH, ANY, LOW),
    "with clicks every 1024 samples": (clicking, LOW, HIGH, LOW),
    "clipped": (lambda x: np.clip(x, -2 * x.std(), 2 * x.std()), LOW, HIGH, LOW),
    "with DC": (lambda x: x + x.std(), LOW, HIGH, LOW),
    "pink noise": (pink, LOW, LOW, HIGH),
    "a sine": (tones(57), HIGH, LOW, HIGH),
    "a sustained chord of its pitches": (tones(52, 59, 64, 67), HIGH, LOW, HIGH),
    "its attacks melted away": (melted, ANY, ("medium",), HIGH),
    "another instrument": (drums, ANY, LOW, HIGH),
    "its notes cut and reordered": (lambda x: reordered(x, 0.8), NOT_LOW, HIGH, HIGH),
    "cut every two seconds": (lambda x: reordered(x, 2.0), HIGH, HIGH, NOT_LOW),
    "cut every five seconds": (lambda x: reordered(x, 5.0), HIGH, HIGH, LOW),
    "eight seconds of it in another take": (inside, HIGH, HIGH, LOW),
    "another take of the player": (lambda x: take(2), HIGH, HIGH, HIGH),
}


@pytest.fixture(scope="module")
def recording() -> Samples:
    return take(1)


@pytest.fixture(scope="module")
def judge_of(recording: Samples) -> Judge:
    return Judge([recording])


@pytest.mark.parametrize("case", sorted(KNOWN))
def test_known_answers(case: str, recording: Samples, judge_of: Judge) -> None:
    make, *allowed = KNOWN[case]
    judged = judge_of.judge(make(recording).astype(np.float32))
    told = f"{judged.c1:.2f} {judged.c2:.2f} {judged.c3:.2f} {judged.artifacts}"
    for said, among in zip(judged.words, allowed, strict=True):
        assert said in among, told


def test_finds_where_a_passage_comes_from(recording: Samples, judge_of: Judge) -> None:
    passage = max(judge_of.judge(inside(recording)).passages, key=lambda each: each.seconds)
    assert passage.number == 0
    assert passage.at == pytest.approx(8, abs=0.6)
    assert passage.source == pytest.approx(20, abs=0.6)
    assert passage.seconds == pytest.approx(8, abs=1.2)


def test_passages_do_not_run_from_one_recording_into_another(recording: Samples) -> None:
    halves = [recording[: 20 * RATE], recording[20 * RATE :]]
    found = copying.passages(recording, halves)
    assert {passage.number for passage in found} == {0, 1}
    assert max(passage.seconds for passage in found) < 20.5


def test_long_recordings_are_compared_in_pieces(recording: Samples) -> None:
    long = np.concatenate([take(seed) for seed in range(10, 20)])  # 400 s: two pieces
    here = 295 * RATE
    long[here : here + len(recording)] = recording
    found = max(copying.passages(recording, [long]), key=lambda each: each.seconds)
    assert found.seconds > 10
    assert found.source - found.at == pytest.approx(295, abs=0.1)


def test_a_judgement_is_repeatable(recording: Samples, judge_of: Judge) -> None:
    one, other = judge_of.judge(take(3)), Judge([recording]).judge(take(3))
    assert one == other


@pytest.mark.parametrize("dream", [np.ones(RATE, np.float32), np.zeros(5 * RATE, np.float32)])
def test_what_cannot_be_judged(dream: Samples, judge_of: Judge) -> None:
    with pytest.raises(BadRecording):
        judge_of.judge(dream)


# ---------------------------------------------------------------- the authors' ratings

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "reference"
RATED = {
    "example_01_vector_1024": ("medium", "high", "high"),
    "example_03_vector_256": ("medium", "high", "high"),
    "example_05_spectrum_1024": ("high", "medium", "high"),
    "example_07_spectrum_256": ("high", "high", "high"),
    "example_11_column": ("medium", "high", "high"),
}
NEAR = 0.05
"""A number as near as this to a boundary may be a word off."""


def agrees(number: float, rated: str) -> bool:
    return rated in {word(max(number - NEAR, 0.0)), word(number), word(min(number + NEAR, 1.0))}


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the paper's recordings are not here")
def test_agrees_with_the_authors() -> None:
    own = Judge([judge.load(REFERENCE / "paper_input.flac")])
    for name, words in RATED.items():
        judged = own.judge(judge.load(REFERENCE / f"{name}.flac"))
        for number, rated in zip((judged.c1, judged.c2, judged.c3), words, strict=True):
            assert agrees(number, rated), (name, judged.c1, judged.c2, judged.c3)


# ---------------------------------------------------------------- the command


def test_the_command(
    tmp_path: Path, recording: Samples, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "takes" / "guitar").mkdir(parents=True)
    files.write(tmp_path / "takes" / "guitar" / "one.wav", recording, RATE)
    files.write(tmp_path / "copy.wav", recording[: 20 * RATE], RATE)
    files.write(tmp_path / "own.wav", take(2)[: 20 * RATE], RATE)
    dreams = [str(tmp_path / "copy.wav"), str(tmp_path / "own.wav")]
    against = ["--against", str(tmp_path / "takes")]
    page = tmp_path / "page.html"
    assert cli.main(["judge", *dreams, *against, "--json", "--html", str(page)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert [each["file"] for each in said] == dreams
    assert [each["words"][2] for each in said] == ["low", "high"]
    assert all(0 <= each[key] <= 1 for each in said for key in ("c1", "c2", "c3"))
    assert "one.wav" in page.read_text(encoding="utf-8")

    assert cli.main(["judge", *dreams, *against]) == 0
    assert "copy.wav" in capsys.readouterr().out


def test_the_command_says_what_is_wrong(
    tmp_path: Path, recording: Samples, capsys: pytest.CaptureFixture[str]
) -> None:
    files.write(tmp_path / "one.wav", recording, RATE)
    files.write(tmp_path / "short.wav", recording[:RATE], RATE)
    here = str(tmp_path / "one.wav")
    for dream, source in (("none.wav", here), ("short.wav", here), ("one.wav", "nowhere")):
        assert cli.main(["judge", str(tmp_path / dream), "--against", str(source)]) == 1
        said = capsys.readouterr().err
        assert said.startswith("dreamd: ")
        assert said.count("\n") == 1
