"""The stage: a daemon, SuperCollider with its server, Tidal; what each of them takes; the tapes.

:func:`concert.__main__.main` and ``tests/test_concert.py`` call :func:`run`.
"""

import contextlib
import socket
import statistics
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import soundfile
import superdirt
from test_supercollider import SuperCollider, jack_server
from test_tidal import Ghci
from torture.driven import USUAL, Driven, Sandbox, driven
from torture.outcome import LARGEST_GROWTH, LARGEST_GROWTH_OF_FILES, Outcome, growth

from concert import hearing
from concert.recordings import Recordings
from dreamd.audio import files, loudness, plucked_string
from dreamd.osc import transport

LINES = {"line": 2, "cloud": 3}
"""The endless dreams, SuperCollider's and Tidal's, and their channels on tape."""
MEASURED_EVERY = 5.0  # seconds
ENDING = 3.0  # seconds of the last tapes, in which the set ends
HIGHEST_PEAK = 10 ** (-1 / 20)
OVER = 6.0  # LU that a moment of a dream may be over the loudest recording's
UNDER = 10.0
"""LU that a dream may be under the softest passage that it leant on; the set turns down by 6."""
UNDER_ALL = 20.0  # LU that one of which nobody knows may be under the loudest recording
INSERTED = 20  # clicks into each line of each tape

PATTERNS = """
asking $ slow 8 $ dream "<spectrum column vector transpose>" # seed "<guitar rain>" # secs 2
:{
steering $ stack
  [ slow 4 $ steer "line" # temperature (slow 4 $ range 0 0.2 sine) # wander (slow 6 saw)
  , slow 8 $ steer "cloud" # follow "<guitar rain>" ]
:}
d3 $ slow 2 $ sound dreamlast # gain 0.7
"""
CLOUD = 'once $ endless "cloud" # dream "spectrum" # seed "rain" # orbit 1 # dreamrand {}'
TAKE = 'once $ dreamrec "guitar" # secs 4'


@dataclass
class Figures:
    """Of the whole set."""

    tapes: int = 0
    clouds: int = 0  # endless dreams that Tidal asked for
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    gaps: list[str] = field(default_factory=list)
    clicks: list[str] = field(default_factory=list)
    inserted: int = 0
    found: int = 0
    memory: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    opened: list[float] = field(default_factory=list)
    loudness: list[float] = field(default_factory=list)  # of dreams, LUFS
    too_loud: list[str] = field(default_factory=list)
    under: list[float] = field(default_factory=list)  # LU under what each leant on
    faint: list[str] = field(default_factory=list)


class Stage:
    """:param stretch: seconds of a tape."""

    def __init__(self, root: Path, daemon: Driven, jack: str, seed: int, stretch: float) -> None:
        self._root, self._daemon = root, daemon
        self.figures = Figures()
        self._judged = set(daemon.heard_all.done)  # those that only warmed it up
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        home = root / "performer"
        home.mkdir()
        self._performer = SuperCollider(home, jack)
        self._performer.include(self._performer.tests, *superdirt.classes())
        here = self._socket.getsockname()[1]
        args = (daemon.port, root, stretch, seed, here)
        self._set = threading.Thread(target=self._play, args=args)
        self._ended, self._over = "", False
        self._set.start()
        self._socket.settimeout(0.2)
        self._language = int(self._wait_for_start()[1])
        self._recordings = Recordings(daemon.folder.parent / "recordings")
        self._loudest = self._recordings.loudest

    def run(self, seconds: float) -> None:
        """Plays, listens to each tape when it is full, measures."""
        ghci = Ghci(self._root)
        ghci.script(self._daemon.port, self._language)
        ghci.type(PATTERNS)
        self._begin_cloud(ghci)
        ghci.type(TAKE)
        self._wait_for_tidal()
        began, measured = time.monotonic(), 0.0
        while time.monotonic() - began < seconds and self._set.is_alive():
            if time.monotonic() - measured > MEASURED_EVERY:
                measured = time.monotonic()
                self._measure()
            if self._hear_tape():
                if self.figures.tapes % 2:
                    ghci.type(TAKE)
                else:
                    self._begin_cloud(ghci)
        ghci.end()
        self.printed = ghci.printed()

    def _wait_for_tidal(self) -> None:
        """Until its first take is there, and its dream sounds."""
        log = self._root / "performer" / "concert.scd.log"

        def goes_on() -> bool:
            posted = log.read_text(errors="replace")
            return _taken(posted) > 0 and "the cloud sounds" in posted

        assert self._daemon.becomes(goes_on), f"Tidal is not heard:\n{log.read_text()[-2000:]}"

    def _begin_cloud(self, ghci: Ghci) -> None:
        """It takes the place of the one before."""
        self.figures.clouds += 1
        ghci.type(CLOUD.format(self.figures.clouds))

    def end(self) -> str:
        """What SuperCollider posted."""
        self._over = True
        self._send("/test/over")
        self._set.join()
        while self._hear_tape():
            continue
        self._judge_dreams()
        self._socket.close()
        return self._ended

    # ------------------------------------------------------------ SuperCollider

    def _play(self, *args: object) -> None:
        self._ended = self._performer.run("concert.scd", *args, seconds=1e5).output

    def _wait_for_start(self) -> list[float]:
        while self._set.is_alive():
            with contextlib.suppress(TimeoutError):
                for address, args in transport.decode(self._socket.recv(65536)):
                    if address == "/test/here":
                        return list(args)
        raise AssertionError(f"the set never began:\n{self._ended}")

    def _send(self, address: str) -> None:
        self._socket.sendto(transport.encode(address, []), ("127.0.0.1", self._language))

    # ------------------------------------------------------------ what is heard

    def _hear_tape(self) -> bool:
        """Waits a moment for a tape that is full; whether one was."""
        try:
            messages = transport.decode(self._socket.recv(65536))
        except TimeoutError:
            return False
        for address, args in messages:
            if address == "/test/tape":
                self._listen(int(args[0]))
        self._judge_dreams()
        return True

    def _listen(self, number: int) -> None:
        path = self._root / f"tape-{number}.wav"
        tape, rate = soundfile.read(path, dtype="float32")
        if self._over:  # the dreams are freed before the tape ends
            tape = tape[: -int(ENDING * rate)]
        self.figures.tapes += 1
        if not np.isfinite(tape).all() or np.abs(tape[:, :2]).max() > 1.0:
            self.figures.too_loud.append(f"{path.name}: {np.abs(tape).max():.2f} at the output")
        clean = True
        for name, channel in LINES.items():
            line = tape[:, channel]
            if name not in self.figures.seconds:  # until it sounds for the first time
                line = line[np.flatnonzero(np.abs(line) > hearing.SILENT)[:1].sum() :]
            heard = hearing.listen(line, rate)
            self.figures.seconds[name] += len(line) / rate
            self.figures.gaps += [f"{name} {number}: {t:.1f} s ({n:.2f} s)" for t, n in heard.gaps]
            self.figures.clicks += [f"{name} {number}: {t:.1f} s" for t in heard.clicks]
            found, made = hearing.share_found(line, rate, INSERTED, number)
            self.figures.found, self.figures.inserted = (
                self.figures.found + found, self.figures.inserted + made,
            )  # fmt: skip
            clean = clean and not heard.gaps and not heard.clicks
        if clean:  # a megabyte a second
            path.unlink()

    def _judge_dreams(self) -> None:
        for path in list(self._daemon.heard_all.done):
            if path in self._judged or not path.exists():
                continue
            self._judged.add(path)
            samples, rate = soundfile.read(path, dtype="float32")
            whole = loudness.integrated(samples, rate)
            powers = loudness.moments(loudness.Weighting(rate)(samples.astype(float)))
            loudest = loudness.lufs(float(powers.max())) if len(powers) else -np.inf
            self.figures.loudness.append(whole)
            peak = float(np.abs(samples).max())
            if peak > HIGHEST_PEAK or loudest > self._loudest + OVER:
                self.figures.too_loud.append(f"{path.name}: {loudest:.1f} LUFS, peak {peak:.2f}")
            under = self._recordings.softest(path) - whole
            if np.isfinite(under):
                self.figures.under.append(under)
                faint = under > UNDER
            else:  # a paused dream leant on nothing; or it is silent
                faint = whole < self._loudest - UNDER_ALL
            if faint:
                self.figures.faint.append(f"{path.name}: {whole:.1f} LUFS")

    # ------------------------------------------------------------ what it takes

    def _measure(self) -> None:
        for process in psutil.Process().children(recursive=True):
            try:
                name = process.name()
                if name in ("sclang", "scsynth"):
                    used = process.memory_full_info().pss / 1e6
                    self.figures.memory[name].append(used)
            except psutil.Error:
                continue
        self._recordings.look()
        self.figures.memory["dreamd"].append(self._daemon.memory())
        self.figures.opened.append(self._daemon.open_files())


def run(
    root: Path, seed: int, seconds: float, stretch: float = 120.0, sizes: tuple[str, ...] = USUAL
) -> Outcome:
    """:param root: an empty folder to work in.
    :param stretch: seconds of a tape; ``sizes``: of the models, as flags.
    """
    outcome, sandbox = Outcome("The set"), Sandbox(root)
    _record(sandbox, seed)
    with jack_server(root) as jack, driven(Driven(sandbox, sizes=sizes)) as daemon:
        outcome.need(daemon.warm(), "it never learned and dreamt")
        stage = Stage(root, daemon, jack, seed, stretch)
        stage.run(seconds)
        posted = stage.end()
        ended = daemon.becomes(lambda: not daemon.unanswered())
        outcome.need(ended, f"requests {daemon.unanswered()} were never answered")
    (root / "posted.txt").write_text(posted)
    _judge(outcome, stage, posted)
    _tell(outcome, stage, posted, seconds)
    return outcome


def _record(sandbox: Sandbox, seed: int) -> None:
    """Two voices without rests: what falls silent in a dream is no fault of the recordings."""
    rate, rng = plucked_string.MODEL_RATE, np.random.default_rng(seed)
    phrase = plucked_string.phrase()
    sounding = phrase[np.abs(phrase) > 0]
    t = np.arange(20 * rate) / rate
    swells = 0.6 + 0.4 * np.sin(2 * np.pi * t / 3.1)
    drops = sum(np.sin(2 * np.pi * hertz * t) for hertz in rng.uniform(300, 1500, 5))
    rain = 0.05 * swells * (drops + rng.standard_normal(len(t)))
    for voice, samples in (("guitar", sounding), ("rain", rain)):
        (sandbox.recordings / voice).mkdir()
        files.write(sandbox.recordings / voice / "a.wav", samples.astype(np.float32), rate)


def _judge(outcome: Outcome, stage: Stage, posted: str) -> None:
    figures = stage.figures
    errors = [line for line in posted.splitlines() if line.startswith("ERROR")]
    outcome.need(not errors, f"SuperCollider posted {errors[:3]}")
    refused = [line for line in posted.splitlines() if "FAILED" in line]
    outcome.need(not refused, f"{len(refused)} requests failed: {refused[:3]}")
    outcome.need(not stage.printed, f"ghci printed {stage.printed[:3]}")
    outcome.need(figures.tapes > 0, "no tape came")
    silent = [name for name in LINES if not figures.seconds[name]]
    outcome.need(not silent, f"{silent} never sounded")
    own = sum("SET" in line and " take " in line for line in posted.splitlines())
    outcome.need(_taken(posted) > own, "no take of Tidal's came")
    outcome.need(not figures.too_loud, f"too loud: {figures.too_loud[:3]}")
    if figures.faint:  # what has hardly learned is
        outcome.limits.append(f"faint: {figures.faint[:3]}")
    outcome.need(not figures.clicks, f"{len(figures.clicks)} clicks: {figures.clicks[:5]}")
    missed = figures.inserted - figures.found
    outcome.need(missed <= figures.inserted // 20, f"{missed} of {figures.inserted} inserted "
                 "clicks were not found")  # fmt: skip
    if figures.gaps:
        outcome.limits.append(f"{len(figures.gaps)} gaps: {figures.gaps[:5]}")
    for name, used in figures.memory.items():
        outcome.limit(f"{name}: MB, more in the end", growth(used), LARGEST_GROWTH)
    outcome.limit("open files, more in the end", growth(figures.opened), LARGEST_GROWTH_OF_FILES)


def _taken(posted: str) -> int:
    """Takes of SuperCollider's and Tidal's."""
    return sum(line.startswith("DreamRNN: recorded") for line in posted.splitlines())


def _tell(outcome: Outcome, stage: Stage, posted: str, seconds: float) -> None:
    figures = stage.figures
    dirt = "SuperDirt" if superdirt.classes() else "a double of SuperDirt"
    outcome.text = (
        "SuperCollider's sclang and scsynth, Tidal in ghci, "
        f"{dirt}, and a daemon with models of the usual sizes that learns: an endless `column` "
        "dream of SuperCollider's and an endless `spectrum` dream of Tidal's (`endless`, by way "
        "of the relay), steered from both languages every few seconds, "
        "reseeded, replaced by new ones; a Pdream in a pattern; single dreams of all four; takes "
        "recorded from what sounds into a voice, every other one forgotten again, and from an "
        "input by Tidal (`dreamrec`). Everything by "
        "dice from one seed. The two endless dreams are taped apart from the rest: *gaps* are "
        "silences over 50 ms that cut off what sounds, *clicks* what sounds over 8 kHz, where "
        "their models have nothing; *inserted* are cuts that were made into the tapes, to see "
        "whether the detector finds such. *Loudness*: of whole dreams, the softest and the "
        "loudest; takes of what sounds softly are as soft, and dreams of these too. *Under*: "
        "how many LU a dream was under the softest passage that it leant on, at most; by up to 6 "
        "the set turned them down. *Memory*: in the middle, and what was added after the first "
        "fifth."
    )
    done = [line for line in posted.splitlines() if line.startswith("SET")]
    count = {what: sum(f" {what} " in line for line in done)
             for what in ("begin", "steer", "take", "forget")}  # fmt: skip
    used = figures.memory
    outcome.head = [
        "minutes", "endless dreams, Tidal's", "steered", "takes, Tidal's", "forgotten", "dreams",
        "gaps", "clicks", "inserted, found", "loudness", "under", "scsynth", "sclang", "dreamd",
        "open files",
    ]  # fmt: skip
    loud = figures.loudness or [0.0]
    outcome.rows = [[
        f"{seconds / 60:.1f}", f"{count['begin']}, {figures.clouds}", str(count["steer"]),
        f"{count['take']}, {_taken(posted) - count['take']}", str(count["forget"]),
        str(len(figures.loudness)), str(len(figures.gaps)), str(len(figures.clicks)),
        f"{figures.inserted}, {figures.found}",
        f"{min(loud):.0f} to {max(loud):.0f} LUFS",
        f"{max(figures.under, default=0.0):.1f} LU",
        *(f"{statistics.median(used[name]):.0f} MB, {growth(used[name]):+.0f} MB"
          for name in ("scsynth", "sclang", "dreamd")),
        f"{growth(figures.opened):+.0f}",
    ]]  # fmt: skip
