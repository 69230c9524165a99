"""SuperDirt's relay, DreamDirt: with a recording double of SuperDirt, and with SuperDirt itself.

SuperDirt is no Debian package: see ``tests/superdirt.py``. Where it is not there the last test does
not exist, and the summary of the tests says so.
"""

import os
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import superdirt
from conftest import Daemon, pitch
from test_supercollider import (  # noqa: F401 - fixtures
    Double,
    SuperCollider,
    double,
    jack,
    read_wav,
    supercollider,
    write_wav,
)

from dreamd.osc import replies, requests

pytestmark = pytest.mark.supercollider

RATE = 11025
SERVER_RATE = 48000


def tone(hertz: float, seconds: float = 0.2) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.5 * np.sin(2 * np.pi * hertz * t), np.float32)


class Bank:
    """A daemon's folder of dreams, each one a tone of its own."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "dreams" / "dream"
        self.markers = home / "dreams" / "unfinished"
        self.folder.mkdir(parents=True)
        self.markers.mkdir()
        self.dreams: dict[int, np.ndarray] = {}
        self.hertz: dict[int, float] = {}
        self.second = int(time.time())  # when the dreams were written: in one and the same

    def path(self, index: int) -> Path:
        return self.folder / f"{index:05d}.wav"

    def add(self, index: int, hertz: float, id: int = 1 << 30) -> replies.Done:
        self.dreams[index], self.hertz[index] = tone(hertz), hertz
        write_wav(self.path(index), self.dreams[index], RATE)
        os.utime(self.path(index), (self.second, self.second))
        frames = len(self.dreams[index])
        return replies.Done(id, str(self.path(index)), frames, RATE, 0.1, index)

    def begin(self, index: int) -> None:
        """A dream that is still being made."""
        write_wav(self.path(index), tone(5000), RATE)
        (self.markers / f"{index:05d}").touch()

    def status(self, running: int = 0) -> replies.Status:
        state = {
            "queue": 0,
            "running": running,
            "dreams": len(self.dreams),
            "bank": str(self.folder),
        }
        return replies.Status(state)


def check_saved(folder: Path, name: str, dreams: dict[int, np.ndarray], size: int) -> None:
    """What the script saved: each number's dream, or where it has none another one."""
    held = [index for index in sorted(dreams) if index < size]  # others came later
    for index in range(size):
        expected = dreams[index if index in dreams else held[index % len(held)]]
        np.testing.assert_array_equal(read_wav(folder / f"{name}-{index}.wav"), expected)
    assert not (folder / f"{name}-{size}.wav").exists()


class Dreaming:
    """What a double of the daemon says: it has a bank, and dreams at once what it is asked for.

    :param first: number of the first dream that it makes.
    """

    def __init__(self, bank: Bank, first: int) -> None:
        self.bank, self.first = bank, first
        self.asked: list[dict[str, Any]] = []
        self.endless: list[dict[str, Any]] = []
        self.deaf = False

    def answer(self, daemon: Double, request: dict[str, Any]) -> None:
        if self.deaf:
            return
        voice, id = request.get("voice", ""), request["id"]
        if "name" in request:
            self.endless.append(request)
            if voice != "refused":
                self.begin_endless(daemon, id)
                return
        else:
            self.asked.append(request)
        if voice in ("refused", "superseded"):
            code = "cancelled" if voice == "superseded" else "no-model"
            daemon.say(replies.Failed(id, code, f"it was {voice}"))
            return
        index = self.first + len(self.asked) - 1
        daemon.say(replies.Accepted(id, str(self.bank.path(index)), 10, RATE, 1.0))
        daemon.say(self.bank.add(index, 1000 + 100 * index, id))

    def begin_endless(self, daemon: Double, id: int) -> None:
        ring = self.bank.folder.parent / f"ring{id}.wav"
        write_wav(ring, tone(440, 1.0), RATE)
        daemon.say(replies.Accepted(id, str(ring), RATE, RATE, 0.1))
        for part in range(5):
            daemon.say(replies.Chunk(id, part * RATE // 10, RATE // 10))

    def hear(self, daemon: Double, address: str) -> None:
        bank = self.bank
        match address.removeprefix("/double/"):
            case "five":
                daemon.say(bank.add(5, 800))
            case "again":
                daemon.say(bank.add(1, 900))
            case "eleven":
                daemon.say(bank.add(11, 950))
            case "twelve":
                daemon.say(bank.add(12, 970))
            case "zero":
                bank.second += 10
                daemon.say(bank.add(0, bank.hertz[0]))
            case "broken":
                done = bank.add(10, 1)
                bank.path(10).write_bytes(b"RIFF and no more")
                del bank.dreams[10]
                daemon.say(done)
            case "missing":
                daemon.say(replies.Done(0, str(bank.path(4)), 10, RATE, 0.1, 4))
            case "deaf":
                self.deaf = True
            case "/dream/status":
                daemon.say(bank.status(len(self.endless)))


def test_the_relay_with_a_double_of_superdirt(
    supercollider: SuperCollider,  # noqa: F811
    double: Callable[..., Double],  # noqa: F811
    tmp_path: Path,
) -> None:
    bank = Bank(tmp_path / "dreamd")
    for index in range(3):
        bank.add(index, 300 + 100 * index)
    bank.begin(3)
    write_wav(bank.folder / "take.wav", tone(50), RATE)
    dreaming = Dreaming(bank, first=6)
    daemon = double(dreaming.answer, dreaming.hear)
    told = supercollider.well("dirt.scd", daemon.port, tmp_path)

    first = {**bank.dreams, 1: tone(400)}
    check_saved(tmp_path, "first", first, 3)
    check_saved(tmp_path, "second", first, 6)
    check_saved(tmp_path, "third", bank.dreams, 6)
    check_saved(tmp_path, "fourth", bank.dreams, 9)
    for name in ("fifth", "sixth", "seventh"):
        check_saved(tmp_path, name, bank.dreams, 12)
    check_saved(tmp_path, "eighth", {index: bank.dreams[index] for index in (11, 12)}, 13)
    check_saved(tmp_path, "ninth", {index: bank.dreams[index] for index in (0, 12)}, 13)
    for fact in ("wraps", "read", "ready", "gap", "kept", "left"):
        assert told[fact] == "true", fact
    assert told["asker"] == "1"

    plain, full, bare, *_ = dreaming.asked
    assert plain | {"id": 0} == {
        "approach": "column", "seed": "guitar:2", "secs": 2, "_id_": "1", "rand": 7.0,
        "orbit": 0, "outrate": SERVER_RATE, "id": 0,
    }  # fmt: skip
    assert full | {"id": 0} == {
        "approach": "transpose", "seed": "guitar", "seedn": 3.0, "secs": 0.75, "orbit": 1,
        "notes": "60:64", "voice": "rain", "outrate": SERVER_RATE, "id": 0,
    }  # fmt: skip
    assert bare | {"id": 0} == {
        "approach": "spectrum", "secs": 1.5, "orbit": 0, "outrate": SERVER_RATE, "id": 0,
    }  # fmt: skip
    assert ("/dream/outrate", [SERVER_RATE]) in daemon.heard, "for those who ask directly"
    assert requests.request(plain).pattern == "pattern 1"
    assert requests.request(full).pattern == "orbit 1"

    assert told["streamer"] == "1"
    line, endless, vector, refused = dreaming.endless
    assert line["secs"] in (0, np.inf)
    assert line | {"id": 0, "secs": 0} == {
        "approach": "column", "seed": "guitar", "seedn": 2.0, "secs": 0, "outrate": 48000,
        "lead": pytest.approx(0.3), "name": "line", "id": 0,
    }  # fmt: skip
    assert (endless["name"], endless["approach"], endless["voice"]) == (
        "other",
        "column",
        "endless",
    )
    assert (vector["name"], vector["approach"]) == ("other", "vector")
    assert refused["name"] == "other"

    warnings = [line for line in told.warnings() if "DreamDirt" in line]
    expected = {
        "bad-request: DreamRNN.dream: secs must be a number above 0, or .*, got -1": 1,
        "bad-request: DreamRNN.dream: seed must be .*, got \\[": 1,
        "no-model: it was refused": 1,
        f"there is no dream in {bank.path(4)}": 1,
        f"there is no dream in {bank.path(10)}": 6,  # and in each scan of the folder
        f"no daemon answers at 127.0.0.1:{daemon.port}; start one in a terminal: dreamd run": 1,
    }
    for pattern, times in expected.items():
        lines = [li for li in warnings if re.fullmatch(f"WARNING: DreamDirt: {pattern}", li)]
        assert len(lines) == times, (pattern, warnings)
    assert len(warnings) == sum(expected.values()), warnings


def test_a_server_without_enough_buffers(
    supercollider: SuperCollider,  # noqa: F811
    double: Callable[..., Double],  # noqa: F811
    tmp_path: Path,
) -> None:
    """A line, the newest dreams, and the relay goes on."""
    bank = Bank(tmp_path / "dreamd")
    for index in range(8):
        bank.add(index, 300 + 100 * index)
    dreaming = Dreaming(bank, first=8)
    daemon = double(dreaming.answer, dreaming.hear)
    told = supercollider.well("dirtfull.scd", daemon.port, tmp_path)
    assert int(told["most"]) < 8
    np.testing.assert_array_equal(read_wav(tmp_path / "newest.wav"), bank.dreams[7])
    np.testing.assert_array_equal(read_wav(tmp_path / "later.wav"), bank.dreams[11])
    (line,) = told.warnings()
    assert re.match("WARNING: DreamDirt: the server has no buffer left for .*; boot it with", line)


def test_the_relay_with_the_real_daemon(
    supercollider: SuperCollider,  # noqa: F811
    daemon: Callable[..., Daemon],
    recordings: Path,
    tmp_path: Path,
) -> None:
    """A pattern asks and its dreams join; one that loops is capped; the daemon is killed."""
    one = daemon(recordings)
    one.wait("/dream/ingested")
    one.send("/dream/pause")  # training would only make the test longer
    one.ask(id=1, approach="vector", secs=0.2)
    one.wait("/dream/done", 1)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(supercollider.well, "dirtdaemon.scd", one.port, tmp_path)
        one.until(lambda: "pattern 1 asks faster" in one.said() or running.done())
        one.until(lambda: (tmp_path / "capped.wav").exists() or running.done())
        one.kill()
        one.start()
        one.send("/dream/pause")
        told = running.result()
    assert told.warnings() == []
    bank = one.home / "dreams" / "dream"
    for index in range(2):
        np.testing.assert_array_equal(
            read_wav(tmp_path / f"dream-{index}.wav"), read_wav(bank / f"{index:05d}.wav")
        )
    # The pattern asks every second: where dream:3 is done before dream:2, it stands in for it.
    third = read_wav(tmp_path / "dream-2.wav")
    later = [path for path in bank.glob("*.wav") if int(path.stem) >= 2]
    assert any(np.array_equal(third, read_wav(path)) for path in later)


# ---------------------------------------------------------------- SuperDirt itself

if superdirt.classes():

    def test_the_relay_with_superdirt_itself(
        supercollider: SuperCollider,
        double: Callable[..., Double],
        tmp_path: Path,
    ) -> None:
        supercollider.include(supercollider.tests, *superdirt.classes())
        bank = Bank(tmp_path / "dreamd")
        for index in range(3):
            bank.add(index, 300 + 100 * index)
        both = np.stack((tone(500), tone(900)), 1)  # of two channels; the left one is heard
        write_wav(bank.path(2), both, RATE)
        dreaming = Dreaming(bank, first=3)
        daemon = double(dreaming.answer, dreaming.hear)
        told = supercollider.well("superdirt.scd", daemon.port, tmp_path)

        assert not [line for line in told.warnings() if "Dream" in line]
        heard = {
            "zero": 300, "two": 500, "wrapped": 2 * 400, "asked": bank.hertz[3], "cmdperiod": 400,
            "restarted": bank.hertz[3], "rebooted": bank.hertz[4],
        }  # fmt: skip
        for name, hertz in heard.items():
            tape = read_wav(tmp_path / f"{name}.wav")
            assert pitch(tape, 48000) == pytest.approx(hertz, abs=3), name
        assert told["left"] == "true"
        column, vector = dreaming.asked
        assert column | {"id": 0} == {
            "approach": "column", "seed": "guitar", "seedn": 2.0, "secs": 0.5, "_id_": "2",
            "orbit": 0, "outrate": SERVER_RATE, "id": 0,
        }  # fmt: skip
        assert vector | {"id": 0} == {
            "approach": "vector", "secs": 0.5, "orbit": 1, "outrate": SERVER_RATE, "id": 0,
        }  # fmt: skip
