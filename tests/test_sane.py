"""Whatever numbers a file holds, what is learned from it is sound: finite, within -1…1, no DC."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dreamd.audio import files
from dreamd.audio.full_scale import FullScale
from dreamd.corpus import decoding
from dreamd.corpus.cache import Corpus
from dreamd.corpus.found import Found
from dreamd.corpus.recording import Recording, cut
from dreamd.errors import BadRecording


def ingest(
    tmp_path: Path, wave: np.ndarray, rate: int = RATE, subtype: str = "DOUBLE"
) -> tuple[Recording, files.Samples, list[str]]:
    """The recording of these samples, what it holds, and what was remarked."""
    soundfile.write(tmp_path / "x.wav", wave, rate, subtype=subtype)
    found, remarks = Found.at(tmp_path / "x.wav", "v"), []
    assert found is not None
    recording = Corpus(tmp_path / "home", RATE).ingest(found, remark=remarks.append)
    samples = cut(recording, 0, recording.frames)
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 1
    assert recording.peak == pytest.approx(np.abs(samples).max(), rel=1e-6)
    assert 0 < recording.loudest <= recording.peak
    assert abs(samples.mean()) < 1e-5
    return recording, samples, remarks


@pytest.mark.parametrize(
    ("scale", "said"),
    [(1.0, None), (4.0, "goes 12 dB over"), (32767.0, "90 dB"), (2.0**23, "138 dB"), (1.3, None)],
)
def test_what_is_over_full_scale_is_made_quieter(
    tmp_path: Path, scale: float, said: str | None
) -> None:
    recording, samples, remarks = ingest(tmp_path, tone(440, 2.0, level=1.0) * scale)
    assert pitch(samples) == pytest.approx(440, abs=1)
    assert recording.peak == pytest.approx(1.0, abs=1e-3)
    assert recording.loudest == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert [said in line for line in remarks] == ([True] if said else [])


def test_one_spike_does_not_silence_a_recording(tmp_path: Path) -> None:
    """Not in faults.md: the largest sample says nothing about the others."""
    wave = tone(440, 2.0, level=0.5).astype(float)
    wave[9000:9003] = 1e6
    recording, samples, remarks = ingest(tmp_path, wave)
    assert recording.loudest > 0.05
    assert pitch(samples[:8000]) == pytest.approx(440, abs=4)
    assert "highest peaks are cut off" in remarks[0]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf, 1e30, -1e300])
def test_some_samples_that_are_no_numbers_of_sound_become_silence(
    tmp_path: Path, odd: float
) -> None:
    wave = tone(440, 2.0).astype(float)
    wave[4000:4050] = odd
    _, samples, remarks = ingest(tmp_path, wave)
    assert np.abs(samples[4005:4045]).max() < 0.01
    assert "50 of its samples" in remarks[0]


@pytest.mark.parametrize("wave", [np.full(5000, np.nan), tone(440, 1.0) * 1e30])
def test_a_file_of_nothing_else_is_passed_over(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(BadRecording, match=r"not finite, or so large.*export it anew.*x\.wav"):
        ingest(tmp_path, wave)


@pytest.mark.parametrize("offset", [0.9, -0.5, 1000.0])
def test_an_offset_is_taken_away(tmp_path: Path, offset: float) -> None:
    recording, samples, _ = ingest(tmp_path, tone(440, 1.0, level=0.05) + offset)
    assert recording.peak == pytest.approx(0.05, rel=0.01)
    assert pitch(samples) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("wave", [np.full(5000, 0.7), np.full(5000, 1e-6), np.zeros(5000)])
def test_what_does_not_sound_is_silent(tmp_path: Path, wave: np.ndarray) -> None:
    with pytest.raises(BadRecording, match=r"is silent.*x\.wav"):
        ingest(tmp_path, wave)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scale=st.floats(-3, 9), offset=st.floats(-1e4, 1e4), seed=st.integers(0, 99),
    kind=st.sampled_from(("tone", "square", "noise", "clicks")), channels=st.integers(1, 3),
)  # fmt: skip
def test_recordings_of_every_scale_are_sane(
    tmp_path: Path, scale: float, offset: float, seed: int, kind: str, channels: int
) -> None:
    rng = np.random.default_rng(seed)
    wave = tone(220, 0.3, 22050).astype(float)
    wave = {
        "tone": wave, "square": np.sign(wave), "noise": rng.standard_normal(len(wave)),
        "clicks": (rng.uniform(size=len(wave)) < 0.001) * rng.standard_normal(len(wave)),
    }[kind]  # fmt: skip
    signs = rng.choice((-1, 1), channels)
    wave = wave[:, None] * signs * 10.0**scale + offset
    with contextlib.suppress(BadRecording):  # where it is silent
        ingest(tmp_path, wave, 22050)


def test_a_seed_is_as_sane_as_a_recording(tmp_path: Path) -> None:
    """Not in faults.md: files that are no recordings, only seeds."""
    soundfile.write(tmp_path / "x.wav", tone(440, 1.0) * 30000, RATE, subtype="FLOAT")
    seed = files.excerpt(tmp_path / "x.wav", RATE, 0.2, 4000)
    assert 0.9 < np.abs(seed).max() <= 1


def test_nor_is_a_seed_made_of_what_is_no_sound(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.full(5000, np.inf), RATE, subtype="FLOAT")
    with pytest.raises(BadRecording, match="not finite"):
        files.excerpt(tmp_path / "x.wav", RATE, 0.0, 1000)


def test_full_scale_leaves_what_fits_as_it_is() -> None:
    level, wave = FullScale(), tone(440, 0.1)
    level.add(wave)
    assert level.fit(wave) is wave
    assert not level.has_accidents


# ---------------------------------------------------------------- channels


def test_channels_that_cancel_each_other_are_not_mixed(tmp_path: Path) -> None:
    wave = tone(440, 2.0, 44100)
    _, samples, remarks = ingest(tmp_path, np.stack((wave, -wave), 1), 44100)
    assert np.abs(samples).max() == pytest.approx(0.5, abs=0.02)
    assert "cancel each other: channel 1 is taken alone" in remarks[0]
    seed = files.excerpt(tmp_path / "x.wav", RATE)
    assert np.abs(seed).max() == pytest.approx(0.5, abs=0.02)


def test_nor_where_they_cancel_in_part(tmp_path: Path) -> None:
    """Not in faults.md: in one half of the recording, and all but the strongest's own part."""
    wave, other = tone(440, 4.0, 44100), tone(700, 4.0, 44100, 0.1)
    half = np.where(np.arange(len(wave)) < len(wave) // 2, 1, -1)
    _, samples, remarks = ingest(tmp_path, np.stack((wave, wave * half), 1), 44100)
    assert np.abs(samples[-RATE:]).max() > 0.4
    assert len(remarks) == 1
    _, samples, remarks = ingest(tmp_path, np.stack((-wave, wave + other), 1), 44100)
    assert pitch(samples) == pytest.approx(440, abs=1)
    assert "channel 2 is taken alone" in remarks[0]


def test_channels_that_are_merely_different_are_mixed(tmp_path: Path) -> None:
    rng, wave = np.random.default_rng(0), tone(440, 2.0)
    for other in (wave, rng.standard_normal(len(wave)) * 0.3, 0 * wave, tone(700, 2.0)):
        _, _, remarks = ingest(tmp_path, np.stack((wave, other), 1))
        assert remarks == []


# ---------------------------------------------------------------- cost


def test_a_cache_is_in_proportion_to_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FLAC holds an hour of almost nothing in some kilobytes."""
    monkeypatch.setattr(decoding, "ALWAYS", 100_000)
    wave = np.zeros(8000 * 600)
    wave[5] = 0.5
    soundfile.write(tmp_path / "x.flac", wave, 8000)
    found = Found.at(tmp_path / "x.flac", "v")
    assert found is not None
    assert found.size < 30_000
    with pytest.raises(BadRecording, match=r"would become .* MB and more.*x\.flac"):
        Corpus(tmp_path / "home", RATE).ingest(found)
    assert list((tmp_path / "home" / "corpus").iterdir()) == []


def test_many_channels_are_decoded_a_little_at_a_time(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros((3000, 200)), RATE)
    held = [block.size for _, block in files._blocks(tmp_path / "x.wav", 0.0, print)]
    assert max(held) <= files.BLOCK
    assert sum(held) == 3000 * 200
