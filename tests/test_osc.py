"""The socket and its packets; whatever arrives is a message or one clear refusal."""

import struct

import pytest
from conftest import free_port
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

from dreamd.errors import BadRequest, SetupError
from dreamd.osc import transport


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_read_never_worse(packet: bytes) -> None:
    try:
        transport.decode(packet)
    except BadRequest as error:
        assert str(error).startswith("not an OSC packet")  # noqa: PT017 - both ways are right


@given(st.binary(max_size=60), st.integers(0, 60))
def test_a_broken_message_is_refused_or_read_never_worse(noise: bytes, at: int) -> None:
    whole = transport.encode("/dream/request", ["approach", "vector", "secs", 2.0, "id", 3])
    try:
        transport.decode(whole[:at] + noise)
    except BadRequest as error:
        assert str(error).startswith("not an OSC packet")  # noqa: PT017


def test_a_bundle_of_the_future_is_read_at_once() -> None:
    message = OscMessageBuilder("/dream/status").build()
    bundle = OscBundleBuilder(2e9)
    bundle.add_content(message)
    assert transport.decode(bundle.build().dgram) == [("/dream/status", [])]


def test_strudel_s_lists_are_read() -> None:
    builder = OscMessageBuilder("/dirt/play")
    for arg in ("dream", "column", "seed", ["guitar", 2.0]):
        builder.add_arg(arg)
    assert transport.decode(builder.build().dgram)[0][1] == [
        "dream",
        "column",
        "seed",
        ["guitar", 2.0],
    ]


def test_numbers_go_out_as_int32_and_float32() -> None:
    assert b",if" in transport.encode("/x", [1, 0.5])
    assert struct.pack(">i", 1) in transport.encode("/x", [1])


def test_a_taken_port_is_one_clear_line() -> None:
    port = free_port()
    first = transport.OscSocket("127.0.0.1", port)
    with pytest.raises(SetupError, match=f"port {port} is taken"):
        transport.OscSocket("127.0.0.1", port)
    first.close()
    transport.OscSocket("127.0.0.1", port).close()
    with pytest.raises(SetupError, match=r"cannot listen at 203\.0\.113\.1"):
        transport.OscSocket("203.0.113.1", port)


def test_a_reply_that_cannot_go_out_is_a_line() -> None:
    socket = transport.OscSocket("127.0.0.1", free_port())
    assert socket.send("/x", ["y" * 70000], ("127.0.0.1", 9)) is not None
    socket.close()
