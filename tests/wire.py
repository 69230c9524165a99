"""A daemon without its processes: packets in, packets out, and dreams that the test says are made.

Everything between the socket and the workers is real.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from dreamd.corpus.cache import Corpus
from dreamd.corpus.recording import Recording
from dreamd.daemon.admission import Admission
from dreamd.daemon.bank_keeping import BankKeeping
from dreamd.daemon.clients import Clients
from dreamd.daemon.dispatcher import Dispatcher
from dreamd.daemon.dreams import Dreams
from dreamd.daemon.endless import Endless
from dreamd.daemon.errands import Errands, log_failure
from dreamd.daemon.events import ErrandDone, Packet
from dreamd.daemon.forgetting import Forgetting
from dreamd.daemon.parts import Parts
from dreamd.daemon.queue import Dream, Queue
from dreamd.daemon.state import State
from dreamd.daemon.trust import Trust
from dreamd.dreaming.job import ChunkWritten, Finished, Said, Stop
from dreamd.home.bank import Bank
from dreamd.osc import transport
from dreamd.osc.addresses import Address
from dreamd.settings import Settings

OWN = ("127.0.0.1", 57130)


class Wire:
    """A socket that keeps what is sent: each packet with its receiver."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Address]] = []

    def send_packet(self, packet: bytes, to: Address) -> None:
        self.sent.append((packet, to))

    def send(self, address: str, args: list[Any], to: Address) -> None:
        self.send_packet(transport.encode(address, args), to)

    def is_own(self, sender: Address) -> bool:
        return sender == OWN


class OneWorker:
    """A supervisor of one worker, which makes nothing by itself."""

    dreamers = 1

    def __init__(self) -> None:
        self.dream: Dream | None = None
        self.slots = {"one": self}
        self.stopped: list[Dream] = []
        self.paused: list[bool] = []
        self.told: list[Any] = []

    def free(self) -> str | None:
        return None if self.dream else "one"

    def reserve(self, name: str, dream: Dream) -> None:
        self.dream = dream

    def begin(self, name: str) -> None: ...

    def awaits(self, dream: Dream) -> bool:
        return dream is self.dream

    def making(self, name: str) -> Dream | None:
        return self.dream

    def release(self, name: str) -> Dream | None:
        dream, self.dream = self.dream, None
        return dream

    def tell(self, dream: Dream, said: Said) -> None:
        if isinstance(said, Stop):
            self.stopped.append(dream)
        else:
            self.told.append(said)

    def share_machine(self) -> None: ...

    def tell_training(self, change: Any) -> None:
        self.told.append(change)

    def pause_training(self, on: bool) -> None:
        self.paused.append(on)


class AtOnce:
    """Errands that are done while one waits."""

    def run(
        self, work: Callable[[], Any], then: Callable[[Any], None] = log_failure, late: Any = None
    ) -> None:
        try:
            outcome = work()
        except Exception as error:  # noqa: BLE001
            outcome = error
        then(outcome)


class Desk:
    """:param recording: the one of its one voice."""

    def __init__(
        self, settings: Settings, recording: Recording, socket: Any = None, trust: bool = False
    ) -> None:
        self.wire = socket or Wire()
        self.worker, self.left = OneWorker(), list[str]()
        self.checked: list[ErrandDone] = []
        folder = Path(recording.source).parent.parent
        self.state = State(
            settings, folder, Corpus(settings.home, settings.rate), Bank(settings.home), Queue(8)
        )
        self.state.corpus.add(recording)
        trusts = Trust(trust, folder, settings.home)
        self.clients = Clients(self.wire, "127.0.0.1:6010", trusts, self.state.say)
        home: Any = AtOnce()
        worker: Any = self.worker
        keeping = BankKeeping(self.state, self.clients, home)
        self.dreams = Dreams(self.state, self.clients, worker, home, keeping)
        self.paths = Errands("seed", 2, self.checked.append)
        self.parts = parts = Parts(self.state, self.clients, worker, self.dreams)
        self.admission = admission = Admission(parts, home, self.paths)
        forgetting = Forgetting(self.state, self.clients, worker, home)
        self.endless = Endless(parts, keeping)
        self.dispatcher = Dispatcher(
            parts, admission, trusts, self.endless, forgetting, self.left.append
        )

    def hear(self, sender: Address, address: str, *args: Any) -> None:
        self.hear_packet(sender, transport.encode(address, args))

    def hear_packet(self, sender: Address, packet: bytes) -> None:
        self.dispatcher.on_packet(Packet(packet, sender))

    def ask(self, sender: Address, **keys: Any) -> None:
        given = {"approach": "vector", "secs": 1.0, **keys}
        self.hear(sender, "/dream/request", *(each for pair in given.items() for each in pair))

    def make(self) -> None:
        """The dream that is being made is made."""
        dream = self.worker.dream
        assert dream is not None
        self.dreams.on_worker_message("one", ChunkWritten(dream.serial, 0, dream.frames))
        self.dreams.on_worker_message("one", Finished(dream.serial, 0.1, dream.frames))

    def told(self, client: Address, address: str = "") -> list[tuple[str, list[Any]]]:
        """What this client was sent since the last time, or of it what came under an address."""
        packets = [packet for packet, to in self.wire.sent if to == client]
        self.wire.sent = [each for each in self.wire.sent if each[1] != client]
        said = [message for packet in packets for message in transport.decode(packet)]
        return [message for message in said if address in ("", message[0])]

    def register(self, client: Address) -> list[tuple[str, list[Any]]]:
        """As our own clients do, with the answer to a ping; what came after it."""
        self.hear(client, "/dream/notify", 1)
        said = self.told(client)
        if said and said[0][0] == "/dream/ping":
            self.hear(client, "/dream/notify", 1, *said[0][1])
            said = self.told(client)
        return said
