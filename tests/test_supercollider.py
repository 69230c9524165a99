"""The SuperCollider classes, in real sclang with a real scsynth, without a sound card.

Most tests put a double in the daemon's place: it keeps to the wire forms of dreamd.messages and
answers as each test needs it, so that every failure can be had at will. The last test has the
real daemon.
"""

import contextlib
import json
import math
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from conftest import PATIENCE, free_port, until
from scipy import signal

from dreamd import __version__
from dreamd.approaches.registry import APPROACHES
from dreamd.audio import plucked_string
from dreamd.audio.dream_file import DreamFile
from dreamd.osc import replies, requests, transport

pytestmark = pytest.mark.supercollider

ROOT = Path(__file__).resolve().parent.parent
CLASSES = ROOT / "sc_classes" / "Classes"
SCRIPTS = ROOT / "tests" / "supercollider"
TEST_CLASSES = SCRIPTS / "ignore"  # sclang passes over a folder of that name: see DreamRNN.quark
HANGS = 400.0  # seconds: a script that takes longer; those with the real daemon may have to compile
SMALL = "--vector 64 --hop 64 --frame 256 --window 4 --hidden 16 --batch 2 --stretch 4"
RATE = 22050  # of the double's dreams: not the rate which the classes assume at first


def need(program: str) -> str:
    """The program's path. Its absence fails the test: a skipped one would look like a pass."""
    path = shutil.which(program)
    if path is None:
        pytest.fail(
            f"{program} is not installed; on Debian: apt-get install --no-install-recommends "
            "supercollider-language supercollider-server supercollider-supernova jackd2",
            pytrace=False,
        )
    return path


def wait_until(what: str, test: Callable[[], object], seconds: float = PATIENCE) -> None:
    until(lambda: bool(test()), lambda: f"waited in vain for {what}", seconds)


# ---------------------------------------------------------------- SuperCollider without a screen


@dataclass
class Told:
    """What a .scd said: its exit status, all it posted, and its ``TOLD name value`` lines."""

    status: int
    output: str
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for line in self.output.splitlines():
            if line.startswith("TOLD "):
                name, _, value = line.removeprefix("TOLD ").partition(" ")
                self.values[name] = value.strip()

    def __getitem__(self, name: str) -> str:
        assert name in self.values, f"{name} was not told; the whole output:\n{self.output}"
        return self.values[name]

    def warnings(self) -> list[str]:
        """Each as often as it was said."""
        lines = [line for line in self.output.splitlines() if line.startswith("WARNING")]
        counted = [re.fullmatch(r"(.*?)(?: \((\d+) times\))?", line) for line in lines]
        return [each[1] for each in counted if each for _ in range(int(each[2] or 1))]


def busy(approach: str) -> str:
    """What is told of endless dreams, and rightly, where a machine has too much to do."""
    late = f"{approach} (cannot keep up here:|came too late for a moment:)"
    return f"a dream is not made fast enough|{late}"


@pytest.fixture(scope="module")
def jack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with jack_server(tmp_path_factory.mktemp("jack")) as name:
        yield name


@contextlib.contextmanager
def jack_server(folder: Path, rate: int = 48000) -> Iterator[str]:
    """A jackd with no sound card behind it, under a name of its own; gives that name."""
    for program in ("sclang", "scsynth", "jackd", "jack_wait"):
        need(program)
    name, log = f"dreamtest{os.getpid()}-{rate}", folder / "jack.log"
    with log.open("w") as out:
        # -r: no real-time priority, which not every machine grants
        jackd = subprocess.Popen(
            ["jackd", "-r", "-n", name, "-d", "dummy", "-r", str(rate), "-p", "1024"],
            stdout=out,
            stderr=subprocess.STDOUT,
            env=os.environ | {"JACK_NO_AUDIO_RESERVATION": "1"},
        )
    try:
        subprocess.run(["jack_wait", "-s", name, "-t", "10", "-w"], capture_output=True)
        assert jackd.poll() is None, f"jackd ended at once:\n{log.read_text()}"
        yield name
    finally:
        jackd.terminate()
        jackd.wait(10)


class SuperCollider:
    """sclang as ``dreamd install`` leaves it, in a home of its own."""

    def __init__(self, home: Path, jack: str) -> None:
        self.home = home
        self.jack = jack
        extensions = home / ".local" / "share" / "SuperCollider" / "Extensions"
        extensions.mkdir(parents=True)
        self.installed = extensions / "DreamRNN"
        self.installed.symlink_to(ROOT / "sc_classes", target_is_directory=True)
        (home / "run").mkdir(mode=0o700)
        self.tests = home / "tests"
        self.tests.symlink_to(TEST_CLASSES, target_is_directory=True)
        self.conf = home / ".config" / "SuperCollider" / "sclang_conf.yaml"  # as without -l
        self.conf.parent.mkdir(parents=True)
        self.include(self.tests)

    def include(self, *folders: Path) -> None:
        """What sclang compiles besides its own library and the extensions."""
        paths = ", ".join(f'"{path}"' for path in folders)
        self.conf.write_text(
            f"includePaths: [{paths}]\nexcludePaths: []\npostInlineWarnings: false\n"
        )

    def run(self, script: str, *args: object, seconds: float = HANGS) -> Told:
        """Runs tests/supercollider/``script``; ``args`` become its ``~args``."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")} | {
            "HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "QT_QPA_PLATFORM": "offscreen",
            "QTWEBENGINE_DISABLE_SANDBOX": "1",  # as root sclang would abort
            "JACK_DEFAULT_SERVER": self.jack,
            "JACK_NO_START_SERVER": "1",
            "JACK_NO_AUDIO_RESERVATION": "1",
            "SC_JACK_DEFAULT_OUTPUTS": "system",
        }
        command = [need("sclang"), "-D", "-u", str(free_port()), "-l", str(self.conf)]
        command += [str(SCRIPTS / "run.scd"), str(SCRIPTS / script), str(free_port())]
        command += [str(round(seconds - 10))]  # that it can say itself that it hangs
        log = self.home / f"{script}.log"
        with log.open("w") as out:
            sclang = subprocess.Popen(
                command + [str(arg) for arg in args],
                cwd=self.home,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            try:
                status = sclang.wait(seconds)
            except subprocess.TimeoutExpired:
                status = -1
                end_family(sclang.pid)
                sclang.wait(10)
        return Told(status, log.read_text(errors="replace"))

    def well(self, script: str, *args: object, seconds: float = HANGS) -> Told:
        """The same, for a script that must come to its end without an error."""
        told = self.run(script, *args, seconds=seconds)
        assert "Library has not been compiled successfully" not in told.output, told.output
        assert told.status == 0, f"{script} ended with status {told.status}:\n{told.output}"
        assert not any(line.startswith("ERROR") for line in told.output.splitlines()), told.output
        return told


def end_family(pid: int) -> None:
    """Kills a process and its children: scsynth does not end with sclang."""
    parent = psutil.Process(pid)
    for process in [*parent.children(recursive=True), parent]:
        process.kill()


@pytest.fixture
def supercollider(tmp_path: Path, jack: str) -> SuperCollider:
    home = tmp_path / "performer"  # not "home", which the daemon's fixture takes
    home.mkdir()
    return SuperCollider(home, jack)


# ---------------------------------------------------------------- a double of the daemon


@dataclass
class Double:
    """Hears what a daemon hears, and says what its test wants.

    As the daemon does it answers from its own socket, only clients that have registered, and
    every one of these. ``answer`` is called with each request and ``hear`` with any other address,
    both on the double's thread.
    """

    answer: "Answer"
    hear: "Hear"
    heard: list[tuple[str, list[Any]]] = field(default_factory=list)
    requests: dict[str, dict[str, Any]] = field(default_factory=dict)
    clients: set[tuple[str, int]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = int(self.sock.getsockname()[1])
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def say(self, reply: replies.Reply) -> None:
        for client in self.clients:
            self.sock.sendto(transport.encode(*reply.osc()), client)

    def say_in_pages(self, status: replies.Status) -> None:
        for page in status.pages(most=200):
            for client in self.clients:
                self.sock.sendto(transport.encode(*page), client)

    def addresses(self) -> list[str]:
        return [address for address, _ in self.heard]

    def close(self) -> None:
        self.sock.sendto(b"", ("127.0.0.1", self.port))  # wakes the thread
        self.thread.join(10)
        self.sock.close()

    def _listen(self) -> None:
        while True:
            packet, sender = self.sock.recvfrom(65536)
            if not packet:
                return
            for address, args in transport.decode(packet):
                try:
                    self._hear(address, args, sender)
                except Exception as error:  # noqa: BLE001 - told by the fixture, in the test
                    self.faults.append(f"{address} {args}: {error!r}")

    def _hear(self, address: str, args: list[Any], sender: tuple[str, int]) -> None:
        self.heard.append((address, args))
        if address.startswith("/dream/"):
            requests.parse(address, args)  # the real daemon must understand it too
        if address == "/dream/notify":
            self.clients.add(sender)
        elif address == "/dream/request":
            assert sender in self.clients, "asked before it had registered"
            asked = requests.pairs(args)
            self.requests[asked.get("voice", asked["approach"])] = asked
            self.answer(self, asked)
        else:
            self.hear(self, address)


Answer = Callable[[Double, dict[str, Any]], None]
Hear = Callable[[Double, str], None]


@pytest.fixture
def double() -> Iterator[Callable[..., Double]]:
    made: list[Double] = []

    def make(answer: Answer, hear: Hear = lambda daemon, address: None) -> Double:
        made.append(Double(answer, hear))
        return made[-1]

    yield make
    for each in made:
        each.close()
    assert [fault for each in made for fault in each.faults] == []


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> Path:
    soundfile.write(path, samples, rate, format="WAV", subtype="FLOAT")
    return path


def read_wav(path: Path) -> np.ndarray:
    samples, _ = soundfile.read(path, dtype="float32")
    return np.asarray(samples)


def noise(frames: int, seed: int = 0, channels: int = 0) -> np.ndarray:
    """Float32 samples that use all their bits, so that any conversion on the way would show."""
    shape = (frames, channels) if channels else frames
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


# ---------------------------------------------------------------- the classes' text

NO_CODE = r"""//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|\$\\?."""
DEFINITION = r"(?m)^\t\*?(pr[A-Z]\w*)(?= \{)"
MENTION = r"([\w.]*)\b(pr[A-Z]\w*)"


def not_private(text: str) -> list[str]:
    """Mentions of a ``pr`` method that its own class does not define, or of another object's."""
    text = re.sub(NO_CODE, "", text, flags=re.DOTALL)
    text = re.sub(r"\s+\.(?=\w)", ".", text)  # a call that goes on in the next line
    found = []
    for body in re.split(r"(?m)^(?=\+? ?[A-Z]\w*(?: : \w+)? \{)", text):
        own = re.findall(DEFINITION, body)
        for receiver, name in re.findall(MENTION, re.sub(DEFINITION, "", body)):
            if receiver not in ("this.", "this.class.") or name not in own:
                found.append(receiver + name)
    return found


def test_a_private_method_is_called_by_its_own_class_alone() -> None:
    files = [*CLASSES.glob("*.sc"), *SCRIPTS.rglob("*.sc*")]
    assert {path.name: found for path in files if (found := not_private(path.read_text()))} == {}


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("this.prOwn", []),
        ("^this.class.prOwn(1)", []),
        ("this\n\t\t.prOwn", []),
        ('// that.prOwn\n$".class; "that.prOwn"', []),
        ("this.prOther", ["this.prOther"]),
        ("super.prOwn", ["super.prOwn"]),
        ("that.prOwn", ["that.prOwn"]),
        ("all.do(_.prOwn)", ["_.prOwn"]),
        ("all.do { |each| Other(each).prOwn }", [".prOwn"]),
        ("this.perform(\\prOwn)", ["prOwn"]),
    ],
)
def test_what_such_a_call_looks_like(call: str, found: list[str]) -> None:
    other = "Other {\n\tprOther { }\n}\n"
    assert not_private(f"{other}Own : Other {{\n\tprOwn {{ }}\n\tgo {{ {call} }}\n}}\n") == found


def returns_out_of_a_try(text: str) -> list[str]:
    """Bodies of a try or protect with a ``^``, which leaves the handler behind in the thread: it
    takes the next Error of anybody's code, and what runs there ends without a word."""
    text = re.sub(NO_CODE, "", text, flags=re.DOTALL)
    found, opened = [], []
    for at in (match.start() for match in re.finditer("[{}]", text)):
        if text[at] == "{":
            opened.append(at)
            continue
        before, body, after = text[: opened[-1]], text[opened.pop() + 1 : at], text[at + 1 :]
        tried = re.search(r"(?<!\.)\b(try|protect)\s*\Z", before)
        if "^" in body and (tried or re.match(r"\s*\.(try|protect)\b", after)):
            found.append(body)
    return found


def test_nothing_returns_out_of_a_try() -> None:
    files = [*CLASSES.glob("*.sc"), *SCRIPTS.rglob("*.sc*"), *(ROOT / "sc_classes").rglob("*.scd")]
    assert {
        path.name: found for path in files if (found := returns_out_of_a_try(path.read_text()))
    } == {}


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("^try { this.a } { |error| nil }", 0),
        ("try { this.a } { ^nil }", 0),  # the handler is gone by then
        ("try { ^this.a } { nil }", 1),
        ("protect {\n\tif(a) { ^b }\n} { c }", 1),
        ("{ ^this.a }.protect { b }", 1),
        ("{ this.a }\n\t.protect { ^b }", 0),
        ("try { a($}); '^' } // ^", 0),
    ],
)
def test_what_such_a_return_looks_like(code: str, found: int) -> None:
    assert len(returns_out_of_a_try(f"A {{\n\tgo {{ {code}\n}}\n}}\n")) == found


def test_no_file_of_a_class_is_long() -> None:
    lines = {path.name: len(path.read_text().splitlines()) for path in CLASSES.glob("*.sc")}
    assert {name: count for name, count in lines.items() if count >= 250} == {}


# ---------------------------------------------------------------- without a server


def test_units(supercollider: SuperCollider) -> None:
    told = supercollider.well("units.scd", supercollider.tests)
    assert told["failures"] == "0", told.output
    assert int(told["passes"]) > 30
    ended = [line for line in told.warnings() if "has ended with status" in line]
    assert len(ended) == 1, "where no daemon has answered at last"


def test_help_is_complete(supercollider: SuperCollider) -> None:
    told = supercollider.well("help.scd", supercollider.installed, supercollider.home)
    assert told.warnings() == []
    assert told["rendered-DreamingInFiveMinutes"] == "true"
    for path in CLASSES.glob("*.sc"):
        assert told[f"rendered-{path.stem}"] == "true"
        assert told[f"undocumented-{path.stem}"] == "[  ]"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A git repository of the working tree, whatever of it has been committed; its address."""
    folder = tmp_path_factory.mktemp("address") / "DreamRNN.git"
    leave = shutil.ignore_patterns(".*", "__pycache__", "models", "dist", "build")
    shutil.copytree(ROOT, folder, ignore=leave)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "all"]):
        subprocess.run(git + command, check=True)
    return folder.as_uri()


def dreamd_install(home: Path) -> str:
    env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")} | {"HOME": str(home)}
    command = [sys.executable, "-m", "dreamd", "install"]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def test_the_repository_is_a_quark_with_and_without_dreamd_install(
    supercollider: SuperCollider, address: str
) -> None:
    """One of the two, in one line, and a class library that compiles."""
    told = supercollider.well("quark.scd", address)
    assert told["installed"] == "false"
    assert [re.sub(r"in \S*/Extensions/DreamRNN;", "", line) for line in told.warnings()] == [
        "WARNING: DreamRNN is installed already,  to have it as a Quark, first remove that"
    ]
    assert told["classes"] == "true", "those that are there"

    supercollider.installed.unlink()
    told = supercollider.well("quark.scd", address)
    assert told["classes"] == "false"
    assert told["installed"] == told["compatible"] == "true"
    assert told["dependencies"] == "0"
    assert told["name"] == "DreamRNN"
    assert told["version"] == __version__
    assert told["summary"] == "true"
    assert told["schelp"] == "DreamRNN"

    quark = supercollider.installed.parents[1] / "downloaded-quarks" / "DreamRNN"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    packed = wheel["targets"]["wheel"]["force-include"]["sc_classes"]
    shutil.copytree(ROOT / "sc_classes", quark / ".venv" / "lib" / packed)  # an environment in it
    assert f"a Quark already, so not linked: {quark}\n" in dreamd_install(supercollider.home)
    told = supercollider.well("quark.scd")
    assert told["classes"] == "true"
    assert told["from"] == str(quark)
    assert told["quarks"] == "[ tests, DreamRNN ]"
    assert told["helped"] == "true"

    supercollider.installed.symlink_to(ROOT / "sc_classes", target_is_directory=True)
    assert "is removed" in dreamd_install(supercollider.home)
    assert not supercollider.installed.exists()


def test_what_sclang_must_not_compile_is_where_it_does_not_look() -> None:
    """Everything in the folder of a Quark is compiled, but for folders of a certain name."""
    found = [path.relative_to(ROOT) for path in ROOT.rglob("*.sc") if ".venv" not in path.parts]
    stray = [path for path in found if "ignore" not in path.parts[:-1]]
    assert {path.parent for path in stray} == {Path("sc_classes/Classes")}


# ---------------------------------------------------------------- with the double


def test_a_buffer_is_silent_and_then_the_dream(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    waiting: list[replies.Reply] = []
    dreams: dict[str, np.ndarray] = {}

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        name, frames = str(asked["approach"]), round(float(asked["secs"]) * RATE)
        two = 2 if name == "spectrum" else 1
        dreams[name] = noise(frames, seed=len(dreams), channels=two if two > 1 else 0)
        path = write_wav(tmp_path / f"dream-{name}.wav", dreams[name])
        # what other clients' dreams are about reaches everyone, and must not matter here
        for other in (1 << 30, 0, -1):
            daemon.say(replies.Accepted(other, str(path), 5, RATE, 1.0))
            daemon.say(replies.Done(other, str(tmp_path / "none.wav"), 5, RATE, 1.0, 3))
            daemon.say(replies.Failed(other, "busy", "not yours"))
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0, two))
        done = replies.Done(asked["id"], str(path), frames, RATE, 0.5, len(dreams), two)
        waiting.extend([done, done])  # once too often: the second must not matter

    state = {
        "voices": {"guitar": {"models": {"column": {"steps": 42}}}, "empty": {"models": {}}},
        "queue": 0,
        "running": 0,
        "rate": RATE,
    }

    def hear(daemon: Double, address: str) -> None:
        if address == "/double/go":  # the script has heard enough silence
            while waiting:
                daemon.say(waiting.pop(0))
        elif address == "/dream/status":
            daemon.say_in_pages(replies.Status(state))

    daemon = double(answer, hear)
    told = supercollider.well("fills.scd", daemon.port, tmp_path)

    assert told.warnings() == []
    assert told["returned"] == "Buffer"
    assert told["bufnum"] == "true"
    assert told["assumed"] == str(round(1.5 * 48000))  # as long as at the server's own rate
    assert told["accepted"] == told["frames"] == str(round(1.5 * RATE))
    assert told["filledearly"] == "0"
    assert float(told["peakbefore"]) == 0.0
    assert not read_wav(tmp_path / "pending.wav").any()
    assert len(read_wav(tmp_path / "pending.wav")) == round(1.5 * RATE)

    assert told["same"] == "true"
    assert float(told["rate"]) == RATE
    for saved, approach in (("first", "column"), ("second", "vector"), ("outside", "spectrum")):
        np.testing.assert_array_equal(read_wav(tmp_path / f"{saved}.wav"), dreams[approach])

    assert daemon.requests["guitar"]["rand"] == 7
    assert daemon.requests["guitar"]["outrate"] == 48000
    assert told["status"] == "42"
    assert told["empty"] == "true"
    assert told["queue"] == "0"
    wait_until("the last message", lambda: "/dream/quit" in daemon.addresses())
    plain = [a for a in daemon.addresses() if a in ("/dream/pause", "/dream/resume", "/dream/quit")]
    assert plain == ["/dream/pause", "/dream/resume", "/dream/quit"]


@dataclass
class Growing:
    """Answers a request with a silent file, and fills it by one quarter at each /double/go.

    The third quarter comes before the second, and the last is told of only by /dream/done.
    """

    folder: Path
    dreams: list[np.ndarray] = field(default_factory=list)
    steps: dict[int, list[int]] = field(default_factory=dict)  # by request id

    def answer(self, daemon: Double, asked: dict[str, Any]) -> None:
        frames = round(float(asked["secs"]) * RATE)
        self.dreams.append(noise(frames, seed=len(self.dreams)) * 0.1 + 0.5)
        path = self.folder / f"dream{len(self.dreams)}.wav"
        DreamFile(path, RATE).create(frames)
        self.steps = {asked["id"]: [0, 2, 1, 3]}
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))

    def hear(self, daemon: Double, address: str) -> None:
        if address == "/dream/status":
            daemon.say(replies.Status({"queue": 0, "running": len(self.steps)}))
        if address != "/double/go":
            return
        for number, steps in self.steps.items():
            if steps:
                self.go_on(daemon, number, steps.pop(0))

    def go_on(self, daemon: Double, number: int, step: int) -> None:
        dream, path = self.dreams[-1], self.folder / f"dream{len(self.dreams)}.wav"
        quarter = len(dream) // 4
        start, end = step * quarter, len(dream) if step == 3 else (step + 1) * quarter
        file = DreamFile(path, RATE)
        file.write(start, dream[start:end])
        if step < 3:
            daemon.say(replies.Chunk(number, start, end - start))
        else:
            daemon.say(replies.Done(number, str(path), len(dream), RATE, 1.0, 0))


def test_a_buffer_fills_while_the_dream_is_made(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    growing = Growing(tmp_path)
    daemon = double(growing.answer, growing.hear)
    told = supercollider.well("grows.scd", daemon.port, tmp_path)

    dream, quarter = growing.dreams[0], RATE // 4
    first, third = np.zeros_like(dream), np.zeros_like(dream)
    first[:quarter] = third[:quarter] = dream[:quarter]
    third[2 * quarter : 3 * quarter] = dream[2 * quarter : 3 * quarter]
    assert float(told["before"]) == 0.0
    np.testing.assert_array_equal(read_wav(tmp_path / "first.wav"), first)
    np.testing.assert_array_equal(read_wav(tmp_path / "third.wav"), third)
    np.testing.assert_array_equal(read_wav(tmp_path / "whole.wav"), dream)
    assert told["early"] == "0"
    assert told["same"] == "true"
    assert float(told["rate"]) == RATE

    tape = read_wav(tmp_path / "tape.wav")
    sound, phase, written = tape[: np.flatnonzero(tape[:, 1])[-1]].T
    moves = np.diff(phase) > 0
    stalls = np.flatnonzero(np.diff(moves.astype(int)) == -1)
    assert len(stalls) >= 2, "it had to wait after the first quarter and after the third"
    written = np.append(written[64:], [RATE] * 64)  # on the tape its steps last a block
    assert (np.minimum(phase, RATE) <= written).all(), "it never passes the write position"
    assert phase.max() > RATE - 100, "and it comes to the end"
    lag = 48000 // 10  # longer than its fades at the ends of a wait
    steady = np.convolve(moves, np.ones(lag), "full")[: len(moves)] == lag
    steady &= phase[1:] < RATE - RATE // 15  # and at its end
    assert steady.any()
    assert (sound[1:][steady] > 0.35).all(), "it never plays the silence that is not written yet"
    assert np.abs(np.diff(sound)).max() < 0.2, "no clicks where it waits"

    assert told["reboot"] == "no-server"
    assert told.warnings() == ["WARNING: DreamRNN: no-server: the server localhost has quit"]
    np.testing.assert_array_equal(read_wav(tmp_path / "rebooted.wav"), growing.dreams[-1])


def test_a_pattern_of_dreams_never_waits_and_has_no_gap(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    waiting: list[replies.Reply] = []
    made = 0

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        nonlocal made
        made += 1
        frames = round(float(asked["secs"]) * RATE)
        path = write_wav(tmp_path / f"{made}.wav", np.full(frames, 0.1 * min(made, 9), "f4"))
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        waiting.append(replies.Done(asked["id"], str(path), frames, RATE, 0.1, made))

    def hear(daemon: Double, address: str) -> None:
        if address == "/double/go":
            while waiting:
                daemon.say(waiting.pop())
        if address == "/dream/cancel":
            waiting.clear()
        if address == "/dream/status":
            daemon.say(replies.Status({"queue": 0, "running": len(waiting)}))

    daemon = double(answer, hear)
    told = supercollider.well("pdream.scd", daemon.port, tmp_path)

    for what in ("rests", "gapless", "late", "anew", "given", "instrument", "afterreboot"):
        assert told[what] == "true", what
    assert told["repeats"] == "1"
    quits = "WARNING: DreamRNN: no-server: the server localhost"
    assert all(line.startswith(quits) for line in told.warnings()), told.warnings()


def test_a_bank_is_filled_saved_and_loaded(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    waiting: list[tuple[int, str, int]] = []
    most = 0

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        nonlocal most
        frames = round(float(asked["secs"]) * RATE)
        path = write_wav(tmp_path / f"{asked['id']}.wav", noise(frames, asked["id"]))
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        waiting.append((asked["id"], str(path), frames))
        most = max(most, len(waiting))
        if asked["voice"] == "live":  # the last of those that are asked for at once
            threading.Timer(0.3, go, [daemon]).start()
        elif "live" in daemon.requests:
            threading.Timer(0.05, go, [daemon]).start()

    def go(daemon: Double) -> None:
        while waiting:
            number, path, frames = waiting.pop()
            daemon.say(replies.Done(number, path, frames, RATE, 0.1, 0))

    daemon = double(answer)
    told = supercollider.well("bank.scd", daemon.port, tmp_path)

    assert most == 2, "one for the bank at a time, beside the live one"
    filled = [told[f"filled{i}"] for i in range(3)]
    assert set(filled) == {"true", "4", "live"}
    assert filled.index("live") < filled.index("4"), "it need not wait for the bank"
    assert told["saved"] == "true"
    assert told["loaded"] == "4"
    assert told["twice"] == "8"
    notes = [told[f"notes{i}"] for i in range(4)]
    assert notes == ["[ 60.0 ]", "[ 64.0 ]", "[ 67.0, 71.5 ]", "nil"]
    assert told["nearest"] == "2"
    assert float(told["rate"]) == RATE
    for i in range(4):
        saved = read_wav(tmp_path / f"bank{i}.wav")
        assert saved.any()
        np.testing.assert_array_equal(read_wav(tmp_path / f"loaded{i}.wav"), saved)
    listed = json.loads((tmp_path / "my dreams" / "dreams.json").read_text())
    assert [each["file"] for each in listed] == [f"0000{i}.wav" for i in range(4)]
    assert listed[2]["notes"] == [67, 71.5]
    assert listed[3]["seed"] == 'gui"tar:2'

    lost = {
        "notempty": "unwritable | cannot save in .*my dreams: it must be a new folder, .*",
        "nofolder": "unwritable | cannot save in /proc/dreams: it must be a new folder, .*",
        "nobank": "unreadable | there is no bank of dreams in .*",
        "nojson": "unreadable | there is no bank of dreams in .*",
        "lost": "unreadable | .*00001.wav cannot be read",
        "broken": "unreadable | .*00001.wav cannot be read",
        "freed": "unwritable | dream 2 was freed",
    }
    for case, pattern in lost.items():
        assert re.fullmatch(pattern.replace("|", r"\|"), told[case]), (case, told[case])
    gone = "WARNING: DreamBank: its 4 dreams went with the server localhost"
    assert len(told.warnings()) == len(lost) + 1
    assert gone in told.warnings()


def test_the_instruments_play_what_their_help_says(
    supercollider: SuperCollider, tmp_path: Path
) -> None:
    up = np.linspace(0, 1, 4 * RATE, dtype="f4")
    ramp = write_wav(tmp_path / "ramp.wav", up)
    both = write_wav(tmp_path / "both.wav", np.stack((up, -up / 2), 1))
    told = supercollider.well("defs.scd", ramp, tmp_path, both)
    assert told.warnings() == []
    assert "mismatch" not in told.output
    t = np.arange(48000) / 48000

    left, right = read_wav(tmp_path / "play.wav").T
    held = (t > 0.12) & (t < 0.48)
    np.testing.assert_allclose(left[held], (0.4 * (0.5 + 2 * t / 4))[held], atol=0.002)
    assert left[t < 0.05].max() < 0.6 * left[held].min(), "attack"
    assert 0 < left[(t > 0.65) & (t < 0.68)].max() < 0.5 * left[held].min(), "release"
    assert not left[t > 0.75].any()
    assert np.abs(right).max() < 1e-6, "pan"

    left, right = read_wav(tmp_path / "chase.wav").T
    held = (t > 0.15) & (t < 0.45)
    np.testing.assert_allclose(right[held], (0.4 * t / 4)[held], atol=0.002)
    sounding = right[: np.flatnonzero(right)[-1]]
    assert 0.5 < len(sounding) / 48000 < 0.8, "its gate was closed"
    assert sounding[-240:].max() < 0.2 * sounding.max(), "it fades out"
    assert np.abs(left).max() < 1e-6, "pan"

    for name in ("play", "chase", "ring"):
        left, right = read_wav(tmp_path / f"{name}both.wav").T
        held = (t > 0.15) & (t < 0.45)
        np.testing.assert_allclose(left[held], (0.4 * 0.5**0.5 * t / 4)[held], atol=0.002)
        np.testing.assert_allclose(right[held], -left[held] / 2, atol=0.001)
    for name, rises, other in (("one", 0.25, 0.0), ("two", 1.0, -0.5)):  # DreamPlay.ar itself
        (left, right), held = read_wav(tmp_path / f"{name}.wav").T, (t > 0.15) & (t < 0.45)
        np.testing.assert_allclose(4 * 48000 * np.diff(left[held]), rises, atol=0.05)
        np.testing.assert_allclose(right[held], other * left[held], atol=0.001)


HERTZ = 441.0


@pytest.mark.parametrize(
    ("program", "rate"),
    [("scsynth", 44100), ("scsynth", 96000), ("supernova", 44100)],  # the other tests have 48000
)
def test_a_dream_has_its_pitch_on_servers_of_each_kind_and_rate(
    program: str, rate: int, double: Callable[..., Double], tmp_path: Path
) -> None:
    need(program)
    frames = 2 * RATE
    dream = 0.8 * np.sin(2 * np.pi * HERTZ * np.arange(frames) / RATE).astype("f4")
    path = write_wav(tmp_path / "dream.wav", dream)
    ring = write_wav(tmp_path / "ring.wav", np.tile(dream, 8))
    seed = write_wav(tmp_path / "seed.wav", noise(3000, 1), 32000)
    seeds: list[tuple[np.ndarray, int]] = []

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        if asked.get("voice") == "endless":
            daemon.say(replies.Accepted(asked["id"], str(ring), 16 * RATE, RATE, 0.1))
            for start in range(4):
                daemon.say(replies.Chunk(asked["id"], start * RATE, RATE))
            return
        if "seed" in asked:
            seeds.append((read_wav(asked["seed"]), soundfile.info(asked["seed"]).samplerate))
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        daemon.say(replies.Chunk(asked["id"], 0, frames // 2))
        daemon.say(replies.Done(asked["id"], str(path), frames, RATE, 0.1, 0))

    def hear(daemon: Double, address: str) -> None:
        if address == "/dream/status":
            folder = {"folder": str(tmp_path / "recordings"), "voices": {}}
            daemon.say(replies.Status({"queue": 0, "running": 1, **folder}))

    (tmp_path / "performer").mkdir()
    with jack_server(tmp_path, rate) as jack:
        supercollider = SuperCollider(tmp_path / "performer", jack)
        told = supercollider.well("rates.scd", double(answer, hear).port, tmp_path, program, seed)

    late = "WARNING: DreamRNN: a dream is not made fast enough; what there is of it is played again"
    assert [line for line in told.warnings() if line != late] == []
    assert float(told["rate"]) == rate
    assert told["failed"] == told["seeded"] == "nil"
    assert float(told["bufferrate"]) == RATE
    np.testing.assert_array_equal(read_wav(tmp_path / "whole.wav"), dream)
    heard = {name: read_wav(tmp_path / f"{name}.wav") for name in ("played", "chased")}
    if program == "supernova":
        heard["endless"] = read_wav(Path(told["take"]))
        assert len(heard["endless"]) == pytest.approx(rate, abs=4096)
    for name, sound in heard.items():
        power = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
        assert power.argmax() * rate / (4 * len(sound)) == pytest.approx(HERTZ, rel=0.002), name
    assert told["echo"] == "echoed"
    assert "FAILURE" not in told.output
    (samples, seed_rate), (_, echo_rate) = seeds
    assert echo_rate == rate
    np.testing.assert_array_equal(samples, noise(3000, 1))
    assert seed_rate == 32000


PLAYED = [52, 59, 64, 67, 62, 71, 55]


@pytest.fixture
def performance(tmp_path: Path) -> Path:
    """Plucked notes, two a second, at the rate of the test's audio server."""
    rng = np.random.default_rng(7)
    gap = 24000
    played = np.zeros(gap * (len(PLAYED) + 1), np.float32)
    for k, note in enumerate(PLAYED):
        ring = 0.4 * plucked_string.string(note, 0.6, 48000, rng)
        at = gap // 4 + k * gap
        played[at : at + len(ring)] += ring[: len(played) - at].astype("f4")
    return write_wav(tmp_path / "performance.wav", played, 48000)


def test_a_listener_chooses_the_dreams_of_the_notes_that_are_played(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path, performance: Path
) -> None:
    notes = sorted([*PLAYED, 57, 60, 76])
    # each dream is a sine of its own, so soft that four together do not reach the limiter
    hertz = {note: 1200 + 950 * k for k, note in enumerate(notes)}

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        frames = round(float(asked["secs"]) * RATE)
        t = np.arange(frames) / RATE
        dream = 0.4 * np.cos(2 * np.pi * hertz[int(asked["notes"])] * t).astype("f4")
        if asked["notes"] == "64":  # what a daemon never sends
            dream[100:200] = np.nan
            dream[300:400] = np.inf
            dream[500:600] = 1000
        path = write_wav(tmp_path / f"{asked['notes']}.wav", dream)
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        daemon.say(replies.Done(asked["id"], str(path), frames, RATE, 0.1, 0))

    daemon = double(answer)
    told = supercollider.well("listener.scd", daemon.port, tmp_path, performance, notes)

    assert told["early"] == told["stopped"] == told["who"] == told["without"] == "true"
    assert told["order"] == "true", "between what plays and what records, meters and limits"
    heard, chosen = json.loads(told["heard"]), json.loads(told["chosen"])
    np.testing.assert_allclose(heard, PLAYED, atol=0.3)
    assert chosen == PLAYED
    assert int(told["again"]) == len(PLAYED)
    for name, level in (("listened", 0.5), ("loud", 0.8)):
        sound = read_wav(tmp_path / f"{name}.wav")
        assert np.isfinite(sound).all()
        assert 0.1 < np.abs(sound).max() <= level
    check_accompaniment(read_wav(tmp_path / "listened.wav")[:, 0], hertz)
    levels = np.std(read_wav(tmp_path / "stopped.wav")[:, 0].reshape(-1, 480), axis=1)
    between = (levels > 0.05 * levels.max()) & (levels < 0.5 * levels.max())
    assert between[int(levels.argmax()) :].sum() >= 3, "it fades out in more than an instant"
    assert levels[-1] == 0
    assert told["most"] == str(8 + 2), "eight voices, the ear and the limiter"
    assert told["groups"] == "2", "the root and the default group"
    assert told["buses"] == "3", "in and out"
    assert told.warnings() == [
        "WARNING: DreamBank: its 10 dreams went with the server localhost",
        "WARNING: DreamListener: the server localhost is not running",
    ]


def check_accompaniment(sound: np.ndarray, hertz: dict[int, int]) -> None:
    """The dreams of the notes that were played, half of each times a sine at its note's pitch,
    and in an envelope. ``hertz``: the dreams' own frequencies, by note."""
    power = np.abs(np.fft.rfft(sound)) ** 2
    at = np.fft.rfftfreq(len(sound), 1 / 48000)

    def around(frequency: float, width: float = 20) -> float:
        return float(power[np.abs(at - frequency) < width].sum())

    loudest = max(around(each) for each in hertz.values())
    for note, own in hertz.items():
        if note not in PLAYED:
            assert around(own) < 1e-3 * loudest, f"nobody played {note}"
        elif note != 64:  # which is broken
            pitch = 440 * 2 ** ((note - 69) / 12)
            sidebands = [around(own + pitch) / around(own), around(own - pitch) / around(own)]
            assert sidebands == pytest.approx([0.25, 0.25], rel=0.3), note
    start = int(np.flatnonzero(np.abs(sound) > 1e-5)[0])
    attack, held = sound[start:][:240], sound[start:][4800:9600]
    assert np.std(attack) < 0.3 * np.std(held), "it is faded in"


def test_an_echo_dreams_of_the_melody_that_was_just_played(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path, performance: Path
) -> None:
    seeds: list[np.ndarray] = []

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        if asked["secs"] == 7:
            daemon.say(replies.Failed(asked["id"], "busy", "not now"))
            return
        assert soundfile.info(asked["seed"]).samplerate == 48000
        assert asked["approach"] == "spectrum"
        seeds.append(read_wav(Path(asked["seed"])))
        frames = round(float(asked["secs"]) * RATE)
        level = min(0.25 * len(seeds), 1)
        path = write_wav(tmp_path / f"dream{len(seeds)}.wav", level * noise(frames))
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        daemon.say(replies.Chunk(asked["id"], 0, frames // 2))
        done = replies.Done(asked["id"], str(path), frames, RATE, 0.1, 0)
        threading.Timer(0.2, daemon.say, [done]).start()

    daemon = double(answer)
    told = supercollider.well("echo.scd", daemon.port, tmp_path, performance)

    assert told["early"] == "silence | DreamEcho.play comes first"
    assert told["silence"] == "silence | nothing was played in the last 1.5 seconds"
    assert told["twice"] == "busy | one melody is taken at a time"
    assert told["taken"] == "DreamStream"
    first, second = float(told["triggered0"]), float(told["triggered1"])
    assert second / first == pytest.approx(2, rel=0.2), "each time the newest, and it alone"
    assert told["kept"] == "4"
    assert told["failed"] == "busy | not now"
    assert told["none"] == "0"
    assert told["nobuffer"].startswith("no-buffer | the server localhost has no buffer left")
    assert told["again"] == "busy | not now", "it is not for ever busy with the last melody"
    assert told["gap"].startswith("DreamEcho.stagger: gap must be a number above 0")
    assert told["stopped"] == "true"
    assert len(told.warnings()) == 6
    assert "no buffer data" not in told.output.partition("TOLD kept")[0]  # then one fails

    played = read_wav(performance)
    seed = seeds[0]
    assert len(seed) == 1.5 * 48000
    energy = signal.fftconvolve(played**2, np.ones(len(seed)), "valid")
    at = int((energy - 2 * signal.fftconvolve(played, seed[::-1], "valid")).argmin())
    assert 0.5 < at / 48000 < 2, "what was played in the second and a half before"
    np.testing.assert_array_equal(seed, played[at : at + len(seed)])

    sound = read_wav(tmp_path / "echoed.wav")
    assert np.isfinite(sound).all()
    assert 0.1 < np.abs(sound).max() <= 0.5


def test_the_window_shows_what_the_daemon_does(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    model = {"steps": 4200, "error": 0.317, "dream_speed": 5.1}
    starter = {"steps": 0, "error": 1.0, "dream_speed": 5.1, "starter": "pluck"}
    column = {"approach": "column", "voice": "guitar"}
    state: dict[str, Any] = {
        "voices": {
            "guitar": {
                "recordings": 2,
                "seconds": 74.5,
                "models": {approach: model for approach in APPROACHES},
            },
            "kalimba": {"recordings": 1, "seconds": 3.0, "models": {"column": starter}},
            "empty": {"recordings": 0, "seconds": 0.0, "models": {}},
        },
        "queue": 1,
        "running": 1,
        "making": {
            "7": {**column, "seed": "/tmp/a/b.wav", "secs": 5.0, "progress": 0.43, "eta": 2.1},
            "8": {
                **column,
                "seed": "guitar:1",
                "progress": 0.0,
                "eta": 0.0,
                "endless": True,
                "seconds": 12.3,
                "name": "line",
            },
        },
        "recent": {
            "3": {**column, "seed": "guitar:2"},
            "2": {"approach": "spectrum", "voice": "kalimba", "seed": "60 64", "starter": "pluck"},
        },
        "dreams": 1,
        "learning_share": 0.25,
        "training": True,
        "bank": str(tmp_path / "dream"),
        "folder": str(tmp_path / "recordings"),
    }
    (tmp_path / "dream").mkdir()
    write_wav(tmp_path / "dream" / "00000.wav", noise(RATE), RATE)
    asked_for, endless = 0, list[dict[str, Any]]()

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        nonlocal asked_for
        if not 0 < float(asked["secs"]) < math.inf:
            endless.append(asked)
            ring = write_wav(tmp_path / f"ring{len(endless)}.wav", noise(16 * RATE) / 4)
            daemon.say(replies.Accepted(asked["id"], str(ring), 16 * RATE, RATE, 0.1))
            for start in (0, 5 * RATE, 10 * RATE):
                daemon.say(replies.Chunk(asked["id"], start, 5 * RATE))
            return
        asked_for += 1
        frames = round(float(asked["secs"]) * RATE)
        swell = np.sin(np.arange(frames) * np.pi * asked_for / frames) * asked_for / 3
        path = write_wav(tmp_path / f"dream{asked_for}.wav", noise(frames) * swell)
        daemon.say(replies.Accepted(asked["id"], str(path), frames, RATE, 1.0))
        daemon.say(replies.Done(asked["id"], str(path), frames, RATE, 0.1, asked_for))

    def hear(daemon: Double, address: str) -> None:
        if address in ("/dream/pause", "/dream/resume"):
            state["training"] = address == "/dream/resume"
        if address == "/dream/status":
            daemon.say(replies.Status(state))

    daemon = double(answer, hear)
    told = supercollider.well("gui.scd", daemon.port, tmp_path, free_port())

    late = "WARNING: DreamRNN: a dream is not made fast enough; what there is of it is played again"
    assert [line for line in told.warnings() if line != late] == [
        "WARNING: DreamRNN: the server localhost is not running"
    ]
    assert told["ends0"] == told["ends1"] == "true"
    assert [(asked["approach"], asked["voice"]) for asked in endless] == [("column", "kalimba")] * 2
    ended = {args[0] for address, args in daemon.heard if address == "/dream/cancel"}
    assert ended >= {asked["id"] for asked in endless}
    assert told["players"] == "10"
    assert told["before"] == "[ [ 0, 1.0 ] ]", "a dream of before it was there"
    assert int(told["colors"]) > 2, "not blank"
    assert int(told["waveforms"]) > 5000, "pixels that three dreams have changed"
    assert float(told["height"]) <= 720 - 40, "with a title bar"
    assert told["head"] == f"127.0.0.1:{daemon.port}: learning, 1 dreaming, 1 waiting, 1 made"
    assert told["share"] == "0.25 cores"
    models = [f"|{approach}|0.317|4200|5.1" for approach in sorted(APPROACHES)]
    voices = ["empty|0 files, 0 s|||", "guitar|2 files, 75 s|||", *models]
    assert told["rows"].split(";") == [*voices, "kalimba|1 files, 3 s|||",
                                       "|column|starter model|pluck|5.1"]  # fmt: skip
    assert told["making"].split(";") == [
        "column of guitar, from b.wav, 5.0 s: 43 of 100, 2.1 s to go",
        "line: column of guitar, from guitar:1, endless, 12 s so far",
    ]
    assert told["labels"].split(";") == [
        "dream:3, 3.0 s: column of guitar, from guitar:2",
        "dream:2, 2.0 s: spectrum of kalimba (starter model pluck), from 60 64",
        "dream:1, 1.0 s",
        "dream:0, 1.0 s",
    ]
    assert told["waves"] == f"{3 * RATE};{2 * RATE};{RATE};{RATE}"
    assert told["menus"] == f"{' '.join(sorted(APPROACHES))};any voice empty guitar kalimba"
    assert told["buttons"] == "ask;endless;keep;pause learning;record default;stop;throw away"
    assert float(told["silent"]) == 0
    assert float(told["soft"]) < 0.1, "the dream that was clicked, and no other"
    assert [told["first"], told["second"], told["third"]] == ["[ 0 ]", "[ 1 ]", "nil"]
    asked = daemon.requests["guitar"]
    assert (asked["approach"], asked["notes"], asked["secs"]) == ("column", "60.0 64.5", 30)
    heard = daemon.addresses()
    assert heard.index("/dream/pause") < heard.index("/dream/resume") < heard.index("/dream/cancel")
    (take,) = (tmp_path / "recordings" / "guitar").iterdir()
    assert soundfile.info(take).frames > 0
    assert Path(told["kept"]).read_bytes() == Path(told["newest"]).read_bytes()
    assert told["buttonthen"] == "false"
    assert told["left"] == "[  ]", "thrown away, all"
    assert not list((tmp_path / "dream").iterdir())
    assert Path(told["newest"]).exists(), "no file of the bank: it is left alone"
    assert told["watching"] == "0"
    assert told["idle"] == "true"
    assert told["absence"].startswith("no daemon answers at 127.0.0.1:")
    asked = daemon.addresses().count("/dream/status")
    time.sleep(1)
    assert daemon.addresses().count("/dream/status") == asked


def test_each_failure_is_one_line_and_calls_on_error(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    frames = 1102
    stereo = write_wav(tmp_path / "stereo.wav", noise(frames, channels=2), 11025)
    made = write_wav(tmp_path / "made.wav", noise(frames), 11025)
    files = {"missing": tmp_path / "missing.wav", "stereo": stereo, "made": made}
    half = write_wav(tmp_path / "half.wav", noise(frames), 11025)
    growing = {"vanished": tmp_path / "vanished.wav", "diverged": half}

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        case, number = asked["voice"], asked["id"]
        if case == "refused":
            daemon.say(replies.Failed(number, "no-model", "there is no voice\nrefused"))
            return
        if case == "busy":
            daemon.say(replies.Failed(number, "busy", "ask again later"))
            return
        path = str(growing.get(case, "/none"))
        daemon.say(replies.Accepted(number, path, frames, 11025, 1.0))
        if case in growing:
            daemon.say(replies.Chunk(number, 0, frames // 2))
        if case == "diverged":
            daemon.say(replies.Failed(number, "diverged", "no numbers any more"))
        if case in files:
            daemon.say(replies.Done(number, str(files[case]), frames, 11025, 0.1, 0))

    def hear(daemon: Double, address: str) -> None:
        if address == "/dream/status":  # one that was restarted knows of no dream
            daemon.say(replies.Status({"queue": 0, "running": 0}))

    daemon, dying = double(answer, hear), double(answer)
    told = supercollider.run("fails.scd", daemon.port, tmp_path, free_port(), dying.port)
    assert told.status == 0, told.output
    errors = [line for line in told.output.splitlines() if line.startswith("ERROR")]
    assert errors == ["ERROR: Message 'noSuchMethod' not understood."] * 2

    assert told["deferred"] == "true"  # not before the call has returned
    expected = {
        "noserver": "no-server | the server localhost is not running",
        "refused": "no-model | there is no voice refused",
        "missing": "unreadable | File '.*missing.wav' could not be opened: .*",
        "stereo": "unreadable | Channel mismatch. .*",
        "vanished": "unreadable | File '.*vanished.wav' could not be opened: .*",
        "diverged": "diverged | no numbers any more",
        "absent": "no-daemon | no daemon answers at 127.0.0.1:.*; start one .*: dreamd run",
        "unwritable": "no-such-seed | File .* could not be opened: .*",
        "silent": "no-daemon | the daemon has stopped answering",
        "forgotten": "no-daemon | the daemon was restarted and has lost this dream",
        "quit": "no-server | the server localhost has quit",
        "nobus": "no-bus | the server localhost has no control bus left",
        "nobuffer": "no-buffer | the server localhost has no buffer left: free some, or .*",
        "thrown": "error | Message 'noSuchMethod' not understood.",
        "pending": "cancelled | cancelled by its client",
        "freed": "cancelled | its Buffer was freed",
    }
    quiet = {"pending", "freed", "thrown"}  # the performer did these
    head, _, rest = told.output.partition("TOLD begins")
    without, _, rest = rest.partition("TOLD ends")
    line = "WARNING: DreamRNN: no-server: the server localhost is not running"
    assert Told(0, without).warnings() == [
        "WARNING: DreamEcho: the server localhost is not running", *[line] * 5
    ]  # fmt: skip
    assert told["toldall"] == "true"
    warnings = Told(0, head + rest).warnings()
    for case, pattern in expected.items():
        assert re.fullmatch(pattern.replace("|", r"\|"), told[case]), (case, told[case])
        posted = "WARNING: DreamRNN: " + told[case].replace(" | ", ": ")
        twice = case in ("absent", "refused")
        assert warnings.count(posted) == (0 if case in quiet else 1) + twice
    assert told["byid"] == told["bystream"] == "cancelled"
    assert told["nostatus"] == "no-daemon"  # whose line is the same as that of "absent"
    assert "WARNING: DreamRNN: busy: ask again later (66 times)" in told.output.splitlines()
    assert len(warnings) == len(expected) - len(quiet) + 2 + 66
    assert told["number"] == "nil"
    assert told["thrownstatus"] == "error"
    assert told["hushed"] == "[ 66, cancelled, cancelled, cancelled ]"
    assert told["beside"] == told["idle"] == "true"
    for silent in ("refused", "stereo"):
        assert len(read_wav(tmp_path / f"{silent}.wav")) > 0
        assert not read_wav(tmp_path / f"{silent}.wav").any()

    kept = read_wav(tmp_path / "diverged.wav")
    np.testing.assert_array_equal(kept[: frames // 2], noise(frames)[: frames // 2])
    assert not kept[frames // 2 :].any()
    assert "secs must be a number above 0, or 0 or inf for no end, got -1" in told["misuse"]

    cancelled = {args[0] for address, args in daemon.heard if address == "/dream/cancel"}
    assert cancelled >= {
        "all",
        4711,
        *(daemon.requests[case]["id"] for case in ("freed", "vanished")),
    }
    assert told["watching"] == "0"


def test_seeds_of_each_kind(
    supercollider: SuperCollider, double: Callable[..., Double], tmp_path: Path
) -> None:
    mono, stereo = tmp_path / "mono.wav", tmp_path / "stereo.wav"
    write_wav(mono, noise(3000, 1), 44100)
    both = noise(1000, 2, channels=2)
    write_wav(stereo, both, 44100)
    dream = write_wav(tmp_path / "dream.wav", noise(1102, 3), 11025)
    seeds: dict[str, np.ndarray] = {}
    rates: dict[str, int] = {}
    late: list[dict[str, Any]] = []

    def answer(daemon: Double, asked: dict[str, Any]) -> None:
        if asked["voice"] in ("late", "latelier"):
            late.append(asked)
        elif asked["voice"] == "lost":
            daemon.say(replies.Failed(asked["id"], "no-model", "it is gone"))
        elif asked["voice"] == "streamed":
            daemon.say(replies.Accepted(asked["id"], str(mono), 3000, 44100, 0.1))
        else:
            make(daemon, asked)

    def make(daemon: Double, asked: dict[str, Any]) -> None:
        seed = Path(str(asked.get("seed")))
        if seed.is_file():
            seeds[asked["voice"]] = read_wav(seed)  # now: a written seed is gone afterwards
            rates[asked["voice"]] = soundfile.info(seed).samplerate
        daemon.say(replies.Accepted(asked["id"], str(dream), 1102, 11025, 0.1))
        daemon.say(replies.Done(asked["id"], str(dream), 1102, 11025, 0.1, 0))

    def hear(daemon: Double, address: str) -> None:
        while address == "/double/go" and late:
            make(daemon, late.pop(0))

    daemon = double(answer, hear)
    told = supercollider.well("seeds.scd", daemon.port, tmp_path)

    lost = "no-such-seed: the dream that is its seed has failed"
    assert told.warnings() == [
        *["WARNING: DreamRNN: it waits: its seed is still being dreamt"] * 3,
        "WARNING: DreamRNN: no-model: it is gone", f"WARNING: DreamRNN: {lost}",
    ]  # fmt: skip
    assert told["failed"] == f"lost: no-model it is gone; orphan: {lost.replace(':', '', 1)}"
    assert told["early"] == "false"
    seed = {case: str(asked.get("seed")) for case, asked in daemon.requests.items()}
    assert not {"seed", "notes"} & set(daemon.requests["nothing"])
    assert seed["string"] == "guitar:2"
    assert seed["symbol"] == "guitar"
    assert "seed" not in daemon.requests["notes"]
    assert daemon.requests["notes"]["notes"] == "60 64.5 67"
    assert seed["path"] == seed["pathname"] == seed["whole"] == str(mono)
    assert Path(seed["relative"]).is_absolute()
    assert Path(seed["relative"]).samefile(mono)
    assert seed["dream"] == seed["later"] == seed["latest"] == str(dream)
    assert [args[1:] for address, args in daemon.heard if address == "/dream/seed"] == [
        ["seed", str(dream)]
    ]

    # Buffers that are not just what is in their file are written by the server, exactly
    written = {"part": both[100:600], "bare": both, "unread": noise(3000, 1)}
    for case, samples in written.items():
        assert Path(seed[case]).name.startswith("dreamrnn-seed-"), case
        np.testing.assert_array_equal(seeds[case], samples)
        assert rates[case] == 44100, "the Buffer's rate, which is not the server's"
    assert told["bufferpath"] == "nil"  # a performer's Buffer stays as it was
    assert told["leftover"] == "0"
    assert len({asked["id"] for asked in daemon.requests.values()}) == len(daemon.requests)


# ---------------------------------------------------------------- with the real daemon


class Listener:
    """A client of a real daemon."""

    def __init__(self, port: int) -> None:
        self.to = ("127.0.0.1", port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.settimeout(1)

    def status(self) -> dict[str, Any]:
        """The daemon's answer to /dream/status; empty while it does not answer."""
        for address, args in (("/dream/notify", [1]), ("/dream/status", [])):
            self.sock.sendto(transport.encode(address, args), self.to)
        try:
            while True:
                for address, args in transport.decode(self.sock.recv(65536)):
                    if address == "/dream/status":
                        return replies.nested(requests.pairs(args))
        except (TimeoutError, ConnectionRefusedError):
            return {}

    def quit(self) -> None:
        """Until it no longer answers."""
        self.sock.sendto(transport.encode("/dream/quit", []), self.to)
        wait_until("the daemon to end", lambda: not self.status())
        self.sock.close()


@dataclass
class Daemon:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    recording: Path
    listener: Listener

    def has_recording(self) -> bool:
        assert self.process.poll() is None, f"the daemon ended:\n{self.log.read_text()}"
        return bool(self.listener.status().get("voices", {}).get("pluck", {}).get("recordings"))


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The one recording of the voice ``pluck``, the only one that ``make run`` has by itself."""
    folder = tmp_path / "recordings" / "pluck"
    folder.mkdir(parents=True)
    t = np.arange(22050) / 22050
    tones = [np.sin(2 * np.pi * hertz * t) * np.exp(-3 * t) / 2 for hertz in (220, 330)]
    return write_wav(folder / "tones.wav", np.concatenate(tones).astype(np.float32), 22050)


@pytest.fixture
def daemon(tmp_path: Path, recording: Path) -> Iterator[Daemon]:
    """``dreamd run`` with that recording."""
    port, log = free_port(), tmp_path / "dreamd.log"
    command = [sys.executable, "-m", "dreamd", "run", str(recording.parent.parent)]
    command += ["--home", str(tmp_path / "dreamd"), "--port", str(port), "--no-tidal", "--plain"]
    command += SMALL.split()
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
    try:
        made = Daemon(process, port, log, recording, Listener(port))
        wait_until("the daemon to have its recording", made.has_recording)
        yield made
    finally:
        if process.poll() is None:
            end_family(process.pid)
        process.wait(10)


def test_dreams_of_the_real_daemon(
    supercollider: SuperCollider, daemon: Daemon, tmp_path: Path, performance: Path
) -> None:
    told = supercollider.well("pieces.scd", daemon.port, tmp_path, performance)
    assert told.warnings() == []
    assert told["gap"] == "0", "no rest after a dream"
    assert json.loads(told["chosen"]) == PLAYED
    assert told["taken"] == str(2 * 48000)
    for name in ("patterned", "accompanied", "echoed"):
        sound = read_wav(tmp_path / f"{name}.wav")
        assert np.isfinite(sound).all()
        assert 0 < np.abs(sound).max() < 1, name

    told = supercollider.well("daemon.scd", daemon.port, tmp_path, daemon.recording)

    assert told["refused"] in ("no-such-seed", "no-model")
    slip, refused = told.warnings()
    said = "no request has a key 'temprature': it changes nothing; did you mean 'temperature'?"
    assert slip == f"WARNING: DreamRNN: {said}", "once, of four requests"
    assert refused.startswith(f"WARNING: DreamRNN: {told['refused']}: ")
    assert float(told["chased"]) > 0
    assert told["streamed"] == "true"
    assert float(told["position"]) == 2 * 48000
    assert np.abs(read_wav(Path(told["file4"]))).max() > 0
    np.testing.assert_array_equal(read_wav(tmp_path / "heard4.wav"), read_wav(Path(told["file4"])))
    for i in range(4):
        file = Path(told[f"file{i}"])
        assert file.is_relative_to(tmp_path / "dreamd" / "dreams" / "dream")
        dream, heard = read_wav(file), read_wav(tmp_path / f"heard{i}.wav")
        assert float(told[f"rate{i}"]) == soundfile.info(file).samplerate == 48000
        assert abs(len(dream) - 0.5 * soundfile.info(file).samplerate) <= 1
        assert np.isfinite(dream).all()
        assert dream.any()
        np.testing.assert_array_equal(heard, dream)
    try:
        assert daemon.process.wait(PATIENCE) == 0, daemon.log.read_text()
    except subprocess.TimeoutExpired:
        pytest.fail(f"the daemon did not end on /dream/quit:\n{daemon.log.read_text()}")


def blocks_of_the_readme(folder: Path) -> list[Path]:
    """The README's blocks of SuperCollider, each a file; not that of SuperDirt's relay."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```supercollider\n(.*?)```", text, re.DOTALL)
    paths = [folder / f"readme{k}.scd" for k in range(len(blocks))]
    for path, block in zip(paths, blocks, strict=True):
        path.write_text(block)
    return [path for path in paths if "DreamDirt" not in path.read_text()]


def test_each_example_is_heard(
    supercollider: SuperCollider, daemon: Daemon, tmp_path: Path, performance: Path
) -> None:
    folder = ROOT / "sc_classes" / "examples"
    examples, readme = sorted(folder.glob("*.scd")), blocks_of_the_readme(tmp_path)
    assert len(examples) == 8
    assert len(readme) == 3
    files = [*examples, *readme]
    told = supercollider.well("examples.scd", daemon.port, tmp_path, performance, *files)
    # this daemon has another folder than the README's
    true = "the daemon that runs learns from|it waits: dream:[0-9]+, its seed, is still being made"
    others = f"WARNING: DreamRNN: ({true}|{busy('column')})"
    assert [line for line in told.warnings() if not re.match(others, line)] == []
    for name in [path.stem for path in files]:
        sound = read_wav(tmp_path / f"{name}.wav")
        assert np.isfinite(sound).all()
        assert 0 < np.abs(sound).max() < 1, name
    heard = read_wav(tmp_path / f"{readme[0].stem}.wav")
    moments = np.sqrt(np.mean(heard[: len(heard) // 4800 * 4800].reshape(-1, 4800, 2) ** 2, (1, 2)))
    assert 20 * np.log10(moments.max()) > -35, "the README's first example is heard"


def test_boot_starts_the_daemon_and_it_outlives_sclang(
    supercollider: SuperCollider, recording: Path, tmp_path: Path
) -> None:
    program = tmp_path / "the programs" / "dreamd"
    program.parent.mkdir()
    pid = tmp_path / "pid"
    program.write_text(f'#!/bin/sh\necho $$ > {pid}\nexec "{sys.executable}" -m dreamd "$@"\n')
    program.chmod(0o755)
    installed = supercollider.home / ".local" / "share" / "SuperCollider" / "dreamd"
    installed.symlink_to(program)
    port = free_port()
    flags = f" {SMALL}"  # the blank keeps sclang from reading them as its own
    first, other = recording.parent.parent, tmp_path / "other recordings"
    shutil.copytree(first, other)
    told = supercollider.well("boots.scd", port, tmp_path, first, program, pid, flags, other)
    listener = Listener(port)
    try:
        missing = "no-program | cannot find the program no-such-dreamd; run dreamd install .*"
        for case, pattern in {
            "notfound": missing,
            "notfoundagain": missing,
            "nofolder": f"no-daemon | {installed} has ended with status 1: .*: no such folder.*",
            "elsewhere": "no-daemon | no daemon answers at 192.0.2.1:.*; start one .*",
        }.items():
            assert re.fullmatch(pattern.replace("|", r"\|"), told[case]), (case, told[case])
        for case in ("boot", "again", "same", "restarted", "quitandboot", "anew"):
            assert told[case] == "booted", case
        assert told["other"] == str(other)
        assert told["back"] == str(first)
        moved = [line for line in told.warnings() if "add restart: true" in line]
        assert len(moved) == 1, "of two who boot, the one who names another folder"
        assert f"learns from {first}; to have one that learns from /nowhere" in moved[0]
        assert told["who"] == told["idle"] == "true"
        assert int(told["ticks"]) > 5, "the clock went on while it booted"
        assert told["training"] == "1"
        broke = [line for line in told.warnings() if "has ended with status" in line]
        assert len(broke) == 2, "no such folder, and when it was killed"
        wait_until("its recording, though sclang has ended", lambda: listener.status()["voices"])
    finally:
        listener.quit()
