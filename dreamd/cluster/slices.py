"""A slice of one model's training, far from its home: from a checkpoint's files to the next ones.

On a worker :func:`learn_slice` trains in a home of its own that lasts as long; at home :func:`keep`
takes in what came of it.
"""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from dreamd.approaches.config import ModelConfig
from dreamd.cluster.parcels import SliceOver, SliceParcel, moved_recording
from dreamd.cluster.shelf import Files, Shelf
from dreamd.cluster.sources import Remote, fetched
from dreamd.corpus.decoding import Form
from dreamd.corpus.recording import Recording
from dreamd.errors import Cancelled, SetupError
from dreamd.home import checkpoints
from dreamd.home.lock import claim
from dreamd.settings import Settings
from dreamd.training.resume import newest_usable
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

LEARNING_TURN = 0.25  # seconds of training between two looks at who else needs the process
LEAST_TURN = 1e-3  # seconds that a turn counts for, also one that was rolled back
WAITING = 0.02  # seconds between two looks while a dream is made
LONGEST_DELAY = 120.0  # seconds for which dreams keep a slice from going on; then it ends


def learn_slice(
    parcel: SliceParcel,
    shelf: Shelf,
    dreaming: Callable[[], bool],
    cancelled: Callable[[], bool],
) -> SliceOver:
    """Trains for the parcel's seconds, not counting those in which it is ``dreaming``.

    Raises :class:`Cancelled`.
    """
    lines: list[str] = []

    def say(note: Note) -> None:
        lines.append(note.text)

    recordings = [_here(each, shelf, parcel.settings) for each in parcel.recordings]
    with tempfile.TemporaryDirectory(prefix="dreamd-") as folder:
        home = Path(folder) / "home"
        claim(home)
        place = checkpoints.folder(home, parcel.voice, parcel.config)
        if not place.resolve().is_relative_to(home.resolve()):
            raise SetupError(f"a voice is called {parcel.voice!r}")
        put_files(place, parcel.checkpoint)
        settings = replace(parcel.settings, home=home)
        trainer = Trainer(parcel.config, settings, recordings, say)
        _train(trainer, parcel.seconds, dreaming, cancelled)
        if trainer.unsaved and not trainer.given_up:
            trainer.save()
        files = newest_files(place)
        return SliceOver(files, trainer.progress(), trainer.given_up is not None, tuple(lines))


def _here(recording: Recording | Remote, shelf: Shelf, settings: Settings) -> Recording:
    if isinstance(recording, Remote):
        return fetched(recording, shelf, Form(settings.rate, settings.channels))
    return moved_recording(recording, shelf.path)


def _train(
    trainer: Trainer, seconds: float, dreaming: Callable[[], bool], cancelled: Callable[[], bool]
) -> None:
    spent = waited = 0.0
    while spent < seconds and waited < LONGEST_DELAY and not trainer.given_up:
        if cancelled():
            raise Cancelled("nobody waits for it")
        if dreaming():
            time.sleep(WAITING)
            waited += WAITING
        else:
            before = trainer.head.seconds
            trainer.train(min(LEARNING_TURN, seconds - spent), dreaming)
            spent += max(trainer.head.seconds - before, LEAST_TURN)


def newest_files(model: Path) -> Files:
    """The newest checkpoint of a model's folder and its optimizer's state, as they lie there."""
    newest = checkpoints.newest(model)
    if newest is None:
        return {}
    beside = checkpoints.optimizer_of(newest)
    return {path.name: path.read_bytes() for path in (newest, beside) if path.exists()}


def put_files(model: Path, files: Files) -> None:
    """The same again, elsewhere."""
    model.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (model / Path(name).name).write_bytes(content)


def keep(
    home: Path, voice: str, config: ModelConfig, files: Files, joined: Sequence[float] = ()
) -> int:
    """What came of a slice, read as any checkpoint and saved as one, unless the home has learned
    further meanwhile; gives the steps of the home's newest. ``joined``: when its recordings did.

    Raises :class:`DreamError` for files that are no checkpoint, and where there is no room.
    """
    with tempfile.TemporaryDirectory(prefix="dreamd-") as folder:
        put_files(checkpoints.folder(Path(folder), voice, config), files)
        came = newest_usable(Path(folder), voice, config, lambda line: None)
    newest = checkpoints.newest(checkpoints.folder(home, voice, config))
    there = checkpoints.steps_of(newest) if newest else -1
    if came is None or came.head.steps <= there:
        return there
    checkpoints.save(home, came.head, came.weights, came.optimizer or {}, joined)
    return came.head.steps
