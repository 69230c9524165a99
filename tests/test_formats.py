"""Whatever recorded a file, and whatever happened to it: what can be had of it is had."""

import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone

from dreamd.audio import ffmpeg, files, raw_samples
from dreamd.errors import BadRecording

NATIVE = 48000


def encode(path: Path, codec: str, rate: int = NATIVE, form: str | None = None) -> None:
    """Three seconds of 440 Hz as FFmpeg writes them."""
    wave = np.stack((tone(440, 3.0, NATIVE),) * 2)
    with av.open(str(path), "w", format=form) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        stream.bit_rate = 128_000
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="stereo")
        frame.rate = NATIVE
        fit = av.AudioResampler(format=stream.codec_context.format, layout="stereo", rate=rate)
        waiting = av.AudioFifo()
        for part in (*fit.resample(frame), *fit.resample(None)):
            waiting.write(part)
        while part := waiting.read(stream.codec_context.frame_size or 1024, partial=True):
            file.mux(stream.encode(part))
        file.mux(stream.encode(None))


def heard(path: Path) -> tuple[float, float, list[str]]:
    """Pitch and seconds of what is read, and what was remarked."""
    remarks: list[str] = []
    samples = np.concatenate(list(files.decode(path, RATE, remark=remarks.append)))
    assert np.isfinite(samples).all()
    return pitch(samples), len(samples) / RATE, remarks


@pytest.mark.parametrize(
    ("name", "codec", "form"),
    [
        ("memo.m4a", "aac", None), ("memo.aac", "aac", "adts"), ("memo.opus", "libopus", None),
        ("lossless.m4a", "alac", None), ("lossless.caf", "alac", None), ("film.mov", "aac", None),
        ("song.wma", "wmav2", None), ("page.webm", "libopus", None), ("take.wv", "wavpack", None),
        ("x.mp3", "libmp3lame", None), ("really-m4a.wav", "aac", "ipod"),
        ("caf\udce9.m4a", "aac", None),
    ],
)  # fmt: skip
def test_what_phones_and_recorders_write_is_read(
    tmp_path: Path, name: str, codec: str, form: str | None
) -> None:
    encode(tmp_path / "made", codec, form=form or av_form(name))
    path = (tmp_path / "made").rename(tmp_path / name)
    hertz, seconds, remarks = heard(path)
    assert hertz == pytest.approx(440, abs=2)
    assert seconds == pytest.approx(3.0, abs=0.1)
    assert remarks == []
    assert files.info(path).seconds == pytest.approx(seconds, abs=0.1)
    later = files.excerpt(path, RATE, 1.0, 4000)
    assert len(later) == 4000
    assert pitch(later) == pytest.approx(440, abs=4)


def av_form(name: str) -> str:
    kinds = {".m4a": "ipod", ".caf": "caf", ".mov": "mov", ".wma": "asf", ".mp3": "mp3"}
    kinds |= {".opus": "ogg", ".webm": "webm", ".wv": "wv"}
    return kinds[Path(name).suffix]


CRASHED = [
    ("AIFF", "PCM_16"), ("AIFF", "PCM_24"), ("AIFF", "FLOAT"), ("AIFF", "PCM_S8"),
    ("CAF", "PCM_16"), ("CAF", "FLOAT"), ("CAF", "PCM_24"), ("RF64", "FLOAT"), ("RF64", "PCM_24"),
    ("AU", "PCM_16"), ("AU", "DOUBLE"), ("WAV", "PCM_16"), ("WAV", "PCM_U8"), ("WAVEX", "PCM_32"),
    ("W64", "PCM_16"), ("OGG", "VORBIS"), ("FLAC", "PCM_16"),
]  # fmt: skip
"""What SuperCollider's ``prepareForRecord`` offers, and more."""


@pytest.mark.parametrize(("form", "subtype"), CRASHED)
def test_a_recorder_that_was_killed_leaves_its_recording(
    tmp_path: Path, form: str, subtype: str
) -> None:
    """The file as it lies on the disk while it is being recorded."""
    wave = np.stack((tone(440, 5.0, 44100),) * 2, 1)
    with soundfile.SoundFile(
        tmp_path / "live", "w", 44100, 2, format=form, subtype=subtype
    ) as recorder:
        recorder.write(wave)
        recorder.flush()
        (tmp_path / "crashed.aiff").write_bytes((tmp_path / "live").read_bytes())
    hertz, seconds, _ = heard(tmp_path / "crashed.aiff")
    assert hertz == pytest.approx(440, abs=2)
    assert seconds > 3.0
    assert files.info(tmp_path / "crashed.aiff").seconds == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("claimed", [0, 1000, 44100, 2**31 - 2, 2**32 - 1])
@pytest.mark.parametrize("form", ["WAV", "AIFF"])
def test_a_header_with_a_wrong_size_is_not_believed(
    tmp_path: Path, form: str, claimed: int
) -> None:
    soundfile.write(tmp_path / "x", tone(440, 3.0), RATE, format=form, subtype="PCM_16")
    held = bytearray((tmp_path / "x").read_bytes())
    name, order = (b"data", "<I") if form == "WAV" else (b"SSND", ">I")
    struct.pack_into(order, held, held.index(name) + 4, claimed)
    (tmp_path / "x").write_bytes(held)
    hertz, seconds, remarks = heard(tmp_path / "x")
    assert hertz == pytest.approx(440, abs=2)
    assert seconds == pytest.approx(3.0, abs=0.01)
    assert ["header" in line for line in remarks] == [True]


def test_what_follows_the_samples_is_no_sound(tmp_path: Path) -> None:
    """Tags, cue points and padding are not taken for samples."""
    for name, tail in (
        ("tags", b"LIST" + struct.pack("<I", 20_000) + bytes(20_000)),
        ("padding", bytes(50_000)),
        ("little", b"\x17" * 300),
    ):
        soundfile.write(tmp_path / "x.wav", tone(440, 1.0), RATE, subtype="PCM_16")
        with (tmp_path / "x.wav").open("ab") as file:
            file.write(tail)
        assert raw_samples.find_samples(tmp_path / "x.wav") is None, name
        assert files.info(tmp_path / "x.wav").frames == RATE
    soundfile.write(tmp_path / "x.wav", np.zeros(0), RATE)
    assert raw_samples.find_samples(tmp_path / "x.wav") is None


def cut_short(held: bytes) -> bytes:
    return held[: len(held) * 6 // 10]


def without_length(held: bytes) -> bytes:
    """A FLAC stream whose encoder could not go back to write its length."""
    number = int.from_bytes(held[18:26], "big") & ~(2**36 - 1)
    return held[:18] + number.to_bytes(8, "big") + held[26:]


def holed(held: bytes) -> bytes:
    middle = len(held) // 2
    return held[:middle] + bytes(300) + held[middle + 300 :]


@pytest.mark.parametrize(
    ("form", "subtype", "harm", "least"),
    [
        ("WAV", "PCM_16", cut_short, 2.9), ("WAV", "FLOAT", cut_short, 2.9),
        ("FLAC", "PCM_16", cut_short, 2.5), ("FLAC", "PCM_24", without_length, 4.9),
        ("FLAC", "PCM_16", holed, 4.5), ("OGG", "VORBIS", cut_short, 1.5),
        ("OGG", "OPUS", cut_short, 1.5), ("MP3", "MPEG_LAYER_III", cut_short, 2.5),
        ("MP3", "MPEG_LAYER_III", holed, 4.5), ("AIFF", "PCM_24", cut_short, 2.9),
        ("CAF", "PCM_16", cut_short, 2.9), ("W64", "PCM_16", cut_short, 2.9),
    ],
)  # fmt: skip
def test_what_is_left_of_a_damaged_file_is_kept(
    tmp_path: Path, form: str, subtype: str, harm: Callable[[bytes], bytes], least: float,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    wave = tone(440, 5.0, NATIVE)  # and noise: an OGG page holds seconds of a pure tone
    wave += np.random.default_rng(0).normal(0, 0.05, len(wave)).astype(np.float32)
    soundfile.write(tmp_path / "x", wave, NATIVE, format=form, subtype=subtype)
    path = tmp_path / f"x.{form.lower()}"
    path.write_bytes(harm((tmp_path / "x").read_bytes()))
    hertz, seconds, _ = heard(path)
    assert hertz == pytest.approx(440, abs=2)
    assert seconds >= least
    assert files.info(path).seconds > 0
    assert capfd.readouterr().err == ""  # decoders write nothing onto the performer's screen


# ---------------------------------------------------------------- what is no audio


def a_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.wav", b"x" * 1000)


def half_an_m4a(path: Path) -> None:
    encode(path.with_suffix(".part"), "aac", form="ipod")
    path.write_bytes(cut_short(path.with_suffix(".part").read_bytes()))


def a_silent_film(path: Path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))


def a_rate(rate: int) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        soundfile.write(path, tone(440, 0.2), RATE, format="WAV")
        held = bytearray(path.read_bytes())
        struct.pack_into("<I", held, 24, rate)
        path.write_bytes(held)

    return make


def no_rate(path: Path) -> None:
    soundfile.write(path, tone(440, 0.2), RATE, format="CAF")
    held = bytearray(path.read_bytes())
    struct.pack_into(">d", held, 20, float("nan"))
    path.write_bytes(held)


@pytest.mark.parametrize(
    ("name", "make", "reason"),
    [
        ("x.wav", lambda p: p.mkdir(), "is a folder"),
        ("x.mp3", lambda p: p.write_text("<!DOCTYPE html><html>" + "404 " * 999), "a web page"),
        ("x.mp3", lambda p: p.write_text("\n <HTML>" + "404 " * 999), "a web page"),
        ("x.m4a", lambda p: p.write_text("ffconcat version 1.0\nfile other.wav\n"), "it is text"),
        ("x.wav", lambda p: p.write_text("version https://git-lfs.github.com/spec/v1"), "is text"),
        ("x.flac", lambda p: p.touch(), "it is empty"),
        ("x.wav", lambda p: p.write_bytes(bytes(9999)), "nothing but zeros.*copied"),
        ("x.wav", a_zip, "archive: unpack it"),
        ("x.mov", a_silent_film, "there is no sound in it"),
        ("two\nlines.wav", lambda p: p.write_text("text"), "it is text"),
        ("x.wav", lambda p: p.symlink_to("nowhere.wav"), "link to a file that is not there"),
        ("x.wav", lambda p: p.symlink_to("x.wav"), "cannot be read"),
        ("x.wav", os.mkfifo, "is no audio file but a pipe"),
        ("x.m4a", half_an_m4a, "cut short before its index was written"),
        ("x.wav", lambda p: p.write_bytes(b"RIFF\xff\xfe is not enough"), "damaged, or no audio"),
        ("x.mp3", lambda p: p.write_bytes(np.random.default_rng(0).bytes(9999)), "no audio|no sou"),
        ("x.wav", a_rate(1), "1 Hz, a rate that no recording has"),
        ("x.wav", a_rate(999), "999 Hz"),
        ("x.wav", a_rate(2_000_000_000), "2000000000 Hz"),
        ("x.caf", no_rate, "there is no sound in it"),
        ("x.wav", a_rate(2**32 - 1), "Hz, a rate that no recording has|damaged"),
    ],
)  # fmt: skip
def test_what_is_no_audio_is_told_with_its_reason(
    tmp_path: Path, name: str, make: Callable[[Path], None], reason: str,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    make(tmp_path / name)
    for read in (files.info, lambda path: list(files.decode(path, RATE))):
        with pytest.raises(BadRecording, match=rf"(?:{reason}).*{Path(name).suffix}") as raised:
            read(tmp_path / name)
        assert len(str(raised.value).splitlines()) == 1
    assert capfd.readouterr().err == ""


def test_a_file_that_may_not_be_read_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x.wav").write_bytes(b"x")

    def refuse(*given: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(BadRecording, match=r"may not be read: give dreamd the right.*x\.wav"):
        files.info(tmp_path / "x.wav")


def test_ffmpeg_opens_the_file_it_is_given_and_no_other(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "other.wav", tone(440, 1.0), RATE)
    (tmp_path / "x.m4a").write_text("ffconcat version 1.0\nfile other.wav\n")
    with pytest.raises(ffmpeg.NotAudio):
        ffmpeg.about(tmp_path / "x.m4a")
