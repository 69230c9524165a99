"""Decoding, dream files, and what may reach a loudspeaker."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone

from dreamd.audio import files
from dreamd.audio.dream_file import DreamFile
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
    file = DreamFile(tmp_path / "d.wav", RATE)
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
