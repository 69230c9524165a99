"""``dreamd table1``: every row of the paper's Table 1, trained, dreamt, judged, and shown.

TableRow by row, each of which is kept when it is done: what was stopped goes on where it was. The
models lie in the home folder like all others; the dreams, one JSON file for each row, the page
and the Markdown table lie in one folder. Made there again with another ``--rate``, each row stands
beside the same one of the first rate.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import config_of
from dreamd.audio import files
from dreamd.audio.files import Samples
from dreamd.commands import offline
from dreamd.corpus.recording import Recording, cut
from dreamd.dreaming import render
from dreamd.errors import SetupError
from dreamd.evaluation import liveliness
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.judge import Judge, Judgement, word
from dreamd.evaluation.markdown import table
from dreamd.evaluation.mel import at_judge_s_rate
from dreamd.evaluation.report import Entry, page
from dreamd.evaluation.verdict import CRITERIA, longest
from dreamd.experiments.common import heard, heard_by_judge, job_of, whole_of
from dreamd.home import checkpoints, credits
from dreamd.osc.requests import Request
from dreamd.settings import PAPER_RATE, Settings, multiple

SECONDS = 20.0  # of a dream
RANDS = (1, 2, 3)

TABLE: tuple[tuple[str, int, str], ...] = (
    ("vector", 1024, "medium high high"),
    ("vector", 512, "medium high high"),
    ("vector", 256, "medium high high"),
    ("vector", 128, "medium medium high"),
    ("spectrum", 1024, "high medium high"),
    ("spectrum", 512, "high medium high"),
    ("spectrum", 256, "high high high"),
    ("spectrum", 128, "high high medium"),
    ("spectrum", 56, "medium high low"),
    ("transpose", 1024, "medium high high"),
    ("column", 1024, "medium high high"),
)
"""Approach, vector length or hop (in samples at 11025 Hz, and as long at other rates), and the
paper's words for the three criteria."""


@dataclass(frozen=True)
class Dreamt:
    """One dream of a row, and what the judge says."""

    file: str
    judgement: Judgement
    speed: float  # times real time
    highs: float = 0.0  # dB over the recordings', of what lies above what the judge hears
    ringing: float = 0.0  # share of the time over the recordings', in which these ring

    @classmethod
    def parse(cls, said: dict[str, Any]) -> "Dreamt":
        judged = dict(said["judgement"])
        judged["passages"] = tuple(Passage(**each) for each in judged["passages"])
        judged["artifacts"] = Artifacts(**judged["artifacts"])
        highs, ringing = said.get("highs", 0.0), said.get("ringing", 0.0)
        return cls(said["file"], Judgement(**judged), said["speed"], highs, ringing)


@dataclass(frozen=True)
class TableRow:
    """A finished row."""

    approach: str
    vector: int  # samples at its rate
    seconds: float  # of training
    steps: int
    error: float
    dreams: tuple[Dreamt, ...]
    rate: int = PAPER_RATE

    @property
    def numbers(self) -> list[float]:
        """The means of the three criteria."""
        return [
            float(np.mean([getattr(each.judgement, key) for each in self.dreams]))
            for key in ("c1", "c2", "c3")
        ]

    @property
    def speed(self) -> float:
        return float(np.median([each.speed for each in self.dreams]))

    @classmethod
    def parse(cls, said: dict[str, Any]) -> "TableRow":
        return cls(**{**said, "dreams": tuple(map(Dreamt.parse, said["dreams"]))})


def make_table(
    settings: Settings, source: Path, minutes: float, folder: Path, say: Callable[[str], None]
) -> Path:
    """All rows, those that are there already as they are; gives the page's path.

    Raises :class:`SetupError` where there is nothing to learn from, or nowhere to write.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        recordings = next(iter(offline.ingest(settings, source, say).values()))
        listener = Judge([heard_by_judge(each) for each in recordings])
        render.prepare()
        for approach, vector, _ in TABLE:
            length = vector * multiple(settings.rate)
            path = folder / f"{_name(approach, length, settings.rate)}.json"
            if not path.exists():
                row = _row(settings, source, recordings, approach, length, minutes, folder,
                           listener, say)  # fmt: skip
                path.write_text(json.dumps(asdict(row), indent=1), encoding="utf-8")
            _publish(folder, recordings, listener)
    except OSError as error:
        raise SetupError(f"cannot write in {folder}: {error.strerror}") from None
    return folder / "table1.html"


def _row(
    settings: Settings, source: Path, recordings: Sequence[Recording], approach: str, vector: int,
    minutes: float, folder: Path, listener: Judge, say: Callable[[str], None],
) -> TableRow:  # fmt: skip
    if approach == "spectrum":
        settings = replace(settings, hop=vector)
    else:
        settings = replace(settings, vector=vector)
    voice, config = recordings[0].voice, config_of(approach, settings)
    _train(settings, source, voice, config, 60 * minutes, say)
    head = checkpoints.header(newest_checkpoint(settings, voice, config))
    dreams, theirs = [], _above(whole_of(recordings), settings.rate)
    for rand in RANDS:
        asked = Request(approach, SECONDS, vector=vector, rand=rand)
        dream = heard(settings, job_of(settings, {voice: recordings}, asked))
        file = f"{_name(approach, vector, settings.rate)}-{rand}.wav"
        files.write(folder / file, dream.sound, settings.rate)
        credits.keep(folder / file, dream.credits, voice)
        samples = at_judge_s_rate(dream.samples, settings.rate)
        more = _above(dream.samples, settings.rate) - theirs
        dreams.append(Dreamt(file, listener.judge(samples), dream.speed, *more.tolist()))
        say(f"{approach} {vector}, dream {rand}: {' '.join(dreams[-1].judgement.words)}")
    return TableRow(approach, vector, head.seconds, head.steps, head.error, tuple(dreams),
                    settings.rate)  # fmt: skip


def _above(samples: Samples, rate: int) -> NDArray[np.float64]:
    """Of what the judge does not hear: how much there is, and for how long it rings."""
    return np.array([liveliness.highs(samples, rate), liveliness.ringing(samples, rate)])


def _train(
    settings: Settings, source: Path, voice: str, config: ModelConfig, seconds: float,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Seconds of the trainer's own computing: rows compare, whatever else the machine does."""
    while (had := trained(settings, voice, config)) < 0.95 * seconds:
        offline.train(settings, source, config.approach, seconds - had, say)
        if trained(settings, voice, config) <= had:
            raise SetupError(f"{config.approach} cannot learn from {source}")


def _name(approach: str, length: int, rate: int) -> str:
    return f"{approach}-{length}" + (f"-{rate}" if rate != PAPER_RATE else "")


def newest_checkpoint(settings: Settings, voice: str, config: ModelConfig) -> Path:
    path = checkpoints.newest(checkpoints.folder(settings.home, voice, config))
    assert path is not None, "it was trained just now"
    return path


def trained(settings: Settings, voice: str, config: ModelConfig) -> float:
    """Seconds of training that the model has had."""
    path = checkpoints.newest(checkpoints.folder(settings.home, voice, config))
    return checkpoints.header(path).seconds if path else 0.0


# ---------------------------------------------------------------- what comes of it


def done(folder: Path) -> Iterator[tuple[TableRow, str]]:
    """The finished rows with the paper's words, in the paper's order, those of all rates."""
    paths = [path for path in sorted(folder.glob("*-*.json")) if ".credits" not in path.suffixes]
    rows = [TableRow.parse(json.loads(path.read_text(encoding="utf-8"))) for path in paths]
    rows.sort(key=lambda row: row.rate)
    for approach, vector, words in TABLE:
        for row in rows:
            if (row.approach, row.vector) == (approach, vector * multiple(row.rate)):
                yield row, words


def _publish(folder: Path, recordings: Sequence[Recording], listener: Judge) -> None:
    rows = list(done(folder))
    (folder / "table1.md").write_text(markdown(rows), encoding="utf-8")
    names = [each.name for each in recordings]
    first, rate = recordings[0], recordings[0].rate
    exhibits = [Entry(names[0], cut(first, 0, first.frames), rate, None)]
    for row, words in rows:
        one = row.dreams[0]
        samples = files.excerpt(folder / one.file, row.rate)
        title = f"{row.approach} {row.vector}, {row.rate / 1000:g} kHz"
        walked = tuple(credits.of(folder / one.file) or ())
        exhibits.append(Entry(title, samples, row.rate, one.judgement, facts(row, words), walked))
    intro = f"One dream of each row of the paper's Table 1, of {', '.join(names)}."
    html = page("Table 1, dreamt again", intro, exhibits, names, listener.artifacts)
    (folder / "table1.html").write_text(html, encoding="utf-8")


def facts(row: TableRow, words: str) -> tuple[tuple[str, str], ...]:
    return (
        ("the paper's words", words),
        (f"mean of {len(row.dreams)}", " ".join(f"{n:.2f}" for n in row.numbers)),
        ("trained", f"{row.seconds:.0f} s, {row.steps} steps"),
        ("error", f"{row.error:.3f}"),
        ("× real time", f"{row.speed:.1f}"),
    )


def markdown(rows: Sequence[tuple[TableRow, str]]) -> str:
    """The table: for each criterion the mean, from where to where, its word and the paper's."""
    head = ["approach", "rate", "V or hop", *CRITERIA, "highs", "longest passage", "trained",
            "steps", "error", "× real time"]  # fmt: skip
    lines = []
    for row, words in rows:
        cells = []
        for key, number, rated in zip(("c1", "c2", "c3"), row.numbers, words.split(), strict=True):
            each = [getattr(dream.judgement, key) for dream in row.dreams]
            span = f"{number:.2f} ({min(each):.2f}…{max(each):.2f})"
            cells.append(f"{span} **{word(number)}** · {rated}")
        above = np.mean([(each.highs, each.ringing) for each in row.dreams], axis=0)
        highs = "{:+.0f} dB, {:+.2f}".format(*above) if row.rate > PAPER_RATE else "–"
        copied = max(longest(dream.judgement.passages) for dream in row.dreams)
        lines.append(
            [row.approach, str(row.rate), str(row.vector), *cells, highs, f"{copied:.1f} s",
             f"{row.seconds:.0f} s", str(row.steps), f"{row.error:.3f}", f"{row.speed:.2g}"]
        )  # fmt: skip
    return table(head, lines) + "\n"
