"""The daemon's inbox: what its own threads tell, and packets, which may be too many.

Threads put into it, the server takes out. Turns go round among the daemon's own events, questions
for the status, and other packets, and among the senders of these: a flood from one of them neither
holds up the others nor grows. What is too much is passed over and counted.
"""

import queue
import threading
import time
from collections import Counter, deque
from typing import Any

from dreamd.daemon.events import Leave, Packet
from dreamd.osc.addresses import Address

MOST_OF_ONE = 128
"""Packets of one sender that wait; one more takes the place of its oldest."""

MOST_SENDERS = 64
"""Senders whose packets wait at a time, and questions for the status."""

STATUS = b"/dream/status\0"

CROWDED = 16  # packets waiting: from here on the threads that receive must not fall behind
BURST, REST = 0.004, 0.001  # seconds of work, after which the receiving threads have so many


class Inbox:
    def __init__(self) -> None:
        self._bell: queue.SimpleQueue[None] = queue.SimpleQueue()  # one for each thing that waits
        self._own: deque[Any] = deque()
        self._questions: dict[tuple[Address, bytes], Packet] = {}
        self._packets: dict[Address, deque[Packet]] = {}  # by sender, in the order of turns
        self._lock = threading.Lock()  # of the packets
        self._passed_over: Counter[str] = Counter()  # by host
        self._turn = 0
        self._rested = 0.0

    def put(self, event: Any) -> None:
        """From any thread, and from a signal's handler: it takes no lock."""
        if isinstance(event, Leave):
            self._own.appendleft(event)
        else:
            self._own.append(event)
        self._bell.put(None)

    def put_packet(self, packet: Packet) -> None:
        """From the threads that receive."""
        with self._lock:
            if self._add(packet):
                self._bell.put(None)

    def _add(self, packet: Packet) -> bool:
        """Whether there is one more thing in the inbox now."""
        if packet.data.startswith(STATUS):
            question = packet.sender, packet.data
            if question in self._questions:
                return False  # one answer is for both
            if len(self._questions) < MOST_SENDERS:
                self._questions[question] = packet
                return True
        else:
            line = self._packets.get(packet.sender)
            full = line is not None and len(line) == MOST_OF_ONE
            if line is None and len(self._packets) < MOST_SENDERS:
                self._packets[packet.sender] = deque((packet,), maxlen=MOST_OF_ONE)
                return True
            if line is not None:
                line.append(packet)
                if not full:
                    return True
        self._passed_over[packet.sender[0]] += 1
        return False

    def take(self, timeout: float) -> Any:
        """The next event; None if none came in time."""
        self._let_receive()
        try:
            self._bell.get(timeout=timeout)
        except queue.Empty:
            return None
        while True:
            self._turn = (self._turn + 1) % 3
            if self._turn == 0 and self._own:
                return self._own.popleft()
            if self._turn and (packet := self._next_packet(self._turn == 1)):
                return packet

    def _next_packet(self, question: bool) -> Packet | None:
        with self._lock:
            if question:
                first = next(iter(self._questions), None)
                return self._questions.pop(first) if first else None
            for sender in self._packets:
                line = self._packets.pop(sender)
                packet = line.popleft()
                if line:
                    self._packets[sender] = line
                return packet
        return None

    def _let_receive(self) -> None:
        """In a flood, rests now and then: Python's threads share one processor, and a thread that
        comes back from the system waits long for one that never rests."""
        now = time.monotonic()
        if self._bell.qsize() < CROWDED:
            self._rested = now
        elif now - self._rested > BURST:
            time.sleep(REST)
            self._rested = time.monotonic()

    def passed_over(self) -> str | None:
        """One line on the packets that were too many since the last call."""
        with self._lock:
            counts, self._passed_over = self._passed_over, Counter()
        if not counts:
            return None
        host, _ = counts.most_common(1)[0]
        return (
            f"{counts.total()} messages came faster than they can be answered, "
            f"most from {host}: they were passed over"
        )
