"""More than can be answered: what is shed, what is counted, and who is heard all the same."""

import contextlib
import itertools
import logging
import multiprocessing
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Daemon

from dreamd.daemon import inbox
from dreamd.daemon.events import Leave, Packet
from dreamd.daemon.inbox import MOST_OF_ONE, MOST_SENDERS, STATUS, Inbox
from dreamd.home import log
from dreamd.home.log import A_WHILE, FEW, LARGEST_LOG, MANY, SOME, Repeats
from dreamd.osc import transport

A, B = ("10.0.0.1", 1), ("10.0.0.2", 2)


def taken(box: Inbox) -> list[object]:
    """All that waits, in the order in which it is handed out."""
    events = []
    while (event := box.take(0.0)) is not None:
        events.append(event)
    return events


# ---------------------------------------------------------------- the inbox


def test_a_flood_keeps_its_newest_and_is_counted() -> None:
    box = Inbox()
    for k in range(3 * MOST_OF_ONE):
        box.put_packet(Packet(b"%d" % k, A))
    newest = [Packet(b"%d" % k, A) for k in range(2 * MOST_OF_ONE, 3 * MOST_OF_ONE)]
    assert taken(box) == newest
    line = box.passed_over()
    assert line is not None
    assert line.startswith(f"{2 * MOST_OF_ONE} messages")
    assert "10.0.0.1" in line
    assert box.passed_over() is None


def test_a_flood_holds_nobody_else_up() -> None:
    """Another sender, a question for the status, and the daemon's own come within a round."""
    box = Inbox()
    for k in range(1000):
        box.put_packet(Packet(b"%d" % k, A))
    box.put("what a worker says")
    box.put_packet(Packet(b"a request", B))
    box.put_packet(Packet(STATUS + b"\0\0,\0\0\0", B))
    first = [box.take(0.0) for _ in range(6)]
    assert "what a worker says" in first
    assert Packet(b"a request", B) in first
    assert Packet(STATUS + b"\0\0,\0\0\0", B) in first


def test_senders_without_number_are_bounded_too() -> None:
    box = Inbox()
    for k in range(50 * MOST_SENDERS):
        box.put_packet(Packet(b"x", (f"10.0.{k // 200}.{k % 200}", k)))
        box.put_packet(Packet(STATUS, (f"10.0.{k // 200}.{k % 200}", k)))
    assert len(taken(box)) == 2 * MOST_SENDERS


def test_one_answer_is_for_all_questions_of_one_client() -> None:
    box = Inbox()
    for _ in range(1000):
        box.put_packet(Packet(STATUS, A))
        box.put_packet(Packet(STATUS, B))
    assert taken(box) == [Packet(STATUS, A), Packet(STATUS, B)]
    box.put_packet(Packet(STATUS, A))
    assert taken(box) == [Packet(STATUS, A)], "and the next one is asked anew"


def test_leaving_comes_before_everything() -> None:
    box = Inbox()
    for k in range(1000):
        box.put(k)
        box.put_packet(Packet(b"%d" % k, A))
    box.put(Leave("SIGTERM"))
    assert Leave("SIGTERM") in [box.take(0.0) for _ in range(3)]


def test_whoever_receives_gets_its_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a flood the thread that answers rests, so that the one that receives can run."""
    rests: list[float] = []
    clock = [0.0]
    monkeypatch.setattr(inbox.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(inbox.time, "sleep", rests.append)
    box = Inbox()
    for k in range(100):
        box.put_packet(Packet(b"%d" % k, A))
    for _ in range(100):
        box.take(0.0)
        clock[0] += 0.001
    assert 10 <= len(rests) <= 25
    taken(box)
    clock[0] += 1.0
    rests.clear()
    box.put_packet(Packet(b"one", A))
    box.take(0.0)
    assert not rests, "not when there is little to do"


# ---------------------------------------------------------------- lines


def test_repeated_lines_are_counted() -> None:
    clock = [0.0]
    repeats = Repeats(lambda: clock[0])
    busy = [f"from 127.0.0.1:{k}: 32 dreams are waiting already" for k in range(1000)]
    assert sum(repeats.passes(line, warning=True) for line in busy) == FEW
    assert repeats.passes("another line", warning=True)
    assert sum(repeats.passes(f"dream:{k} is there", False) for k in range(1000)) == SOME
    assert not repeats.counted()
    clock[0] += A_WHILE
    assert repeats.counted() == [
        f"{1000 - FEW} times more: {busy[-1]}", f"{1000 - SOME} times more: dream:999 is there",
    ]  # fmt: skip
    assert repeats.passes(busy[0], warning=True), "and then it is said again"
    clock[0] += A_WHILE
    assert not repeats.counted()


def test_lines_of_kinds_without_end_are_counted_too() -> None:
    clock = [0.0]
    repeats = Repeats(lambda: clock[0])
    words = itertools.product("abcdefghijklmno", repeat=3)
    lines = ["no such message: /" + "".join(word) for word in words]
    assert sum(repeats.passes(line, warning=True) for line in lines) == MANY
    clock[0] += A_WHILE
    (said,) = repeats.counted()
    assert said.startswith(f"{len(lines) - MANY} times more or other lines: no such message")


# ---------------------------------------------------------------- the log


def total(home: Path) -> int:
    return sum(file.stat().st_size for file in home.iterdir())


def write_much(home: Path, name: str) -> None:
    log.to_file(home)
    log.Repeats.passes = lambda self, text, warning: True  # type: ignore[method-assign]
    for k in range(4000):
        logging.info("%s %d %s", name, k, "x" * 3000)


@pytest.fixture
def own_logging() -> object:
    root = logging.getLogger()
    before = list(root.handlers), root.level, threading.excepthook
    yield
    for each in list(root.handlers):
        root.removeHandler(each)
    for each in before[0]:
        root.addHandler(each)
    root.setLevel(before[1])
    threading.excepthook = before[2]
    logging.captureWarnings(False)


def test_the_log_of_several_processes_is_bounded(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=write_much, args=(tmp_path, name)) for name in "ab"]
    for each in writers:
        each.start()
    for each in writers:
        each.join()
    assert {file.name for file in tmp_path.iterdir()} == {"dreamd.log", "dreamd.old.log"}
    assert LARGEST_LOG < total(tmp_path) < 10e6
    last = (tmp_path / "dreamd.log").read_text().splitlines()
    assert all(line.endswith("x" * 3000) for line in last), "no line is torn"


def test_the_log_counts_and_shortens(tmp_path: Path, own_logging: object) -> None:
    log.to_file(tmp_path)
    for k in range(10_000):
        logging.error("while handling %r", b"\xff" * 60_000)
        logging.warning("caf\udce9 %d", k)
    text = (tmp_path / "dreamd.log").read_text(encoding="utf-8")
    assert text.count("while handling") == FEW
    assert total(tmp_path) < 100_000


def test_a_log_that_cannot_be_written_is_silent(
    tmp_path: Path, own_logging: object, capfd: pytest.CaptureFixture[str]
) -> None:
    """A full disk, a folder that was taken away: nothing across the screen, nobody waits."""
    log.to_file(Path("/dev/full/nowhere"))
    logging.error("lost")
    (tmp_path / "dreamd.log").symlink_to("/dev/full")
    log.to_file(tmp_path)
    logging.error("lost")
    assert capfd.readouterr() == ("", "")


def test_logging_waits_for_no_disk(
    tmp_path: Path, own_logging: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    awake = threading.Event()
    append = log.LogFile.emit
    monkeypatch.setattr(log.LogFile, "emit", lambda *args: (awake.wait(), append(*args)))
    log.start_log(tmp_path)
    for k in range(3 * log.WAITING_LINES):
        logging.info("%s", "ab"[k % 2] * (1 + k % 190))
    log.finish(patience=0.0)  # neither does whoever leaves
    awake.set()
    log.finish(patience=60.0)
    assert "a" in (tmp_path / "dreamd.log").read_text()


# ---------------------------------------------------------------- the daemon


@pytest.mark.parametrize("what", ["pattern", "garbage", "status"])
def test_in_a_flood_it_answers_and_afterwards_it_dreams(
    daemon: Callable[..., Daemon], recordings: Path, what: str
) -> None:
    """From another sender, as fast as this process can send, until some answers have come."""
    one = daemon(recordings, "--dreamers", "1")
    one.ask(id=1, approach="vector", secs=0.2)
    one.wait("/dream/done", 1)
    packets = {
        "pattern": transport.encode(
            "/dream/request", ["dream", "vector", "delta", 30.0, "_id_", "1"]
        ),
        "garbage": b"\xff\0/#bundle" * 100,
        "status": transport.encode("/dream/status", []),
    }
    ended = threading.Event()

    def flood() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            while not ended.is_set():
                for _ in range(20):
                    other.sendto(packets[what], ("127.0.0.1", one.port))
                time.sleep(0.001)

    def answered() -> bool:
        one.heard.clear()
        one.send("/dream/status")
        with contextlib.suppress(AssertionError):  # it went under in the answers to others
            one.wait("/dream/status", within=0.5)
            return True
        return False

    flooding = threading.Thread(target=flood)
    flooding.start()
    try:
        time.sleep(1.0)  # all that waits anywhere is the flood's
        for _ in range(4):
            one.until(answered)
    finally:
        ended.set()
        flooding.join()
    one.heard.clear()
    one.ask(id=7, approach="vector", secs=0.2)
    one.wait("/dream/accepted", 7)
    for id in one.status()["making"]:  # one of the pattern's
        if id != "7":
            one.send("/dream/cancel", int(id))
    one.wait("/dream/done", 7)
    assert total_log(one) < 1e6
    assert one.stop() == 0


def total_log(one: Daemon) -> int:
    return sum(file.stat().st_size for file in one.home.glob("dreamd*.log"))
