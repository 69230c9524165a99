"""``docs/security.md``, sentence by sentence."""

import random
import socket
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import PATIENCE, RATE, Daemon, free_port, tone
from wire import Desk

from dreamd.audio import files
from dreamd.daemon import clients, cookies
from dreamd.daemon.queue import OWN_IDS
from dreamd.osc import transport
from dreamd.osc.addresses import family_of, is_loopback
from dreamd.osc.replies import Ingested, Skipped, Trained

PAGE = Path(__file__).parent.parent / "docs" / "security.md"
FRIEND = ("127.0.0.1", 40001)
STRANGER, OTHER = ("192.0.2.7", 40001), ("2001:db8::7", 40001)
MakeDesk = Callable[..., Desk]


def refusals(desk: Desk, client: tuple[str, int]) -> list[str]:
    return [args[2] for where, args in desk.told(client) if where == "/dream/failed"]


def test_the_page_and_these_tests_know_the_same_numbers() -> None:
    page = " ".join(PAGE.read_text(encoding="utf-8").split())
    for said in (
        f"one of {clients.MOST_STRANGERS} strangers", f"{clients.MOST_CLIENTS} clients in all",
        f"for {clients.UNANSWERED:g} seconds it is gone", "Every ten seconds it is asked again",
        "within a minute, registers it",
    ):  # fmt: skip
        assert said in page
    assert (clients.PING_EVERY, cookies.COOKIE_LIFE) == (10.0, 60.0)


def test_usually_no_other_computer_reaches_it() -> None:
    port = free_port()
    one = transport.OscSocket("127.0.0.1", port)
    try:
        hosts = {each.getsockname()[0] for each in one._sockets.values()}
        assert hosts == {"127.0.0.1", "::1"}
    finally:
        one.close()


@pytest.mark.parametrize("word", ["pause", "resume", "quit"])
def test_a_stranger_cannot_pause_resume_or_end(desk: Desk, word: str) -> None:
    desk.register(STRANGER)
    desk.hear(STRANGER, f"/dream/{word}")
    assert refusals(desk, STRANGER) == [
        f"{word} is refused to other computers: start dreamd with --trust"
    ]
    assert (desk.left, desk.worker.paused) == ([], [])
    assert any("is refused to other computers" in line.text for line in desk.state.log)
    desk.hear(FRIEND, f"/dream/{word}")
    assert desk.left or desk.worker.paused


def test_a_stranger_cannot_have_recordings_forgotten(desk: Desk) -> None:
    desk.register(STRANGER)
    desk.hear(STRANGER, "/dream/forget", "guitar:0", 3)
    assert refusals(desk, STRANGER) == [
        "forget is refused to other computers: start dreamd with --trust"
    ]
    assert desk.state.voices()["guitar"]
    assert desk.worker.told == []


def test_with_trust_all_are_friends(make_desk: MakeDesk) -> None:
    desk = make_desk(trust=True)
    desk.register(STRANGER)
    desk.hear(STRANGER, "/dream/quit")
    assert desk.left
    desk.ask(STRANGER, id=1, seed="/etc/hosts.wav")
    while not desk.checked:  # it is opened
        time.sleep(0.01)
    desk.clients.broadcast(Ingested("guitar", "b.wav", 1.0))
    assert desk.told(STRANGER, "/dream/ingested")


def test_a_stranger_reads_among_the_recordings_and_in_the_home_alone(
    desk: Desk, tmp_path: Path
) -> None:
    desk.register(STRANGER)
    (tmp_path / "secret.wav").touch()
    home, folder = desk.state.settings.home, desk.state.folder
    for seed in (
        str(tmp_path / "secret.wav"), "/etc/passwd", "/etc/nothing.wav", "secret.wav", "~/a.wav",
        "~root/a.wav", "~nobody-of-this-name/a.wav", f"{folder}/../secret.wav",
        f"{folder}/guitar/../../secret.wav", f"{folder}-too/a.wav", f"{home}/../secret.wav",
        "./secret.wav", "\\\\server\\share\\a.wav", "/proc/self/fd/0/", f"//{tmp_path}/secret.wav",
        f"/./{tmp_path}/secret.wav",
    ):  # fmt: skip
        desk.ask(STRANGER, id=1, seed=seed)
        (said,) = refusals(desk, STRANGER)
        assert said.startswith("seed: other computers may name files among the recordings"), seed
    desk.hear(STRANGER, "/dirt/play", "dream", "vector", "seed", "/etc/passwd")  # as Strudel asks
    assert len(refusals(desk, STRANGER)) == 1
    assert not desk.state.queue.under_way
    time.sleep(0.05)
    assert not desk.checked, "none of them was even looked at"
    for seed in (f"{folder}/guitar/b.wav", f"{home}/dreams/dream/00007.wav"):
        desk.ask(STRANGER, id=1, seed=seed)
        while not desk.checked:
            time.sleep(0.01)
        desk.checked.pop().deliver()
        (said,) = refusals(desk, STRANGER)
        assert "no such file" in said


def test_a_stranger_asks_for_dreams_and_hears_of_its_own_alone(desk: Desk) -> None:
    desk.register(FRIEND)
    desk.register(STRANGER)
    desk.ask(STRANGER, id=1, seed="guitar:0")
    desk.ask(FRIEND, id=1)
    desk.ask(OTHER, id=1)
    for _ in range(3):
        desk.make()
    for news in (
        Ingested("guitar", "/home/me/b.wav", 1.0), Skipped("/home/me/c.wav", "is silent"),
        Trained("guitar", "vector", 1, 0.5, 1.0),
    ):  # fmt: skip
        desk.clients.broadcast(news)
    heard = desk.told(STRANGER)
    assert [where for where, _ in heard] == ["/dream/accepted", "/dream/chunk", "/dream/done"]
    assert {args[0] for _, args in heard} == {1}
    friend = desk.told(FRIEND, "/dream/done")
    assert sorted(args[0] >= OWN_IDS for _, args in friend) == [False, True, True]


@pytest.mark.parametrize("told", ["all", 1, 2, OWN_IDS, OWN_IDS + 1, OWN_IDS + 2])
def test_a_stranger_cancels_its_own_dreams_alone(desk: Desk, told: Any) -> None:
    desk.ask(FRIEND, id=1)
    desk.ask(FRIEND, id=2)
    desk.register(STRANGER)
    desk.ask(STRANGER, id=1)
    desk.hear(STRANGER, "/dream/cancel", told)
    left = [(d.client.sender, d.id) for d in desk.state.queue.under_way]
    assert left == [(FRIEND, 2), *([] if told in ("all", 1) else [(STRANGER, 1)]), (FRIEND, 1)]
    assert not desk.worker.stopped
    desk.told(STRANGER)
    desk.hear(STRANGER, "/dream/status")
    assert desk.told(STRANGER)[0][0] == "/dream/status"


def test_a_stranger_cannot_speak_ill_of_others_requests(desk: Desk) -> None:
    """A wrong request under somebody else's id is none of theirs."""
    desk.register(FRIEND)
    desk.ask(FRIEND, id=1)
    desk.told(FRIEND)
    desk.hear(STRANGER, "/dream/request", "approach", "nonsense", "id", 1)
    desk.hear_packet(STRANGER, b"garbage")
    assert desk.told(FRIEND) == []
    desk.ask(STRANGER, id=1)
    ((_, args),) = desk.told(FRIEND, "/dream/accepted")
    assert args[0] >= OWN_IDS


def test_strangers_do_not_take_the_places_of_friends(desk: Desk) -> None:
    strangers = [(f"192.0.2.{k}", 5000) for k in range(clients.MOST_STRANGERS + 5)]
    answers = [desk.register(each)[0] for each in strangers]
    refused = [args[2] for where, args in answers if where == "/dream/failed"]
    assert refused == ["32 clients on other computers listen already"] * 5
    assert desk.register(FRIEND)[0][0] == "/dream/status"


# ---------------------------------------------------------------- proof of address


def test_a_registration_from_afar_draws_no_more_than_it_is_long(desk: Desk) -> None:
    notify = transport.encode("/dream/notify", [1])
    for packet in (
        notify, transport.encode("/dream/notify", [1, 5]), transport.encode("/dream/status", []),
        transport.encode("/dream/notify", [0]), transport.encode("/dream/quit", []), b"garbage",
        transport.encode("/dream/request", ["approach", "vector"]),
        transport.encode("/dream/request", ["approach", "x"]), transport.encode("/dream/x", []),
    ):  # fmt: skip
        desk.hear_packet(STRANGER, packet)
        drawn = sum(len(said) for said, to in desk.wire.sent if to == STRANGER)
        assert drawn <= len(packet)
        desk.told(STRANGER)
    desk.hear_packet(STRANGER, notify)
    ((ping, _),) = desk.wire.sent
    assert (len(notify), len(ping)) == (24, 20)


def test_only_the_right_answer_in_time_registers(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.hear(STRANGER, "/dream/notify", 1)
    ((_, (cookie,)),) = desk.told(STRANGER)
    for client, answer in ((STRANGER, cookie + 1), (STRANGER, 0), (OTHER, cookie),
                           ((STRANGER[0], STRANGER[1] + 1), cookie)):  # fmt: skip
        desk.hear(client, "/dream/notify", 1, answer)
        assert client not in desk.clients
        assert [where for where, _ in desk.told(client)] == ["/dream/ping"]
    later = time.monotonic() + 2 * cookies.COOKIE_LIFE
    with monkeypatch.context() as patch:
        patch.setattr(cookies.time, "monotonic", lambda: later)
        desk.hear(STRANGER, "/dream/notify", 1, cookie)
        assert STRANGER not in desk.clients
        desk.told(STRANGER)
    desk.hear(STRANGER, "/dream/notify", 1, cookie)
    assert STRANGER in desk.clients
    assert desk.told(STRANGER)[0][0] == "/dream/status"


def test_cookies_differ_from_daemon_to_daemon() -> None:
    assert cookies.Cookies().bake(STRANGER) != cookies.Cookies().bake(STRANGER)


def test_on_the_loopback_nobody_is_asked(desk: Desk) -> None:
    desk.hear(FRIEND, "/dream/notify", 1)
    assert [where for where, _ in desk.told(FRIEND)] == ["/dream/status"]


# ---------------------------------------------------------------- whatever the packet


def mutated(rng: random.Random, whole: bytes) -> bytes:
    """One packet with bytes changed, cut out, doubled, or put into bundles of any size."""
    packet = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(packet) + 1)
        match rng.randrange(6):
            case 0:
                packet[at : at + 1] = rng.randbytes(rng.randrange(3))
            case 1:
                del packet[at : at + rng.randrange(9)]
            case 2:
                packet[at:at] = packet[: rng.randrange(40)]
            case 3:
                size = rng.choice([len(packet), -4, 0, 4, 2**31 - 1, -(2**31), rng.randrange(99)])
                packet[:0] = b"#bundle\0" + rng.randbytes(8) + struct.pack(">i", size)
            case 4:
                packet[at : at + 4] = struct.pack(">i", rng.choice([-1, -4, 2**31 - 1, 0]))
            case _:
                packet[at:at] = rng.choice([b",", b"[" * 9, b"]", b"T", b"\0", b"\xff", b"b", b"h"])
    return bytes(packet)


WHOLE = [
    transport.encode("/dream/request", ["approach", "vector", "seed", "guitar:0", "secs", 1.0]),
    transport.encode("/dream/request", ["dream", "column", "_id_", "1", "delta", 0.5, "rand", 3]),
    transport.encode("/dirt/play", ["dream", "vector", "notes", "60:64", "orbit", 1, "id", 2]),
    transport.encode("/dream/cancel", ["all"]), transport.encode("/dream/cancel", [3]),
    transport.encode("/dream/notify", [1, 77]), transport.encode("/dream/status", []),
    transport.encode("/dream/done", [1, "x", 1, 1, 0.5, 1]),
]  # fmt: skip


@pytest.mark.parametrize("sender", [FRIEND, STRANGER])
def test_no_packet_hangs_or_ends_it_or_is_an_error_inside(
    desk: Desk, sender: tuple[str, int]
) -> None:
    rng = random.Random(0)
    desk.register(sender)
    for _ in range(4000):
        desk.hear_packet(sender, mutated(rng, rng.choice(WHOLE)))
    said = "".join(line.text for line in desk.state.log)
    assert "inside dreamd" not in said
    assert said.encode("utf-8")  # also what quotes names that are no text
    desk.hear(sender, "/dream/cancel", "all")
    desk.told(sender)
    desk.hear(sender, "/dream/notify", 1)
    desk.register(sender)
    desk.hear(sender, "/dream/status")
    assert desk.told(sender)[-1][0] == "/dream/status"


@pytest.mark.parametrize(
    "keys",
    [
        {"seed": "guitar:" + "9" * 5000}, {"seed": "guitar:" + "9" * 4000},
        {"seed": "x/" * 20000 + "a.wav"}, {"voice": "y" * 60000}, {"seed": "dream:" + "7" * 4000},
        {"seed": "a\0b.wav"}, {"notes": "60 " * 9999}, {"seedn": 2**62}, {"follow": "::1:1:-"},
        {"rand": -(2**62)}, {"seed": "dream:-1"}, {"approach": "a\n\x1b[2Jb"},
        {"voice": "../../x"}, {"seed": "\U0010ffff:1"},
    ],
)  # fmt: skip
def test_what_is_long_or_odd_gets_one_short_line(desk: Desk, keys: dict[str, Any]) -> None:
    desk.register(FRIEND)
    desk.ask(FRIEND, id=1, **keys)
    while desk.paths._waiting and not desk.checked:
        time.sleep(0.01)
    for answer in desk.checked:
        answer.deliver()
    ((where, args),) = desk.told(FRIEND)
    assert where in ("/dream/failed", "/dream/accepted")
    if where == "/dream/failed":
        assert len(args[2]) < 500
        assert "inside dreamd" not in args[2]
        assert "\n" not in args[2]
    names = [path.name for path in (desk.state.settings.home / "dreams" / "dream").iterdir()]
    assert names in ([], ["00000.wav"]), "names in packets never become names of files"


# ---------------------------------------------------------------- the real daemon


def own_addresses() -> list[str]:
    """Of this machine, by which others could reach it."""
    families = (socket.AF_INET, socket.AF_INET6)
    found = [each for per in psutil.net_if_addrs().values() for each in per]
    hosts = [each.address for each in found if each.family in families]
    return [host for host in hosts if not is_loopback(host)]


def test_open_to_others_it_is_closed_to_strangers(
    daemon: Callable[..., Daemon], recordings: Path, tmp_path: Path
) -> None:
    """By each address of this machine, with real packets."""
    files.write(tmp_path / "secret.wav", tone(300, 1.0), RATE)
    one = daemon(recordings, "--host", "0.0.0.0", "--dreamers", "1")
    for host in own_addresses():
        with socket.socket(family_of(host), socket.SOCK_DGRAM) as far:
            far.settimeout(PATIENCE)

            def say(address: str, *args: Any) -> None:
                far.sendto(transport.encode(address, args), (host, one.port))  # noqa: B023

            def hear() -> tuple[str, list[Any]]:
                return transport.decode(far.recv(65536))[0]

            say("/dream/quit")
            say("/dream/notify", 1)
            where, (cookie,) = hear()
            assert where == "/dream/ping"
            say("/dream/notify", 1, cookie)
            assert hear()[0] == "/dream/status"
            named = ["approach", "vector", "seed", f"{tmp_path}/secret.wav"]
            for asked in (["/dream/quit"], ["/dream/pause"], ["/dream/request", *named]):
                say(*asked)
                where, (_, code, text) = hear()
                assert (where, code) == ("/dream/failed", "bad-request")
                assert "start dreamd with --trust" in text
    assert one.status()["training"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as passing:
        passing.bind(("127.0.0.1", 0))
        passing.sendto(transport.encode("/dream/notify", [1]), ("127.0.0.1", one.port))
        name = f"127.0.0.1:{passing.getsockname()[1]}"
        one.until(lambda: f"a client listens at {name}" in one.said())
    one.until(lambda: f"the client at {name} is gone" in one.said())
    assert one.stop() == 0
