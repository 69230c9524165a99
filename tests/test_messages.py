"""Requests as clients spell them, and what is refused (the wire forms are doctests)."""

import math

import pytest

from dreamd.errors import BadRequest
from dreamd.osc import requests
from dreamd.osc.requests import Request, parse


def test_tidal_sends_this() -> None:
    args = ["_id_", "1", "cps", 0.5625, "cycle", 1.0, "delta", 0.889, "dream", "transpose",
            "orbit", 0, "secs", 2.0, "seed", "guitar", "seedn", 2.0]  # fmt: skip
    assert parse("/dream/request", args) == Request(
        "transpose", secs=2.0, seed="guitar", seedn=2, pattern="pattern 1"
    )


def test_the_dirt_form_is_a_request_only_with_a_dream() -> None:
    asked = parse("/dirt/play", ["s", "x", "dream", "column", "seed", ["guitar", 2.0]])
    assert asked == Request("column", seed="guitar", seedn=2, pattern="a pattern")
    assert parse("/dirt/play", ["s", "bd", "n"]) is None
    assert parse("/somebody/else", [1]) is None


def test_what_superdirt_s_relay_asks_for_is_not_asked_twice() -> None:
    """Tidal sends ``sound "dreamer" # dream "column"`` to SuperDirt and to the daemon."""
    for sound in ("dreamer", "dreamstream"):
        assert parse("/dream/request", ["s", sound, "dream", "column"]) is None
    assert parse("/dream/request", ["s", "dream", "n", 3.0, "dream", "column"]) == Request("column")


@pytest.mark.parametrize(
    ("given", "pattern"),
    [
        ({"_id_": "1", "orbit": 0}, "pattern 1"), ({"orbit": 3}, "orbit 3"), ({}, ""),
        ({"_id_": ["x"], "orbit": 2.0}, "orbit 2.0"),
    ],
)  # fmt: skip
def test_the_pattern_that_asks(given: dict[str, object], pattern: str) -> None:
    assert requests.request({"approach": "column", **given}).pattern == pattern


@pytest.mark.parametrize("key", ["seed", "follow"])
@pytest.mark.parametrize("value", [[], ["a", 1, 2], [3], ["a", "b"], ["a", 1.5]])
def test_lists_that_name_no_recording(key: str, value: list[object]) -> None:
    with pytest.raises(BadRequest, match=key):
        requests.request({"approach": "column", key: value})


@pytest.mark.parametrize(
    ("given", "notes"),
    [
        ("60 64 67", (60, 64, 67)), (60, (60,)), ([60, 64.5], (60, 64.5)), ("60,64", (60, 64)),
        ("60:64.5:67", (60, 64.5, 67)),
    ],
)  # fmt: skip
def test_notes(given: object, notes: tuple[float, ...]) -> None:
    assert requests.request({"approach": "column", "notes": given}).notes == notes


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["approach"], "pairs"),
        ([1, 2], "word"),
        (["seed", "guitar"], "say which approach: one of vector, spectrum"),
        (["approach", "dreamy"], "approach must be one of"),
        (["approach", 3], "approach must be one of"),
        (["approach", "column", "secs", -1], "more than 0"),
        (["approach", "column", "delta", 0], "more than 0"),
        (["approach", "column", "delta", math.inf], "finite"),
        (["approach", "column", "secs", math.nan], "finite"),
        (["approach", "column", "secs", -math.inf], "finite"),
        (["approach", "column", "secs", "long"], "secs must be a number"),
        (["approach", "column", "seed", 300], "from 0 to 127"),
        (["approach", "column", "seed", True], "seed must be a name"),
        (["approach", "column", "seed", []], "seed as a list"),
        (["approach", "column", "notes", "x"], "notes must be a number"),
        (["approach", "column", "notes", []], "1 to 64"),
        (["approach", "column", "notes", 300], "from 0 to 127"),
        (["approach", "column", "vector", 0], "1 or more"),
        (["approach", "column", "rand", 1.5], "whole number"),
        (["approach", "column", "rand", 1e21], "whole number"),
        (["approach", "column", "id", -(2.0**63)], "whole number"),
        (["approach", "column", "pace", 9], "from 0.1 to 4"),
        (["approach", "column", "sampling", "now"], "sampling must be one of"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(args: list[object], complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint) as caught:
        parse("/dream/request", args)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("note", [60, 60.5])
def test_a_number_as_seed_is_a_note(note: float) -> None:
    asked = parse("/dream/request", ["approach", "column", "seed", note])
    assert isinstance(asked, Request)
    assert (asked.seed, asked.notes) == (None, (note,))


@pytest.mark.parametrize(
    ("address", "args"), [("/dream/cancel", []), ("/dream/notify", ["x"]), ("/dream/nonsense", [])]
)
def test_other_messages_are_checked_too(address: str, args: list[object]) -> None:
    with pytest.raises(BadRequest):
        parse(address, args)


def test_an_id_that_no_reply_can_carry_is_none() -> None:
    assert requests.request_id(["id", 1e30]) is None
    assert requests.request_id(["id", math.nan]) is None


def test_unknown_keys_are_ignored() -> None:
    assert parse("/dream/request", ["approach", "vector", "colour", "blue"]) == Request("vector")
