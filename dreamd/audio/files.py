"""Audio in and out: decode and resample recordings, write dreams.

The only importer of soundfile. Samples are float32, full scale -1…1: ``(frames,)``, or of two
channels ``(frames, 2)``.

A file is read by whoever can: :mod:`dreamd.audio.raw_samples` where its header lies, libsndfile
where it knows the format, FFmpeg otherwise and from where libsndfile gave up.
"""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile

from dreamd.audio import raw_samples, resampling
from dreamd.audio.channels import Mixer, columns
from dreamd.audio.channels import Samples as Samples
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.full_scale import FullScale
from dreamd.audio.no_audio import (
    check_audio,
    check_rate,
    is_mpeg,
    no_access,
    shown,
    unreadable,
)
from dreamd.audio.raw_samples import Block
from dreamd.errors import BadRecording

SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".rf64", ".bwf", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga"}
    | {".opus", ".mp3", ".mp2", ".caf", ".au", ".snd", ".m4a", ".m4b", ".mp4", ".mov", ".qta"}
    | {".aac", ".ac3", ".3gp", ".3gpp", ".3ga", ".amr", ".wma", ".mka", ".webm", ".weba", ".wv"}
    | {".ape", ".tta", ".dsf"}
)
BLOCK = 1 << 17
"""Numbers (frames times channels) decoded at a time: memory stays flat however long a recording
is, and however many channels it has."""
Remark = Callable[[str], None]


@dataclass(frozen=True)
class Info:
    """What a file's header says, or what is there where it lies."""

    frames: int
    rate: int
    channels: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def info(path: Path) -> Info:
    """The header of an audio file. Raises :class:`BadRecording` where there is none."""
    head = check_audio(path)
    try:
        raw = raw_samples.find_samples(path)
        size = path.stat().st_size
    except OSError as error:
        raise BadRecording(f"{no_access(path, error)}: {shown(path)}") from None
    if raw is not None:
        return Info(raw.frames_in(size), check_rate(raw.rate, path), raw.channels)
    if not is_mpeg(path, head):
        with contextlib.suppress(*_UNREADABLE):
            found = soundfile.info(os.fsencode(path))
            if 0 < found.frames < UNKNOWN_FRAMES:
                return Info(found.frames, check_rate(found.samplerate, path), found.channels)
    return _info_by_ffmpeg(path)


def _info_by_ffmpeg(path: Path) -> Info:
    from dreamd.audio import ffmpeg  # a hundred MB: with the first file that needs it

    try:
        frames, rate, channels = ffmpeg.about(path)
        frames = frames or sum(map(len, ffmpeg.sound_of(path, 0)))
    except ffmpeg.NotAudio as error:
        raise BadRecording(unreadable(path, str(error))) from None
    return Info(frames, check_rate(rate, path), channels)


def decode(
    path: Path,
    rate: int,
    start: float = 0.0,
    mixer: Mixer | None = None,
    remark: Remark = lambda line: None,
) -> Iterator[Samples]:
    """The file from second ``start`` on, mixed to the mixer's channels and resampled to ``rate``,
    in blocks.

    ``remark`` hears what a performer should know. Raises :class:`BadRecording` for a file that is
    no audio, or holds mostly numbers that are no sound.
    """
    mixer, resampler = mixer or Mixer(), None
    try:
        for native, block in _blocks(path, start, remark):
            if resampler is None and native != rate:
                resampler = resampling.Stream(native, rate, mixer.channels)
            mixed = mixer(block)
            yield resampler(mixed) if resampler else mixed
    except OSError as error:  # its disk went, somebody took it away
        raise BadRecording(f"{no_access(path, error)}: {shown(path)}") from None
    _check_numbers(mixer, path)
    if resampler:
        yield resampler(silence(0, mixer.channels), last=True)


def silence(frames: int, channels: int) -> Samples:
    """``(frames,)`` or ``(frames, 2)``."""
    return np.zeros(frames if channels == 1 else (frames, channels), np.float32)


def _check_numbers(mixer: Mixer, path: Path) -> None:
    if mixer.too_broken:
        raise BadRecording(
            "holds samples that are not finite, or so large that they are no sound; export it "
            f"anew: {shown(path)}"
        )


def excerpt(
    path: Path, rate: int, start: float = 0.0, frames: int | None = None, channels: int = 1
) -> Samples:
    """``frames`` samples (or all) at ``rate`` from second ``start`` of any audio file, within
    -1…1; of channels that cancel each other the strongest."""
    mixer = Mixer(channels=channels)
    samples = _gathered(decode(path, rate, start, mixer), frames, channels)
    _check_numbers(mixer, path)
    if mixer.strongest is not None:
        mixer = Mixer(mixer.strongest, channels)
        samples = _gathered(decode(path, rate, start, mixer), frames, channels)
    raw, cut = FullScale(), FullScale()
    raw.add(samples)
    samples = raw.cut(samples) if raw.has_accidents else samples
    cut.add(samples)
    return cut.fit(samples)


def _gathered(blocks: Iterator[Samples], frames: int | None, channels: int) -> Samples:
    gathered = [silence(0, channels)]
    missing = frames
    for block in blocks:
        gathered.append(block[:missing])
        if missing is not None:
            missing -= len(gathered[-1])
            if missing <= 0:
                break
    return np.concatenate(gathered)


# ---------------------------------------------------------------- whoever can read it

UNKNOWN_FRAMES = 2**62
"""libsndfile says so many and more where a file does not say how many."""

_UNREADABLE = (soundfile.SoundFileError, OSError, TypeError, ValueError)


def _blocks(path: Path, start: float, remark: Remark) -> Iterator[tuple[int, Block]]:
    """The rate of a file, and its frames from second ``start`` on, in its own channels."""
    head = check_audio(path)
    raw = raw_samples.find_samples(path)
    if raw is not None:
        rate, at = check_rate(raw.rate, path), int(start * raw.rate)
        remark("its header does not say where it ends (a recorder that was killed?): read whole")
        for block in raw_samples.raw_blocks(path, raw, at, max(BLOCK // raw.channels, 1)):
            yield rate, block
        return
    given, opens = 0, False
    if not is_mpeg(path, head):
        try:
            for rate, block in _by_libsndfile(path, start):
                given += len(block)
                yield rate, block
            if given:
                return
        except _UNREADABLE:
            opens = _opens(path)
    yield from _by_ffmpeg(path, start, given)
    if given or opens:
        remark("is damaged or cut short: what could be read of it is kept")


def _by_libsndfile(path: Path, start: float) -> Iterator[tuple[int, Block]]:
    with soundfile.SoundFile(os.fsencode(path)) as file:
        rate = check_rate(file.samplerate, path)
        if start:
            file.seek(min(int(start * rate), file.frames))
        count = max(BLOCK // file.channels, 1)
        while len(block := file.read(count, dtype="float32", always_2d=True)):
            yield rate, block


def _by_ffmpeg(path: Path, start: float, given: int) -> Iterator[tuple[int, Block]]:
    """Goes on after the ``given`` frames, where libsndfile failed."""
    from dreamd.audio import ffmpeg  # a hundred MB: with the first file that needs it

    try:
        _, rate, channels = ffmpeg.about(path)
        check_rate(rate, path)
        waiting: list[Block] = []
        for block in ffmpeg.sound_of(path, int(start * rate) + given):
            waiting.append(block)
            if sum(map(len, waiting)) * channels >= BLOCK // 2:
                yield rate, np.concatenate(waiting)
                waiting.clear()
        if waiting:
            yield rate, np.concatenate(waiting)
    except ffmpeg.NotAudio as error:
        if not given:
            raise BadRecording(unreadable(path, str(error))) from None


def _opens(path: Path) -> bool:
    """Whether libsndfile opens the file at all: then what it could not read of it is damaged."""
    try:
        soundfile.info(os.fsencode(path))
    except _UNREADABLE:
        return False
    return True


# ---------------------------------------------------------------- dreams on disk


def write(path: Path, samples: Samples, rate: int) -> None:
    """A whole 32-bit float WAV file."""
    file = DreamFile(path, rate, columns(samples).shape[1])
    file.create(len(samples))
    file.write(0, samples)


def flac(samples: Samples, rate: int) -> bytes:
    """A whole 16-bit FLAC file, as browsers play it."""
    file = BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
