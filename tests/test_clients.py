"""Who is who: ids belong to a client, the gone leave, nobody is dropped without a word."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import free_port
from wire import OWN, Desk

from dreamd.approaches.registry import config_of
from dreamd.daemon import clients, cookies, snapshot
from dreamd.daemon.queue import NEWEST_WAITING, OWN_IDS
from dreamd.dreaming.job import JobFailed
from dreamd.home import pretrained
from dreamd.osc import transport
from dreamd.osc.replies import Ingested, nested
from dreamd.osc.requests import pairs
from dreamd.training.messages import Progress

A, B, SCRIPT = ("127.0.0.1", 40001), ("127.0.0.1", 40002), ("127.0.0.1", 40003)
FAR, FAR_TOO = ("192.0.2.7", 40001), ("2001:db8::7", 40001)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass for those who look at the clock."""

    def wait(seconds: float) -> None:
        now = time.monotonic() + seconds
        for module in (clients, cookies):
            monkeypatch.setattr(module.time, "monotonic", lambda: now)

    return wait


def ids(messages: list[tuple[str, list[Any]]], address: str) -> list[int]:
    return [args[0] for where, args in messages if where == address]


# ---------------------------------------------------------------- ids


def test_two_clients_that_number_from_one_do_not_cancel_each_other_s_dreams(desk: Desk) -> None:
    desk.register(A)
    desk.register(B)
    for client in (A, B):
        for id in (1, 2):
            desk.ask(client, id=id)
    desk.told(A)
    desk.told(B)
    desk.hear(A, "/dream/cancel", 2)
    assert ids(desk.told(A), "/dream/failed") == [2]
    (other,) = ids(desk.told(B), "/dream/failed")
    assert other >= OWN_IDS
    assert [(d.client.sender, d.id) for d in desk.state.queue.under_way] == [
        (B, 1), (B, 2), (A, 1)
    ]  # fmt: skip


def test_each_hears_its_own_dreams_under_its_own_ids_and_others_marked(desk: Desk) -> None:
    desk.register(A)
    desk.register(B)
    desk.ask(A, id=1)
    desk.ask(B, id=1)
    desk.make()
    desk.make()
    for client in (A, B):
        said = desk.told(client)
        for address in ("/dream/accepted", "/dream/chunk", "/dream/done"):
            own, others = sorted(ids(said, address))
            assert own == 1
            assert others >= OWN_IDS
        paths = {args[0]: args[1] for where, args in said if where == "/dream/accepted"}
        done = {args[0]: args[1] for where, args in said if where == "/dream/done"}
        assert paths == done, "a dream keeps its id from beginning to end"


def test_failures_too_are_who_asked_for_it_s(desk: Desk) -> None:
    """A wrong request, a file that cannot be opened, a dreamer that dies."""
    desk.register(A)
    desk.register(B)
    desk.ask(A, id=5, approach="nonsense")
    desk.ask(A, id=5, seed="/nowhere/x.wav")
    while not desk.checked:
        time.sleep(0.01)
    desk.checked.pop().deliver()
    desk.ask(A, id=5)
    desk.dreams.fail(desk.worker.release("one"), "diverged", "the process ended")  # type: ignore[arg-type]
    assert ids(desk.told(A), "/dream/failed") == [5, 5, 5]
    others = ids(desk.told(B), "/dream/failed")
    assert len(set(others)) == 3
    assert min(others) >= OWN_IDS


def test_a_dream_that_nobody_listens_to_keeps_the_id_of_its_script(desk: Desk) -> None:
    """Who listens in its stead knows it by that; unless it has a dream of that id itself."""
    desk.register(A)
    desk.register(B)
    desk.ask(A, id=7)
    desk.told(A)
    desk.told(B)
    desk.ask(SCRIPT, id=7)
    assert ids(desk.told(B), "/dream/accepted") == [7]
    (other,) = ids(desk.told(A), "/dream/accepted")
    assert other >= OWN_IDS
    desk.hear(A, "/dream/cancel", other)
    assert ids(desk.told(B), "/dream/failed") == [7]
    assert [d.client.sender for d in desk.state.queue.under_way] == [A]


def test_a_dream_without_an_id_has_one_number_for_all(desk: Desk) -> None:
    desk.register(A)
    desk.register(B)
    desk.ask(A)
    desk.ask(SCRIPT)
    desk.make()
    heard = [ids(desk.told(client), "/dream/accepted") for client in (A, B)]
    assert heard[0] == heard[1]
    assert len(set(heard[0])) == 2
    assert min(heard[0]) >= OWN_IDS


def test_what_a_pattern_asks_too_fast_ends_in_a_word_also_without_ids(desk: Desk) -> None:
    """While their seeds are still being opened, so that nobody was told a number yet."""
    desk.register(A)
    before = desk.told(A)
    for _ in range(NEWEST_WAITING + 3):
        desk.ask(SCRIPT, seed="/nowhere/x.wav", _id_="1")
    failed = desk.told(A, "/dream/failed")
    assert [args[1] for _, args in failed] == ["cancelled"] * 3, before
    assert ids(failed, "/dream/failed") == [OWN_IDS, OWN_IDS + 1, OWN_IDS + 2]
    assert not desk.told(SCRIPT), "who did not register hears nothing"
    for k in range(8 - NEWEST_WAITING):  # the queue is full then
        desk.ask(SCRIPT, seed="/nowhere/x.wav", id=k)
    desk.ask(SCRIPT, seed="/nowhere/x.wav", id=9)
    ((_, args),) = desk.told(A, "/dream/failed")
    assert args[:2] == [OWN_IDS + 3, "cancelled"]
    desk.ask(SCRIPT, approach="nonsense", _id_="1")
    ((_, args),) = desk.told(A, "/dream/failed")
    assert args[1] == "bad-request"


def test_a_cancel_that_comes_too_late_cancels_nothing_else(desk: Desk) -> None:
    desk.register(A)
    desk.ask(A, id=7)
    desk.ask(SCRIPT, id=7)
    desk.make()
    desk.hear(A, "/dream/cancel", 7)  # which is made
    assert [d.client.sender for d in desk.state.queue.under_way] == [SCRIPT]


@pytest.mark.parametrize("args", [["all"], [3]])
def test_cancel_all_is_all_of_one_s_own(desk: Desk, args: list[Any]) -> None:
    desk.register(A)
    for id in (1, 2, 3):
        desk.ask(A, id=id)
        desk.ask(B, id=id)
    desk.hear(A, "/dream/cancel", *args)
    left = [d.id for d in desk.state.queue.under_way if d.client.sender == A]
    assert left == ([1] if args == ["all"] else [2, 1])  # the first is being made: told to stop
    assert [d.id for d in desk.worker.stopped] == ([1] if args == ["all"] else [])
    assert sum(d.client.sender == B for d in desk.state.queue.under_way) == 3


def test_cancel_all_of_a_pattern_is_that_pattern_s_alone(desk: Desk) -> None:
    desk.register(A)
    for id, name in enumerate(("asking", "1", "asking"), 1):
        desk.ask(A, id=id, _id_=name)
    desk.ask(A, id=4)
    desk.hear(A, "/dream/cancel", "all", "asking")
    waiting = {d.id for d in desk.state.queue.waiting}
    assert waiting <= {2, 4}
    assert {d.id for d in desk.worker.stopped} <= {1, 3}
    assert {2, 4} <= {d.id for d in desk.state.queue.under_way}


def test_the_status_names_each_dream_as_its_asker_does(desk: Desk) -> None:
    desk.register(A)
    desk.register(B)
    desk.ask(A, id=1)
    for client in (A, B):
        desk.told(client)
        desk.hear(client, "/dream/status")
    (own,), (others,) = (
        {key.split("/")[1] for key in desk.told(client, "/dream/status")[0][1][::2]
         if str(key).startswith("making/")}
        for client in (A, B)
    )  # fmt: skip
    assert own == "1"
    assert int(others) >= OWN_IDS


@pytest.fixture
def starter(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one starter model is called pluck."""
    path = Path("models/pluck/vector/00000001.safetensors")
    monkeypatch.setattr(pretrained, "all_of", lambda config, voice="", home=None: [path])
    monkeypatch.setattr(snapshot, "_starter_for", snapshot._starter_for.__wrapped__)


@pytest.mark.usefixtures("starter")
def test_the_status_says_what_each_dream_is(desk: Desk) -> None:
    desk.register(A)
    desk.ask(A, id=1, seed="guitar", secs=2)
    desk.make()
    desk.ask(A, id=2, seed=60, secs=3)
    desk.told(A)
    desk.hear(A, "/dream/status")
    said = nested(pairs(desk.told(A, "/dream/status")[0][1]))
    what = {"approach": "vector", "voice": "guitar", "starter": "pluck"}
    assert said["recent"] == {"0": {**what, "seed": "guitar"}}
    assert said["making"]["2"].items() >= {**what, "seed": "60", "secs": 3.0}.items()
    desk.hear(A, "/dream/cancel", 2)
    desk.dreams.on_worker_message("one", JobFailed(1, "cancelled", ""))
    desk.told(A)
    desk.hear(A, "/dream/status")
    said = nested(pairs(desk.told(A, "/dream/status")[0][1]))
    assert list(said["recent"]) == ["0"], "no dream that came to nothing"


@pytest.mark.usefixtures("starter")
@pytest.mark.parametrize(("steps", "said"), [(0, "pluck"), (1, None)])
def test_a_model_that_has_learned_nothing_is_a_starter(
    desk: Desk, steps: int, said: str | None
) -> None:
    config = config_of("vector", desk.state.settings)
    model = Progress("guitar", config, steps, 1.0, 0.0, 0.0, ())
    desk.state.models["guitar", config.name] = model
    desk.register(A)
    desk.hear(A, "/dream/status")
    said_of = nested(pairs(desk.told(A, "/dream/status")[0][1]))["voices"]["guitar"]["models"]
    assert said_of["vector"].get("starter") == said


def test_who_asks_first_and_registers_then_hears_what_it_asked_for(desk: Desk) -> None:
    desk.ask(A, id=4)
    said = desk.register(A)
    assert ids(said, "/dream/accepted") == [4]


# ---------------------------------------------------------------- who comes and goes


def bound() -> socket.socket:
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind(("127.0.0.1", 0))
    return one


@pytest.fixture
def forty() -> Iterator[list[socket.socket]]:
    sockets = [bound() for _ in range(40)]
    yield sockets
    for each in sockets:
        each.close()


def test_forty_clients_all_hear(desk: Desk, forty: list[socket.socket]) -> None:
    for each in forty:
        desk.register(each.getsockname())
    desk.clients.retire()
    desk.clients.broadcast(Ingested("guitar", "b.wav", 1.0))
    for each in forty:
        assert desk.told(each.getsockname()) == [("/dream/ingested", ["guitar", "b.wav", 1.0])]


def test_clients_that_are_gone_leave(desk: Desk, forty: list[socket.socket]) -> None:
    names = [each.getsockname() for each in forty]
    for name in names:
        desk.register(name)
    for each in forty[:30]:
        each.close()
    desk.clients.retire()
    assert [name in desk.clients for name in names] == [False] * 30 + [True] * 10
    assert sum("is gone" in line.text for line in desk.state.log) == 30


def test_one_too_many_is_told_so_and_nobody_is_dropped(
    desk: Desk, forty: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "MOST_CLIENTS", 39)
    names = [each.getsockname() for each in forty]
    for name in names[:39]:
        desk.register(name)
    ((address, args),) = desk.register(names[39])
    assert (address, args[1]) == ("/dream/failed", "busy")
    assert "39 clients listen already" in args[2]
    assert all(name in desk.clients for name in names[:39])
    assert any("gets none: 39 clients" in line.text for line in desk.state.log)
    forty[3].close()  # somebody leaves without a word: there is room
    assert desk.register(names[39])[0][0] == "/dream/status"


def test_a_client_that_comes_back_at_its_port_is_known(desk: Desk) -> None:
    one = bound()
    desk.register(one.getsockname())
    desk.hear(one.getsockname(), "/dream/notify", 0)
    assert one.getsockname() not in desk.clients
    assert desk.register(one.getsockname())[0][0] == "/dream/status"
    assert desk.register(one.getsockname()) == []  # it was there all the time
    one.close()


def test_far_away_clients_are_asked_whether_they_are_there(
    desk: Desk, patient: Callable[[float], None]
) -> None:
    desk.register(FAR)
    desk.register(FAR_TOO)
    for seconds in (12, 24, 36):
        patient(seconds)
        desk.clients.retire()
        ((address, cookie),) = desk.told(FAR)
        assert address == "/dream/ping"
        desk.hear(FAR, "/dream/notify", 1, *cookie)
        desk.hear(FAR_TOO, "/dream/notify", 1)  # anybody could say that in its name
    assert FAR in desk.clients
    assert FAR_TOO not in desk.clients
    assert any("[2001:db8::7]:40001 is gone" in line.text for line in desk.state.log)


# ---------------------------------------------------------------- never a client of oneself


def test_it_never_registers_itself(desk: Desk) -> None:
    desk.hear(OWN, "/dream/notify", 1)
    desk.hear(OWN, "/dream/notify", 1, 7)
    assert OWN not in desk.clients
    assert desk.wire.sent == []
    assert sum("in the daemon's own name" in line.text for line in desk.state.log) == 1


@pytest.mark.parametrize(
    ("host", "own", "other"),
    [
        ("127.0.0.1", ["127.0.0.1", "::1"], ["127.0.0.2", "192.0.2.77"]),
        ("localhost", ["127.0.0.1", "::1"], ["192.0.2.77", "2001:db8::1"]),
        ("0.0.0.0", ["127.0.0.1", "::1"], ["192.0.2.77", "2001:db8::1"]),
        ("::", ["127.0.0.1", "::1"], ["192.0.2.77", "2001:db8::1"]),
    ],
)
def test_by_whichever_of_its_addresses(host: str, own: list[str], other: list[str]) -> None:
    port = free_port()
    one = transport.OscSocket(host, port)
    try:
        assert [one.is_own((name, port)) for name in own] == [True] * len(own)
        assert not any(one.is_own((name, port)) for name in other)
        assert not any(one.is_own((name, port + 1)) for name in own)
    finally:
        one.close()


@pytest.mark.parametrize(
    "said",
    [
        ("/dream/failed", 1, "busy", "x"), ("/dream/status", "queue", 0), ("/dream/ping", 3),
        ("/dream/done", 1, "x", 1, 1, 0.1, 0), ("/dream/accepted",),
    ],
)  # fmt: skip
def test_two_daemons_never_answer_each_other(desk: Desk, said: tuple[Any, ...]) -> None:
    """Each registered with the other, by a third: what one says is no question to the other."""
    desk.register(A)
    desk.hear(A, *said)
    assert desk.told(A) == []
    desk.hear(A, "/dream/sattus")
    assert ids(desk.told(A), "/dream/failed")
