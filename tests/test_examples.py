"""README, help and examples name the one voice that a fresh ``make run`` has."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

VOICES_NAMED = (
    r"(?<!\\approach, )\\(?:vector|spectrum|transpose|column), (?:Pseq\(\[)?[\"\\](\w+)",
    r"\bvoice(?:: ?| = )\\(\w+)",
    r"\b(?:dream)?(?:seed|follow|voice)(?: |: |, |\(|\" )\"([^\"]*)\"",
    r"\\(?:seed|follow|voice), \\(\w+)",
    r"^/dream/.* (?:seed|follow|voice) (\w+)",
    r"\b(\w+):\d+\"",
)
"""How code names a voice: SuperCollider's, in options, Tidal's or Strudel's, in OSC."""

RECORDS = r"record\(|forget|dreamrec|\bada[/.]"
"""What makes a voice of the performer's own, is about one of its takes, or names another's."""


def strange_voices(text: str) -> list[str]:
    """Lines of code that name a voice which a fresh ``make run`` has not."""
    known = {"pluck", "dream", "noise", "silence", "default"}
    lines = [line for line in text.splitlines() if not re.search(RECORDS, line)]
    return [
        line
        for line in lines
        for pattern in VOICES_NAMED
        for name in re.findall(pattern, line)
        if not set(re.findall(r"[a-z]\w*", name)) <= known
    ]


@pytest.mark.parametrize(
    "files",
    [
        "README.md",
        "docs/*.md",
        "sc_classes/HelpSource/**/*.schelp",
        "sc_classes/examples/*.scd",
        "tidal/*",
    ],
)
def test_examples_name_voices_that_a_fresh_start_has(files: str) -> None:
    paths = sorted(ROOT.glob(files))
    assert paths
    found = {path.name: strange_voices(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_what_naming_a_voice_looks_like() -> None:
    good = [
        'DreamRNN.dream(\\column, "pluck:0")', "(voice: \\pluck)", 'seed "<pluck dream:3>"',
        "/dream/request approach column seed pluck:2", 'DreamRNN.forget("guitar:3")',
    ]  # fmt: skip
    bad = [
        "dream(\\column, \\guitar)", 'Pdream(\\vector, Pseq(["guitar"]))', "(voice: \\perc)",
        'pS "seed" "guitar:2"', 'follow "<perc rain>"', 'seed("guitar").secs(4)', "~voice = \\rain",
        '(type: \\dream, seed: "guitar")', "Pbind(\\type, \\dream, \\seed, \\guitar)",
        "/dream/set 7 temperature 1 follow perc", 'd.add("rain:1")',
    ]  # fmt: skip
    assert [line for line in good if strange_voices(line)] == []
    assert [line for line in bad if not strange_voices(line)] == []
