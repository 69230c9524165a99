"""SIGKILL, at random moments, of any process of a daemon that learns and dreams.

After each: no recording, finished dream or checkpoint is lost, no process of a killed daemon is
left, and all goes on: a killed child comes back, a killed daemon is started anew. The second half
happens on a full machine.
"""

import contextlib
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dreamd.approaches.registry import APPROACHES
from torture.driven import WATCHDOG, Driven, Sandbox, busy, driven, is_gone, write_tone
from torture.evidence import Evidence
from torture.outcome import Outcome

DREAMERS = 2
PROCESSES = 2 + DREAMERS
"""Of a daemon that is up; beside them ``multiprocessing`` has a helper, and while recordings come
there is one that decodes."""
TURNS = (
    "daemon", "daemon", "training", "training", "dreaming", "dreaming", "helper", "decoding",
)  # fmt: skip
"""Who is killed, of eight."""
TAKE = 40.0  # seconds of the recording that is being decoded then

LONGEST_PAUSE = 2.0  # seconds between all being well and the next kill
TOO_SOON = 0.5
"""Of the kills, after which nobody waits for all being well: the next one comes as things start."""
ENOUGH = 10  # faults, after which no more is tried
LONGEST_LEFT = 5.0
"""Seconds that a process may live on after its daemon."""
ASKED_AT_A_TIME = 3


@dataclass
class Deaths:
    """Of the processes of one role."""

    count: int = 0
    on_full: int = 0  # machine
    back: list[float] = field(default_factory=list)  # seconds until all were there again
    left: list[float] = field(default_factory=list)  # seconds that others lived on
    lost: list[float] = field(default_factory=list)  # seconds of training

    def row(self, role: str) -> list[str]:
        back = f"{statistics.median(self.back):.1f} ({max(self.back):.1f})" if self.back else "-"
        return [role, str(self.count), str(self.on_full), back, most(self.left), most(self.lost)]


def most(values: Sequence[float]) -> str:
    return f"{max(values):.1f}" if values else "-"


class Killer:
    """Kills one after the other, and keeps account of it."""

    def __init__(self, sandbox: Sandbox, chance: random.Random, outcome: Outcome) -> None:
        self._chance, self._outcome = chance, outcome
        self.evidence = Evidence(sandbox, outcome)
        self._sandbox, self._takes = sandbox, 0
        self.deaths: dict[str, Deaths] = defaultdict(Deaths)
        self._asked, self._turns = 0, list[str]()

    def run(self, daemon: Driven, count: int, first: int, full: bool) -> None:
        for k in range(first, first + count):
            until = time.monotonic() + self._chance.uniform(0, LONGEST_PAUSE)
            while time.monotonic() < until:
                self._keep_asking(daemon)
                time.sleep(0.02)
            self._kill(daemon, f"kill {k}", full)
            if daemon.process.poll() is not None or len(self._outcome.faults) > ENOUGH:
                return

    def _keep_asking(self, daemon: Driven) -> None:
        while len(daemon.unanswered()) < ASKED_AT_A_TIME:
            self._asked += 1
            approach = list(APPROACHES)[self._asked % len(APPROACHES)]
            daemon.dream(approach=approach, secs=self._chance.uniform(0.2, 2.0))

    def _kill(self, daemon: Driven, when: str, full: bool) -> None:
        """One of them, and what follows from it."""
        self.evidence.look(daemon, f"before {when}")
        role, victim = self._choose(daemon)
        told = dict(daemon.heard_all.trained)
        when = f"{when}, of {role}"
        death, began = self.deaths[role], time.monotonic()
        death.count, death.on_full = death.count + 1, death.on_full + full
        if role == "daemon":
            self._end(daemon, when)
        else:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()
            self._outcome.need(daemon.becomes(lambda: is_gone(victim)), f"{when}: it lives on")
        if role in ("daemon", "training"):
            death.lost.append(self.evidence.cost(told, when))
            daemon.heard_all.trained.clear()
        self.evidence.look(daemon, f"after {when}")
        if role == "daemon":
            daemon.start()
        if self._chance.random() > TOO_SOON:
            self._wait_for_all(daemon, when)
            self._wait_for_work(daemon, when, learns=role in ("daemon", "training"))
            death.back.append(time.monotonic() - began)

    def _choose(self, daemon: Driven) -> tuple[str, psutil.Process]:
        """Each role has its turns, in an order of chance; one that is not up yet gives its away."""
        self._turns = self._turns or self._chance.sample(TURNS, len(TURNS))
        wanted = self._turns.pop()
        if wanted == "decoding":
            self._record(daemon)
        family = [(daemon.role(process), process) for process in daemon.family()]
        there = [each for each in family if each[0] == wanted] or family
        return self._chance.choice([each for each in there if each[0] != "gone"])

    def _record(self, daemon: Driven) -> None:
        """A take that is decoded as the kill comes."""
        self._takes += 1
        take = self._sandbox.recordings / "guitar" / f"take{self._takes:03d}.wav"
        write_tone(take, self._chance.uniform(100, 1000), TAKE)
        self._sandbox.expect_changes()
        daemon.becomes(lambda: "decoding" in daemon.roles())
        time.sleep(self._chance.uniform(0, 1))

    def _end(self, daemon: Driven, when: str) -> None:
        """The daemon itself: its children end with it."""
        children = daemon.family()[1:]
        daemon.kill()
        began = time.monotonic()
        gone = daemon.becomes(lambda: all(map(is_gone, children)))
        left = time.monotonic() - began
        self._outcome.need(gone, f"{when}: processes are left after {WATCHDOG:.0f} s")
        self._outcome.limit(f"{when}: seconds until none was left", left, LONGEST_LEFT)
        self.deaths["daemon"].left.append(left)
        daemon.forgive()

    def _wait_for_all(self, daemon: Driven, when: str) -> None:
        def all_there() -> bool:
            roles = daemon.roles()
            beside = roles.count("helper") + roles.count("decoding")
            return len(roles) - beside >= PROCESSES and "starting" not in roles

        self._outcome.need(daemon.becomes(all_there), f"{when}: what was killed does not come back")
        answered = daemon.answers() is not None
        self._outcome.need(answered, f"{when}: no status is answered\n{daemon.said()[-2000:]}")

    def _wait_for_work(self, daemon: Driven, when: str, learns: bool) -> None:
        """What was killed does what it did before: learns, or dreams."""
        lessons, dream = daemon.heard_all.lessons, daemon.dream(approach="vector", secs=0.2)

        def works() -> bool:
            dreamt = dream in daemon.heard_all.answers
            return dreamt and (not learns or daemon.heard_all.lessons > lessons)

        self._outcome.need(daemon.becomes(works), f"{when}: it does not work any more")

    def _untaken(self, home: Path) -> list[str]:
        """The takes that came before a kill, and of which nothing is kept."""
        notes = ""
        with contextlib.suppress(OSError):  # one that is being replaced
            notes = "".join(note.read_text() for note in (home / "corpus").glob("*.json"))
        takes = [f"take{k:03d}.wav" for k in range(1, self._takes + 1)]
        return [take for take in takes if take not in notes]

    def settle(self, daemon: Driven) -> None:
        """Everything asked is answered, and each approach still dreams."""
        for approach in APPROACHES:
            daemon.dream(approach=approach, secs=0.5)
        answered = daemon.becomes(lambda: not daemon.unanswered())
        self._outcome.need(answered, f"requests {daemon.unanswered()} were never answered")
        kept = daemon.becomes(lambda: not self._untaken(daemon.home))
        self._outcome.need(kept, f"never learned: {self._untaken(daemon.home)}")
        last = [daemon.heard_all.answers.get(id, ("", []))[0] for id in list(daemon.asked)[-4:]]
        self._outcome.need(set(last) == {"/dream/done"}, f"the last dreams ended with {last}")
        self.evidence.look(daemon, "at the end")
        self.evidence.nothing_half_made(daemon, "at the end")


def run(root: Path, seed: int, count: int) -> Outcome:
    """:param root: an empty folder to work in."""
    outcome, chance = Outcome("Kills"), random.Random(seed)
    sandbox = Sandbox(root)
    sandbox.voice("guitar", 220, 330)
    sandbox.voice("kalimba", 523)
    killer = Killer(sandbox, chance, outcome)
    flags = ("--dreamers", str(DREAMERS), "--longest", "4", "--save-every")
    full = os.cpu_count() or 1
    first = 1
    for kills, save_every, loops in ((count - count // 2, "15", 0), (count // 2, "1", full)):
        with busy(loops), driven(Driven(sandbox, *flags, save_every)) as daemon:
            learns = daemon.becomes(lambda heard=daemon.heard_all: heard.lessons > 0)
            outcome.need(learns, "nothing was ever learned")
            killer.run(daemon, kills, first, full=loops > 0)
            killer.settle(daemon)
        first += kills
    _tell(outcome, killer)
    return outcome


def _tell(outcome: Outcome, killer: Killer) -> None:
    outcome.text = (
        f"SIGKILL, after 0 to {LONGEST_PAUSE:g} s of all being well (every other one sooner, "
        "while things start), of a process of a daemon that learned two voices and always "
        "had three dreams to make: its own process, the one that trains, those that dream, "
        "the one that decodes (then a new recording comes, which must be learned), and the "
        "helper that Python's multiprocessing starts. The second half on a full "
        "machine, with a busy loop for each core, and a checkpoint every second instead of "
        "every 15 s. After each kill the hashes of recordings and finished dreams were "
        "compared, and the checkpoints read. *Back*: seconds from the kill until all "
        "processes were there, a status and a dream were answered and, where it had "
        "trained, it had trained again, median (longest); *left over*: until no process of "
        "a killed daemon was left, longest; *lost*: seconds of a model's training that had "
        f"been told of and were in no checkpoint, most. {killer.evidence.dreams} dreams were "
        "finished meanwhile."
    )
    outcome.head = ["process", "killed", "on a full machine", "back", "left over", "lost"]
    outcome.rows = [killer.deaths[role].row(role) for role in sorted(killer.deaths)]
