"""How much the audio server notices of the daemon: SuperCollider's scsynth plays without pause,
while the daemon idles, learns, and learns and dreams, in turns.
"""

import socket
import statistics
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from test_supercollider import SuperCollider, jack_server

from dreamd.approaches.registry import APPROACHES
from dreamd.osc import transport
from torture.driven import USUAL, Driven, Sandbox, driven
from torture.outcome import Outcome

SYNTHS = 40  # strings with reverberation: an eighth of a core or so
SETTLING = 3.0  # seconds after a change before anything counts: the server's figures are averages
ASKED_EVERY = 0.25  # seconds between two questions

IDLE, LEARNING, DREAMING = "idle", "learning", "learning and dreaming"


@dataclass
class Load:
    """What scsynth said of itself, in percent of the time that it has."""

    average: list[float] = field(default_factory=list)
    peak: list[float] = field(default_factory=list)


class Server:
    """An scsynth that plays, asked over OSC how busy it is."""

    def __init__(self, root: Path, jack: str, synths: int) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(60.0)
        here = self._socket.getsockname()[1]
        home = root / "performer"
        home.mkdir()
        performer = SuperCollider(home, jack)
        self._set = threading.Thread(
            target=lambda: performer.well("load.scd", here, synths, seconds=1e5)
        )
        self._set.start()
        self._server, self._language = (int(port) for port in self._wait("/test/here"))

    def load(self) -> tuple[float, float]:
        """Average and peak, in percent."""
        self._send(self._server, "/status")
        said = self._wait("/status.reply")
        return float(said[5]), float(said[6])

    def end(self) -> None:
        self._send(self._language, "/test/over")
        self._set.join()
        self._socket.close()

    def _send(self, port: int, address: str) -> None:
        self._socket.sendto(transport.encode(address, []), ("127.0.0.1", port))

    def _wait(self, address: str) -> list[float]:
        while True:
            for heard, args in transport.decode(self._socket.recv(65536)):
                if heard == address:
                    return args


def run(root: Path, turns: int, seconds: float = 17.0, synths: int = SYNTHS) -> Outcome:
    """:param root: an empty folder to work in.
    :param turns: how often each state is measured, for so many ``seconds``.
    """
    outcome, sandbox = Outcome("Audio server"), Sandbox(root)
    sandbox.voice("guitar", 220, 330, seconds=5.0)
    loads: dict[str, Load] = defaultdict(Load)
    with jack_server(root) as jack, driven(Driven(sandbox, sizes=USUAL)) as daemon:
        outcome.need(daemon.warm(), "it never learned and dreamt")
        server = Server(root, jack, synths)
        for _ in range(turns):
            for state in (IDLE, LEARNING, DREAMING):
                daemon.send("/dream/pause" if state == IDLE else "/dream/resume")
                _measure(server, daemon, state, seconds, loads[state])
        server.end()
        outcome.need(daemon.becomes(lambda: not daemon.unanswered()), "dreams are unanswered")
    _tell(outcome, loads, turns, seconds)
    return outcome


def _measure(server: Server, daemon: Driven, state: str, seconds: float, load: Load) -> None:
    began = time.monotonic()
    while (now := time.monotonic()) - began < SETTLING + seconds:
        while state == DREAMING and len(daemon.unanswered()) < 2:
            approach = APPROACHES[len(daemon.asked) % len(APPROACHES)]
            daemon.dream(approach=approach, seed="guitar", secs=2.0)
        average, peak = server.load()
        if now - began > SETTLING:
            load.average.append(average)
            load.peak.append(peak)
        time.sleep(ASKED_EVERY)
    daemon.becomes(lambda: not daemon.unanswered())


def _tell(outcome: Outcome, loads: dict[str, Load], turns: int, seconds: float) -> None:
    outcome.text = (
        f"SuperCollider's scsynth with {SYNTHS} synths that play, at a dummy sound card of 48 kHz "
        f"and periods of 1024; the daemon in three states, {turns} turns of {seconds:.0f} s each, "
        "one after the other. What scsynth says of itself, in percent of the time that it has: "
        "its average, and its peak, median and highest."
    )
    outcome.head = ["the daemon is", "average", "peak", "highest peak"]
    outcome.rows = [
        [state, *(f"{statistics.median(figures):.0f}" for figures in (load.average, load.peak)),
         f"{max(load.peak):.0f}"]
        for state, load in loads.items()
    ]  # fmt: skip
