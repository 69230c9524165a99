"""Credits: which moments of which recordings each dream leant on, as its cursor walked.

The daemon keeps them for every finished dream, in ``HOME/dreams/credits/00007.json``, beside the
sample bank and not in it; ``dreamd credits dream:7`` and the page read them.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dreamd.errors import NoSuchSeed


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


def keep(home: Path, index: int, credits: Sequence[Credit]) -> None:
    """Writes down the credits of a dream, in place of those of an older one of its number."""
    path = _path(home, index)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".json.tmp")
    temporary.write_text(json.dumps([asdict(each) for each in credits]), encoding="utf-8")
    os.replace(temporary, path)


def of(home: Path, index: int) -> list[Credit]:
    """The credits of a dream. Raises :class:`NoSuchSeed` where there are none."""
    try:
        said = json.loads(_path(home, index).read_text(encoding="utf-8"))
        return [Credit(**each) for each in said]
    except (OSError, ValueError, TypeError):
        raise NoSuchSeed(f"there are no credits of dream:{index}") from None


def number_in(words: str) -> int:
    """
    >>> number_in("dream:3"), number_in("3")
    (3, 3)

    Raises :class:`NoSuchSeed` for what names no dream.
    """
    name, _, number = words.rpartition(":")
    if name not in ("dream", "") or not number.isdecimal():
        raise NoSuchSeed(f"credits are those of a dream of the bank, dream:3; got {words}")
    return int(number)


def told(credits: Sequence[Credit]) -> str:
    """One line for each."""
    return "\n".join(map(str, credits)) or "it was paused, or had nothing to follow"


def _path(home: Path, index: int) -> Path:
    return home / "dreams" / "credits" / f"{index:05d}.json"
