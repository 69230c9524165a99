"""``dreamd judge``: dreams beside the recordings they were dreamt from, as text, JSON or a page.

Files in, :mod:`dreamd.evaluation.judge` in the middle, one of three forms out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dreamd.audio.files import Samples, excerpt, info
from dreamd.corpus.folder import given
from dreamd.errors import BadRecording, SetupError
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.judge import Judge, Judgement, load
from dreamd.evaluation.markdown import Cells, table
from dreamd.evaluation.mel import RATE
from dreamd.evaluation.pictures import gallery
from dreamd.evaluation.report import Entry, page
from dreamd.home import credits

CRITERIA = ("free of artifacts", "resembles the input", "does not copy it")


@dataclass(frozen=True)
class Verdict:
    """Dreams with what was found of each, and the recordings."""

    dreams: Sequence[tuple[Path, Samples, Judgement]]
    recordings: Sequence[tuple[Path, Samples]]
    judge: Judge

    def rows(self) -> list[Cells]:
        return [[file.name, *scores(judged)] for file, _, judged in self.dreams]

    def text(self) -> str:
        """A Markdown table."""
        return table(["dream", *CRITERIA], self.rows())

    def json(self) -> list[dict[str, Any]]:
        return [
            {
                "file": str(file),
                "c1": round(judged.c1, 4),
                "c2": round(judged.c2, 4),
                "c3": round(judged.c3, 4),
                "words": list(judged.words),
                "order": round(judged.order, 4),
            }
            for file, _, judged in self.dreams
        ]

    def picture(self) -> bytes:
        """PNG: spectrograms of the first recording and of the dreams, as high as all of them go."""
        paths = [self.recordings[0][0], *(file for file, _, _ in self.dreams)]
        rate = min(info(path).rate for path in paths)
        return gallery([(path.stem, excerpt(path, rate)) for path in paths], rate)

    def page(self) -> str:
        first, samples = self.recordings[0]
        exhibits = [Entry(first.name, samples, RATE, None)]
        exhibits += [
            Entry(file.name, heard, RATE, judged, credits=tuple(credits.of(file) or ()))
            for file, heard, judged in self.dreams
        ]
        names = [path.name for path, _ in self.recordings]
        intro = f"{len(self.dreams)} dreams against {', '.join(names[:6])}"
        more = f" and {len(names) - 6} more" if len(names) > 6 else ""
        return page("Dreams, judged", f"{intro}{more}.", exhibits, names, self.judge.artifacts)


def scores(judged: Judgement) -> Cells:
    """
    ``0.83 high``, for each criterion."""
    numbers = (judged.c1, judged.c2, judged.c3)
    return [f"{number:.2f} {word}" for number, word in zip(numbers, judged.words, strict=True)]


def verdict(dreams: Sequence[Path], against: Path) -> Verdict:
    """A folder of dreams stands for all that lie in it.

    Raises :class:`SetupError` or :class:`BadRecording` for what cannot be read or judged; for a
    dream before the recordings, which may take a while, are read.
    """
    dreams = [file for each in dreams for file in _files(each)]
    recordings = [(path, load(path)) for path, _ in given(against)]
    if not recordings:
        raise SetupError(f"no recordings in {against}")
    judge = Judge([samples for _, samples in recordings])
    judged = []
    for file in dreams:
        samples = load(file)
        try:
            judged.append((file, samples, judge.judge(samples)))
        except BadRecording as error:
            raise BadRecording(f"{file}: {error}") from None
    return Verdict(judged, recordings, judge)


def _files(dreams: Path) -> list[Path]:
    found = [path for path, _ in given(dreams)] if dreams.is_dir() else [dreams]
    if not found:
        raise SetupError(f"no dreams in {dreams}")
    for file in found:
        info(file)
    return found


def longest(passages: Sequence[Passage]) -> float:
    """Seconds of the longest passage that was copied."""
    return max((passage.seconds for passage in passages), default=0.0)
