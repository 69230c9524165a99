"""Half an hour on stage: two voices, every approach asked without pause, new recordings, and two
other processes that take the machine. Nothing stays unanswered, nothing grows, learning goes on.
"""

import random
import statistics
import time
from dataclasses import dataclass, field
from pathlib import Path

from dreamd.approaches.registry import APPROACHES
from torture.driven import USUAL, Driven, Sandbox, busy, driven, write_tone
from torture.outcome import LARGEST_GROWTH, LARGEST_GROWTH_OF_FILES, Outcome, growth

VOICES = ("guitar", "kalimba")
OTHERS = 2  # busy processes
SECS = 2.0  # of a dream
ASKED_AT_A_TIME = 2
WARMING = 2  # minutes of the same before anything is measured: processes grow at first
A_MINUTE = 60.0  # for which the share is told, and after which a recording comes
LEAST_SHARE = 0.05
"""Of a core: what learning has in every minute, on the fullest machine."""
MEASURED_EVERY = 2.0  # seconds


@dataclass
class Figures:
    """Of the whole soak."""

    shares: list[float] = field(default_factory=list)  # of a core, minute by minute
    memory: list[float] = field(default_factory=list)  # MB
    opened: list[float] = field(default_factory=list)
    files: int = 0  # recordings that came
    steps: int = 0  # of training

    def begin(self) -> None:
        """What was measured so far does not count; the recordings that came stay."""
        for each in (self.shares, self.memory, self.opened):
            each.clear()


class Soak:
    """:param minute: seconds between two recordings, and looks at what learning has had."""

    def __init__(self, daemon: Driven, sandbox: Sandbox, seed: int, minute: float) -> None:
        self._daemon, self._sandbox, self._minute = daemon, sandbox, minute
        self._chance = random.Random(seed)
        self.figures = Figures()

    def run(self, seconds: float) -> None:
        began = minute = measured = time.monotonic()
        had = self._daemon.learned_for()
        while (now := time.monotonic()) - began < seconds:
            while len(self._daemon.unanswered()) < ASKED_AT_A_TIME:
                self._ask()
            if now - minute >= self._minute:
                has = self._daemon.learned_for()
                self.figures.shares.append((has - had) / (now - minute))
                had, minute = has, now
                self._record()
            if now - measured >= MEASURED_EVERY:
                measured = now
                self.figures.memory.append(self._daemon.memory())
                self.figures.opened.append(self._daemon.open_files())
            time.sleep(0.01)
        self.figures.steps = sum(step for step, _ in self._daemon.heard_all.trained.values())

    def _ask(self) -> None:
        """Every approach and both voices in turn, from any second of what there is."""
        number = len(self._daemon.asked)
        approach = list(APPROACHES)[number % len(APPROACHES)]
        voice = VOICES[number // len(APPROACHES) % len(VOICES)]
        seed = f"{voice}:{self._chance.randrange(100)}"
        self._daemon.dream(approach=approach, seed=seed, secs=SECS)

    def _record(self) -> None:
        """A new take."""
        self.figures.files += 1
        voice = self._sandbox.recordings / VOICES[self.figures.files % len(VOICES)]
        hertz = self._chance.uniform(100, 1000)
        write_tone(voice / f"take{self.figures.files:03d}.wav", hertz, 3.0)
        self._sandbox.expect_changes()


def run(root: Path, seed: int, seconds: float, minute: float = A_MINUTE) -> Outcome:
    """:param root: an empty folder to work in; ``minute``: shorter in a short form."""
    outcome, sandbox = Outcome("Soak"), Sandbox(root)
    for voice, hertz in zip(VOICES, (220, 523), strict=True):
        sandbox.voice(voice, hertz, seconds=5.0)
    with busy(OTHERS), driven(Driven(sandbox, sizes=USUAL)) as daemon:
        models = len(VOICES) * len(APPROACHES)
        outcome.need(daemon.warm(models), "it never learned and dreamt")
        soak = Soak(daemon, sandbox, seed, minute)
        soak.run(WARMING * minute)
        soak.figures.begin()
        before = sum(step for step, _ in daemon.heard_all.trained.values())
        soak.run(seconds)
        soak.figures.steps -= before
        answered = daemon.becomes(lambda: not daemon.unanswered())
        outcome.need(answered, f"requests {daemon.unanswered()} were never answered")
        joined = daemon.becomes(
            lambda: len(daemon.heard_all.told) == soak.figures.files + len(VOICES)
        )
        outcome.need(joined, f"{soak.figures.files} recordings came: {dict(daemon.heard_all.told)}")
    outcome.faults += [f"{changed} is not as it was" for changed in sandbox.changes()]
    _judge(outcome, daemon, soak.figures)
    _tell(outcome, daemon, soak.figures, seconds)
    return outcome


def _judge(outcome: Outcome, daemon: Driven, figures: Figures) -> None:
    failed = [args for address, args in daemon.heard_all.answers.values() if "failed" in address]
    outcome.need(not failed, f"{len(failed)} requests failed: {failed[:3]}")
    outcome.need(figures.steps > 0, "nothing was learned meanwhile")
    for share in figures.shares:
        if share < LEAST_SHARE:
            outcome.limits.append(f"learning had {share:.3f} of a core in a minute")
    outcome.limit("MB of memory, more in the end", growth(figures.memory), LARGEST_GROWTH)
    outcome.limit("open files, more in the end", growth(figures.opened), LARGEST_GROWTH_OF_FILES)


def _tell(outcome: Outcome, daemon: Driven, figures: Figures, seconds: float) -> None:
    outcome.text = (
        f"Two voices, models of the usual sizes, dreams of {SECS:g} s of all four approaches "
        f"in turn, {ASKED_AT_A_TIME} asked for at any time, a new recording each minute, and "
        f"{OTHERS} other processes that compute without pause; measured after two minutes of "
        "that. *Learning had*: the training process's own CPU time, of one core, in each "
        "minute: median (least); at least 0.05 are promised. *Memory*, *open files*: of all "
        "processes together in the middle, and what was added after the first fifth."
    )
    ends = [address for address, _ in daemon.heard_all.answers.values()]
    done = ends.count("/dream/done")
    shares = figures.shares or [0.0]
    outcome.head = [
        "minutes", "asked", "done", "failed", "unanswered", "recordings", "steps learned",
        "learning had", "memory", "open files",
    ]  # fmt: skip
    outcome.rows = [[
        f"{seconds / 60:.1f}", str(len(daemon.asked)), str(done), str(len(ends) - done),
        str(len(daemon.unanswered())), str(figures.files), str(figures.steps),
        f"{statistics.median(shares):.2f} ({min(shares):.2f})",
        f"{_middle(figures.memory):.0f} MB, {growth(figures.memory):+.0f} MB",
        f"{_middle(figures.opened):.0f}, {growth(figures.opened):+.0f}",
    ]]  # fmt: skip


def _middle(values: list[float]) -> float:
    return statistics.median(values) if values else 0.0
