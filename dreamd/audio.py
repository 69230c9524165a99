"""Audio in and out: decode and resample recordings, write dreams, protect loudspeakers.

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
from scipy import signal

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


# ---------------------------------------------------------------- the way to the loudspeaker

LOWEST = 20.0  # Hz; below it is DC and rumble
KNEE = 0.8  # of the ceiling; samples under it pass unchanged
LASTING = 0.25  # seconds over which loudness counts
FADE_IN, FADE_OUT = 0.003, 0.010  # seconds


class Output:
    """The last thing that a dream's samples pass: no DC, no clicks at the ends, a ceiling.

    Causal, block by block, so that a block is final once it is out. A high-pass at 20 Hz, of
    second order, so that a dream which settles on a constant leaves no mean behind; then samples
    over 0.8 of the ceiling are bent, never to pass it; then fades. Before all that, the level: a
    dream may not stay louder than the loudest half second of its recordings, so where its root
    mean square over the last quarter of a second would pass that, it is turned down to it.

    :param frames: length of the whole dream.
    :param ceiling: largest absolute sample, at most 1: the recordings' own peak, so that a
        dream is never louder than what it was dreamt from.
    :param loudest: largest root mean square that may last.
    """

    def __init__(self, frames: int, rate: int, ceiling: float, loudest: float) -> None:
        self._fade_in = min(int(FADE_IN * rate), frames // 4)
        self._fade_out = min(int(FADE_OUT * rate), frames // 4)
        self._frames, self._ceiling, self._at = frames, min(ceiling, 1.0), 0
        self._sos = signal.butter(2, LOWEST, "highpass", fs=rate, output="sos")
        self._state: NDArray[np.float64] | None = None
        self._loudest = loudest
        self._follower = signal.butter(1, 1 / (2 * np.pi * LASTING), fs=rate, output="sos")
        self._power = np.zeros((1, 2))  # the follower's state

    def __call__(self, block: Samples) -> Samples:
        """The next samples of the dream, safe. Raises ``FloatingPointError`` if not finite."""
        if not np.isfinite(block).all():
            raise FloatingPointError("the dream is no longer finite")
        if not len(block):
            return block
        if self._state is None:  # as if the first sample had stood there for ever: no thump
            self._state = signal.sosfilt_zi(self._sos) * float(block[0])
        moving, self._state = signal.sosfilt(self._sos, block.astype(np.float64), zi=self._state)
        safe = self._bend(self._turn_down(moving)) * self._envelope(len(block))
        self._at += len(block)
        return safe.astype(np.float32)

    def _turn_down(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        power, self._power = signal.sosfilt(self._follower, samples**2, zi=self._power)
        level = np.sqrt(np.maximum(power, 1e-20))
        quieter: NDArray[np.float64] = samples * np.minimum(1.0, self._loudest / level)
        return quieter

    def _bend(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        knee, room = KNEE * self._ceiling, (1 - KNEE) * self._ceiling
        over = np.abs(samples) - knee
        bent = np.sign(samples) * (knee + room * np.tanh(over / room))
        return np.where(over > 0, bent, samples)

    def _envelope(self, count: int) -> NDArray[np.float64]:
        t = self._at + np.arange(count)
        rise = np.clip(t / max(self._fade_in, 1), 0, 1)
        fall = np.clip((self._frames - 1 - t) / max(self._fade_out, 1), 0, 1)
        envelope: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * rise * fall)
        return envelope
