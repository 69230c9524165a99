"""Where a dream's cursor went: told as it leaps, kept with the dream, and what the seed has to do
with it."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RATE, Daemon, tone

from dreamd import cli
from dreamd.audio import files, plucked_string
from dreamd.commands import offline
from dreamd.commands.offline import listen
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.job import CursorLeapt, Told
from dreamd.dreaming.resolve import resolve
from dreamd.errors import NoSuchSeed
from dreamd.home import credits
from dreamd.home.credits import Credit
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings


def scale(*notes: int) -> files.Samples:
    """Single plucked notes, half a second each."""
    return np.concatenate([plucked_string.chord((n,), RATE // 2, RATE, 0.5) for n in notes])


Voices = dict[str, list[Recording]]


@torch.no_grad()
def path_of(settings: Settings, voices: Voices, **keys: object) -> list[tuple[int, float]]:
    """Frames of the dream and seconds of the recording: where the cursor of a dream goes."""
    request = Request("spectrum", secs=2.0, rand=3, **keys)  # type: ignore[arg-type]
    job = resolve(settings, request, voices, lambda number: Path())
    heard: list[CursorLeapt] = []
    made = 0
    for block in render.blocks(job, settings, leapt=heard.append):
        made += len(block)
        if made > job.frames:
            break
    return [(leap.frame, leap.second) for leap in heard]


def test_the_seed_decides_where_it_begins_and_leaps(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    notes = (40, 52, 64, 76)
    voices = {"scale": [recorded(scale(*notes * 3), "scale")]}
    listen(voices["scale"][0])
    for k, note in enumerate(notes):
        place = path_of(small, voices, seed="scale:0", seedat=0.5 * k + 0.1)[0]
        heard = notes[int(place[1] / 0.5 + 0.1) % len(notes)]
        assert heard == note
    paths = [path_of(small, voices, seed="scale:0", seedat=second) for second in (0.1, 1.1)]
    assert paths[0] != paths[1]
    assert path_of(small, voices, seed="scale:0", seedat=0.1) == paths[0]  # by rand
    assert len(paths[0]) > 2
    assert paths[0][1][0] > RATE // 10  # where it begins it stays for a moment


def test_wander_0_walks_straight_on_and_followat_says_where(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    voices = {"scale": [recorded(scale(40, 52, 64, 76), "scale")]}
    listen(voices["scale"][0])
    straight = path_of(small, voices, seed="scale:0", wander=0.0, followat=1.25)
    assert straight == [(0, pytest.approx(1.25, abs=1e-3))]


def test_credits_are_told_and_kept(daemon: Callable[..., Daemon], tmp_path: Path) -> None:
    takes = tmp_path / "takes" / "scale"
    takes.mkdir(parents=True)
    files.write(takes / "a.wav", scale(40, 52, 64, 76, 40, 64), RATE)
    one = daemon(takes.parent)
    one.until(lambda: (tmp_path / "home" / "corpus").exists()
              and list((tmp_path / "home" / "corpus").glob("*.events")))  # fmt: skip
    one.ask(id=5, approach="spectrum", seed="scale:0", secs=3, rand=1)
    index = one.wait("/dream/done", 5)[5]
    leaps = [args for address, args in one.heard if address == "/dream/leap"]
    assert leaps[0][:2] == [5, 0]
    assert all(path == str(takes / "a.wav") for _, _, path, _ in leaps)
    kept = credits.of(one.home / "dreams" / "dream" / f"{index:05d}.wav") or []
    assert [round(each.start * RATE) for each in kept] == [leap[1] for leap in leaps]
    assert kept[-1].end == pytest.approx(3.0, abs=0.01)
    command = [sys.executable, "-m", "dreamd", "credits", f"dream:{index}", "--home", str(one.home)]
    page = tmp_path / "page.html"
    told = subprocess.run([*command, "--html", str(page)], capture_output=True, text=True)
    assert page.read_text(encoding="utf-8").count("<li data-leg=") == len(kept)
    assert told.stdout.splitlines() == [str(each) for each in kept]
    told = subprocess.run([*command[:4], "dream:99", *command[5:]], capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (1, "dreamd: there are no credits of dream:99\n")
    assert not list((one.home / "dreams" / "dream").glob("*.json"))  # the bank is for samples


def test_what_names_no_dream() -> None:
    for words in ("guitar:3", "dream:x", "dream", "dream:\u0663", "dream:-1", ""):
        with pytest.raises(NoSuchSeed, match="name a dream of the bank"):
            credits.dream_named(words, Path("/home"))


def test_a_damaged_file_of_credits_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not on the list of faults: what lies in the home may be anything."""
    dream, good = tmp_path / "dreams" / "dream" / "00003.wav", Credit(0, 1, "/a.wav", 2, 3)
    credits.keep(dream, [good], "guitar")
    assert credits.of(dream) == [good]
    form = '[{"start": 0, "end": 1, "source": "/a.wav", "first": 2, "last": %s}]'
    bad = ("{", '[{"start": 1}]', "3", "[3]", "{}x", form % "null", form % "NaN", form % '"x"',
           form % "[]", form % "1", form % "1e9", "\udcff")  # fmt: skip
    for text in bad:
        kept = tmp_path / "dreams" / "credits" / "00003.json"
        kept.write_bytes(text.encode(errors="surrogateescape"))
        assert credits.of(dream) is None, text
    assert cli.main(["credits", "dream:3", "--home", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "dreamd: there are no credits of dream:3\n"


def test_a_voice_nobody_has_listened_to_is_walked_straight(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    voices = {"sine": [recorded(tone(300, 2.0))]}
    assert len(path_of(small, voices)) == 1


def test_the_first_dream_of_a_new_voice_leaps(
    small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> None:
    """Straight on a network that has learned nothing yet makes a copy of what the cursor passes."""
    voices = {"scale": [recorded(scale(*(40, 52, 64, 76) * 3), "scale")]}
    asked = Request("spectrum", secs=2.0, rand=3)
    job = resolve(small, asked, voices, lambda number: Path())
    job, told = replace(job, path=tmp_path / "dream.wav"), list[Told]()
    job.file.create(job.frames)
    render.render(job, small, told.append)
    leaps = [each for each in told if isinstance(each, CursorLeapt)]
    assert len(leaps) > 2
    assert events.exist(voices["scale"][0])  # the next dream need not listen


def test_a_dream_made_without_a_daemon_has_its_credits_beside_it(
    small: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    takes, home, page = tmp_path / "takes", ["--home", str(small.home)], tmp_path / "page.html"
    takes.mkdir()
    files.write(takes / "a.wav", scale(40, 52, 64, 76), RATE)
    claim(small.home)
    offline.ingest(small, takes, print)
    out = tmp_path / "rain.wav"
    job = offline.dream(small, Request("spectrum", secs=2.0, rand=3), out)
    kept = credits.of(out)
    assert kept
    assert {each.source for each in kept} == {str(takes / "a.wav")}
    assert (kept[0].start, kept[-1].end) == (0.0, pytest.approx(job.frames / RATE))
    assert sorted(each.name for each in tmp_path.glob("rain*")) == ["rain.credits.json", "rain.wav"]
    assert cli.main(["credits", str(out), "--html", str(page), *home]) == 0
    assert capsys.readouterr().out == credits.told(kept) + "\n"
    assert "What rain.wav leant on" in page.read_text(encoding="utf-8")
    assert cli.main(["credits", str(out), "--html", str(tmp_path), *home]) == 1
    assert capsys.readouterr().err == f"dreamd: cannot write {tmp_path}: Is a directory\n"
    out.unlink()
    assert cli.main(["credits", str(out), "--html", str(page), *home]) == 1
    assert capsys.readouterr().err == f"dreamd: no such file: {out}\n"
    offline.dream(small, Request("spectrum", secs=1.0, sampling="paused"), out)
    assert credits.of(out) == []  # not those of the dream that was there before


def test_what_passes_more_slowly_is_credited_for_less(
    small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> None:
    """A melody of long notes leads the cursor through short ones: it stays with each of them."""
    voices = {"scale": [recorded(scale(40, 52, 64, 76, 45, 57, 69, 50), "scale")]}
    listen(voices["scale"][0])
    slow = [plucked_string.chord((n,), 2 * RATE, RATE, 0.5) for n in (60, 64, 67, 60)]
    files.write(tmp_path / "melody.wav", np.concatenate(slow), RATE)
    asked = Request("spectrum", secs=8.0, rand=3, seed=str(tmp_path / "melody.wav"), outline=1.0)
    job = resolve(small, asked, voices, lambda number: Path())
    leaps: list[CursorLeapt] = []
    made = 0
    with torch.no_grad():
        for block in render.blocks(job, small, leapt=leaps.append):
            made += len(block)
            if made > job.frames:
                break
    led = [each for each in job.credits(leaps) if each.end - each.start > 1.5]
    assert len(led) >= 2
    assert all(each.last - each.first < 0.6 for each in led)  # a note of half a second
