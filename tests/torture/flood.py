"""Twenty thousand packets a second, of every content: others are answered meanwhile, and dreams
come as usual afterwards.
"""

import pickle
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from dreamd.osc import transport
from torture.driven import Driven, Sandbox, driven
from torture.mutations import Mutants
from torture.outcome import Outcome
from torture.packets import traps

RATE = 20_000  # packets a second
AT_A_TIME = 100  # packets, every so often
ASKED_EVERY = 0.25  # seconds: questions may be lost where the system's buffers are full
MOST_WAITED = 1.0  # seconds: for a status in a flood, and for a dream after it, beyond the usual
SETTLING = 1.0  # seconds after a flood: what it asked for may still be made
SECS = 0.2  # of a dream

SEND = """
import pickle, socket, sys, time
port, rate, at_a_time, seconds = map(float, sys.argv[1:])
packets = pickle.load(sys.stdin.buffer)
out, sent, began = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0, time.monotonic()
while (now := time.monotonic() - began) < seconds:
    while sent < now * rate:
        for _ in range(int(at_a_time)):
            out.sendto(packets[sent % len(packets)], ("127.0.0.1", int(port)))
            sent += 1
    time.sleep(0.001)
print(sent)
"""
"""A process of its own: a thread would share this one's lock with the client that measures."""


def contents(seed: int, sandbox: Sandbox) -> Iterator[tuple[str, list[bytes]]]:
    def request(**keys: object) -> bytes:
        return transport.encode("/dream/request", [item for pair in keys.items() for item in pair])

    yield "one pattern's requests", [request(dream="vector", delta=1.0, _id_="1")]
    yield (
        "requests with ids",
        [request(approach="vector", secs=1.0, id=k) for k in range(10**6, 10**6 + 5000)],
    )
    yield "questions for the status", [transport.encode("/dream/status", [])]
    yield "garbage", [b"\xff\0/#bundle" * 100]
    yield "mutants", list(islice(Mutants(seed, traps(sandbox)), 5000))


def run(root: Path, seed: int, seconds: float, rate: int = RATE) -> Outcome:
    """:param root: an empty folder to work in; ``seconds``: of each content."""
    outcome, sandbox = Outcome("Flood"), Sandbox(root)
    sandbox.voice("guitar", 220, 330)
    floods = list(contents(seed, sandbox))
    sandbox.expect_changes()
    with driven(Driven(sandbox, "--longest", "1", "--dreamers", "1")) as daemon:
        outcome.need(daemon.warm(), "it never learned and dreamt")
        usual = statistics.median(_dream(daemon, outcome) for _ in range(5))
        for name, packets in floods:
            sent, waits = _flood(daemon, packets, seconds, rate)
            time.sleep(SETTLING)
            daemon.heard_all.answers.clear()  # a flood's dreams have ids too, and nobody listens
            after = _dream(daemon, outcome)
            outcome.limit(f"seconds for a status in {name}", max(waits), MOST_WAITED)
            outcome.limit(f"seconds more for a dream after {name}", after - usual, MOST_WAITED)
            outcome.rows.append([
                name, f"{sent / seconds:.0f}", f"{statistics.median(waits):.2f} ({max(waits):.2f})",
                f"{usual:.2f}, {after:.2f}",
            ])  # fmt: skip
    outcome.faults += [f"{changed} is not as it was" for changed in sandbox.changes()]
    outcome.text = (
        f"Each content for {seconds:g} s from a port of its own, while a registered client asks "
        "for the status without pause. *Status*: seconds until it was answered, median (longest); "
        f"*dream*: seconds for one of {SECS:g} s before all floods, and after this one."
    )
    outcome.head = ["content", "packets a second", "status", "dream"]
    return outcome


def _flood(
    daemon: Driven, packets: list[bytes], seconds: float, rate: int
) -> tuple[int, list[float]]:
    """How many were sent, and how long each status took meanwhile."""
    command = [sys.executable, "-c", SEND, *map(str, (daemon.port, rate, AT_A_TIME, seconds))]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    pickle.dump(packets, process.stdin)
    process.stdin.close()
    waits = []
    while process.poll() is None or not waits:
        began, before = time.monotonic(), daemon.heard_all.statuses
        asked = 0.0
        while daemon.heard_all.statuses == before and time.monotonic() - began < seconds + 60:
            if time.monotonic() - asked > ASKED_EVERY:
                asked = time.monotonic()
                daemon.send("/dream/status")
            time.sleep(0.005)
        waits.append(time.monotonic() - began)
    assert process.stdout is not None
    return int(process.stdout.read()), waits


def _dream(daemon: Driven, outcome: Outcome) -> float:
    """Seconds from asking for one to its end."""
    began = time.monotonic()
    id = daemon.dream(approach="vector", seed="guitar", secs=SECS)
    answered = daemon.becomes(lambda: id in daemon.heard_all.answers)
    done = answered and daemon.heard_all.answers[id][0] == "/dream/done"
    outcome.need(done, f"a dream ends in {daemon.heard_all.answers.get(id)}")
    return time.monotonic() - began
