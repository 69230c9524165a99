"""The status of a library of any size, through real sockets of either family."""

import errno
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from conftest import PATIENCE, Daemon, free_port
from hypothesis import given, settings
from hypothesis import strategies as st
from test_security import own_addresses
from wire import Desk

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES
from dreamd.daemon.events import Packet
from dreamd.errors import SetupError
from dreamd.osc import client, transport
from dreamd.osc.addresses import family_of
from dreamd.osc.client import StatusPages
from dreamd.osc.replies import LARGEST_PACKET, Status
from dreamd.settings import Settings
from dreamd.training.messages import Progress

CONFIG = ModelConfig("vector", 1000, 8, 2, 4)
VOICES = 300


class AsOnMacOS(transport.OscSocket):
    """Sends no more than 9,216 bytes at once; and may lose a packet, as any network does."""

    largest, sent, loses = 0, 0, -1

    def send_packet(self, packet: bytes, to: tuple[str, int]) -> str | None:
        self.largest = max(self.largest, len(packet))
        self.sent += 1
        if self.sent == self.loses:
            return None
        return OSError(errno.EMSGSIZE, "Message too long").strerror if len(packet) > 9216 else (
            super().send_packet(packet, to)
        )  # fmt: skip


class Open:
    """A desk at a real port, with a library of 300 voices and a model of each approach in each."""

    def __init__(self, make_desk: Callable[..., Desk], host: str) -> None:
        self.port = free_port()
        self.socket = AsOnMacOS(host, self.port)
        self.desk = make_desk(socket=self.socket)
        (one,) = self.desk.state.corpus.recordings()
        for k in range(VOICES):
            name = f"voice-{k}-ギター"
            self.desk.state.corpus.add(replace(one, voice=name, source=f"/x/{name}/a.wav"))
            for approach in APPROACHES:
                self.desk.state.models[name, approach] = Progress(
                    name, replace(CONFIG, approach=approach), k, 0.5, 1.0, 3.25, ()
                )
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        while (received := self.socket.receive()) is not None:
            self.desk.dispatcher.on_packet(Packet(*received))

    def close(self) -> None:
        self.socket.close()
        self.thread.join(10)


@pytest.fixture
def at(make_desk: Callable[..., Desk]) -> Iterator[Callable[[str], Open]]:
    opened: list[Open] = []

    def start(host: str) -> Open:
        opened.append(Open(make_desk, host))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def check(state: dict[str, Any]) -> None:
    assert len(state["voices"]) == VOICES + 1  # and the desk's own
    for k in range(VOICES):
        voice = state["voices"][f"voice-{k}-ギター"]
        assert voice["recordings"] == 1
        assert {name: model["steps"] for name, model in voice["models"].items()} == dict.fromkeys(
            APPROACHES, k
        )
    assert not {"page", "pages"} & set(state)


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "::1"), ("127.0.0.1", "localhost"),
        ("::1", "::1"), ("::1", "127.0.0.1"), ("localhost", "::1"), ("localhost", "localhost"),
        ("0.0.0.0", "::1"), ("::", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("[::1]", "[::1]"),
    ],
)  # fmt: skip
def test_three_hundred_voices(at: Callable[[str], Open], host: str, asked: str) -> None:
    one = at(host)
    check(client.status(Settings(host=asked, port=one.port)))
    assert LARGEST_PACKET // 2 < one.socket.largest <= 9216


def test_a_page_that_is_lost_is_asked_for_again(at: Callable[[str], Open]) -> None:
    one = at("127.0.0.1")
    one.socket.loses = 7
    check(client.status(Settings(port=one.port)))
    assert one.socket.sent > 2 * 7


def test_from_other_addresses_after_a_ping(at: Callable[[str], Open]) -> None:
    one = at("0.0.0.0")
    for host in own_addresses():
        check(client.status(Settings(host=host, port=one.port)))


def test_localhost_where_that_is_ipv6_first(
    at: Callable[[str], Open], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS and many a Linux; and a daemon that listens in one of both alone is found."""
    both = [
        (family_of(host), socket.SOCK_DGRAM, 17, "", (host, 0)) for host in ("::1", "127.0.0.1")
    ]
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, **more: Any) -> list[Any]:
        if host != "localhost":
            return real(host, port, **more)
        return [(*each[:4], (each[4][0], port)) for each in both]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    one = at("localhost")
    check(client.status(Settings(host="localhost", port=one.port)))
    v6 = one.socket._sockets.pop(socket.AF_INET6)
    one.socket._selector.unregister(v6)
    v6.close()
    check(client.status(Settings(host="localhost", port=one.port)))


def test_a_client_that_never_heard_of_pages_gets_a_whole_status_for_some_voices(
    at: Callable[[str], Open],
) -> None:
    one = at("127.0.0.1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as old:
        old.settimeout(PATIENCE)
        old.sendto(transport.encode("/dream/notify", [1]), ("127.0.0.1", one.port))
        ((_, args),) = transport.decode(old.recv(65536))
        keys = args[0::2]
        assert {"queue", "running", "dreams", "bank", "training", "rate"} <= set(keys)
        voices = {key.split("/")[1] for key in keys if key.startswith("voices/")}
        assert len(voices) > 5
        for name in voices:  # none is torn
            of_it = [key for key in keys if key.startswith(f"voices/{name}/")]
            assert len([key for key in of_it if not key.endswith("/folder")]) in (2, 3, 18)


def test_a_status_that_lost_a_page_is_forgotten() -> None:
    state = {"queue": 1, "voices": {f"v{k}": {"recordings": k} for k in range(20)}}
    first, second, *rest = [args for _, args in Status(state).pages(most=300)]
    assert rest
    pages = StatusPages()
    assert [pages.add(each) for each in (first, *rest)] == [None] * (1 + len(rest))
    assert [pages.add(each) for each in (second, first, second, *rest)][-1] == state


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), max_size=80)
NUMBERS = st.integers(-(2**31), 2**31 - 1) | NAMES.filter(lambda text: text != "{}")


@given(
    st.dictionaries(NAMES, st.dictionaries(NAMES, NUMBERS, min_size=1, max_size=9), max_size=30),
    st.integers(300, 3000),
)
@settings(max_examples=60, deadline=None)
def test_any_status_comes_through_pages_of_any_size(voices: dict[str, Any], most: int) -> None:
    state = {"queue": 0, "bank": "/ü", "voices": voices}
    packets = [transport.encode(*page) for page in Status(state).pages(most)]
    assert max(map(len, packets)) <= most
    together = StatusPages()
    read = [together.add(transport.decode(packet)[0][1]) for packet in packets]
    assert read[-1] == state
    assert read[:-1] == [None] * (len(packets) - 1)


def test_who_asks_again_meanwhile_gets_what_is_on_its_way(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk()
    pages = [bytes([k]) for k in range(40)]
    pager = desk.clients._pager
    for _ in range(1000):
        pager.put(("127.0.0.1", 5), pages)
    while len(desk.wire.sent) < 40:
        threading.Event().wait(0.01)
    assert [packet for packet, _ in desk.wire.sent][:40] == pages


def test_nobody_there_and_nobody_of_that_name() -> None:
    for host in ("127.0.0.1", "::1", "localhost"):
        with pytest.raises(SetupError, match=f"no dreamd answers at {host}"):
            client.status(Settings(host=host, port=free_port()))
    for host in ("no.such.host.invalid", "x" * 300, "a..b"):
        with pytest.raises(SetupError, match="no host is called"):
            client.status(Settings(host=host))


def test_status_over_ipv6_by_the_command_line(
    daemon: Callable[..., Daemon], recordings: Any
) -> None:
    one = daemon(recordings)
    command = [sys.executable, "-m", "dreamd", "status", "--json", "--port", str(one.port)]
    result = subprocess.run(
        [*command, "--host", "::1"], capture_output=True, text=True, timeout=PATIENCE
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["rate"] == 11025
