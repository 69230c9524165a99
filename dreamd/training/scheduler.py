"""Whose turn it is: every voice's models learn side by side, a slice of time each.

The training process has one :class:`TrainingScheduler` and calls :meth:`TrainingScheduler.turn`
for ever; between turns a minute of a new recording is scanned for pitches.

All models stand in a line, those whose recordings changed last first. The first few of them are at
work: they are in memory and take turns. Where there are more, each leaves after a stint, saved, and
goes to the end of the line: however large the library, memory holds a few models.
"""

import logging
import math
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

from dreamd.approaches.registry import APPROACHES
from dreamd.corpus.recording import Recording
from dreamd.errors import DreamError
from dreamd.home import going_back
from dreamd.settings import Settings
from dreamd.training.at_work import AT_WORK, AtWork, Key, standing
from dreamd.training.listening import Listening
from dreamd.training.messages import Pace, Progress
from dreamd.workers.messages import Note

SLICE = 0.5  # seconds a model trains before the next one's turn
AGAIN_AFTER = 60.0
"""Seconds after which a model whose checkpoints the disk did not give is tried again."""


class TrainingScheduler:
    """All models, in turn. ``tell`` takes :class:`Progress` and :class:`Note`."""

    def __init__(self, settings: Settings, tell: Callable[[Progress | Note], None]) -> None:
        self._settings, self._tell = settings, tell
        self._voices: dict[str, dict[str, Recording]] = {}  # by their sources
        self._changed: dict[str, None] = {}  # voices, the latest last
        self._line: deque[Key] = deque()
        self._resting: dict[Key, float] = {}  # those that cannot learn now: when to try again
        self._stints: dict[Key, float] = {}  # seconds trained since they came to work
        self._listening = Listening()
        self._at_work = AtWork(settings, tell, self._listening.again)
        self.pace: Pace | None = None  #: of learning, where it is not this process that learns
        self.want: Callable[[str], None] = lambda voice: None  #: one that somebody else shares

    @property
    def learns(self) -> bool:
        """Whether a model waits for its turn."""
        return bool(self._line or self._changed)

    @property
    def listens(self) -> bool:
        """Whether a recording waits to be scanned."""
        return self._listening.waiting

    @property
    def wakes_in(self) -> float | None:
        """Seconds until a model that rests is tried again; None: none will be."""
        at = min(self._resting.values(), default=math.inf)
        return max(at - time.monotonic(), 0.0) if at < math.inf else None

    # ------------------------------------------------------------ recordings

    def set_recordings(self, recordings: tuple[Recording, ...]) -> None:
        """Trains on just these from now on."""
        going_back.catch_up(self._settings.home)
        there = {recording.source: recording for recording in recordings}
        for has in list(self._voices.values()):
            for recording in [each for each in has.values() if there.get(each.source) != each]:
                self.forget(recording)
        for recording in recordings:
            if self._voices.get(recording.voice, {}).get(recording.source) != recording:
                self.join(recording)

    def join(self, recording: Recording) -> None:
        """One more to train on, or one made again: its voice's models come first."""
        has = self._voices.setdefault(recording.voice, {})
        if old := has.get(recording.source):
            self._listening.forget(old)
        has[recording.source] = recording
        self._touch(recording.voice)
        self._listening.add(recording)

    def forget(self, recording: Recording, unlearn: bool = False) -> None:
        """It is gone; to ``unlearn`` it, its voice's models go on from before it came."""
        if self._voices.get(recording.voice, {}).pop(recording.source, None):
            self._touch(recording.voice)
        self._listening.forget(recording)
        if unlearn:
            self._at_work.go_back(recording)

    def _touch(self, voice: str) -> None:
        self._changed.pop(voice, None)
        self._changed[voice] = None

    def _settle(self) -> None:
        """Once for all that has changed since the last turn."""
        changed, self._changed = self._changed, {}
        for voice in changed:
            keys = [(voice, approach) for approach in APPROACHES]
            new = not any(key in self._line or key in self._resting for key in keys)
            self._line = deque(key for key in self._line if key[0] != voice)
            for key in keys:
                self._resting.pop(key, None)
            if not self._voices[voice]:  # it has no recordings any more
                del self._voices[voice]
                for key in keys:
                    self._at_work.dismiss(key)
                continue
            self._line.extendleft(reversed(keys))
            for key in keys:
                if trainer := self._at_work.get(key):
                    self._at_work.change(trainer, list(self._voices[voice].values()))
                elif new:
                    self._tell(standing(self._settings, key))

    # ------------------------------------------------------------ turns

    def scan(self) -> None:
        """A minute or two of a recording that nobody has listened to yet."""
        self._listening.on()

    def turn(self, seconds: float = SLICE, interrupted: Callable[[], bool] = lambda: False) -> None:
        """The next model trains for so long; whoever is due is saved."""
        self._settle()
        self._wake()
        if not self._line:
            return
        key = self._line.popleft()
        try:
            self._train(key, seconds, interrupted)
        except DreamError as error:  # its checkpoints cannot be read, its recordings not be used
            self._rest(key, f"waits: {error}")
        except Exception as error:
            logging.exception("training %s of %s", key[1], key[0])
            self._rest(key, f"waits: an error inside dreamd ({error}), see its log")
        self._at_work.save_due()

    def _train(self, key: Key, seconds: float, interrupted: Callable[[], bool]) -> None:
        recordings = list(self._voices[key[0]].values())
        staying = {key, *islice(self._line, AT_WORK - 1)}
        trainer = self._at_work.fetch(key, recordings, staying)
        new, before = not trainer.head.steps, trainer.head.seconds
        trainer.train(seconds, interrupted)
        self._tell(trainer.progress())
        if trainer.given_up:
            self._at_work.save(trainer)
            self._rest(key)
            return
        if new:  # a first checkpoint at once: dreams have weights
            self._at_work.save(trainer)
        stint = self._stints.get(key, 0.0) + max(trainer.head.seconds - before, 0.0)
        over = new or stint >= self._settings.save_every
        if over and len(self._line) >= AT_WORK and self._at_work.save(trainer):
            self._line.append(key)
            self._stints.pop(key, None)
        else:
            self._line.insert(min(AT_WORK - 1, len(self._line)), key)
            self._stints[key] = stint

    def _rest(self, key: Key, why: str | None = None) -> None:
        """It does not stand in the line until its recordings change; or, with a reason that may
        pass, for a while."""
        self._at_work.give_up(key)
        self._stints.pop(key, None)
        self._resting[key] = time.monotonic() + AGAIN_AFTER if why else math.inf
        if why:
            self._at_work.say(Note(f"{key[1]} of {key[0]} {why}", problem=True))

    def _wake(self) -> None:
        now = time.monotonic()
        for key in [key for key, at in self._resting.items() if at <= now]:
            del self._resting[key]
            self._line.append(key)

    def save(self) -> None:
        """Everything that is not saved yet."""
        self._at_work.save_all()
