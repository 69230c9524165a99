"""A library of realistic size, such as a folder of SuperDirt's samples many times over: taken in,
trained in turn, dreamt from, shown; with few open files and little memory.
"""

import random
import resource
import time
from pathlib import Path

import numpy as np

from dreamd.approaches.registry import APPROACHES
from dreamd.audio import files
from torture.driven import USUAL, Driven, Sandbox, driven
from torture.outcome import Outcome

VOICES = 300
SECONDS, RATE = 0.5, 22050  # of each recording
OPEN_FILES = 256  # macOS gives a process no more
MOST_MEMORY = 1500.0  # MB, all processes together
LEAST_RATE = 20.0  # recordings a second
DREAMS = 12  # from as many voices
TRAINED = 5  # voices that must have learned
HOURS = 3600.0


def run(root: Path, seed: int, count: int, voices: int = VOICES) -> Outcome:
    """:param root: an empty folder to work in; ``count``: recordings of all voices together."""
    outcome, sandbox = Outcome("Library"), Sandbox(root)
    _fill(sandbox, seed, count, voices)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, hard))  # the daemon inherits it
    try:
        began = time.monotonic()
        with driven(Driven(sandbox, sizes=USUAL)) as daemon:
            outcome.need(daemon.becomes(lambda: _taken_in(daemon) >= count, HOURS),
                         f"{_taken_in(daemon)} of {count} were taken in")  # fmt: skip
            rate = count / (time.monotonic() - began)
            chance, highest = random.Random(seed), daemon.memory()
            ids = []
            for k in range(DREAMS):
                voice = f"voice{chance.randrange(voices):03d}"
                ids.append(daemon.dream(approach=APPROACHES[k % 4], seed=voice, secs=1.0))
            answered = daemon.becomes(lambda: not daemon.unanswered())
            highest = max(highest, daemon.memory())
            done = [id for id in ids if daemon.heard_all.answers[id][0] == "/dream/done"]
            outcome.need(answered and len(done) == len(ids), f"{len(done)} of {DREAMS} dreams came")
            status = daemon.answers()
            outcome.need(status is not None, "no status comes")
            outcome.need(daemon.becomes(lambda: len(_learned(daemon)) >= TRAINED, HOURS),
                         f"only {_learned(daemon)} have learned")  # fmt: skip
            highest = max(highest, daemon.memory())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    outcome.faults += [f"{changed} is not as it was" for changed in sandbox.changes()]
    outcome.limit("MB of memory", highest, MOST_MEMORY)
    if rate < LEAST_RATE:
        outcome.limits.append(f"{rate:.1f} recordings a second, {LEAST_RATE:g} were promised")
    outcome.text = (
        f"{count} recordings of {SECONDS:g} s, in folders of {voices} voices, before a daemon with "
        f"models of the usual sizes and at most {OPEN_FILES} open files in each process; then "
        f"{DREAMS} dreams of all approaches from voices drawn by lot. *Taken in*: recordings a "
        "second, from the start of the daemon on; *learned*: voices with a model that learned by "
        "the end; *status*: until it was answered; *memory*: of all processes together, highest."
    )
    outcome.head = ["recordings", "taken in", "dreams", "learned", "status", "memory"]
    outcome.rows = [[
        str(count), f"{rate:.0f} a second", str(len(done)), str(len(_learned(daemon))),
        f"{1000 * (status or 0):.0f} ms", f"{highest:.0f} MB",
    ]]  # fmt: skip
    return outcome


def _taken_in(daemon: Driven) -> int:
    return len(daemon.heard_all.told)


def _learned(daemon: Driven) -> set[str]:
    return {voice for (voice, _), (steps, _) in daemon.heard_all.trained.items() if steps}


def _fill(sandbox: Sandbox, seed: int, count: int, voices: int) -> None:
    rng = np.random.default_rng(seed)
    t = np.arange(int(SECONDS * RATE)) / RATE
    for k in range(count):
        folder = sandbox.recordings / f"voice{k % voices:03d}"
        folder.mkdir(exist_ok=True)
        tone = np.sin(2 * np.pi * rng.uniform(80, 2000) * t) * np.exp(-rng.uniform(2, 8) * t)
        files.write(folder / f"{k:05d}.wav", (0.5 * tone).astype(np.float32), RATE)
    sandbox.expect_changes()
