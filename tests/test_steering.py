"""Steering and endless dreams at the daemon's desk: who may, what is answered, how they end."""

import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from conftest import RATE, Daemon
from wire import Desk

from dreamd.audio import files
from dreamd.daemon.queue import MOST_LOST, Dream
from dreamd.daemon.supervisor import Supervisor
from dreamd.dreaming.job import (
    RING_SECONDS,
    ChunkWritten,
    CursorLeapt,
    Finished,
    Remarked,
    Reseeded,
    Steered,
)
from dreamd.osc.addresses import Address
from dreamd.osc.replies import nested
from dreamd.osc.requests import Request, pairs
from dreamd.settings import Settings

OTHER = ("127.0.0.1", 9)
STRANGER = ("192.0.2.7", 57120)
INF = float("inf")


@pytest.fixture
def asker() -> Iterator[Address]:
    """The address of a program that is there."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()


def begun(desk: Desk, asker: Address, **keys: Any) -> list[Any]:
    """An endless dream is being made: what was accepted."""
    desk.register(asker)
    desk.ask(asker, **{"secs": INF, "id": 7, **keys})
    return desk.told(asker, "/dream/accepted")[0][1]


@pytest.mark.parametrize("secs", [INF, "inf", 0, 0.0])
def test_it_is_asked_for(desk: Desk, asker: Address, secs: object) -> None:
    _, path, frames, rate, *_ = begun(desk, asker, secs=secs)
    assert (frames, rate) == (RING_SECONDS * RATE, RATE)
    assert files.info(Path(path)).frames == frames


def test_chunks_and_leaps_count_within_the_ring(desk: Desk, asker: Address) -> None:
    _, _, frames, *_ = begun(desk, asker)
    for start in (0, frames - 100, frames, 5 * frames + 7):
        desk.dreams.on_worker_message("one", CursorLeapt(0, start, "/a.wav", 1.0, 1.0))
        desk.dreams.on_worker_message("one", ChunkWritten(0, start, 100))
    told = desk.told(asker)
    assert [args[1] for where, args in told if where == "/dream/chunk"] == [0, frames - 100, 0, 7]
    assert [args[1] for where, args in told if where == "/dream/leap"] == [0, frames - 100, 0, 7]


def test_the_status_says_that_it_has_no_end(desk: Desk, asker: Address) -> None:
    begun(desk, asker, name="line", seed="guitar")
    desk.dreams.on_worker_message("one", ChunkWritten(0, 0, 2 * RATE))
    desk.hear(asker, "/dream/status")
    said = nested(pairs(desk.told(asker, "/dream/status")[0][1]))["making"]["7"]
    endless = {"endless": 1, "seconds": 2.0, "name": "line", "seed": "guitar", "voice": "guitar"}
    assert said.items() >= endless.items()
    assert "secs" not in said


def test_it_remembers_no_more_of_itself_than_its_file_holds(desk: Desk, asker: Address) -> None:
    """So its memory is flat, and so are the credits of what is kept."""
    begun(desk, asker)
    dream = desk.worker.dream
    assert dream is not None
    for second in range(3000):
        frame = second * RATE
        desk.dreams.on_worker_message("one", CursorLeapt(0, frame, "/a.wav", second, 1.0))
        desk.dreams.on_worker_message("one", ChunkWritten(0, frame, RATE))
    assert len(dream.leaps) <= RING_SECONDS + 2
    job, _ = dream.settled()
    credits = job.credits(dream.leaps, 3000 * RATE)
    assert [(each.start, each.end) for each in credits] == [(k, k + 1) for k in range(16)]
    assert credits[0].first == 3000 - 16


def test_it_ends_in_the_bank(desk: Desk, asker: Address) -> None:
    _, path, frames, rate, *_ = begun(desk, asker)
    desk.hear(asker, "/dream/cancel", 7)
    assert [dream.id for dream in desk.worker.stopped] == [7]
    desk.dreams.on_worker_message("one", Finished(0, 100.0, 100 * rate))
    assert desk.told(asker, "/dream/done")[0][1] == [7, path, frames, rate, 100.0, 0, 1]
    assert desk.state.bank.count == 1


def test_a_short_one_is_as_long_as_it_was(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.hear(asker, "/dream/cancel", "all")
    desk.dreams.on_worker_message("one", Finished(0, 2.0, 2 * RATE))
    assert desk.told(asker, "/dream/done")[0][1][2] == 2 * RATE


def lose(desk: Desk) -> None:
    """The process that makes the dream is killed."""
    dream = desk.worker.release("one")
    assert dream is not None
    desk.dreams.lost(dream, "was ended by signal SIGKILL")


def test_one_that_loses_its_process_begins_anew(desk: Desk, asker: Address) -> None:
    """Under its id, in its ring; with what was steered meanwhile; a few times a minute."""
    _, path, *_ = begun(desk, asker)
    line = "it begins anew: the process dreaming it was ended by signal SIGKILL"
    dream = desk.worker.dream
    assert dream is not None
    for count in range(1, MOST_LOST + 1):
        desk.dreams.on_worker_message("one", ChunkWritten(0, (count - 1) * RATE, RATE))
        before, _ = dream.settled()
        lose(desk)
        assert desk.told(asker, "/dream/warning") == [("/dream/warning", [7, line])]
        desk.hear(asker, "/dream/set", 7, "temperature", count)
        desk.dreams.assign()
        assert desk.worker.dream is dream
        job, _ = dream.settled()
        assert (job.path, job.made, job.request.temperature) == (Path(path), count * RATE, count)
        assert job.rand != before.rand
    lose(desk)
    assert [args[:2] for _, args in desk.told(asker, "/dream/failed")] == [[7, "diverged"]]
    assert not Path(path).exists()


def test_one_that_is_ended_meanwhile_is_kept(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.dreams.on_worker_message("one", ChunkWritten(0, 0, RATE))
    lose(desk)
    desk.hear(asker, "/dream/cancel", 7)
    desk.worker.stopped.clear()
    desk.dreams.assign()
    assert [dream.id for dream in desk.worker.stopped] == [7], "as soon as it has its job"


def test_one_more_than_the_machine_makes_is_busy(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.ask(asker, secs=INF, id=8)
    ((_, said),) = desk.told(asker, "/dream/failed")
    assert said == [8, "busy", "one endless dream is all that this machine makes at once: end one"]


def test_its_successor_may_begin_before_it_ends(desk: Desk, asker: Address) -> None:
    begun(desk, asker, name="line")
    desk.ask(asker, secs=INF, id=8, name="line")
    assert not desk.told(asker, "/dream/failed")
    desk.hear(asker, "/dream/cancel", 8)


def test_those_of_one_name_count_once(desk: Desk, asker: Address) -> None:
    desk.worker.dreamers = 2
    begun(desk, asker, name="line")
    desk.ask(asker, secs=INF, id=8, name="line")
    desk.ask(asker, secs=INF, id=9, name="cloud")
    assert not desk.told(asker, "/dream/failed")
    desk.ask(asker, secs=INF, id=10)
    assert [args[0] for _, args in desk.told(asker, "/dream/failed")] == [10]


def test_one_that_is_ending_is_not_counted(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.hear(asker, "/dream/cancel", 7)
    desk.ask(asker, secs=INF, id=8)
    assert not desk.told(asker, "/dream/failed")


def test_nobody_asks_for_one_and_is_not_there(desk: Desk) -> None:
    desk.ask(OTHER, secs=INF, id=8)
    assert not desk.state.queue.under_way
    desk.hear(STRANGER, "/dream/request", "approach", "vector", "secs", INF)
    assert not desk.state.queue.under_way


def test_it_ends_when_its_asker_is_gone(desk: Desk) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        begun(desk, one.getsockname())
        desk.endless.tick()
        assert not desk.worker.stopped
    desk.endless._is_time = lambda what, every: True
    desk.endless.tick()
    assert [dream.id for dream in desk.worker.stopped] == [7]


def test_a_new_set_begins_when_they_are_kept(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.hear(asker, "/dream/newset")
    assert [dream.id for dream in desk.worker.stopped] == [7]
    assert not list(desk.state.bank.folder.parent.glob("set *"))
    desk.dreams.on_worker_message("one", Finished(0, 2.0, 2 * RATE))
    desk.endless.tick()
    (folder,) = desk.state.bank.folder.parent.glob("set *")
    assert [path.name for path in folder.glob("*.wav")] == ["00000.wav"]
    assert desk.state.bank.count == 0


def test_the_status_says_what_it_is(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    desk.dreams.on_worker_message("one", ChunkWritten(0, 0, 3 * RATE))
    desk.hear(asker, "/dream/status")
    ((_, said),) = desk.told(asker, "/dream/status")
    pairs = dict(zip(said[::2], said[1::2], strict=True))
    assert pairs["making/7/endless"] == 1
    assert pairs["making/7/seconds"] == 3.0


def test_who_cannot_keep_up_hears_it_alone(desk: Desk, asker: Address) -> None:
    desk.register(OTHER)
    begun(desk, asker)
    desk.dreams.on_worker_message("one", Remarked(0, "vector cannot keep up here"))
    assert desk.told(asker, "/dream/warning") == [
        ("/dream/warning", [7, "vector cannot keep up here"])
    ]
    assert not desk.told(OTHER, "/dream/warning")
    assert "cannot keep up" in desk.state.log[-1].text


# ---------------------------------------------------------------- steered


def test_what_is_set_reaches_the_worker(desk: Desk, asker: Address) -> None:
    begun(desk, asker, temperature=0.5)
    desk.hear(asker, "/dream/set", 7, "temperature", 1, "follow", "guitar:0")
    (said,) = desk.worker.told
    assert isinstance(said, Steered)
    assert said.moved
    assert (said.job.request.temperature, said.job.request.follow) == (1.0, "guitar:0")
    assert not desk.told(asker)
    desk.hear(asker, "/dream/set", 7, "temperature", 1, "follow", "guitar:0")
    assert len(desk.worker.told) == 1  # the same again


def test_patterns_steer_by_name(desk: Desk, asker: Address) -> None:
    """Whoever asked for it: Tidal steers what SuperCollider plays."""
    begun(desk, asker, name="line")
    said = ["_id_", "1", "cps", 0.5, "cycle", 3.0, "delta", 1.0, "gain", 1.0, "orbit", 0,
            "steer", "line", "dreamgain", -6.0]  # fmt: skip
    desk.hear(OTHER, "/dream/set", *said)
    (steered,) = desk.worker.told
    assert isinstance(steered, Steered)
    assert steered.job.request.gain == -6.0
    desk.hear(OTHER, "/dream/cancel", "line")
    assert [dream.id for dream in desk.worker.stopped] == [7]


@pytest.mark.parametrize(
    ("args", "id", "complaint"),
    [
        ([8, "temperature", 1], 8, "no dream 8"),
        (["nobody", "temperature", 1], 0, "no dream nobody"),
        ([7, "temprature", 1], 7, "did you mean temperature"),
        ([7, "secs", 3], 7, "cannot change secs"),
        ([7, "temperature", -1], 7, "temperature must be from 0 to 100"),
        ([7, "temperature", "hot"], 7, "temperature must be a number"),
        ([7, "follow", "nobody"], 7, "no voice is called 'nobody'"),
        ([7, "seed", "nobody"], 7, "no voice or file is called 'nobody'"),
        (["temperature", 1], 0, "takes a dream's id or name first"),
        ([7, 8, 9], 7, "each key must be a word"),
    ],
)
def test_what_cannot_be_done_is_a_warning_and_ends_nothing(
    desk: Desk, asker: Address, args: list[object], id: int, complaint: str
) -> None:
    begun(desk, asker)
    desk.hear(asker, "/dream/set", *args)
    ((where, (said, text)),) = desk.told(asker)
    assert (where, said) == ("/dream/warning", id)
    assert complaint in text
    assert not desk.worker.stopped
    assert not desk.worker.told


def test_an_unknown_key_is_named_once(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    for _ in range(3):
        desk.hear(asker, "/dream/set", 7, "temprature", 1)
    assert len(desk.told(asker, "/dream/warning")) == 1


def test_seeds(desk: Desk, asker: Address) -> None:
    begun(desk, asker)
    for _ in range(2):
        desk.hear(asker, "/dream/seed", 7, "seed", "guitar:0", "seedat", 0.25)
    first, second = desk.worker.told
    assert isinstance(first, Reseeded)
    assert (first.seed.kind, first.seed.at) == ("recording", 0.25)
    assert second == first
    desk.hear(asker, "/dream/set", 7, "seed", "guitar:0", "seedat", 0.25)
    assert len(desk.worker.told) == 2  # a pattern says the same again
    desk.hear(asker, "/dream/set", 7, "seed", "noise")
    assert desk.worker.told[-1] == replace(first, seed=replace(first.seed, kind="noise", at=None,
                                                               recording=None))  # fmt: skip


def test_learning_wakes_a_paused_dream(desk: Desk, asker: Address) -> None:
    begun(desk, asker, sampling="paused")
    desk.hear(asker, "/dream/set", 7, "learn", 0.001)
    (said,) = desk.worker.told
    assert isinstance(said, Steered)
    assert said.job.request.sampling == "concurrent"


def test_strangers_steer_their_own_and_read_nothing(desk: Desk, asker: Address) -> None:
    begun(desk, asker, name="line")
    desk.register(STRANGER)
    for whom in (7, "line"):
        desk.hear(STRANGER, "/dream/set", whom, "temperature", 1)
    desk.ask(STRANGER, id=3)
    desk.hear(STRANGER, "/dream/seed", 3, "seed", "/etc/passwd")
    assert not desk.worker.told
    assert "other computers may name files" in desk.told(STRANGER, "/dream/warning")[-1][1][1]


def test_what_is_set_before_it_begins_counts(desk: Desk, asker: Address) -> None:
    desk.ask(asker)  # keeps the worker
    begun(desk, asker, secs=1.0)
    desk.hear(asker, "/dream/set", 7, "temperature", 2)
    dream = next(each for each in desk.state.queue.waiting if each.id == 7)
    assert dream.settled()[0].request.temperature == 2.0


# ---------------------------------------------------------------- workers


class Idle:
    """A worker that does nothing."""

    generation = 1

    def __init__(self, name: str, module: str, settings: Settings, tell: object) -> None:
        self.name, self.said = name, list[object]()

    def send(self, message: object, *, latest: bool = False) -> None:
        self.said.append(message)

    def stands_still(self) -> bool:
        return False


def dream(serial: int, secs: float) -> Dream:
    asked = Request("vector", secs=secs)
    return Dream(serial, ("127.0.0.1", 5), serial, asked, RATE, RATE)  # type: ignore[arg-type]


def test_ordinary_dreams_are_served_beside_endless_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamd.daemon.supervisor.Worker", Idle)
    one = Supervisor(Settings(dreamers=2), lambda said: None)

    def ready() -> list[str]:
        for slot in one.slots.values():
            slot.ready = True
        return [name for name, slot in one.slots.items() if not slot.trains]

    assert len(ready()) == 2
    for serial in range(2):
        name = one.free()
        assert name is not None
        one.reserve(name, dream(serial, INF))
    assert len(ready()) == 3
    name = one.free()
    assert name == "dreamer-2"
    one.reserve(name, dream(2, 1.0))
    assert len(ready()) == 3


def test_learning_goes_on_beside_endless_dreams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dreamd.daemon.supervisor.Worker", Idle)
    one = Supervisor(Settings(dreamers=2), lambda said: None)
    for slot in one.slots.values():
        slot.ready = True
    one.reserve("dreamer-0", dream(0, INF))
    one.share_machine()
    assert not one._yielding
    one.reserve("dreamer-1", dream(1, 1.0))
    one.share_machine()
    assert one._yielding


# ---------------------------------------------------------------- the real ones


def test_the_real_daemon(daemon: Callable[..., Daemon], recordings: Path) -> None:
    """From the request to the bank, by way of a worker's pipe; an ordinary dream beside it."""
    one = daemon(recordings, "--dreamers", "1")
    one.wait("/dream/ingested", "guitar")
    one.ask(id=1, approach="vector", secs="inf", name="line", rand=1)
    _, path, frames, *_ = one.wait("/dream/accepted", 1)
    made = 0
    while made < 3 * RATE:
        _, start, count = one.wait("/dream/chunk", 1)
        assert start == made % frames
        made += count
    one.send("/dream/set", "line", "follow", "guitar:1")
    one.send("/dream/seed", 1, "seed", "noise")
    name = str(recordings / "guitar" / "b.wav")
    while one.wait("/dream/leap", 1)[2] != name:
        pass
    one.ask(id=2, approach="spectrum", secs=0.3)
    one.wait("/dream/done", 2)
    one.send("/dream/cancel", 1)
    _, where, kept, *_ = one.wait("/dream/done", 1)
    assert where == path
    assert files.info(Path(path)).frames == kept > 3 * RATE
    one.ask(id=3, approach="vector", secs=0)
    one.wait("/dream/chunk", 3)
    assert one.stop() == 0
    assert "Traceback" not in one.said()
    assert files.info(Path(path).with_name("00000.wav")).frames


def test_it_is_kept_when_the_daemon_ends(daemon: Callable[..., Daemon], recordings: Path) -> None:
    one = daemon(recordings)
    one.wait("/dream/ingested", "guitar")
    one.ask(id=1, approach="vector", secs=0)
    path = Path(one.wait("/dream/accepted", 1)[1])
    one.wait("/dream/chunk", 1)
    one.process.terminate()
    one.wait("/dream/done", 1)
    assert one.stop() == 0
    assert 0 < files.info(path).frames < RING_SECONDS * RATE
