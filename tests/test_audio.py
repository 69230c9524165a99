"""Decoding, dream files, and what may reach a loudspeaker."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone

from dreamd.audio import files
from dreamd.audio.limiter import Limiter
from dreamd.errors import BadRecording


@pytest.mark.parametrize("suffix", ["wav", "aiff", "flac", "ogg", "mp3"])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_every_format_rate_and_channel_count_becomes_the_same_mono(
    tmp_path: Path, suffix: str, rate: int
) -> None:
    left = tone(440, 1.0, rate)
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, np.stack((left, left), 1), rate)
    samples = np.concatenate(list(files.decode(path, RATE)))
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert len(samples) == pytest.approx(RATE, rel=0.06)  # MP3 pads
    assert np.abs(samples[2000:-2000]).max() == pytest.approx(0.5, abs=0.03)


def test_opposite_channels_cancel(tmp_path: Path) -> None:
    wave = tone(440, 0.5)
    soundfile.write(tmp_path / "x.wav", np.stack((wave, -wave), 1), RATE, subtype="FLOAT")
    assert np.abs(np.concatenate(list(files.decode(tmp_path / "x.wav", RATE)))).max() < 1e-6


def test_decoding_goes_block_by_block(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(5 * files.BLOCK), 44100)
    assert max(len(b) for b in files.decode(tmp_path / "x.wav", RATE)) <= files.BLOCK


def test_excerpts_start_where_they_should(tmp_path: Path) -> None:
    files.write(tmp_path / "x.wav", np.concatenate((tone(220, 1), tone(880, 1))), RATE)
    assert pitch(files.excerpt(tmp_path / "x.wav", RATE, 1.2, 4000)) == pytest.approx(880, abs=4)


def test_flac_holds_the_samples_and_clips_what_is_over_full_scale() -> None:
    wave = np.concatenate((tone(440, 0.5), [1.5, -1.5])).astype(np.float32)
    samples, rate = soundfile.read(BytesIO(files.flac(wave, RATE)), dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples, np.clip(wave, -1, 1), atol=2**-15)


def test_broken_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF is not enough")
    with pytest.raises(BadRecording, match=r"cannot be read as audio.*broken\.wav"):
        files.info(tmp_path / "broken.wav")
    with pytest.raises(BadRecording, match=r"no such file.*nowhere\.wav"):
        files.info(tmp_path / "nowhere.wav")
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), RATE, subtype="FLOAT")
    with pytest.raises(BadRecording, match=r"not finite.*nan\.wav"):
        list(files.decode(tmp_path / "nan.wav", RATE))


def test_a_dream_file_is_whole_and_silent_before_it_is_filled(tmp_path: Path) -> None:
    file = files.DreamFile(tmp_path / "d.wav", RATE)
    file.create(1000)
    header = soundfile.info(str(file.path))
    assert (header.frames, header.samplerate, header.channels) == (1000, RATE, 1)
    assert header.subtype == "FLOAT"
    assert not soundfile.read(file.path)[0].any()
    wave = tone(300, 0.02)
    file.write(500, wave)
    samples, _ = soundfile.read(file.path, dtype="float32")
    np.testing.assert_array_equal(samples[500 : 500 + len(wave)], wave)
    assert not samples[:500].any()
    assert len(samples) == 1000


def through(
    samples: np.ndarray, ceiling: float, block: int = 700, loudest: float = 1.0
) -> np.ndarray:
    output = Limiter(len(samples), RATE, ceiling, loudest)
    parts = [samples[k : k + block].astype(np.float32) for k in range(0, len(samples), block)]
    return np.concatenate([output(part) for part in parts])


def test_music_below_the_knee_passes() -> None:
    wave = tone(440, 1.0, level=0.3)
    out = through(wave, 0.5)
    assert pitch(out) == pytest.approx(440, abs=1)
    assert np.abs(out[2000:-2000]).max() == pytest.approx(0.3, rel=0.01)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_stays_under_the_ceiling_and_free_of_dc(seed: int) -> None:
    rng = np.random.default_rng(seed)
    wild = rng.standard_normal(RATE) * 10.0 ** rng.uniform(-2, 3) + rng.uniform(-50, 50)
    out = through(wild, 0.7)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 0.7
    calm = through(0.1 * np.sin(np.arange(RATE) / 9) + 0.4, 0.7)
    assert abs(calm.mean()) < 1e-3


def test_a_dream_that_grows_is_turned_down_to_its_recordings() -> None:
    """Ten times too loud for ever: after a quarter of a second it is as loud as it may be."""
    wave = tone(440, 3.0, level=0.7)
    out = through(wave, 1.0, loudest=0.05)
    assert np.sqrt((out[RATE:-200] ** 2).mean()) == pytest.approx(0.05, rel=0.05)
    quiet = tone(440, 1.0, level=0.05)
    assert np.abs(through(quiet, 1.0, loudest=0.05)[2000:-2000]).max() > 0.049


def test_ends_are_faded_and_blocks_do_not_matter() -> None:
    wave = tone(441, 1.0)
    out = through(wave, 1.0)
    assert abs(out[0]) < 1e-3
    assert abs(out[-1]) < 1e-3
    np.testing.assert_allclose(out, through(wave, 1.0, block=11), atol=1e-6)


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(FloatingPointError):
        through(np.array([0.0, np.nan, 0.0]), 1.0)
    assert through(np.array([0.5]), 1.0).shape == (1,)  # the shortest dream
