"""Who is next, and how long it takes: bookkeeping without a process."""

from dataclasses import replace
from pathlib import Path

import pytest

from dreamd.approaches.config import Shape
from dreamd.daemon.queue import GUESS, NEWEST, Client, Desk, Dream
from dreamd.dreaming.job import Job
from dreamd.dreaming.seeds import Seed
from dreamd.errors import Busy
from dreamd.osc.messages import Request

JOB = Job(0, Request("vector"), "v", Shape("vector", 1000, 8, 2, 4), None, Seed("noise"), 0.5, 0.2,
          Path("x"), frames=2000, rand=0)  # fmt: skip


def dream(serial: int, client: str = "a", approach: str = "vector", pattern: str = "") -> Dream:
    shape = replace(JOB.shape, approach=approach)
    job = replace(JOB, serial=serial, shape=shape)
    return Dream(id=serial, client=Client(client, pattern), job=job, index=0)


def test_turns_go_round_among_clients() -> None:
    desk = Desk(limit=10)
    for serial, client in enumerate("aaabbc"):
        desk.add(dream(serial, client))
    order = []
    while (one := desk.next()) is not None:
        order.append(one.client.sender)
    assert order == ["a", "b", "c", "a", "b", "a"]


def test_a_full_queue_is_busy_but_running_ones_do_not_count() -> None:
    desk = Desk(limit=2)
    for serial in range(3):
        desk.check_room(Client("a"))
        desk.add(dream(serial))
        if serial == 0:
            desk.next()
    with pytest.raises(Busy, match="2 dreams are waiting"):
        desk.check_room(Client("a"))


def test_a_pattern_s_oldest_makes_room_even_in_a_full_queue() -> None:
    desk = Desk(limit=NEWEST + 1)
    dreams = [dream(serial, pattern="pattern 1") for serial in range(NEWEST)]
    for one in dreams:
        assert desk.stale(one.client) is None
        desk.add(one)
    assert desk.stale(Client("a", "pattern 2")) is None
    assert desk.stale(Client("b", "pattern 1")) is None
    desk.add(dream(9, "b"))
    desk.check_room(dreams[0].client)
    assert desk.stale(dreams[0].client) is dreams[0]
    desk.withdraw(dreams[0])
    assert desk.stale(dreams[0].client) is None
    assert dreams[0] not in desk.waiting
    assert not desk.over


def test_what_is_no_pattern_is_never_stale() -> None:
    desk = Desk(limit=100)
    for serial in range(3 * NEWEST):
        desk.add(dream(serial))
    assert desk.stale(Client("a")) is None


def test_a_failed_dream_leaves_the_queue() -> None:
    desk = Desk(limit=2)
    first, second = dream(0), dream(1)
    desk.add(first)
    desk.add(second)
    desk.failed(first, "why")
    assert desk.waiting == [second]
    assert desk.next() is second
    assert desk.next() is None
    assert (first.state, first.reason) == ("failed", "why")
    assert list(desk.over) == [first]


def test_speed_is_a_guess_and_then_measured() -> None:
    desk = Desk(limit=2)
    assert desk.speed("vector", 8) == GUESS["concurrent"]["vector"]
    one = dream(0)
    desk.add(one)
    desk.next()
    desk.done(one, seconds=0.5)  # two seconds of sound
    assert desk.speed("vector", 8) == pytest.approx(4.0)
    assert desk.speed("vector", 16) == GUESS["concurrent"]["vector"]


def test_what_waits_before_is_part_of_the_estimate() -> None:
    desk = Desk(limit=9)
    dreams = [dream(k, approach="column") for k in range(3)]
    for one in dreams:
        desk.add(one)
    alone = 2.0 / GUESS["concurrent"]["column"]
    assert desk.eta(dreams[0], 1) == pytest.approx(alone)
    assert desk.eta(dreams[2], 1) == pytest.approx(3 * alone)
    assert desk.eta(dreams[2], 2) == pytest.approx(2 * alone)


def test_what_is_left_follows_the_dream_s_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it began, and whatever was guessed: what counts is the pace since."""
    clock = [100.0]
    monkeypatch.setattr("dreamd.desk.time.monotonic", lambda: clock[0])
    desk = Desk(limit=2)
    one = dream(0, approach="column")
    desk.add(one)
    desk.next()
    guess = 2.0 / GUESS["concurrent"]["column"]
    assert desk.left(one) == pytest.approx(guess)
    clock[0] += 1.5
    assert desk.left(one) == pytest.approx(guess - 1.5)
    one.advance(20)
    clock[0] += 4.0
    one.advance(420)  # 400 frames in 4 s: 1580 are left
    assert desk.left(one) == pytest.approx(15.8)
    clock[0] += 1.0
    assert desk.left(one) == pytest.approx(14.8)


def test_paused_and_concurrent_dreams_have_speeds_of_their_own() -> None:
    desk = Desk(limit=2)
    one = dream(0)
    one.job = replace(one.job, request=replace(one.job.request, sampling="paused"))
    desk.add(one)
    desk.next()
    desk.done(one, seconds=0.01)
    assert desk.speed("vector", 8, "paused") == pytest.approx(200.0)
    assert desk.speed("vector", 8) == GUESS["concurrent"]["vector"]
