"""From a file to a cache: float32 at one rate, mono or stereo, free of DC, within -1…1.

:class:`dreamd.corpus.cache.Corpus` calls :func:`pour` for each recording that is new, in threads;
the daemon's has it done in another process (:mod:`dreamd.reading`).
"""

import math
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from dreamd.audio import files
from dreamd.audio.channels import Mixer
from dreamd.audio.files import Remark, Samples
from dreamd.audio.full_scale import FullScale
from dreamd.audio.no_audio import shown
from dreamd.corpus.found import Found
from dreamd.errors import BadRecording, DreamError

SILENT_PEAK = 1e-4
"""A recording whose largest sample is under this (-80 dB) is silence."""

MOST_GROWN, ALWAYS = 400, 1 << 24
"""Bytes of cache for each byte of a file, at most, and what is allowed in any case: a file that
claims to be more is broken. The densest speech codecs come to a hundred."""

WORTH_SAYING = 3.0
"""dB over full scale from which on it is told: lossy formats and resampling overshoot by less."""

OnProgress = Callable[[float], None]


class NoRoom(DreamError):
    """The home's disk takes no more: not the recording's fault."""


@dataclass(frozen=True)
class Form:
    """What every cache of a corpus is.

    >>> str(Form(11025)), str(Form(44100, 2))
    ('11025', '44100|2')
    """

    rate: int  # in Hz
    channels: int = 1

    def __str__(self) -> str:  # part of every cache's key
        return f"{self.rate}|{self.channels}" if self.channels > 1 else str(self.rate)


@dataclass(frozen=True)
class Poured:
    """What was measured of the samples."""

    frames: int
    peak: float
    loudest: float  # largest root mean square of half a second


Pour = Callable[[Found, Path, Form, OnProgress, Remark], Poured]
""":func:`pour`, or somebody who has it done elsewhere."""


def pour(found: Found, cache: Path, form: Form, progress: OnProgress, remark: Remark) -> Poured:
    """Decodes a file into ``cache``.

    Raises :class:`BadRecording` where there is nothing to learn from, :class:`NoRoom` or
    :class:`OSError` where the cache cannot be written.
    """
    path, most = found.path, (ALWAYS + MOST_GROWN * found.size) // (4 * form.channels)
    expected = min(max(files.info(path).seconds * form.rate, 1.0), most)
    if shutil.disk_usage(cache.parent).free < 4 * form.channels * expected:
        raise NoRoom("it is full")
    with cache.open("w+b") as file:
        mixer = Mixer(channels=form.channels)
        _pour_once(path, file, form, mixer, most, lambda n: progress(n / expected), remark)
        if mixer.strongest is not None:
            mixer = Mixer(mixer.strongest, form.channels)
            _pour_once(path, file, form, mixer, most, lambda n: progress(n / expected), ignore)
        poured = _make_sane(file, form, remark)
    if poured.peak < SILENT_PEAK:
        raise BadRecording(f"is silent: {shown(path)}")
    for line in mixer.remarks():
        remark(line)
    return poured


def ignore(_: object) -> None:
    """For those who want to hear nothing."""


def _pour_once(
    path: Path,
    file: BinaryIO,
    form: Form,
    mixer: Mixer,
    most: int,
    progress: Callable[[int], None],
    remark: Remark,
) -> None:
    """All samples, from the file's start on."""
    file.seek(0)
    file.truncate()
    frames = 0
    for block in files.decode(path, form.rate, mixer=mixer, remark=remark):
        file.write(block.astype("<f4").tobytes())
        frames += len(block)
        progress(frames)
        if frames > most:
            raise BadRecording(
                f"would become {4e-6 * form.channels * most:.0f} MB and more, far too much for its "
                f"size: it is broken: {shown(path)}"
            )
    if not frames:
        raise BadRecording(f"holds no samples: {shown(path)}")


def _make_sane(file: BinaryIO, form: Form, remark: Remark) -> Poured:
    """Cuts accidents off, takes the offset away, and fits what is over full scale."""
    raw, centred, total = FullScale(), FullScale(), np.zeros(form.channels)
    for block in _read(file, form):
        raw.add(block)
        total += block.T.sum(1, dtype=np.float64)
    frames = file.tell() // (4 * form.channels)
    if raw.has_accidents:
        _rewrite(file, raw.cut, FullScale(), form)
        total = sum((block.T.sum(1, dtype=np.float64) for block in _read(file, form)), 0 * total)
    offset = total / frames
    loudest = _rewrite(file, lambda block: block - offset, centred, form)
    over, peak = 20 * math.log10(max(centred.peak, 1.0)), centred.peak
    if over > WORTH_SAYING or raw.has_accidents:
        cut = ", its highest peaks are cut off" if raw.has_accidents else ""
        remark(f"goes {over:.0f} dB over full scale: made quieter to fit{cut}")
    if over:
        fitted = FullScale()
        loudest = _rewrite(file, centred.fit, fitted, form)
        peak = fitted.peak
    return Poured(frames, peak, min(loudest, peak))


def _read(file: BinaryIO, form: Form) -> Iterator[Samples]:
    """Blocks ``(frames, channels)``."""
    file.seek(0)
    while len(block := np.frombuffer(file.read(4 * files.BLOCK), "<f4")):
        yield block.reshape(-1, form.channels)


def _rewrite(
    file: BinaryIO, change: Callable[[Samples], NDArray[Any]], levels: FullScale, form: Form
) -> float:
    """Changes all samples, in blocks; gives the loudest half second."""
    loudest, at, span = 0.0, 0, form.rate // 2 * form.channels
    while True:
        file.seek(at)
        block = np.frombuffer(file.read(4 * files.BLOCK), "<f4")
        if not len(block):
            return loudest
        moved = change(block.reshape(-1, form.channels)).astype("<f4").ravel()
        file.seek(at)
        file.write(moved.tobytes())
        at += 4 * len(block)
        levels.add(moved)
        size = min(span, len(moved))
        spans = moved[: len(moved) // size * size].reshape(-1, size)
        loudest = max(loudest, float(np.sqrt((spans.astype(np.float64) ** 2).mean(1).max())))
