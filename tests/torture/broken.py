"""Broken audio files, by the thousand: each is learned or named once, the good ones are learned.

They are laid into the watched folder of a running daemon, among good recordings.
"""

import os
import random
import struct
from pathlib import Path

from broken_files import harmed, whole

from dreamd.corpus.folder import is_recording
from torture.driven import Driven, Sandbox, driven, write_tone
from torture.outcome import LARGEST_GROWTH, LARGEST_GROWTH_OF_FILES, Outcome, growth

VOICES = ("guitar", "ギター")
BATCH = 25  # files that are laid down at a time

NAMES = (
    b"take", b"caf\xe9", b"\xff\xfe", "日本".encode(), b"a\nb", b"%s%n", b"-rf", b"$(id)",
    b"<b>x&amp;", b"'\";", b"n" * 200, b"\x1b[2J", "e\u0301".encode(), "\u202e".encode(), b" ",
    b"..",
)  # fmt: skip
"""In the middle of file names."""

SUFFIXES = (
    b".wav",
    b".flac",
    b".ogg",
    b".mp3",
    b".aiff",
    b".caf",
    b".WAV",
    b".wav.part",
    b".txt",
    b"",
)


class Broken:
    """Makes them, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._whole = sorted(whole().items())

    def __call__(self, number: int, voice: Path) -> Path:
        """One file in this folder. Its name begins with its number."""
        chance = self._chance
        name, held = chance.choice(self._whole)
        suffix = name[name.rindex(".") :].encode()
        kind = chance.randrange(10)
        if kind == 0:
            suffix, held = b".wav", self._senseless()
        elif kind == 1:
            held = chance.randbytes(chance.choice((0, 1, 12, 44, 3000)))
        elif kind == 2:
            suffix = chance.choice(SUFFIXES)
        elif kind > 2:
            held = bytes(harmed(bytearray(held), chance))
        middle = chance.choice(NAMES) if chance.random() < 0.3 else b"take"
        path = voice / os.fsdecode(b"%05d-%s%s" % (number, middle, suffix))
        aside = voice / f".{number}"
        aside.write_bytes(held)
        aside.rename(path)
        return path

    def _senseless(self) -> bytes:
        """A WAV of floats in which no sense is: huge, tiny, no numbers, a rate of 0 or 2^31."""
        chance = self._chance
        values = (1e30, -1e30, float("nan"), float("inf"), 1e-40, 32767.0, 1.0, 0.0, -1.0)
        samples = struct.pack("<1000f", *(chance.choice(values) for _ in range(1000)))
        rate = chance.choice((0, 1, 8000, 44100, 1 << 31, (1 << 32) - 1))
        channels = chance.choice((0, 1, 2, 65535))
        form = struct.pack("<HHIIHH", 3, channels, rate, rate, 4 * (channels % 4), 32)
        body = b"fmt " + struct.pack("<I", len(form)) + form
        body += b"data" + struct.pack("<I", chance.choice((0, 4000, (1 << 32) - 1))) + samples
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WAVE" + body


def no_files(voice: Path) -> list[Path]:
    """What is called like a recording and is none: a folder, a pipe, links to nowhere."""
    made = [voice / f"9999{k}-none.wav" for k in range(4)]
    made[0].mkdir()
    os.mkfifo(made[1])
    made[2].symlink_to(voice / "nowhere.wav")
    made[3].symlink_to(made[3])
    return made


class Tried:
    """The files that were laid down, and what was said of each."""

    def __init__(self, daemon: Driven) -> None:
        self._daemon = daemon
        self.paths: dict[str, Path] = {}  # by the numbers that their names begin with
        self._forms: dict[str, str] = {}

    def add(self, path: Path) -> None:
        self.paths[path.name[:5]] = path

    def said(self) -> dict[str, list[tuple[str, str]]]:
        """By number."""
        said: dict[str, list[tuple[str, str]]] = {number: [] for number in self.paths}
        for path, words in list(self._daemon.heard_all.told.items()):
            number = path.rpartition("/")[2][:5]
            said.setdefault(number, []).extend(words)
        return said

    def waiting(self) -> list[Path]:
        """Of which a word is owed."""
        said = self.said()
        return [
            path for number, path in self.paths.items() if not said[number] and is_recording(path)
        ]


def run(root: Path, seed: int, count: int) -> Outcome:
    """:param root: an empty folder to work in."""
    outcome, sandbox = Outcome("Files"), Sandbox(root)
    for k, name in enumerate(VOICES):
        sandbox.voice(name, 220 + 50 * k)
    memory, opened, make = list[float](), list[float](), Broken(seed)
    with driven(Driven(sandbox, "--dreamers", "1")) as daemon:
        outcome.need(daemon.warm(), "it never learned and dreamt")
        tried = Tried(daemon)
        for path in no_files(sandbox.recordings / VOICES[0]):
            tried.add(path)
        for first in range(0, count, BATCH):
            for number in range(first, min(first + BATCH, count)):
                voice = sandbox.recordings / VOICES[number % len(VOICES)]
                tried.add(make(number, voice))
            sandbox.expect_changes()
            if not _is_through(daemon, tried, outcome, f"files up to {first + BATCH}, seed {seed}"):
                break
            memory.append(daemon.memory())
            opened.append(daemon.open_files())
        _good_ones_are_learned(daemon, sandbox, outcome)
        judge(tried, outcome)
    outcome.faults += [f"{changed} is not as it was" for changed in sandbox.changes()]
    outcome.limit("MB of memory, more in the end", growth(memory), LARGEST_GROWTH)
    outcome.limit("open files, more in the end", growth(opened), LARGEST_GROWTH_OF_FILES)
    _tell(outcome, tried, memory, opened)
    return outcome


def _is_through(daemon: Driven, tried: Tried, outcome: Outcome, where: str) -> bool:
    """Waits until each file has had its word; whether the daemon still answers."""
    daemon.becomes(lambda: not tried.waiting())
    if waiting := tried.waiting():
        outcome.faults.append(f"{where}: not a word of {waiting}")
    if daemon.answers() is None:
        outcome.faults.append(f"{where}: nothing is answered: {daemon.said()[-1000:]}")
        return False
    return not waiting


def _good_ones_are_learned(daemon: Driven, sandbox: Sandbox, outcome: Outcome) -> None:
    """Those that lay there, and one more for each voice; and its models move."""
    for voice in VOICES:
        write_tone(sandbox.recordings / voice / "last.wav", 440, 1.5)
    sandbox.expect_changes()
    told = daemon.heard_all.told
    good = ["last.wav", *(f"{220 + 50 * k}.wav" for k in range(len(VOICES)))]

    def joined() -> bool:
        learned = [path for path, words in list(told.items()) if words[-1][0] == "/dream/ingested"]
        return sum(path.rpartition("/")[2] in good for path in learned) == 2 * len(VOICES)

    outcome.need(daemon.becomes(joined), "a good recording among them was not learned")
    daemon.heard_all.trained.clear()
    learned = daemon.becomes(
        lambda: {voice for voice, _ in daemon.heard_all.trained} >= set(VOICES)
    )
    outcome.need(learned, f"of {VOICES} only {set(daemon.heard_all.trained)} learn on")


def judge(tried: Tried, outcome: Outcome) -> None:
    """Each was learned, or named once."""
    for number, words in tried.said().items():
        if number not in tried.paths:
            continue
        path = tried.paths[number]
        wanted = 1 if is_recording(path) else 0
        outcome.need(len(words) == wanted, f"{path!r}: {len(words)} words, not {wanted}: {words}")
        for address, reason in words:
            one_line = address == "/dream/ingested" or (reason and "\n" not in reason)
            outcome.need(bool(one_line), f"{path!r}: passed over for {reason!r}")


def _tell(outcome: Outcome, tried: Tried, memory: list[float], opened: list[float]) -> None:
    outcome.text = (
        "Files made from whole ones of seventeen formats: cut, bytes changed, inserted, "
        "sizes that lie, another format's suffix, chance; WAVs of senseless floats, rates "
        "and channels; names that are no Unicode, of control characters, markup, 200 "
        "letters; a folder, a pipe and links to nowhere that are called `.wav`. They were "
        "laid, some at a time, among good recordings of two voices into the folder of a "
        "running daemon, both of which learned on. *Learned*: what could be read of the "
        "file; *named*: passed over with a reason, once; *called otherwise*: names that are "
        "no recording's, and pass in silence. *Memory*, *open files*: of all processes "
        "together, what was added after the first fifth."
    )
    words = [each for each in tried.said().items() if each[0] in tried.paths]
    learned = sum(1 for _, said in words if said and said[0][0] == "/dream/ingested")
    named = sum(1 for _, said in words if said and said[0][0] == "/dream/skipped")
    silent = sum(1 for path in tried.paths.values() if not is_recording(path))
    outcome.head = ["files", "learned", "named", "called otherwise", "memory", "open files"]
    outcome.rows = [[
        str(len(tried.paths)), str(learned), str(named), str(silent),
        f"{growth(memory):+.0f} MB", f"{growth(opened):+.0f}",
    ]]  # fmt: skip
