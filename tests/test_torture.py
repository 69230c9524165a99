"""Short forms of what ``make torture`` tries for an hour, and that it would find what is broken.

Of figures over their limits nothing is said here: they mean something on an idle machine alone.
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_checkpoints import ADAM, ARRAYS, HEAD
from torture import broken, flood, kills, library, packets, server, soak
from torture.driven import Heard, Sandbox
from torture.evidence import Evidence, is_whole
from torture.mutations import LARGEST, Mutants, bundle, ends_it, meanings, message
from torture.outcome import Outcome
from torture.page import record

from dreamd.audio.dream_file import DreamFile
from dreamd.evaluation.markdown import Part
from dreamd.home import checkpoints

# ---------------------------------------------------------------- short forms


def test_kills(tmp_path: Path) -> None:
    assert not kills.run(tmp_path, seed=2, count=6).faults


def test_packets(tmp_path: Path) -> None:
    assert not packets.run(tmp_path, seed=2, count=3000).faults


def test_flood(tmp_path: Path) -> None:
    told = flood.run(tmp_path, seed=2, seconds=1, rate=2000)
    assert not told.faults
    assert len(told.rows) == 5


def test_library(tmp_path: Path) -> None:
    assert not library.run(tmp_path, seed=2, count=60, voices=6).faults


def test_files(tmp_path: Path) -> None:
    assert not broken.run(tmp_path, seed=2, count=60).faults


def test_soak(tmp_path: Path) -> None:
    assert not soak.run(tmp_path, seed=2, seconds=12, minute=5).faults


@pytest.mark.supercollider
def test_server(tmp_path: Path) -> None:
    told = server.run(tmp_path, turns=1, seconds=2, synths=2)
    assert not told.faults
    assert len(told.rows) == 3
    assert all(float(figure) > 0 for row in told.rows for figure in row[1:])


# ---------------------------------------------------------------- would they find it?


class Quiet:
    """A daemon that said these dreams are done."""

    def __init__(self, *dreams: Path) -> None:
        self.heard_all = Heard()
        self.heard_all.done = {path: k for k, path in enumerate(dreams)}


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    made = Sandbox(tmp_path)
    made.voice("guitar", 220)
    return made


def dream(sandbox: Sandbox, name: str = "00000", made: float = 1.0) -> Path:
    """A dream in the bank, of which so much is made."""
    path = sandbox.home / "dreams" / "dream" / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    (sandbox.home / "dreams" / "unfinished").mkdir(exist_ok=True)
    file = DreamFile(path, 11025)
    file.create(1000)
    file.write(0, np.full(int(1000 * made), 0.1, np.float32))
    return path


def save(home: Path, steps: int) -> Path:
    """A checkpoint after so many steps, and seconds, of training."""
    return checkpoints.save(home, replace(HEAD, steps=steps, seconds=float(steps)), ARRAYS, ADAM)


def found(sandbox: Sandbox, harm: Callable[[], object], *dreams: Path) -> list[str]:
    """What the evidence says after something has happened."""
    outcome: Any = Outcome("")
    evidence, daemon = Evidence(sandbox, outcome), Quiet(*dreams)
    evidence.look(daemon, "before")
    assert not outcome.faults
    harm()
    evidence.look(daemon, "after")
    evidence.nothing_half_made(daemon, "after")
    return outcome.faults


def test_all_is_well(sandbox: Sandbox) -> None:
    assert not found(sandbox, lambda: None, dream(sandbox))


def test_a_recording_that_changes_or_goes_is_found(sandbox: Sandbox) -> None:
    path = sandbox.recordings / "guitar" / "220.wav"
    done = dream(sandbox)
    assert "220.wav is not as it was" in found(sandbox, lambda: path.write_bytes(b""), done)[0]
    assert "220.wav is not as it was" in found(sandbox, path.unlink, done)[0]


def test_what_is_written_outside_the_home_is_found(sandbox: Sandbox) -> None:
    stray = sandbox.temporary / "stray"
    assert "stray" in found(sandbox, lambda: stray.write_bytes(b"x"), dream(sandbox))[0]


def test_a_finished_dream_that_changes_or_goes_is_found(sandbox: Sandbox) -> None:
    done = dream(sandbox)
    assert "is another" in found(sandbox, lambda: done.write_bytes(b"x"), done)[0]
    done = dream(sandbox)
    assert "is gone" in found(sandbox, done.unlink, done)[0]


def test_a_dream_that_is_half_made_is_found(sandbox: Sandbox) -> None:
    done = dream(sandbox)
    assert is_whole(done)
    assert "half made" in found(sandbox, lambda: dream(sandbox, "00001", 0.5), done)[0]
    (sandbox.home / "dreams" / "unfinished" / "00002").touch()
    assert any("unfinished" in each for each in found(sandbox, lambda: None, done))


def test_a_checkpoint_that_is_lost_or_damaged_is_found(sandbox: Sandbox) -> None:
    done = dream(sandbox)
    old, new = save(sandbox.home, 5), save(sandbox.home, 9)
    assert "back at step 5 from 9" in found(sandbox, new.unlink, done)[0]
    new = save(sandbox.home, 9)
    assert "cannot be read" in found(sandbox, lambda: new.write_bytes(b"half"), done)[0]
    save(sandbox.home, 9)
    assert "no checkpoint any more" in found(sandbox, lambda: shutil.rmtree(old.parent), done)[0]


def test_training_that_is_lost_is_counted(sandbox: Sandbox) -> None:
    outcome = Outcome("")
    save(sandbox.home, 9)
    told = {("guitar", "column"): (60, 50.0), ("guitar", "vector"): (3, 2.0)}
    assert Evidence(sandbox, outcome).cost(told, "kill 1") == 41.0
    assert outcome.limits == ["kill 1: seconds of training lost: 41.0, at most 30 were promised"]


def test_a_file_without_a_word_or_with_two_is_found(sandbox: Sandbox) -> None:
    outcome, daemon = Outcome(""), Quiet()
    tried: Any = broken.Tried(daemon)  # type: ignore[arg-type]
    for name in ("00000-a.wav", "00001-b.wav", "00002-c.txt", "00003-d.wav"):
        tried.add(sandbox.recordings / "guitar" / name)
    daemon.heard_all.on_message("/dream/ingested", ["guitar", "/x/00000-a.wav", 1.0])
    assert [path.name[:5] for path in tried.waiting()] == ["00001", "00003"]
    for reason in ("is silent", "is silent\nTraceback"):
        daemon.heard_all.on_message("/dream/skipped", ["/x/00003-d.wav", reason])
    broken.judge(tried, outcome)
    assert ["00001" in each for each in outcome.faults] == [True, False, False]
    assert "2 words, not 1" in outcome.faults[1]
    assert "Traceback" in outcome.faults[2]


# ---------------------------------------------------------------- what is drawn, what is written


def drawn(seed: int) -> list[bytes]:
    return list(islice(Mutants(seed, [Path("/a.wav")]), 2000))


def test_the_same_seed_draws_the_same() -> None:
    assert drawn(1) == drawn(1) != drawn(2)


def test_mutants_are_of_every_kind_and_none_is_a_valid_quit() -> None:
    mutants = drawn(3)
    assert not any(map(ends_it, mutants))
    assert any(b"/dream/quit" in each for each in mutants)
    valid = [type(each).__name__ for packet in mutants for each in meanings(packet) if each]
    assert {"Request", "Notify", "Cancel", "Pause", "Resume", "AskStatus"} <= set(valid)
    assert 0.01 < len(valid) / len(mutants) < 0.5
    assert max(map(len, mutants)) == LARGEST


def test_a_quit_is_known_wherever_it_hides() -> None:
    plain = message("/dream/quit")
    assert ends_it(plain)
    assert ends_it(bundle(message("/x"), bundle(plain)))
    assert not ends_it(message("/dream/quiet"))


def test_the_page_keeps_what_is_written_by_hand(tmp_path: Path) -> None:
    page = tmp_path / "reliability.md"
    page.write_text("# By hand\n\nIt holds.\n")
    record(tmp_path, Part("Kills", "six", ["a"], [["1"]]))
    record(tmp_path, Part("Soak", "an hour", ["a"], [["2"]]))
    record(tmp_path, Part("Kills", "seven", ["a"], [["3"]]))
    said = page.read_text()
    assert said.startswith("# By hand\n\nIt holds.\n\n### Kills\n\nseven\n\n| a |")
    assert "six" not in said
    assert said.index("### Kills") < said.index("### Soak")
    assert said.endswith("| 2 |\n")


def test_broken_files_are_the_same_for_the_same_seed(tmp_path: Path) -> None:
    """But for the serial numbers that some formats draw."""

    def made(where: str) -> dict[str, int]:
        folder, make = tmp_path / where, broken.Broken(5)
        folder.mkdir()
        return {path.name: path.stat().st_size for path in (make(k, folder) for k in range(40))}

    assert made("a") == made("b")
