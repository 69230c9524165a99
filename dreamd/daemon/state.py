"""What the daemon knows at a moment. Changed by the daemon's own thread alone."""

import logging
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from dreamd.corpus.cache import Corpus
from dreamd.corpus.ingest import Ingesting
from dreamd.corpus.recording import Voices
from dreamd.daemon.estimates import Estimates
from dreamd.daemon.queue import Queue
from dreamd.dreaming.resolve import all_voices
from dreamd.home.bank import Bank
from dreamd.home.log import Repeats
from dreamd.settings import Settings
from dreamd.terminal.view import LogLine
from dreamd.training.messages import Pace, Progress

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
    training_paused: bool = False  # by a client
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

    def seconds(self, voice: str) -> float:
        """Of the voice's recordings."""
        self.voices()
        return self._seconds.get(voice, 0.0)

    def voices_changed(self) -> None:
        """Recordings came or went, or a voice has its first model."""
        self._voices = None
