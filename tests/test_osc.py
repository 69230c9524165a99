"""The socket and its packets; whatever arrives is a message or one clear refusal."""

import errno
import os
import socket
import struct
import sys
import threading
import time

import pytest
from conftest import PATIENCE, free_port
from hypothesis import given
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from dreamd.errors import BadRequest, SetupError
from dreamd.osc import addresses, transport
from dreamd.osc.addresses import family_of


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
    one = transport.OscSocket("127.0.0.1", free_port())
    assert "cannot send /x to 127.0.0.1:9" in str(one.send("/x", ["y" * 70000], ("127.0.0.1", 9)))
    one.close()


# ---------------------------------------------------------------- sizes that lie


def text(words: str) -> bytes:
    """Ended by a zero, and filled up with zeros to whole fours."""
    return words.encode() + b"\0" * (4 - len(words) % 4)


def bundle(*parts: bytes, size: int | None = None) -> bytes:
    """Of packets, each of which says that it has ``size`` bytes."""
    told = (struct.pack(">i", len(part) if size is None else size) + part for part in parts)
    return b"#bundle\0" + bytes(8) + b"".join(told)


STATUS = transport.encode("/dream/status", [])


@pytest.mark.parametrize("size", [-4, -1, 0, 17, 21, 2**31 - 1, -(2**31)])
def test_a_part_of_a_bundle_has_the_size_it_has(size: int) -> None:
    """The first of them, 20 bytes long, held python-osc up for ever."""
    inner = bundle(b"", size=size)
    for packet in (bundle(STATUS, size=size), inner, bundle(inner)):
        with pytest.raises(BadRequest, match=r"a part of|end"):
            transport.decode(packet)


def nest(depth: int) -> bytes:
    packet = STATUS
    for _ in range(depth):
        packet = bundle(packet)
    return packet


def test_bundles_and_lists_are_nested_a_little() -> None:
    lists = lambda depth: b"/x\0\0" + text("," + "[" * depth + "]" * depth)  # noqa: E731
    assert transport.decode(nest(transport.MOST_NESTED)) == [("/dream/status", [])]
    assert transport.decode(lists(2)) == [("/x", [[[]]])]
    for deep in (
        nest(transport.MOST_NESTED + 1), nest(3000), lists(9), lists(32000),
        b"/x\0\0" + text(",[" * 99), b"/x\0\0" + text(",]"),
    ):  # fmt: skip
        with pytest.raises(BadRequest, match="not an OSC packet"):
            transport.decode(deep)


@pytest.mark.parametrize(
    ("tags", "body"),
    [
        ("i", b"\0\0\0\1"), ("s", b"abc\0"), ("T", b""), ("[]", b""), ("b", b"\0\0\0\0"),
        ("f", b"\x7f\xff\0\0"), ("", struct.pack(">i", 8) + b"/x\0\0,\0\0\0"),
    ],
)  # fmt: skip
def test_time_is_in_proportion_to_length(tags: str, body: bytes) -> None:
    """Counted in calls of functions and in bytes that are copied, not in seconds.

    Twice the packet, twice the work: a decoder that cuts the rest off anew at each argument does
    four times as much. Without tags it is parts of a bundle.
    """

    def packet(count: int) -> bytes:
        head = b"/x\0\0" + text("," + tags * count) if tags else bundle()
        return head + body * count

    def work(data: bytes) -> int:
        class Counted(bytes):
            copied = 0

            def __getitem__(self, key):  # type: ignore[no-untyped-def]
                piece = super().__getitem__(key)
                Counted.copied += len(piece) if isinstance(piece, bytes) else 1
                return piece

        calls = 0

        def count(frame: object, event: str, arg: object) -> None:
            nonlocal calls
            calls += 1

        whole = Counted(data)
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            messages = transport.decode(whole)
        finally:
            sys.setprofile(before)
        assert messages
        return calls + Counted.copied

    small, large = work(packet(500)), work(packet(1000))
    assert large < 2.2 * small


# ---------------------------------------------------------------- the same as python-osc


ARGUMENTS = (
    st.integers(-(2**63), 2**63 - 1) | st.floats(width=32, allow_nan=False) | st.booleans()
    | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
)  # fmt: skip


@given(st.lists(ARGUMENTS, max_size=12))
def test_a_message_is_what_python_osc_would_make_of_it(args: list[object]) -> None:
    ours = transport.encode("/dream/x", args)  # type: ignore[arg-type]
    theirs = OscMessage(ours)
    assert (theirs.address, list(theirs.params)) == ("/dream/x", args)
    assert transport.decode(ours) == [("/dream/x", args)]


TREES = st.recursive(ARGUMENTS, lambda inner: st.lists(inner, max_size=3), max_leaves=12)


@given(st.lists(TREES, max_size=6), st.binary(min_size=1, max_size=9))
def test_what_python_osc_makes_is_read(args: list[object], blob: bytes) -> None:
    builder = OscMessageBuilder("/x")
    for arg in [*args, blob]:
        builder.add_arg(arg)  # type: ignore[arg-type]
    packet = OscBundleBuilder(0)
    packet.add_content(builder.build())
    assert transport.decode(packet.build().dgram) == [("/x", [*args, blob])]


def test_numbers_that_are_too_large_and_names_that_are_no_unicode_go_out() -> None:
    packet = transport.encode("/x", [1e300, -1e300, os.fsdecode(b"caf\xe9.wav")])
    assert packet.endswith(b"\x7f\x80\0\0\xff\x80\0\0caf\xef\xbf\xbd.wav\0\0")


# ---------------------------------------------------------------- both families


@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", ["127.0.0.1", "::1"]), ("::1", ["127.0.0.1", "::1"]),
        ("localhost", ["127.0.0.1", "::1"]), ("0.0.0.0", ["127.0.0.1", "::1"]),
        ("::", ["127.0.0.1", "::1"]),
    ],
)  # fmt: skip
def test_a_packet_and_its_answer_in_either_family(host: str, reached: list[str]) -> None:
    port = free_port()
    one = transport.OscSocket(host, port)
    try:
        for name in reached:
            with socket.socket(family_of(name), socket.SOCK_DGRAM) as mine:
                mine.settimeout(PATIENCE)
                mine.connect((name, port))
                mine.send(b"hello")
                packet, sender = one.receive()  # type: ignore[misc]
                assert (packet, sender) == (b"hello", mine.getsockname()[:2])
                assert one.send("/x", [1], sender) is None
                assert transport.decode(mine.recv(100)) == [("/x", [1])]
    finally:
        one.close()


def test_a_machine_without_ipv6_does_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = transport.bound_to

    def bound_to(address: tuple[str, int]) -> socket.socket:
        if ":" in address[0]:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported")
        return real(address)

    monkeypatch.setattr(transport, "bound_to", bound_to)
    transport.OscSocket("127.0.0.1", free_port()).close()
    with pytest.raises(SetupError, match=r"cannot listen at \[::1\]"):
        transport.OscSocket("::1", free_port())


def test_a_port_that_is_taken_in_the_other_family_is_taken() -> None:
    port = free_port()
    with (
        addresses.bound_to(("::1", port)),
        pytest.raises(SetupError, match=f"port {port} is taken"),
    ):
        transport.OscSocket("127.0.0.1", port)


def test_closing_ends_a_receive_in_another_thread() -> None:
    one, got = transport.OscSocket("127.0.0.1", free_port()), []
    waiting = threading.Thread(target=lambda: got.append(one.receive()))
    waiting.start()
    time.sleep(0.05)
    one.close()
    waiting.join(PATIENCE)
    assert got == [None]
