"""Endless dreams in SuperCollider: what is heard of them, with a scripted writer and the daemon."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile
from scipy import signal
from test_supercollider import (  # noqa: F401 - fixtures
    HANGS,
    Daemon,
    Double,
    SuperCollider,
    busy,
    daemon,
    double,
    jack,
    read_wav,
    supercollider,
    wait_until,
    write_wav,
)

from dreamd.audio.dream_file import DreamFile
from dreamd.osc import replies

pytestmark = pytest.mark.supercollider

RATE = 11025
HERTZ = 200
DOUBLE_RATE = 22050


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """The one recording of the daemon's voice: it never dies away, so a gap is a fault."""
    folder = tmp_path / "recordings" / "pluck"
    folder.mkdir(parents=True)
    t = np.arange(4 * RATE) / RATE
    waves = [np.sin(2 * np.pi * hertz * t) for hertz in (220, 331, 440, 553)]
    return write_wav(folder / "steady.wav", 0.1 * np.sum(waves, axis=0), RATE)


def tone(seconds: float) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.5 * np.sin(2 * np.pi * HERTZ * t), np.float32)


def clicks(sound: np.ndarray, rate: int, hertz: float = 1000, begin: int = 0) -> float:
    """The loudest moment above ``hertz``, where nothing of the sound is but its clicks, from the
    sample ``begin`` on."""
    high = signal.butter(8, hertz, "high", fs=rate, output="sos")
    return float(np.abs(signal.sosfilt(high, sound)[begin:]).max())


def longest_gap(sound: np.ndarray, rate: int, silent: float = 0.02) -> float:
    """Seconds of the longest stretch without a sample louder than ``silent``, once it sounds."""
    loud = np.flatnonzero(np.abs(sound) > silent)
    return float(np.diff(loud).max() / rate)


def played(folder: Path, name: str) -> np.ndarray:
    """What the server played of a case: from its first sound on."""
    sound = read_wav(folder / f"{name}.wav")
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0.4, f"{name} is silent"
    return np.asarray(sound[np.flatnonzero(sound)[0] :])


def test_a_dream_is_played_without_gap_or_click(
    supercollider: SuperCollider,  # noqa: F811
    tmp_path: Path,
) -> None:
    """Where the ring wraps, the writer stalls or is too slow, a loop ends, a dream is restarted."""
    ring = write_wav(tmp_path / "ring.wav", tone(8), RATE)  # whole waves, so it has no seam
    cut = write_wav(tmp_path / "cut.wav", tone(1.00625), RATE)
    told = supercollider.well("play.scd", ring, tmp_path, cut)
    assert told.warnings() == []

    for rate in (44100, 48000, 96000):
        sound = played(tmp_path, f"round{rate}")
        assert len(sound) > 11 * rate
        assert clicks(sound, rate) < 0.005
        held = sound[rate // 2 : -rate // 2]
        waves = np.count_nonzero(np.diff(np.sign(held)) > 0) / len(held) * rate
        assert waves == pytest.approx(HERTZ, rel=0.003), "the pitch of the file"
        quarters = np.abs(held[: len(held) // 1000 * 1000]).reshape(-1, 1000).max(axis=1)
        assert quarters.min() > 0.49, "it is never faded where all goes well"

    for name in ("stalled", "slow", "caught"):
        sound = played(tmp_path, name)
        assert len(sound) > 9 * 48000
        assert longest_gap(sound, 48000) < 0.05, name
        assert clicks(sound, 48000) < 0.005, name

    for name in ("looped", "restarted"):
        sound = played(tmp_path, name)
        assert len(sound) > 3.9 * 48000
        assert longest_gap(sound, 48000) < 0.05, name
        assert clicks(sound, 48000) < 0.005, name
    assert clicks(played(tmp_path, "clicks"), 48000) > 0.1, "a click would be found"

    for name, ends in (("freed", 2.2), ("once", 1.1), ("event", 1.1)):
        sound = played(tmp_path, name)
        assert clicks(sound, 48000) < 0.005, name
        assert 0.9 < np.flatnonzero(np.abs(sound) > 1e-4)[-1] / 48000 < ends, name


@dataclass
class Ring:
    """Answers a request with a ring of three seconds, and fills it as it is told to."""

    path: Path
    made: int = 0
    id: int = 0
    steered: list[tuple[str, list[Any]]] = field(default_factory=list)

    def answer(self, one: Double, asked: dict[str, Any]) -> None:
        self.id = asked["id"]
        DreamFile(self.path, DOUBLE_RATE).create(3 * DOUBLE_RATE)
        one.say(replies.Accepted(self.id, str(self.path), 3 * DOUBLE_RATE, DOUBLE_RATE, 0.1))

    def hear(self, one: Double, address: str) -> None:
        args = one.heard[-1][1]
        if address == "/double/go":
            for _ in range(args[0]):
                self.go_on(one)
        elif address in ("/dream/set", "/dream/seed"):
            seed = Path(str(args[-1]))
            if seed.is_file():
                written = float(read_wav(seed)[0]), soundfile.info(seed).samplerate
                args = [*args[:-1], *written]
                (self.path.parent / "seeded").touch()
            self.steered.append((address, args))
        elif address == "/dream/status":
            one.say(replies.Status({"queue": 0, "running": 1}))

    def go_on(self, one: Double) -> None:
        size = DOUBLE_RATE // 10
        start = self.made % (3 * DOUBLE_RATE)
        t = (self.made + np.arange(size)) / DOUBLE_RATE
        DreamFile(self.path, DOUBLE_RATE).write(start, 0.5 * np.sin(2 * np.pi * HERTZ * t))
        self.made += size
        one.say(replies.Chunk(self.id, start, size))


def test_an_endless_dream_follows_its_making(
    supercollider: SuperCollider,  # noqa: F811
    double: Callable[..., Double],  # noqa: F811
    tmp_path: Path,
) -> None:
    ring = Ring(tmp_path / "ring of the double.wav")
    one = double(ring.answer, ring.hear)
    told = supercollider.well("endless.scd", one.port, tmp_path)

    (asked,) = one.requests.values()
    assert asked["secs"] in (0, np.inf)
    assert (asked["lead"], asked["name"]) == (pytest.approx(0.4), "line")
    assert told["begun"] == "1"
    assert told["who"] == "true"
    assert told["late"] == "true", "late and well in turn"
    np.testing.assert_array_equal(read_wav(tmp_path / "ring.wav"), read_wav(ring.path))
    assert ring.made > 3 * DOUBLE_RATE, "it went round"

    assert {args[0] for _, args in ring.steered} == {asked["id"]}
    own = [(address, args[1:]) for address, args in ring.steered]
    assert own == [
        ("/dream/set", ["temperature", 0.5]),
        ("/dream/set", ["follow", "perc", "lead", pytest.approx(0.3), "temperature", 1]),
        ("/dream/seed", ["notes", "60 64"]),
        ("/dream/seed", ["seed", "guitar:2", "seedat", 1.5]),
        ("/dream/seed", ["seed", 0.5, 48000]),
    ]
    assert told["setmsg"] == "[ gain, -6 ]"
    assert told["seedmsg"] == "[ notes, 60 ]"
    assert int(told["id"]) == asked["id"]
    assert "the dream must be there, and not freed" in told["freed"]

    again = (
        "WARNING: DreamRNN: a dream is not made fast enough; what there is of it is played again"
    )
    over = "WARNING: DreamRNN: ended: this dream is not being made any more"
    assert told.warnings() == [again, over], "it was never well in between"

    tape = played(tmp_path, "tape")
    sounding = tape[: np.flatnonzero(np.abs(tape) > 0.01)[-1]]
    assert longest_gap(sounding, 48000) < 0.05
    assert clicks(tape, 48000) < 0.005


def workers(pid: int) -> list[psutil.Process]:
    """The processes of a daemon that make dreams."""
    children = psutil.Process(pid).children(recursive=True)
    found = [each for each in children if each.name().startswith("dreamer")]
    assert found
    return found


def kill(daemon: Daemon, folder: Path) -> None:  # noqa: F811
    """Kills the daemon's dreaming workers, when a script says so."""
    wait_until("the script", (folder / "kill").exists, HANGS)
    for each in workers(daemon.process.pid):
        each.kill()
    (folder / "killed").touch()


def test_what_is_set_is_heard_and_a_worker_that_is_killed_is_not(
    supercollider: SuperCollider,  # noqa: F811
    daemon: Daemon,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with ThreadPoolExecutor() as pool:
        killed = pool.submit(kill, daemon, tmp_path)
        told = supercollider.well("steered.scd", daemon.port, tmp_path)
        killed.result()
    tape, marks = read_wav(tmp_path / "tape.wav").T
    assert np.isfinite(tape).all()
    done = {level: int(np.flatnonzero(marks > level - 0.01)[0]) for level in (0.25, 0.5, 0.75, 0.9)}
    end = int(np.flatnonzero(np.abs(tape) > 1e-4)[-1])
    window = 960
    levels = np.sqrt(np.convolve(tape**2, np.ones(window) / window, "valid"))
    usual = float(np.median(levels[done[0.25] - 96000 : done[0.25]]))
    assert usual > 0.001

    soft = levels < 0.3 * usual  # -20 dB is well below it
    heard = int(np.flatnonzero(~soft[done[0.25] : done[0.5]])[-1])
    late = told["late"] != "0"
    with capsys.disabled():
        print(f"\n  from set to sound: {heard / 48000:.3f} s{', not kept up' * late}", end=" ")
    assert soft[done[0.5] - 4800 : done[0.5]].all(), "what was set is heard"
    assert late or heard < 48000, "a lead of half a second, and what was being made"

    for name, part in (
        ("before", tape[48000 : done[0.25]]),
        ("killed", tape[done[0.75] - 48000 : end - 2000]),
    ):
        assert longest_gap(part, 48000, 0.02 * usual) < 0.05, name
    usual_clicks = clicks(tape[: done[0.25]], 48000, 8000)
    assert clicks(tape, 48000, 8000, done[0.5]) < max(2 * usual_clicks, 0.005)
    anew = "it begins anew: the process dreaming it was ended by signal SIGKILL"
    lines = [line.removeprefix("WARNING: DreamRNN: ") for line in told.warnings()]
    assert anew in lines
    assert [line for line in lines if line != anew and not re.match(busy("vector"), line)] == []
