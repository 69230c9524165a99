"""Mutated packets: every valid message of a client, harmed in all ways that came to mind.

``mutants(seed, …)`` gives them for :mod:`torture.packets`; the same seed gives the same packets.
"""

import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from dreamd.errors import BadRequest
from dreamd.osc import requests, transport

LARGEST = 60_000
"""Bytes of a packet: UDP carries some more."""

LENGTHS = (*[50] * 30, *[2000] * 8, LARGEST)
"""By which a packet is lengthened: mostly little, so that there is time for many."""

Argument = tuple[str, bytes]
"""Its type tag, and its bytes."""

NUMBERS = (0, 1, -1, -4, 4, 7, 255, 1 << 16, (1 << 31) - 1, -(1 << 31), 0x7FFFFFFC)
FLOATS = (0.0, -0.0, -1.0, 1e30, -1e30, 1e-45, float("nan"), float("inf"), float("-inf"))
TYPES = "ifsbhdtTFNI[]cmrSx,\0"


def text(words: str | bytes) -> Argument:
    held = words if isinstance(words, bytes) else words.encode()
    return "s", held + b"\0" * (4 - len(held) % 4)


def integer(value: int) -> Argument:
    return "i", struct.pack(">i", value)


def number(value: float) -> Argument:
    return "f", struct.pack(">f", value)


def blob(held: bytes) -> Argument:
    return "b", struct.pack(">i", len(held)) + held + b"\0" * (-len(held) % 4)


def message(address: str | bytes, *arguments: Argument) -> bytes:
    tags = "," + "".join(tag for tag, _ in arguments)
    return text(address)[1] + text(tags)[1] + b"".join(held for _, held in arguments)


def bundle(*parts: bytes) -> bytes:
    held = (struct.pack(">i", len(part)) + part for part in parts)
    return b"#bundle\0" + struct.pack(">Q", 1) + b"".join(held)


def values(paths: list[Path]) -> dict[str, list[Argument]]:
    """What each key of a request may carry, sense and nonsense."""
    named = [text(bytes(path)) for path in paths]
    texts = [*named, *map(text, ("guitar:1", "guitar", "dream:0", "noise", "silence", "~x/y", ""))]
    numbers = [*map(integer, (0, 1, 3)), *map(number, (0.5, 1.0, 2.5))]
    words = {
        "approach": [text(each) for each in ("vector", "spectrum", "transpose", "column")],
        "sampling": [text("concurrent"), text("paused")],
        "notes": [text("60 64 67"), text("60:64"), integer(60)],
        "seed": texts, "follow": texts, "voice": [text("guitar"), text("kalimba")],
    }  # fmt: skip
    return {key: words.get(key, numbers) for key in requests.REQUEST_KEYS}


class Mutants:
    """:param paths: that seeds may name."""

    def __init__(self, seed: int, paths: list[Path]) -> None:
        self._chance, self._values = random.Random(seed), values(paths)
        self._ways: list[Callable[[bytes], bytes]] = [
            self._flipped, self._cut, self._stuffed, self._sized, self._retyped, self._nested,
            self._lengthened, self._doubled, self._renamed, lambda packet: packet,
        ]  # fmt: skip

    def __iter__(self) -> Iterator[bytes]:
        while True:
            packet = self._valid()
            for _ in range(self._chance.choice((1, 1, 1, 2, 3))):
                packet = self._chance.choice(self._ways)(packet)[:LARGEST]
            if not ends_it(packet):
                yield packet

    # ------------------------------------------------------------ what is valid, or nearly

    def _valid(self) -> bytes:
        chance = self._chance
        plain = ["status", "pause", "resume", "newset", "quit", "notify", "cancel", "set", "seed"]
        if chance.random() < 0.4:
            arguments = [integer(chance.choice((0, 1, 7)))] * chance.randrange(3)
            return message(f"/dream/{chance.choice(plain)}", *arguments)
        address = chance.choice(("/dream/request", "/dream/request", "/dirt/play", "/dream/set"))
        first = [text("dream"), *self._values["approach"][:1]] if address == "/dirt/play" else []
        return message(address, *first, *self._pairs())

    def _pairs(self) -> list[Argument]:
        chance = self._chance
        keys = ["approach", *chance.sample(sorted(self._values), chance.randrange(6))]
        given: list[Argument] = []
        for key in keys:
            odd = chance.random() < 0.2
            given += [text(key), self._odd() if odd else chance.choice(self._values[key])]
        return given

    def _odd(self) -> Argument:
        """A value of a type and size that nobody sends."""
        chance = self._chance
        return chance.choice((
            integer(chance.choice(NUMBERS)), number(chance.choice(FLOATS)), ("T", b""), ("N", b""),
            ("d", struct.pack(">d", chance.choice(FLOATS))), blob(chance.randbytes(5)),
            text("x" * chance.choice((1, 255, 4000))), text(b"\xff\xfe\x80"),
            ("[if]", struct.pack(">if", 1, float("nan"))), ("h", struct.pack(">q", -(1 << 62))),
        ))  # fmt: skip

    # ------------------------------------------------------------ ways to harm a packet

    def _flipped(self, packet: bytes) -> bytes:
        held = bytearray(packet)
        for _ in range(self._chance.randrange(1, 9)):
            if held:
                held[self._chance.randrange(len(held))] ^= 1 << self._chance.randrange(8)
        return bytes(held)

    def _cut(self, packet: bytes) -> bytes:
        return packet[: self._chance.randrange(len(packet) + 1)]

    def _stuffed(self, packet: bytes) -> bytes:
        at = self._chance.randrange(len(packet) + 1)
        return packet[:at] + self._chance.randbytes(self._chance.randrange(40)) + packet[at:]

    def _sized(self, packet: bytes) -> bytes:
        """Four bytes, where a size or a number may lie, are another."""
        at = 4 * self._chance.randrange(len(packet) // 4 + 1)
        return packet[:at] + struct.pack(">i", self._chance.choice(NUMBERS)) + packet[at + 4 :]

    def _retyped(self, packet: bytes) -> bytes:
        at = packet.find(b",") + 1 + self._chance.randrange(4)
        return packet[:at] + self._chance.choice(TYPES).encode() + packet[at + 1 :]

    def _nested(self, packet: bytes) -> bytes:
        for _ in range(self._chance.choice((1, 2, 8, 9, 300))):
            packet = bundle(packet)
        return packet if self._chance.random() < 0.5 else self._sized(packet)

    def _lengthened(self, packet: bytes) -> bytes:
        """A text, or the whole, becomes very long."""
        at = packet.find(b"\0")
        filling = self._chance.choice((b"x", b"/", b"\xff", b"%s", b"\n"))
        return packet[:at] + filling * self._chance.choice(LENGTHS) + packet[at:]

    def _doubled(self, packet: bytes) -> bytes:
        return bundle(*[packet] * self._chance.choice((2, 3, 20)))

    def _renamed(self, packet: bytes) -> bytes:
        """The same under a part of its address."""
        end = max(packet.find(b"\0"), 1)
        address = packet[: self._chance.randrange(end + 1)]
        return text(address)[1] + packet[end + 4 - end % 4 :]


def meanings(packet: bytes) -> list[object]:
    """What the daemon is asked by a packet: the messages that make sense."""
    try:
        messages = transport.decode(packet)
    except BadRequest:
        return []
    meant: list[object] = []
    for address, args in messages:
        try:
            meant.append(requests.parse(address, args))
        except BadRequest:
            continue
    return meant


def ends_it(packet: bytes) -> bool:
    """Whether the daemon would rightly leave: a mutant may be a valid ``/dream/quit``."""
    return any(isinstance(each, requests.Quit) for each in meanings(packet))
