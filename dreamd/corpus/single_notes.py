"""Where a recording plays one pitch alone: what :mod:`dreamd.corpus.pitch` found, as a file.

The learner writes it beside the recording's cache once it has listened; seeds made of notes
are cut from these places. Nothing here analyses sound.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from dreamd.corpus.recording import Recording

TUNING = 0.4
"""Semitones that a single may lie beside the note it stands for."""


@dataclass(frozen=True)
class SingleNote:
    """A stretch in which nothing but one pitch sounds."""

    note: float  # MIDI note number, with its fraction
    start: int  # frame
    frames: int


def known(recording: Recording) -> tuple[SingleNote, ...] | None:
    """The recording's single notes, in order; None where nobody has listened to it yet, or the
    file is damaged: then somebody listens again."""
    try:
        return _read(_path(recording), recording.frames)
    except (OSError, ValueError, TypeError):
        return None


def keep(recording: Recording, singles: Iterable[SingleNote]) -> None:
    """Writes down what was heard. The file is whole or not there."""
    path = _path(recording)
    temporary = path.with_suffix(".solos.tmp")
    temporary.write_text(json.dumps([asdict(single) for single in singles]), encoding="utf-8")
    os.replace(temporary, path)


def of(recording: Recording, note: float) -> list[SingleNote]:
    """The known single notes of this note."""
    return [single for single in known(recording) or () if abs(single.note - note) <= TUNING]


def _path(recording: Recording) -> Path:
    return Path(recording.cache).with_suffix(".solos")


@lru_cache(maxsize=256)  # a file that makes sense is written once
def _read(path: Path, frames: int) -> tuple[SingleNote, ...]:
    found = tuple(SingleNote(**each) for each in json.loads(path.read_text(encoding="utf-8")))
    for single in found:
        whole = type(single.start) is type(single.frames) is int
        inside = whole and 0 <= single.start <= frames - single.frames < frames
        if not (inside and 0 <= single.note < 128):
            raise ValueError(f"not in a recording of {frames} frames: {single}")
    return found
