"""What the daemon knows at a moment. Changed by the daemon's own thread alone."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from dreamd.corpus.cache import Corpus
from dreamd.corpus.ingest import Ingesting
from dreamd.corpus.recording import Voices
from dreamd.daemon.estimates import Estimates
from dreamd.daemon.queue import Queue
from dreamd.daemon.shared import Shared
from dreamd.dreaming.resolve import all_voices
from dreamd.home.bank import Bank
from dreamd.home.log import Repeats
from dreamd.osc.addresses import Address
from dreamd.settings import Settings
from dreamd.terminal.view import LogLine
from dreamd.training.messages import Pace, Progress

MOST_USUAL = 512
"""Clients whose usual voice is remembered."""
LOG_LINES = 200
"""Lines for the performer that are kept."""


@dataclass
class State:
    """Parts that each know their own, and what belongs to none of them."""

    settings: Settings
    folder: Path
    corpus: Corpus
    bank: Bank
    queue: Queue
    estimates: Estimates = field(default_factory=Estimates)
    shared: Shared = field(default_factory=Shared)  # voices of others
    training_paused: bool = False  # by a client
    unread: dict[Path, str] = field(default_factory=dict)  # complete files, their voices
    coming: Callable[[], frozenset[str] | None] = frozenset[str]
    """Voices of files that are not complete, or just found; None: nobody has looked yet."""
    usual: dict[Address, str] = field(default_factory=dict)  # which voice answers whom
    outrate: int | None = None  # Hz; what an audio server wants of all dreams
    pace: Pace = Pace(0.0, False)  # of learning
    ingests: dict[Path, Ingesting] = field(default_factory=dict)
    models: dict[tuple[str, str], Progress] = field(default_factory=dict)
    active: dict[str, float] = field(default_factory=dict)  # voice: when something happened
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    said: int = 0
    trained: frozenset[str] = frozenset()  # voices that have models
    _repeats: Repeats = field(default_factory=Repeats)
    _voices: Voices | None = None  # as they are now, once somebody has asked
    _seconds: dict[str, float] = field(default_factory=dict)

    def say(self, text: str, warning: bool = False) -> None:
        """A line for the performer, and for the log; of many like it only some."""
        if self._repeats.passes(text, warning):
            self._add_line(text, warning)

    def say_counted(self) -> None:
        """Now and then: how many lines were not said."""
        for text in self._repeats.counted():
            self._add_line(text, True)

    def _add_line(self, text: str, warning: bool) -> None:
        text = text.encode("utf-8", "backslashreplace").decode()  # a name may be any bytes
        self.said += 1
        self.log.append(LogLine(self.said, time.time(), text, warning))
        logging.log(logging.WARNING if warning else logging.INFO, "%s", text)

    def usual_voice(self, client: Address) -> str:
        """Which voice answers this client where it names none: the one with recordings to which
        something happened last, and from then on the same. Empty where there is none."""
        there = {name for name, recordings in self.voices().items() if recordings}
        known = self.usual.get(client)
        if there and known not in there:
            known = max(
                sorted(there, reverse=True),
                key=lambda name: (self.active.get(name, 0.0), name == "default"),
            )
            self.set_usual(client, known)
        return known or ""

    def set_usual(self, client: Address, voice: str) -> None:
        """The client has said it, or found it."""
        self.usual.pop(client, None)
        self.usual[client] = voice
        if len(self.usual) > MOST_USUAL:
            del self.usual[next(iter(self.usual))]

    def touch(self, voice: str) -> None:
        """Something happens to this voice."""
        self.active[voice] = time.time()

    def voices(self) -> Voices:
        """Every voice that has recordings, or (then without any) models. Never changed: whoever has
        it may keep it, in any thread."""
        if self._voices is None:
            self._voices = all_voices(sorted(self.trained), self.corpus.voices())
            self._seconds = {
                name: sum(r.seconds for r in recordings)
                for name, recordings in self._voices.items()
            }
        return self._voices

    def voices_to_ask(self) -> Voices:
        """These, and those that others of the cluster share."""
        return {**self.voices(), **self.shared.voices()}

    def seconds(self, voice: str) -> float:
        """Of the voice's recordings."""
        self.voices()
        return self._seconds.get(voice, 0.0)

    def voices_changed(self) -> None:
        """Recordings came or went, or a voice has its first model."""
        self._voices = None
