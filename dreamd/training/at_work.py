"""The models in memory: those that take turns now. Others wait in their checkpoints.

The scheduler has one :class:`AtWork`; it says who comes, who may have to leave, and hears who could
be saved.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.corpus.recording import Recording
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.home.going_back import go_back
from dreamd.settings import Settings
from dreamd.training.messages import Progress
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

AT_WORK = 8
"""Models in memory: all approaches of two voices, some 20 MB each."""

WORTH_SAVING = 2.0
"""Seconds of training."""

Key = tuple[str, str]
"""A voice and an approach."""


class AtWork:
    """:param tell: takes :class:`Progress` and :class:`Note`.
    :param room_again: called when what could not be saved is.
    """

    def __init__(
        self,
        settings: Settings,
        tell: Callable[[Progress | Note], None],
        room_again: Callable[[], None],
    ) -> None:
        self._settings, self._tell, self._room_again = settings, tell, room_again
        self._trainers: dict[Key, Trainer] = {}
        self._said: set[str] = set()
        self._full = False  # checkpoints cannot be written, and the performer knows

    def get(self, key: Key) -> Trainer | None:
        return self._trainers.get(key)

    def fetch(self, key: Key, recordings: Sequence[Recording], staying: Collection[Key]) -> Trainer:
        """A model's trainer; those that are not ``staying`` make room where they must."""
        if trainer := self.get(key):
            return trainer
        for other in [each for each in self._trainers if each not in staying]:
            if len(self._trainers) >= AT_WORK:
                self.dismiss(other)
        config = config_of(key[1], self._settings)
        trainer = Trainer(config, self._settings, recordings, self.say)
        self._trainers[key] = trainer
        return trainer

    def dismiss(self, key: Key) -> None:
        """It leaves, unless it cannot be saved."""
        if (trainer := self.get(key)) and self.save(trainer):
            self._tell(replace(trainer.progress(), steps_a_second=0.0))
            del self._trainers[key]

    def dismiss_all(self) -> None:
        """None is in memory any more, but those that cannot be saved."""
        for key in list(self._trainers):
            self.dismiss(key)

    def give_up(self, key: Key) -> None:
        """It leaves; what was not saved of it was of no use."""
        self._trainers.pop(key, None)

    def change(self, trainer: Trainer, recordings: Sequence[Recording]) -> None:
        """It has other recordings from now on; one may want to go back to what it was without."""
        if trainer.unsaved > WORTH_SAVING:
            self.save(trainer)
        trainer.set_recordings(recordings)

    def go_back(self, recording: Recording) -> None:
        """The models of its voice are what they were before it joined; one line says so."""
        keys = [(recording.voice, approach) for approach in APPROACHES]
        changed = {key[1] for key in keys if self.get(key)}
        for key in keys:
            self.give_up(key)
        back = go_back(self._settings.home, recording.voice, recording.joined, math.inf)
        changed |= {model.partition("-")[0] for model in back}
        where = []
        for key in keys:
            now = standing(self._settings, key)
            self._tell(now)
            if key[1] in changed:
                where.append(f"{key[1]} to {f'step {now.steps}' if now.steps else 'its beginning'}")
        if where:
            text = f"{recording.voice} goes back to before {recording.name}: {', '.join(where)}"
            self._tell(Note(text))

    def say(self, note: Note) -> None:
        """A line for the performer; none comes twice."""
        if note.text not in self._said:
            self._said.add(note.text)
            self._tell(note)

    # ------------------------------------------------------------ checkpoints

    def save(self, trainer: Trainer) -> bool:
        """Whether it is in a checkpoint now. A full disk is told once, and when it is over."""
        if not trainer.unsaved:
            return True
        try:
            trainer.save()
        except SetupError as error:
            if not self._full:
                said = f"{error}: learning goes on, and is saved when that is possible"
                self._tell(Note(said, problem=True))
            self._full = True
            return False
        if self._full:
            self._full = False
            self._tell(Note("what is learned is saved again"))
            self._room_again()
        return True

    def save_due(self) -> None:
        """Those that have not been saved for a while."""
        now = time.monotonic()
        for trainer in list(self._trainers.values()):
            if now - trainer.saved_at > self._settings.save_every:
                self.save(trainer)

    def save_all(self) -> None:
        for trainer in list(self._trainers.values()):
            self.save(trainer)


def standing(settings: Settings, key: Key) -> Progress:
    """How a model stands that is not in memory: as its newest checkpoint says."""
    config = config_of(key[1], settings)
    path = checkpoints.newest(checkpoints.folder(settings.home, key[0], config))
    if path is None:
        return Progress(key[0], config, 0, 1.0, 0.0, 0.0, ())
    head = checkpoints.header(path)
    return Progress(key[0], config, head.steps, head.error, head.seconds, 0.0, head.history)
