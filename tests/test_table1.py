"""``dreamd table1``: rows are made once, resumed where they were stopped, and shown."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from dreamd import cli
from dreamd.audio import files
from dreamd.audio.plucked_string import string
from dreamd.errors import SetupError
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.judge import Judgement
from dreamd.experiments import table1
from dreamd.experiments.table1 import Dreamt, TableRow
from dreamd.home.lock import claim
from dreamd.settings import Settings

RATE = 11025
TINY = ["--hidden", "8", "--window", "3", "--frame", "256"]


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    notes = [0.4 * string(float(n), 1.5, RATE, rng) for n in (52, 57, 64, 59, 67)]
    path = tmp_path / "takes" / "guitar" / "take.wav"
    path.parent.mkdir(parents=True)
    files.write(path, np.concatenate(notes).astype(np.float32), RATE)
    return tmp_path / "takes"


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        table1,
        "TABLE",
        (("spectrum", 256, "high high high"), ("vector", 128, "medium medium high")),
    )
    monkeypatch.setattr(table1, "SECONDS", 2.0)
    monkeypatch.setattr(table1, "RANDS", (1,))


def test_makes_rows_and_goes_on_where_it_stopped(
    takes: Path, short: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    out, home = tmp_path / "out", tmp_path / "home"
    settings = replace(Settings(home=home), hidden=8, window=3, frame=256)
    whole = table1.TABLE
    claim(home)

    monkeypatch.setattr(table1, "TABLE", whole[:1])  # stopped after the first row
    table1.make_table(settings, takes, 0.01, out, told.append)
    first = (out / "spectrum-256.json").stat().st_mtime_ns
    monkeypatch.setattr(table1, "TABLE", whole)
    page = table1.make_table(settings, takes, 0.01, out, told.append)

    assert (out / "spectrum-256.json").stat().st_mtime_ns == first
    rows = list(table1.done(out))
    assert [(row.approach, row.vector) for row, _ in rows] == [("spectrum", 256), ("vector", 128)]
    assert all(row.seconds >= 0.95 * 0.6 for row, _ in rows)  # with less it would go on
    assert all(row.steps > 0 for row, _ in rows)
    assert json.loads((out / "vector-128.json").read_text())["dreams"][0]["file"] in {
        path.name for path in out.glob("*.wav")
    }
    lines = (out / "table1.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 4
    assert "· medium" in lines[3]
    html = page.read_text(encoding="utf-8")
    assert "spectrum 256" in html
    assert "medium medium high" in html


def test_rows_of_two_rates_stand_side_by_side(tmp_path: Path) -> None:
    judgement = Judgement(0.9, 0.5, 1.0, Artifacts(-30.0, 0.0, 0.0, 0.0, 0.0, 0.0), ())
    for rate, hop in ((44100, 1024), (11025, 256), (44100, 256), (11025, 64)):
        dreams = (Dreamt("a.wav", judgement, 3.0, -2.4, 0.07),)
        row = TableRow("spectrum", hop, 60.0, 10, 0.1, dreams, rate)
        (tmp_path / f"spectrum-{hop}-{rate}.json").write_text(json.dumps(asdict(row)))
    rows = list(table1.done(tmp_path))
    assert [(row.vector, row.rate) for row, _ in rows] == [(256, 11025), (1024, 44100)]
    low, full = table1.markdown(rows).splitlines()[2:]
    assert low.startswith("| spectrum | 11025 | 256 | 0.90 (0.90…0.90) **high** · high |")
    assert full.startswith("| spectrum | 44100 | 1024 |")
    assert ("| – |" in low, "| -2 dB, +0.07 |" in full) == (True, True)


def test_the_command(
    takes: Path, short: None, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(table1, "TABLE", table1.TABLE[:1])
    home = ["--home", str(tmp_path / "home")]
    assert cli.main(["table1", str(takes), "--minutes", "0.01", *TINY, *home]) == 0
    assert Path(capsys.readouterr().out.strip()) == tmp_path / "home" / "table1" / "table1.html"
    assert cli.main(["table1", str(takes), "--minutes", "0", *home]) == 1
    assert "--minutes" in capsys.readouterr().err


def test_nowhere_to_write(takes: Path, short: None, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(SetupError, match="cannot write"):
        table1.make_table(Settings(home=tmp_path / "home"), takes, 0.01, tmp_path / "out", print)
