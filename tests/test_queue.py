"""Who is next, and how long it takes: bookkeeping without a process."""

from dataclasses import replace
from pathlib import Path

import pytest

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import ROWS
from dreamd.daemon.estimates import Estimates
from dreamd.daemon.queue import NEWEST_WAITING, Client, Dream, Queue
from dreamd.dreaming.job import Job
from dreamd.dreaming.seeds import Seed
from dreamd.errors import Busy
from dreamd.osc.requests import Request

SIZES = ModelConfig("vector", 1000, 8, 2, 4)
JOB = Job(
    0,
    Request("vector"),
    "v",
    SIZES,
    None,
    Seed("noise"),
    0.5,
    0.2,
    Path("x"),
    frames=2000,
    rate=1000,
    rand=0,
)


def dream(
    serial: int, client: str = "a", approach: str = "vector", pattern: str = "", ready: bool = True
) -> Dream:
    request, config = Request(approach), replace(JOB.config, approach=approach)
    job = replace(JOB, serial=serial, config=config)
    asked = Client(client, pattern)
    return Dream(serial, asked, serial, request, 2000, 1000, job=job if ready else None, index=0)


def test_turns_go_round_among_clients() -> None:
    queue = Queue(limit=10)
    for serial, client in enumerate("aaabbc"):
        queue.add(dream(serial, client))
    order = []
    while (one := queue.next()) is not None:
        order.append(one.client.sender)
    assert order == ["a", "b", "c", "a", "b", "a"]


def test_a_full_queue_is_busy_but_running_ones_do_not_count() -> None:
    queue = Queue(limit=2)
    for serial in range(3):
        queue.check_room(Client("a"))
        queue.add(dream(serial))
        if serial == 0:
            queue.next()
    with pytest.raises(Busy, match="2 dreams are waiting"):
        queue.check_room(Client("a"))


def test_a_pattern_s_oldest_makes_room_even_in_a_full_queue() -> None:
    queue = Queue(limit=NEWEST_WAITING + 1)
    dreams = [dream(serial, pattern="pattern 1") for serial in range(NEWEST_WAITING)]
    for one in dreams:
        assert queue.replaceable(one.client) is None
        queue.add(one)
    assert queue.replaceable(Client("a", "pattern 2")) is None
    assert queue.replaceable(Client("b", "pattern 1")) is None
    queue.add(dream(9, "b"))
    queue.check_room(dreams[0].client)
    assert queue.replaceable(dreams[0].client) is dreams[0]
    queue.drop(dreams[0])
    assert queue.replaceable(dreams[0].client) is None
    assert dreams[0] not in queue.waiting
    assert not queue.over


def test_what_is_no_pattern_is_never_replaced() -> None:
    queue = Queue(limit=100)
    for serial in range(3 * NEWEST_WAITING):
        queue.add(dream(serial))
    assert queue.replaceable(Client("a")) is None


def test_a_failed_dream_leaves_the_queue() -> None:
    queue = Queue(limit=2)
    first, second = dream(0), dream(1)
    queue.add(first)
    queue.add(second)
    queue.failed(first, "why")
    assert queue.waiting == [second]
    assert queue.next() is second
    assert queue.next() is None
    assert (first.state, first.reason) == ("failed", "why")
    assert list(queue.over) == [first]


def test_speed_is_a_guess_and_then_measured() -> None:
    queue, estimates = Queue(limit=2), Estimates()
    assert estimates.speed("vector", 8) == ROWS["vector"].speed
    one = dream(0)
    queue.add(one)
    queue.next()
    estimates.learn(one, seconds=0.5)  # two seconds of sound
    assert estimates.speed("vector", 8) == pytest.approx(4.0)
    assert estimates.speed("vector", 16) == ROWS["vector"].speed


def test_what_waits_before_is_part_of_the_estimate() -> None:
    queue, estimates = Queue(limit=9), Estimates()
    dreams = [dream(k, approach="column") for k in range(3)]
    for one in dreams:
        queue.add(one)
    alone = 2.0 / ROWS["column"].speed
    assert estimates.eta(dreams[0], queue, 1) == pytest.approx(alone)
    assert estimates.eta(dreams[2], queue, 1) == pytest.approx(3 * alone)
    assert estimates.eta(dreams[2], queue, 2) == pytest.approx(2 * alone)


def test_what_is_left_follows_the_dream_s_own_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slowly it began, and whatever was guessed: what counts is the pace since."""
    clock = [100.0]
    monkeypatch.setattr("dreamd.daemon.queue.time.monotonic", lambda: clock[0])
    queue, estimates = Queue(limit=2), Estimates()
    one = dream(0, approach="column")
    queue.add(one)
    queue.next()
    guess = 2.0 / ROWS["column"].speed
    assert estimates.left(one) == pytest.approx(guess)
    clock[0] += 1.5
    assert estimates.left(one) == pytest.approx(guess - 1.5)
    one.advance(20)
    clock[0] += 4.0
    one.advance(420)  # 400 frames in 4 s: 1580 are left
    assert estimates.left(one) == pytest.approx(15.8)
    clock[0] += 1.0
    assert estimates.left(one) == pytest.approx(14.8)


def test_paused_and_concurrent_dreams_have_speeds_of_their_own() -> None:
    queue, estimates = Queue(limit=2), Estimates()
    one = dream(0)
    one.request = replace(one.request, sampling="paused")
    queue.add(one)
    queue.next()
    estimates.learn(one, seconds=0.01)
    assert estimates.speed("vector", 8, "paused") == pytest.approx(200.0)
    assert estimates.speed("vector", 8) == ROWS["vector"].speed


def test_a_single_request_goes_before_a_pattern_s() -> None:
    queue = Queue(limit=10)
    for serial, (client, pattern) in enumerate([("a", "1"), ("a", "1"), ("b", "2"), ("a", "")]):
        queue.add(dream(serial, client, pattern=pattern))
    assert [queue.next().serial for _ in range(4)] == [3, 0, 2, 1]  # type: ignore[union-attr]


def test_patterns_cannot_fill_the_queue_for_others() -> None:
    """However many there are: the one with most makes room, and for other clients there is some."""
    queue = Queue(limit=6)
    for serial in range(6):
        queue.add(dream(serial, "a", pattern=f"pattern {serial // 4}"))
    queue.check_room(Client("a"))
    assert queue.replaceable(Client("a")) is queue.waiting[0]
    with pytest.raises(Busy):
        queue.check_room(Client("a", "pattern 3"))
    queue.check_room(Client("b", "pattern 3"))


def test_one_client_cannot_fill_the_queue_for_others() -> None:
    queue = Queue(limit=3)
    for serial in range(3):
        queue.add(dream(serial, "a"))
    with pytest.raises(Busy):
        queue.check_room(Client("a"))
    for serial, client in enumerate("bcd", start=3):
        queue.check_room(Client(client))
        queue.add(dream(serial, client))
    with pytest.raises(Busy):
        queue.check_room(Client("e"))  # there is an end to it
    assert queue.crowd == 6


def test_what_is_not_looked_up_yet_lets_others_pass() -> None:
    """Its seed may lie on a disk that sleeps."""
    queue = Queue(limit=5)
    slow, fast, other = dream(0, ready=False), dream(1), dream(2, "b", ready=False)
    for one in (slow, fast, other):
        queue.add(one)
    assert queue.next() is fast
    assert queue.next() is None
    assert queue.waiting == [slow, other]
    slow.job = JOB
    assert queue.next() is slow


def test_a_pattern_that_asks_too_fast_has_dreams_all_the_same() -> None:
    """The one whose job is being made is not replaced, as long as there are others."""
    queue = Queue(limit=9)
    dreams = [dream(serial, pattern="1", ready=False) for serial in range(NEWEST_WAITING)]
    for one in dreams:
        queue.add(one)
    dreams[0].in_hand = True
    assert queue.replaceable(dreams[0].client) is dreams[1]
    for one in dreams:
        one.in_hand = True
    assert queue.replaceable(dreams[0].client) is dreams[0]
