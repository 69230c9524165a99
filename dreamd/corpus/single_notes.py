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
    """The recording's single notes, in order; None where nobody has listened to it yet."""
    path = _path(recording)
    return _read(path) if path.exists() else None


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


@lru_cache(maxsize=256)  # a cache's file is written once
def _read(path: Path) -> tuple[SingleNote, ...]:
    return tuple(SingleNote(**single) for single in json.loads(path.read_text(encoding="utf-8")))
