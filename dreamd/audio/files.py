"""Audio in and out: decode and resample recordings, write dreams.

The only importer of soundfile and soxr. Samples are mono float32, full scale -1…1.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from dreamd.errors import BadRecording

Samples = NDArray[np.float32]

SUFFIXES = frozenset(
    {".wav", ".wave", ".w64", ".aif", ".aiff", ".aifc", ".flac", ".ogg", ".oga", ".opus", ".mp3"}
    | {".caf", ".au", ".snd"}
)
BLOCK = 1 << 17
"""Frames decoded at a time: memory stays flat however long a recording is."""


@dataclass(frozen=True)
class Info:
    """What a file's header says."""

    frames: int
    rate: int
    channels: int

    @property
    def seconds(self) -> float:
        return self.frames / self.rate


def info(path: Path) -> Info:
    """The header of an audio file. Raises :class:`BadRecording` where there is none."""
    try:
        head = soundfile.info(str(path))
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise BadRecording(_why(path, error)) from None
    return Info(head.frames, head.samplerate, head.channels)


def _why(path: Path, error: Exception) -> str:
    if not path.is_file():
        return f"no such file: {path}"
    detail = str(error).split(":")[-1].strip().rstrip(".") or type(error).__name__
    return f"cannot be read as audio ({detail}): {path}"


def decode(path: Path, rate: int, start: float = 0.0) -> Iterator[Samples]:
    """The file from second ``start`` on, mixed to mono and resampled to ``rate``, in blocks.

    Raises :class:`BadRecording` for a file that is no audio or holds samples that are not
    finite.
    """
    try:
        with soundfile.SoundFile(str(path)) as file:
            if start:
                file.seek(min(int(start * file.samplerate), file.frames))
            resampler = None
            if file.samplerate != rate:
                resampler = soxr.ResampleStream(file.samplerate, rate, 1, dtype="float32")
            while True:
                block = file.read(BLOCK, dtype="float32", always_2d=True)
                mono = block.mean(axis=1, dtype=np.float32)
                if not np.isfinite(mono).all():
                    raise BadRecording(f"holds samples that are not finite: {path}")
                ends = len(block) < BLOCK
                yield resampler.resample_chunk(mono, last=ends) if resampler else mono
                if ends:
                    return
    except (soundfile.SoundFileError, OSError, TypeError) as error:
        raise BadRecording(_why(path, error)) from None


def excerpt(path: Path, rate: int, start: float, frames: int) -> Samples:
    """At most ``frames`` samples at ``rate`` from second ``start`` of any audio file."""
    blocks: list[Samples] = []
    missing = frames
    for block in decode(path, rate, start):
        blocks.append(block[:missing])
        missing -= len(blocks[-1])
        if missing <= 0:
            break
    return np.concatenate(blocks)


def resample(samples: Samples, rate: float, to: float) -> Samples:
    """``(frames,)`` samples at ``rate`` as they are at rate ``to``."""
    return soxr.resample(samples, rate, to).astype(np.float32)


# ---------------------------------------------------------------- dreams on disk

_HEADER = struct.Struct("<4sI4s 4sIHHIIHHH 4sII 4sI")
_FORM = (b"RIFF", b"WAVE", b"fmt ", 18, 3, 1, 4, 32, 0, b"fact", 4)
"""What the headers of all dreams share."""


class DreamFile:
    """A mono 32-bit float WAV file of fixed length that is filled in while others read it.

    The header never changes after creation, so a reader at any moment finds a valid file:
    silence where nothing has been written yet.
    """

    def __init__(self, path: Path, rate: int) -> None:
        self.path, self.rate = path, rate

    def create(self, frames: int) -> None:
        """Header, and ``frames`` frames of silence."""
        size = 4 * frames
        header = _HEADER.pack(
            b"RIFF", _HEADER.size - 8 + size, b"WAVE",
            b"fmt ", 18, 3, 1, self.rate, 4 * self.rate, 4, 32, 0,
            b"fact", 4, frames,
            b"data", size,
        )  # fmt: skip
        with self.path.open("wb") as file:
            file.write(header)
            file.truncate(_HEADER.size + size)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a file has the header, byte for byte, that :meth:`create` gives, and its length.

        An empty file is one that could not be created: the disk was full.
        """
        if not path.is_file():
            return False
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return not head
        fields = _HEADER.unpack(head)
        form = (fields[0], *fields[2:7], *fields[9:14])
        return form == _FORM and size == _HEADER.size + fields[-1]

    def write(self, start: int, samples: Samples) -> None:
        """``samples`` into place, from frame ``start`` on."""
        with self.path.open("r+b") as file:
            file.seek(_HEADER.size + 4 * start)
            file.write(samples.astype("<f4").tobytes())


def write(path: Path, samples: Samples, rate: int) -> None:
    """A whole mono 32-bit float WAV file."""
    file = DreamFile(path, rate)
    file.create(len(samples))
    file.write(0, samples)


def flac(samples: Samples, rate: int) -> bytes:
    """A whole mono 16-bit FLAC file, as browsers play it."""
    file = BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
