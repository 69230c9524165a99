"""What a performer wants forgotten: ``HOME/forgotten.txt``, a recording of a voice a line.

:class:`dreamd.corpus.cache.Corpus` asks before a recording joins; the training process, as it
begins, sets aside what was learned with it. The performer's files stay where they are. A recording
is known by its content: renamed or copied it stays forgotten in its voice. To have one back, its
line is deleted.
"""

import os
import time
from dataclasses import astuple, dataclass
from pathlib import Path

HEAD = (
    "# What dreamd has forgotten: content, voice, when it joined, when it was forgotten (seconds\n"
    "# since 1970), file. To have one back, delete its line, then touch the file or start dreamd\n"
    "# again.\n"
)


@dataclass(frozen=True)
class Unwanted:
    """One line."""

    digest: str  # of the file's content
    voice: str
    joined: float  # when it became a recording
    at: float  # when it was forgotten
    file: str  # for the reader, as it can be printed


def path_in(home: Path) -> Path:
    return home / "forgotten.txt"


def lines(home: Path) -> list[Unwanted]:
    """All lines that make sense; none where the file is not there or cannot be read."""
    try:
        lines = path_in(home).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [entry for line in lines if (entry := _parsed(line))]


def _parsed(line: str) -> Unwanted | None:
    """
    >>> _parsed("ab12\\tguitar\\t1.5\\t2.5\\t/rec/guitar/a take.wav")
    Unwanted(digest='ab12', voice='guitar', joined=1.5, at=2.5, file='/rec/guitar/a take.wav')
    >>> _parsed("# a remark") is None
    True
    """
    fields = line.strip().split("\t")
    if line.startswith("#") or len(fields) != 5:
        return None
    try:
        return Unwanted(fields[0], fields[1], float(fields[2]), float(fields[3]), fields[4])
    except ValueError:
        return None


def add(home: Path, digest: str, voice: str, joined: float, file: str) -> None:
    """One more; the file is whole at any moment. Raises :class:`OSError`."""
    where = path_in(home)
    entry = Unwanted(digest, voice, round(joined, 3), round(time.time(), 3), file)
    try:
        text = where.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        text = HEAD
    text += "" if text.endswith("\n") else "\n"
    temporary = where.with_suffix(".txt.tmp")
    line = "\t".join(map(str, astuple(entry)))
    temporary.write_text(f"{text}{line}\n", encoding="utf-8", errors="surrogateescape")
    os.replace(temporary, where)
