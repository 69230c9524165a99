"""``dreamd dream`` and ``dreamd train``: the same dreams and the same learning, no daemon.

Both use the home folder of the daemon: what one has learned, the other dreams from.
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

import torch

from dreamd.approaches.registry import config_of
from dreamd.audio.no_audio import shown
from dreamd.corpus import events, pitch, single_notes
from dreamd.corpus.cache import Corpus
from dreamd.corpus.folder import given
from dreamd.corpus.found import Found
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render, seeds
from dreamd.dreaming.job import CursorLeapt, Job, Told
from dreamd.dreaming.resolve import all_voices, resolve, trained_voices
from dreamd.errors import BadRecording, SetupError
from dreamd.home import credits
from dreamd.home.bank import Bank
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.scheduler import SLICE
from dreamd.training.trainer import Trainer


def dream(settings: Settings, request: Request, out: Path) -> Job:
    """Makes one dream into ``out``; gives what it was made from.

    Raises a :class:`DreamError`; then ``out`` is as it was.
    """
    if request.endless:
        raise SetupError("an endless dream needs a daemon that makes it: say how many --secs")
    if out.suffix.lower() != ".wav":
        raise SetupError(f"--out is a WAV file, got {out}")
    claim(settings.home)
    render.prepare()
    corpus = Corpus(settings.home, settings.rate, channels=settings.channels)
    corpus.recall_all()
    voices = all_voices(trained_voices(settings), corpus.voices())
    for recording in corpus.recordings():
        listen(recording, notes=bool(request.notes))
    if words := seeds.file_named(request, voices):
        seeds.check_file(words)
    job = resolve(settings, request, voices, Bank(settings.home).finished)
    try:
        _make(job, settings, out)
    except OSError as error:
        raise SetupError(f"cannot write {out}: {error.strerror}") from None
    return job


def _make(job: Job, settings: Settings, out: Path) -> None:
    """The dream, and beside it what it leant on: both, or neither."""
    part, leaps = out.with_name(f".{out.name}.part"), list[CursorLeapt]()

    def tell(said: Told) -> None:
        if isinstance(said, CursorLeapt):
            leaps.append(said)

    try:
        job = replace(job, path=part)
        job.file.create(job.frames)
        render.render(job, settings, tell)
        credits.keep(out, job.credits(leaps), job.voice)
        os.replace(part, out)
    finally:
        with contextlib.suppress(OSError):  # a disk that has become read-only
            part.unlink(missing_ok=True)


@torch.enable_grad()
def train(
    settings: Settings, source: Path, approach: str, seconds: float, say: Callable[[str], None]
) -> None:
    """Trains one approach on each voice in a folder (or on one file), in turn.

    Raises :class:`SetupError` where there is nothing to learn from.
    """
    torch.set_num_threads(settings.threads)
    voices = ingest(settings, source, say)
    config = config_of(approach, settings)
    trainers = [
        Trainer(config, settings, them, lambda note: say(note.text)) for them in voices.values()
    ]
    began = last = time.monotonic()
    while (spent := time.monotonic() - began) < seconds and (
        learning := [trainer for trainer in trainers if not trainer.given_up]
    ):
        for trainer in learning:
            trainer.train(min(SLICE, seconds))
            if time.monotonic() - trainer.saved_at > settings.save_every:
                _try_to_save(trainer, say)
        if time.monotonic() - last > 2:
            last = time.monotonic()
            errors = ", ".join(f"{p.voice} {p.head.error:.3f}" for p in trainers)
            say(f"{approach}: error {errors}; {max(seconds - spent, 0):.0f} s left")
    for trainer in trainers:
        if trainer.unsaved:
            trainer.save()
        head = trainer.head
        say(f"{head.voice}: {approach} at step {head.steps}, error {head.error:.4f}")


def _try_to_save(trainer: Trainer, say: Callable[[str], None]) -> None:
    try:
        trainer.save()
    except SetupError as error:  # a full disk: the next try, or the last one, may find room
        say(str(error))


def ingest(
    settings: Settings, source: Path, say: Callable[[str], None]
) -> dict[str, list[Recording]]:
    """The recordings of a folder or file, ready for training."""

    def remark_on(path: Path, line: str) -> None:
        say(f"{shown(path)}: {line}")

    files = given(source)
    corpus = Corpus(settings.home, settings.rate, channels=settings.channels)
    for path, voice in files:
        found = Found.at(path.absolute(), voice)
        try:
            if found is not None:
                corpus.add(corpus.ingest(found, remark=partial(remark_on, path)))
        except BadRecording as error:
            say(f"passed over: {error}")
    if not corpus.recordings():
        raise SetupError(f"nothing to learn from in {source}")
    for recording in corpus.recordings():
        listen(recording)
    return corpus.voices()


def listen(recording: Recording, notes: bool = False) -> None:
    """Looks for the events of a recording, if nobody has yet: cursors leap to them. And for its
    single notes, of which seeds of notes are made."""
    if not events.exist(recording):
        for _ in events.scan(recording):
            pass
    if notes and single_notes.known(recording) is None:
        single_notes.keep(recording, chain.from_iterable(pitch.scan(recording)))
