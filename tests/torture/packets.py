"""Mutated packets, by the hundred thousand: the daemon stays, answers, and does not grow.

They go out in batches. Each batch ends with a request that must fail; when that has, and a status
was answered, the next one goes. So none is lost on the way, and what hangs is found within a batch.
"""

import os
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from torture.driven import Driven, Sandbox, driven
from torture.mutations import Mutants, meanings, message, text
from torture.outcome import LARGEST_GROWTH, Outcome, growth

BATCH, MOST_BYTES = 100, 60_000
"""Packets, and bytes, that are on the way at a time: what the system's buffers hold."""
MEASURED = 100  # times in a run


class Sender:
    """A port of its own, from which the mutants come."""

    def __init__(self, daemon: Driven) -> None:
        self._daemon = daemon
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.packets = self.bytes = self.batches = self.meant = 0
        self.slowest = 0.0  # seconds until a status was answered

    def send(self, batch: list[bytes]) -> bool:
        """Whether the daemon came to its end, and answers."""
        for packet in batch:
            self._put(packet)
        self.packets, self.batches = self.packets + len(batch), self.batches + 1
        self.bytes += sum(map(len, batch))
        self.meant += sum(1 for packet in batch if any(meanings(packet)))
        answered = self._daemon.answers()
        self.slowest = max(self.slowest, answered or 0.0)
        return answered is not None and self._is_heard()

    def _is_heard(self) -> bool:
        mark, heard = f"mark-{self.batches}", self._daemon.heard_all.refusals
        self._put(message("/dream/request", text("approach"), text(mark)))
        self._put(message("/dream/resume"))
        told = self._daemon.becomes(lambda: any(mark in line for line in heard))
        heard.clear()
        return told

    def _put(self, packet: bytes) -> None:
        self._socket.sendto(packet, ("127.0.0.1", self._daemon.port))


def batches(mutants: Iterator[bytes], count: int) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for packet in islice(mutants, count):
        if len(batch) == BATCH or (sum(map(len, batch)) + len(packet) > MOST_BYTES and batch):
            yield batch
            batch = []
        batch.append(packet)
    yield batch


def run(root: Path, seed: int, count: int) -> Outcome:
    """:param root: an empty folder to work in."""
    outcome, sandbox = Outcome("Packets"), Sandbox(root)
    sandbox.voice("guitar", 220, 330)
    sandbox.voice("kalimba", 523)
    mutants = iter(Mutants(seed, traps(sandbox)))
    sandbox.expect_changes()
    memory: list[float] = []
    with driven(Driven(sandbox, "--longest", "0.5", "--queue", "8", "--dreamers", "1")) as daemon:
        outcome.need(daemon.warm(), "it never learned and dreamt")
        sender, due = Sender(daemon), 0
        for batch in batches(mutants, count):
            if not sender.send(batch):
                where = f"nothing is answered after packet {sender.packets} of seed {seed}"
                outcome.faults.append(f"{where}: {daemon.said()[-1000:]}")
                break
            if sender.packets >= due:
                memory.append(daemon.memory())
                due += max(count // MEASURED, 1)
        dropped = _dropped(daemon.port)
        daemon.heard_all.trained.clear()
        daemon.heard_all.answers.clear()  # the mutants had ids too
        outcome.need(daemon.warm(), "it learns or dreams no more")
    outcome.faults += [f"{changed} is not as it was" for changed in sandbox.changes()]
    outcome.limit("MB of memory, more in the end", growth(memory), LARGEST_GROWTH)
    outcome.need(not dropped, f"{dropped} packets never reached the daemon")
    _tell(outcome, sender, memory)
    return outcome


def traps(sandbox: Sandbox) -> list[Path]:
    """Files that a seed may name, and that no daemon should choke on."""
    pipe = sandbox.user / "work" / "pipe.wav"
    os.mkfifo(pipe)
    return [
        pipe, sandbox.user, Path("/dev/zero"), Path("/dev/stdin"), sandbox.user / ("n" * 300),
        sandbox.user / "00000.wav", sandbox.recordings / "guitar" / "220.wav",
    ]  # fmt: skip


def _dropped(port: int) -> int:
    """Packets that the system could not hand to the daemon's port. Linux only."""
    lines = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return sum(int(line[-1]) for line in lines if int(line[1].split(":")[1], 16) == port)


def _tell(outcome: Outcome, sender: Sender, memory: list[float]) -> None:
    outcome.text = (
        "Mutants of every message of a client (bits flipped, cut, stuffed, other sizes, "
        "types, addresses, values and texts, bundles in bundles), none of which was a valid "
        f"/dream/quit. They went out in batches of up to {BATCH}; after each a status was "
        "asked for, and the next waited until the daemon had come to its end. *Meant "
        "something*: those that were still valid messages; *answered*: the longest that a "
        "status took; *memory*: of all processes together, in the first and last fifth, and "
        "what was added after the first."
    )
    fifth = max(len(memory) // 5, 1)
    begin, end = (sum(each) / len(each) for each in (memory[:fifth], memory[-fifth:]))
    outcome.head = ["packets", "MB", "meant something", "answered", "memory", "added"]
    outcome.rows = [[
        f"{sender.packets}", f"{sender.bytes / 1e6:.1f}", f"{sender.meant}",
        f"{1000 * sender.slowest:.0f} ms", f"{begin:.0f}, {end:.0f} MB", f"{growth(memory):.0f} MB",
    ]]  # fmt: skip
