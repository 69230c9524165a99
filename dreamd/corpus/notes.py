"""What is remembered of a cache: a note beside it, ``KEY.json``.

:class:`dreamd.corpus.cache.Corpus` reads all notes as it begins and writes one with each new
recording. A note names the files that hold just this sound, and nothing of the home: a home may be
copied and moved.
"""

import contextlib
import json
import math
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamd.corpus.decoding import Form, Poured
from dreamd.corpus.found import Found
from dreamd.corpus.recording import Recording


@dataclass
class Remembered:
    """A cache ``KEY.f32``, and the files whose sound it holds."""

    key: str
    digest: str  # of the files' content; empty where an earlier dreamd made the cache
    frames: int
    rate: int
    peak: float
    loudest: float
    joined: float
    places: dict[Path, Found] = field(default_factory=dict)
    channels: int = 1

    @classmethod
    def of(cls, key: str, digest: str, poured: Poured, form: Form) -> "Remembered":
        """What was decoded just now."""
        levels, places = (poured.peak, poured.loudest), dict[Path, Found]()
        return cls(
            key, digest, poured.frames, form.rate, *levels, time.time(), places, form.channels
        )

    def recording(self, folder: Path, found: Found) -> Recording:
        """The recording in ``found``, whose cache lies in ``folder``."""
        return Recording(
            voice=found.voice,
            source=str(found.path),
            cache=str(folder / f"{self.key}.f32"),
            frames=self.frames,
            rate=self.rate,
            peak=self.peak,
            loudest=self.loudest,
            joined=self.joined,
            channels=self.channels,
        )

    def is_whole(self, folder: Path) -> bool:
        """Whether the cache is there, and as long as it was."""
        try:
            size = (folder / f"{self.key}.f32").stat().st_size
            return size == 4 * self.channels * self.frames
        except OSError:
            return False


def write_note(folder: Path, note: Remembered) -> None:
    """The note is whole or not there. Raises :class:`OSError`."""
    values = asdict(note) | {"places": [_told_place(found) for found in note.places.values()]}
    del values["key"]
    path = folder / f"{note.key}.json"
    temporary = path.with_suffix(".json.tmp")
    try:
        temporary.write_text(json.dumps(values), encoding="utf-8")
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def read_note(path: Path) -> Remembered:
    """Raises :class:`OSError` or :class:`ValueError` for a note that cannot be read or makes no
    sense."""
    values = json.loads(path.read_text(encoding="utf-8"))
    try:
        if "recording" in values:  # of dreamd 0.1.0
            values = _older(values)
        places = [_place(**each) for each in values.pop("places")]
        note = Remembered(path.stem, **values, places={found.path: found for found in places})
        _check(note)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"makes no sense ({error})") from None
    return note


def _older(values: Mapping[str, Any]) -> dict[str, Any]:
    was = values["recording"]
    kept = ("frames", "rate", "peak", "loudest", "joined")
    place = {"path": was["source"], "voice": was["voice"], "ctime_ns": 0}
    place |= {each: values[each] for each in ("size", "mtime_ns")}
    return {each: was[each] for each in kept} | {"digest": "", "places": [place]}


def _told_place(found: Found) -> dict[str, Any]:
    return asdict(found) | {"path": str(found.path)}


def _place(path: str, voice: str, size: int, mtime_ns: int, ctime_ns: int) -> Found:
    for number in (size, mtime_ns, ctime_ns):
        if type(number) is not int:
            raise ValueError(f"not a whole number: {number!r}")
    if not isinstance(voice, str) or not voice:
        raise ValueError(f"not a voice: {voice!r}")
    return Found(Path(path), voice, size, mtime_ns, ctime_ns)


def _check(note: Remembered) -> None:
    """Numbers that a recording of ours cannot have are damage."""
    levels = (note.peak, note.loudest, note.joined)
    if not isinstance(note.digest, str) or type(note.frames) is not int or note.frames < 1:
        raise ValueError("not a recording's length")
    if note.channels not in (1, 2):
        raise ValueError("not a recording's channels")
    if not all(type(each) in (int, float) and math.isfinite(each) for each in levels):
        raise ValueError("not a recording's levels")
    if note.peak <= 0 or note.loudest < 0:
        raise ValueError("levels that no recording has")
