"""Credits: which moments of which recordings each dream leant on, as its cursor walked.

They are kept for every finished dream: the daemon's in ``HOME/dreams/credits/00007.json``, beside
the sample bank and not in it, those of ``dreamd dream --out a.wav`` in ``a.credits.json``.
``dreamd credits`` reads them, and so do the pages.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dreamd.errors import NoSuchSeed
from dreamd.home.bank import number_of

FASTEST = 4.0
"""Seconds of a recording that a cursor passes in one of the dream, at most."""
PAUSED = "it was paused, or had nothing to follow"
"""Of a dream that leant on nothing."""


@dataclass(frozen=True)
class Credit:
    """From ``start`` to ``end`` the dream leant on ``source`` from ``first`` to ``last``; seconds.

    A cursor that walked past the end of its recording went on at its beginning.
    """

    start: float
    end: float
    source: str
    first: float
    last: float

    def __str__(self) -> str:
        """
        >>> str(Credit(0.0, 1.5, "/takes/a.wav", 12.25, 13.75))
        '0.00 - 1.50 s: a.wav from 12.25 to 13.75 s'
        """
        span = f"{self.first:.2f} to {self.last:.2f} s"
        return f"{self.start:.2f} - {self.end:.2f} s: {Path(self.source).name} from {span}"


def beside(dream: Path) -> Path:
    """Where the credits of a dream's file are.

    >>> beside(Path("/home/dreams/dream/00003.wav")).as_posix()
    '/home/dreams/credits/00003.json'
    >>> beside(Path("/tmp/rain.wav")).as_posix()
    '/tmp/rain.credits.json'
    """
    if dream.parent.parts[-2:] == ("dreams", "dream") and number_of(dream.stem) is not None:
        return dream.parent.with_name("credits") / f"{dream.stem}.json"
    return dream.with_suffix(".credits.json")


def keep(dream: Path, credits: Sequence[Credit], voice: str) -> None:
    """Writes down the credits of a dream's file, and whose it is, in place of an older one's."""
    path = beside(dream)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".json.tmp")
    said = {"voice": voice, "credits": [asdict(each) for each in credits]}
    temporary.write_text(json.dumps(said), encoding="utf-8")
    os.replace(temporary, path)


def of(dream: Path) -> list[Credit] | None:
    """The credits of a dream's file; None where there are none that can be read."""
    try:
        said = _read(dream)
        return [_parsed(each) for each in (said if isinstance(said, list) else said["credits"])]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def dreamer_of(dream: Path) -> str | None:
    """The voice that dreamt this file; None where nobody knows."""
    try:
        voice = _read(dream)["voice"]
    except (OSError, ValueError, TypeError, KeyError):  # TypeError: older ones are lists
        return None
    return voice if isinstance(voice, str) else None


def _read(dream: Path) -> Any:
    return json.loads(beside(dream).read_text(encoding="utf-8"))


def _parsed(said: dict[str, Any]) -> Credit:
    start, end, first, last = (float(said[key]) for key in ("start", "end", "first", "last"))
    if not (0 <= start <= end and 0 <= first <= last <= first + FASTEST * (end - start) + 1):
        raise ValueError
    return Credit(start, end, str(said["source"]), first, last)


def dream_named(words: str, home: Path) -> Path:
    """The file of a dream: ``dream:3`` of the bank, or the path of a WAV file.

    >>> dream_named("dream:3", Path("/home")).as_posix(), dream_named("3", Path("/home")).stem
    ('/home/dreams/dream/00003.wav', '00003')

    Raises :class:`NoSuchSeed` for what names no dream.
    """
    if words.lower().endswith(".wav"):
        return Path(words).expanduser()
    name, _, number = words.rpartition(":")
    if name not in ("dream", "") or not (number.isascii() and number.isdecimal()):
        raise NoSuchSeed(f"name a dream of the bank, dream:3, or a dream's WAV file; got {words}")
    return home / "dreams" / "dream" / f"{int(number):05d}.wav"


def told(credits: Sequence[Credit]) -> str:
    """One line for each."""
    return "\n".join(map(str, credits)) or PAUSED
