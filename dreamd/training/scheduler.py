"""Whose turn it is: every voice's models learn side by side, a slice of time each.

The training process has one :class:`TrainingScheduler` and calls :meth:`TrainingScheduler.turn`
for ever; between turns a minute of a new recording is scanned for pitches.
"""

import logging
import time
from collections.abc import Callable, Iterator

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.corpus import events, pitch, single_notes
from dreamd.corpus.recording import Recording
from dreamd.corpus.single_notes import SingleNote
from dreamd.settings import Settings
from dreamd.training.messages import Progress
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

SLICE = 0.5  # seconds a model trains before the next one's turn


class TrainingScheduler:
    """All trainers, in turn.

    :param tell: takes :class:`Progress` and :class:`Note`.
    """

    def __init__(self, settings: Settings, tell: Callable[[Progress | Note], None]) -> None:
        self._settings, self._tell = settings, tell
        self._trainers: dict[tuple[str, str], Trainer] = {}
        self._turns: list[Trainer] = []  # next first
        self._known: dict[str, tuple[Recording, ...]] = {}
        self._unscanned: list[Recording] = []
        self._scan: Iterator[bool] | None = None

    @property
    def idle(self) -> bool:
        return not self._turns

    def set_recordings(self, recordings: tuple[Recording, ...]) -> None:
        """Trains on just these from now on; voices with anything new come first."""
        voices: dict[str, tuple[Recording, ...]] = {}
        for recording in recordings:
            voices[recording.voice] = (*voices.get(recording.voice, ()), recording)
        for key in [key for key in self._trainers if key[0] not in voices]:
            trainer = self._trainers.pop(key)
            self._turns.remove(trainer)
            trainer.save()
        changed = [voice for voice, has in voices.items() if has != self._known.get(voice)]
        for voice in changed:
            for approach in APPROACHES:
                self._enrol(voice, approach, voices[voice])
        self._turns.sort(key=lambda trainer: trainer.voice not in changed)
        self._known = voices
        self._unscanned = [r for r in recordings if not is_scanned(r)]
        logging.info("training on %d recordings", len(recordings))

    def scan(self) -> None:
        """Looks for events and single notes in the next minute or two of a recording that nobody
        has listened to yet."""
        if self._scan is None and self._unscanned:
            self._scan = _scan(self._unscanned.pop(0))
        if self._scan is not None and not next(self._scan, False):
            self._scan = None

    def turn(self, interrupted: Callable[[], bool] = lambda: False) -> None:
        """The next trainer trains for a slice of time; whoever is due is saved."""
        trainer = self._turns.pop(0)
        self._turns.append(trainer)
        new = trainer.head.steps == 0
        trainer.train(SLICE, interrupted)
        if new:
            trainer.save()
        self._tell(trainer.progress())
        now = time.monotonic()
        due = [p for p in self._turns if p.unsaved and now - p.saved_at > self._settings.save_every]
        for late in due:
            late.save()

    def save(self) -> None:
        for trainer in self._turns:
            if trainer.unsaved:
                trainer.save()

    def _enrol(self, voice: str, approach: str, recordings: tuple[Recording, ...]) -> None:
        trainer = self._trainers.get((voice, approach))
        if trainer is not None:
            trainer.set_recordings(recordings)
            return
        config = config_of(approach, self._settings)
        trainer = Trainer(config, self._settings, recordings, self._tell)
        self._trainers[voice, approach] = trainer
        self._turns.append(trainer)
        self._tell(trainer.progress())


def is_scanned(recording: Recording) -> bool:
    return events.exist(recording) and single_notes.known(recording) is not None


def _scan(recording: Recording) -> Iterator[bool]:
    """Listens part by part, then writes down what it found: events first, dreams leap to them."""
    try:
        if not events.exist(recording):
            yield from events.scan(recording)
        if single_notes.known(recording) is None:
            found: list[SingleNote] = []
            for heard in pitch.scan(recording):
                found.extend(heard)
                yield True
            single_notes.keep(recording, found)
    except OSError as error:  # a full disk: the cursor walks straight on, notes are synthesized
        logging.warning("cannot keep what %s holds: %s", recording.name, error)
