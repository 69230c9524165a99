"""The real daemon in a process of its own, talked to over OSC by a second program."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
from conftest import PATIENCE, RATE, Daemon, alive, free_port, tone

from dreamd.approaches.registry import APPROACHES
from dreamd.audio import files
from dreamd.daemon.queue import NEWEST_WAITING
from dreamd.home import checkpoints
from dreamd.osc import transport

Start = Callable[..., Daemon]


def test_one_recording_and_one_dream_of_each_approach(daemon: Start, recordings: Path) -> None:
    """The main job: recordings in, training, requests, dreams out, status."""
    one = daemon(recordings)
    names = {Path(one.wait("/dream/ingested", "guitar")[1]).name for _ in range(2)}
    assert names == {"a.wav", "b.wav"}
    one.until(lambda: len(one.status()["voices"]["guitar"]["models"]) == 4)
    for id, approach in enumerate(APPROACHES):
        one.ask(id=id, approach=approach, seed="guitar:1", secs=0.3, rand=7)
    for id in range(4):
        _, path, frames, rate, eta, _ = one.wait("/dream/accepted", id)
        assert (frames, rate) == (round(0.3 * RATE), RATE)
        assert eta > 0
        assert soundfile.info(path).frames == frames
        one.wait("/dream/chunk", id, 0)
        done = one.wait("/dream/done", id)
        assert done[1:4] == [path, frames, rate]
        assert Path(path) == one.home / "dreams" / "dream" / f"{done[5]:05d}.wav"
        samples, _ = soundfile.read(path, dtype="float32")
        assert len(samples) == frames
        assert np.isfinite(samples).all()
        assert 0 < np.abs(samples).max() <= 1
        assert abs(samples.mean()) < 0.01 * np.abs(samples).max()
    state = one.status()
    assert state["dreams"] == 4
    assert set(state["recent"]) == {"0", "1", "2", "3"}
    assert state["voices"]["guitar"]["recordings"] == 2
    assert state["voices"]["guitar"]["seconds"] == pytest.approx(4.0, abs=0.01)
    one.wait("/dream/trained", "guitar")
    assert one.stop() == 0
    assert "Traceback" not in one.said()


def test_a_take_that_arrives_later_is_learned_too(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    files.write(recordings / "voice2.wav", tone(500, 1.0), RATE)
    assert one.wait("/dream/ingested", "default")[2] == pytest.approx(1.0)
    one.until(lambda: "default" in one.status()["voices"])
    one.until(lambda: len(one.status()["voices"]["default"]["models"]) == 4)
    (recordings / "voice2.wav").rename(recordings / "guitar" / "c.wav")
    one.wait("/dream/ingested", "guitar", str(recordings / "guitar" / "c.wav"))
    (recordings / "guitar" / "c.wav").unlink()
    one.until(lambda: one.status()["voices"]["guitar"]["recordings"] == 2)


def test_what_cannot_be_learned_is_named(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    soundfile.write(recordings / "silent.wav", np.zeros(RATE), RATE)
    (recordings / "broken.flac").write_bytes(b"fLaC but no more")
    reasons = {Path(p).name: why for p, why in (one.wait("/dream/skipped") for _ in range(2))}
    assert "silent" in reasons["silent.wav"]
    assert "cannot be read" in reasons["broken.flac"]
    one.until(lambda: "silent.wav" in one.said())


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        ({"approach": "dreamy"}, "bad-request"),
        ({"seed": "guitar"}, "bad-request"),
        ({"approach": "vector", "secs": -1}, "bad-request"),
        ({"approach": "vector", "secs": 1e9}, "too-long"),
        ({"approach": "vector", "seed": "nobody"}, "no-such-seed"),
        ({"approach": "vector", "seed": "/etc/passwd"}, "no-such-seed"),
        ({"approach": "vector", "voice": "nobody"}, "no-model"),
        ({"approach": "vector", "vector": 77}, "no-model"),
    ],
)
def test_bad_requests_fail_with_one_line_and_change_nothing(
    bad: Daemon, keys: dict[str, object], code: str
) -> None:
    bad.ask(id=9, **keys)
    _, said, text = bad.wait("/dream/failed", 9)
    assert said == code
    assert text
    assert "\n" not in text
    bad.ask(id=10, approach="vector", secs=0.1)
    bad.wait("/dream/done", 10)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """One daemon for all the bad requests."""
    tmp = tmp_path_factory.mktemp("bad")
    (tmp / "rec" / "guitar").mkdir(parents=True)
    files.write(tmp / "rec" / "guitar" / "a.wav", tone(220, 1.0), RATE)
    one = Daemon(tmp / "home", tmp / "rec")
    one.wait("/dream/ingested")
    yield one
    one.stop()


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"garbage", b"/dream/request", b"/dream/request\0\0,sss\0\0\0\0", b"\xff" * 2000,
        b"#bundle\0" + b"\0" * 7, transport.encode("/dream/nonsense", [1]),
        transport.encode("/dream/request", ["approach"]), transport.encode("/dream/cancel", []),
    ],
)  # fmt: skip
def test_malformed_packets_are_answered_or_ignored(bad: Daemon, packet: bytes) -> None:
    bad.send_raw(packet)
    bad.ask(id=11, approach="vector", secs=0.1)
    bad.wait("/dream/done", 11)
    assert "Traceback" not in bad.said()


# What Strudel's bridge sent (@strudel/osc 1.3.2), for dream("column").seed("guitar:2").secs(0.1)
# .rand(7).follow("guitar:1") and for dream("vector").notes("60:64:67"): a bundle with a time tag,
# numbers all float32, names with a number as lists.
STRUDEL = [
    "2362756e646c6500eead8d2ad2f1a800000000942f646972742f706c617900002c7366736673667373735b73665d"
    "73667366735b73665d00637073003f0000006379636c650000004040000064656c74610000004000000064726561"
    "6d000000636f6c756d6e0000736565640000000067756974617200004000000073656373000000003dcccccd7261"
    "6e640000000040e00000666f6c6c6f77000067756974617200003f800000",
    "2362756e646c6500eead8d2ad3333400000000602f646972742f706c617900002c7366736673667373735b666666"
    "5d00637073003f0000006379636c650000004040000064656c746100000040000000647265616d00000076656374"
    "6f7200006e6f746573000000427000004280000042860000",
]


def test_strudel_s_bridge_asks_for_dreams(bad: Daemon) -> None:
    bad.heard.clear()
    for packet, secs in zip(STRUDEL, (0.1, 2.0), strict=True):
        bad.send_raw(bytes.fromhex(packet))
        id, _, frames, *_ = bad.wait("/dream/accepted")
        assert frames == pytest.approx(secs * RATE, abs=1)  # 0.1 came as a float32
        bad.wait("/dream/done", id)
    bad.until(lambda: "(rand 7)" in bad.said())


def test_replies_go_to_registered_clients_alone(bad: Daemon) -> None:
    with transport.socket.socket(transport.socket.AF_INET, transport.socket.SOCK_DGRAM) as stranger:
        stranger.settimeout(1.0)
        for address, args in (
            ("/dream/status", []), ("/dream/request", ["approach", "x"]), ("/x", [True]),
            ("/dream/request", ["approach", "vector", "secs", 0.1, "id", 12]),
        ):  # fmt: skip
            stranger.sendto(transport.encode(address, args), ("127.0.0.1", bad.port))
        bad.wait("/dream/done", 12)
        with pytest.raises(TimeoutError):
            stranger.recv(65536)


def test_a_full_queue_is_busy_and_cancelling_makes_room(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings, "--queue", "2", "--dreamers", "1")
    one.wait("/dream/ingested")
    for id in range(5):
        one.ask(id=id, approach="transpose", secs=60)
        if id == 0:
            one.wait("/dream/chunk", 0)  # it runs, and waits no longer
    _, code, _ = one.wait("/dream/failed", 3)
    assert code == "busy"
    one.wait("/dream/failed", 4)
    one.wait("/dream/accepted", 2)
    files = sorted((one.home / "dreams" / "dream").iterdir())
    assert len(files) == 3
    for id in range(3):
        one.send("/dream/cancel", id)
        assert one.wait("/dream/failed", id)[1] == "cancelled"
    assert not list((one.home / "dreams" / "dream").iterdir())
    one.ask(id=6, approach="vector", secs=0.1)
    assert one.wait("/dream/done", 6)[5] == 0


def test_a_looping_pattern_keeps_its_newest_requests(daemon: Start, recordings: Path) -> None:
    """And those of other patterns, and of programs that are none, stay as they are."""
    one = daemon(recordings, "--dreamers", "1")
    one.wait("/dream/ingested")
    one.ask(id=0, approach="transpose", secs=60)
    one.wait("/dream/chunk", 0)  # whoever asks now has to wait
    one.ask(id=1, approach="vector", secs=60, _id_="2")
    for id in range(10, 10 + NEWEST_WAITING + 3):
        one.ask(id=id, dream="vector", delta=60.0, _id_="1")
    for id in range(100, 100 + NEWEST_WAITING + 3):
        one.ask(id=id, approach="vector", secs=60)
    # the oldest; but not one whose job is being made just then
    asked = set(range(10, 10 + NEWEST_WAITING + 3))
    gone = {
        id for id, code, _ in (one.wait("/dream/failed") for _ in range(3)) if code == "cancelled"
    }
    assert gone < asked
    assert max(asked) not in gone
    one.wait("/dream/accepted", 100 + NEWEST_WAITING + 2)
    state = one.status()
    assert (state["queue"], state["running"]) == (1 + NEWEST_WAITING + NEWEST_WAITING + 3, 1)
    files = list((one.home / "dreams" / "dream").iterdir())
    assert len(files) == state["queue"] + 1
    assert not [heard for heard in one.heard if heard[0] == "/dream/failed"]
    one.send("/dream/cancel", 0)
    assert one.wait("/dream/failed", 0)[1] == "cancelled"
    one.wait("/dream/chunk", 100)  # what no pattern asked for goes first
    for id in range(100, 100 + NEWEST_WAITING + 3):
        one.send("/dream/cancel", id)
    one.wait("/dream/chunk", 1)  # and then patterns have their turns
    one.send("/dream/cancel", 1)
    one.wait("/dream/chunk", min(asked - gone))
    one.until(lambda: "no dream for request 0" in one.said())
    assert one.said().count("pattern 1 asks faster than it can be answered") == 1


def test_a_child_that_dies_is_replaced_and_its_request_fails(
    daemon: Start, recordings: Path
) -> None:
    one = daemon(recordings, "--dreamers", "1")
    one.wait("/dream/ingested")
    one.until(lambda: len(one.status()["voices"]["guitar"]["models"]) == 4)
    one.ask(id=1, approach="transpose", secs=60)
    one.wait("/dream/chunk", 1)
    for child in one.workers():  # the learner and the dreamer
        child.kill()
    _, code, text = one.wait("/dream/failed", 1)
    assert code == "diverged"
    assert "SIGKILL" in text
    assert not list((one.home / "dreams" / "dream").iterdir())
    one.ask(id=2, approach="vector", secs=0.1)
    one.wait("/dream/done", 2)
    before = one.status()["voices"]["guitar"]["models"]["vector"]["steps"]
    one.until(lambda: one.status()["voices"]["guitar"]["models"]["vector"]["steps"] > before)


def saved(home: Path, approach: str) -> int:
    """Steps in the newest checkpoint."""
    models = checkpoints.models(home, "guitar", approach, RATE)
    return max((checkpoints.steps_of(paths[-1]) for paths in models.values()), default=0)


def test_killed_at_any_moment_it_comes_back_as_promised(daemon: Start, recordings: Path) -> None:
    """SIGKILL while it trains and dreams: half-made dreams are gone, whole ones there, models
    resume, every recording is there, and no child is left behind."""
    one = daemon(recordings)
    one.wait("/dream/ingested")
    models = lambda: one.status()["voices"]["guitar"]["models"]  # noqa: E731
    one.until(lambda: len(models()) == 4 and all(m["steps"] for m in models().values()))
    steps = {approach: model["steps"] for approach, model in models().items()}
    one.until(lambda: all(saved(one.home, a) >= before for a, before in steps.items()))
    one.ask(id=1, approach="vector", secs=0.2)
    whole = one.wait("/dream/done", 1)[1]
    kept = Path(whole).read_bytes()
    one.ask(id=2, approach="transpose", secs=60)
    half = one.wait("/dream/accepted", 2)[1]
    one.wait("/dream/chunk", 2)
    pids = [child.pid for child in one.workers()]
    assert len(pids) >= 2
    one.kill()
    one.until(lambda: not any(alive(pid) for pid in pids))

    one.start()
    assert one.status()["voices"]["guitar"]["recordings"] == 2, "as soon as it answers"
    one.until(lambda: len(one.status()["voices"]["guitar"]["models"]) == 4)
    assert not Path(half).exists()
    assert Path(whole).read_bytes() == kept
    for approach, before in steps.items():
        now = one.status()["voices"]["guitar"]["models"][approach]["steps"]
        assert now >= before, (approach, before, now)
    one.ask(id=3, approach="column", secs=0.2, seed="dream:0")
    assert one.wait("/dream/done", 3)[5] == 1


def test_training_pauses_and_goes_on(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    one.until(lambda: len(one.status()["voices"].get("guitar", {}).get("models", {})) == 4)
    one.send("/dream/pause")
    one.until(lambda: not one.status()["training"])
    one.until_it_rests()
    rested = one.status()["voices"]
    time.sleep(1.0)
    assert one.status()["voices"] == rested
    one.ask(id=1, approach="vector", secs=0.1)  # dreaming goes on
    one.wait("/dream/done", 1)
    one.send("/dream/resume")
    one.until(lambda: one.status()["voices"] != rested)


def test_quit(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    one.ask(id=1, approach="transpose", secs=60)
    one.wait("/dream/accepted", 1)
    one.send("/dream/quit")
    assert one.wait("/dream/failed", 1)[1] == "cancelled"
    assert one.process.wait(PATIENCE) == 0
    assert not list((one.home / "dreams" / "dream").iterdir())


def test_without_a_folder_it_has_an_example(daemon: Start) -> None:
    one = daemon(None)
    voice, path, seconds = one.wait("/dream/ingested")
    assert voice == "pluck"
    assert seconds >= 30
    assert Path(path).is_file()


def test_a_second_daemon_is_refused_in_one_line(
    daemon: Start, recordings: Path, tmp_path: Path
) -> None:
    one = daemon(recordings)

    def second(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dreamd", "run", str(recordings), "--plain", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    same_home = second("--home", str(one.home), "--port", str(free_port()))
    assert same_home.returncode == 1
    assert "another dreamd uses" in same_home.stderr
    same_port = second("--home", str(tmp_path / "other"), "--port", str(one.port))
    assert same_port.returncode == 1
    assert f"port {one.port} is taken" in same_port.stderr
    for result in (same_home, same_port):
        assert len(result.stderr.splitlines()) == 1
        assert not result.stdout, "nothing is measured before"
    one.ask(id=1, approach="vector", secs=0.1)
    one.wait("/dream/done", 1)


def test_tidal_is_told_two_things_and_no_more(tmp_path: Path, recordings: Path) -> None:
    port, heard = free_port(), []
    listener = transport.OscSocket("127.0.0.1", port)

    def listen() -> None:
        while (packet := listener.receive()) is not None:
            heard.extend(transport.decode(packet[0]))

    threading.Thread(target=listen, daemon=True).start()
    one = Daemon(tmp_path / "home", recordings, "--tidal", f"127.0.0.1:{port}", tidal=True)
    try:
        one.wait("/dream/ingested")
        one.ask(id=1, approach="vector", secs=0.1)
        one.ask(id=2, approach="nonsense")
        one.wait("/dream/done", 1)
        one.until(lambda: ("/ctrl", ["dreamlast", "dream:0"]) in heard)
    finally:
        one.stop()
        listener.close()
    news = [said for k, said in enumerate(heard) if said not in heard[:k]]
    assert news == [
        ("/ctrl", ["dreams", 0]), ("/ctrl", ["dreams", 1]), ("/ctrl", ["dreamlast", "dream:0"]),
    ]  # fmt: skip


def test_status_in_json(bad: Daemon) -> None:
    command = [sys.executable, "-m", "dreamd", "status", "--json", "--port", str(bad.port)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert result.returncode == 0, result.stderr
    state = json.loads(result.stdout)
    assert set(state) == {
        "voices", "queue", "running", "making", "recent", "dreams", "bank", "training", "rate",
        "learning_slowly", "learning_share", "folder", "pid",
    }  # fmt: skip
    assert state["training"] is True
    assert set(state["voices"]["guitar"]) == {"recordings", "seconds", "models"}
    for model in state["voices"]["guitar"]["models"].values():
        assert {"steps", "error", "dream_speed"} <= set(model)


def test_ingest_memory_stays_flat(daemon: Start, recordings: Path) -> None:
    """Ten minutes of audio and a few seconds of it: the same memory to within 30 MB.

    The ten minutes hold 106 MB at 44.1 kHz and 26 MB in the cache; a reader that held a
    recording whole would hold both, and the float64 of a resampler's input, at once.
    """
    one = daemon(recordings)
    one.wait("/dream/ingested")
    one.wait("/dream/ingested")
    process = psutil.Process(one.process.pid)
    before = process.memory_info().rss
    shutil.copy(recordings / "guitar" / "a.wav", one.home.parent / "long.wav")
    rng = np.random.default_rng(0)
    long = one.home.parent / "long.wav"
    with soundfile.SoundFile(long, "w", 44100, 1, "FLOAT") as file:
        for _ in range(10):
            file.write(rng.standard_normal(44100 * 60).astype(np.float32) * 0.1)
    peak = before
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, process.memory_info().rss)

    watching = threading.Thread(target=watch)
    watching.start()
    os.replace(long, recordings / "guitar" / "long.wav")
    one.wait("/dream/ingested", "guitar", str(recordings / "guitar" / "long.wav"))
    done.set()
    watching.join()
    assert peak - before < 30e6
