"""Training: every voice's models in turn, batch, loss, step, save, in full view.

The training process and ``dreamd train`` call it. All four approaches of all voices learn side by
side: each gets a slice of time, round and round.
"""

import copy
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio.files import Samples
from dreamd.corpus import pitch, single_notes
from dreamd.corpus.recording import Recording, cut
from dreamd.corpus.single_notes import SingleNote
from dreamd.errors import SetupError
from dreamd.home import checkpoints, pretrained
from dreamd.kernels.adam import Adam
from dreamd.kernels.windowed_lstm import Kept
from dreamd.settings import Settings
from dreamd.training.messages import Progress
from dreamd.workers.messages import Note

SLICE = 0.5  # seconds a model trains before the next one's turn
RECENT = 0.3  # share of windows drawn by how new a recording is, not by how long
MEMORY = 0.98  # of the running error, per step: a window of some fifty steps
DIVERGED = 4.0  # times the best running error, and worse than silence: training has exploded
SCALE_DRAWS, SCALE_BATCH = 8, 64  # batches of windows that the scale of a new model is measured on
NEAR = 1.0  # error of a starter from which on training begins anew: that of silence
HISTORY = 120  # points kept of the error's history


class WindowSampler:
    """Random stretches of all of a voice's recordings, recent ones favoured."""

    def __init__(self, recordings: Sequence[Recording], rng: np.random.Generator) -> None:
        self._recordings = sorted(recordings, key=lambda r: -r.joined)  # newest first
        by_length = np.array([r.frames for r in self._recordings], float)
        by_age = 0.5 ** np.arange(len(recordings))
        self._odds = (1 - RECENT) * by_length / by_length.sum() + RECENT * by_age / by_age.sum()
        self._rng = rng

    def batch(self, count: int, length: int) -> Samples:
        """``(count, length)`` samples; a recording that is too short is looped."""
        return np.stack([self._window(each, length) for each in self._choose(count)])

    def stretches(self, count: int, windows: int, length: int, apart: int) -> tuple[Samples, Kept]:
        """``count`` stretches of windows of ``length`` samples that begin ``apart`` samples apart.

        Gives the samples ``(count, length + (windows-1)·apart)`` and which windows are to be
        kept, ``(count, windows)``. In a stretch that is longer than its recording random parts
        of it follow each other; a window that lies across a seam is not kept.
        """
        pairs = [self._stretch(each, windows, length, apart) for each in self._choose(count)]
        return np.stack([samples for samples, _ in pairs]), np.stack([kept for _, kept in pairs])

    def _stretch(
        self, recording: Recording, windows: int, length: int, apart: int
    ) -> tuple[Samples, Kept]:
        whole = length + (windows - 1) * apart
        fit = (recording.frames - length) // apart + 1 if recording.frames >= length else windows
        if fit >= windows:
            return self._window(recording, whole), np.ones(windows, bool)
        step = fit - 1 - -length // apart  # vectors in a part: its last window's are whole
        parts = [
            np.resize(self._window(recording, length + (fit - 1) * apart), step * apart)
            for _ in range(0, windows, step)
        ]
        kept = np.arange(windows) % step < fit
        return np.resize(np.concatenate(parts), whole), kept

    def _choose(self, count: int) -> list[Recording]:
        chosen = self._rng.choice(len(self._recordings), count, p=self._odds)
        return [self._recordings[k] for k in chosen]

    def _window(self, recording: Recording, length: int) -> Samples:
        spare = max(recording.frames - length, 0) or recording.frames
        return cut(recording, int(self._rng.integers(spare + 1)), length)


class RunningError:
    """The training error over the last fifty steps or so."""

    def __init__(self) -> None:
        self._squares = self._power = self._weight = 0.0
        self.best = float("inf")  # since the last checkpoint was loaded

    def add(self, squares: float, power: float) -> None:
        """A step's mean squared error, and the mean square of its labels."""
        self._squares = MEMORY * self._squares + squares
        self._power = MEMORY * self._power + power
        self._weight = MEMORY * self._weight + 1

    @property
    def ratio(self) -> float:
        """Mean squared error over the labels' mean square; 1.0 predicts silence."""
        return self._squares / max(self._power, 1e-12)

    @property
    def deviation(self) -> float:
        """Root mean squared error, in the model's scale."""
        return float(np.sqrt(self._squares / max(self._weight, 1e-12)))

    def diverged(self) -> str | None:
        """Why training has exploded, if it has."""
        if not np.isfinite(self.ratio):
            return "its error is not finite"
        if self.ratio > 1.0 and self.ratio > DIVERGED * self.best:
            return f"its error rose to {self.ratio:.1f}"
        self.best = min(self.best, self.ratio)
        return None


class Trainer:
    """One model of one voice while it learns; resumes from its newest checkpoint.

    :param say: takes lines for the performer.
    """

    def __init__(
        self,
        shape: ModelConfig,
        settings: Settings,
        recordings: Sequence[Recording],
        say: Callable[[Note], None],
    ) -> None:
        self.voice, self.shape = recordings[0].voice, shape
        self._settings, self._say = settings, say
        self._device = torch.device(pick_device(settings.device))
        self._rng = np.random.default_rng()
        self.set_recordings(recordings)
        self.rate = 0.0  # steps a second while it trains
        self.unsaved = 0.0  # seconds of training not yet in a checkpoint
        self.head: checkpoints.Header
        self.model: Approach
        self.adam: Adam
        self.saved_at = time.monotonic()
        self._resume()

    def set_recordings(self, recordings: Sequence[Recording]) -> None:
        """From the next step on, windows come from these."""
        self._sampler = WindowSampler(recordings, self._rng)

    def train(self, seconds: float, interrupted: Callable[[], bool] = lambda: False) -> None:
        """As many steps as fit into ``seconds`` before it is interrupted, at least one."""
        began, steps = time.monotonic(), 0
        while not steps or (time.monotonic() - began < seconds and not interrupted()):
            self.step()
            steps += 1
        spent = time.monotonic() - began
        self.rate = steps / spent
        self.unsaved += spent
        self.head = replace(
            self.head,
            steps=self.head.steps + steps,
            error=self._error.ratio,
            deviation=self._error.deviation,
            seconds=self.head.seconds + spent,
        )
        if why := self._error.diverged():
            self._roll_back(why)

    def step(self) -> None:
        """One training step: draw stretches, mean squared error, clipped gradient, Adam."""
        batch, windows = self._settings.batch, self._settings.stretch
        samples, kept = self._sampler.stretches(
            batch, windows, self.model.example_samples, self.shape.vector
        )
        vectors, after = self.model.stretches(torch.from_numpy(samples).to(self._device))
        noisy = vectors.add(torch.randn_like(vectors), alpha=self._settings.input_noise)
        loss, power = self.model.error(noisy, after, kept)
        self.adam.descend(loss, self._settings.clip)
        self._error.add(float(loss.detach()), float(power))

    def save(self) -> None:
        """A checkpoint, unless what there is to save is broken."""
        arrays = {name: to_numpy(tensor) for name, tensor in self.model.state_dict().items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            self._roll_back("its weights are not finite")
            return
        history = (*self.head.history, round(self.head.error, 5))
        if len(history) > HISTORY:  # halve the resolution, keep the whole curve
            history = history[::-1][::2][::-1]
        self.head = replace(self.head, history=history)
        self.saved_at = time.monotonic()
        try:
            state = {name: to_numpy(tensor) for name, tensor in self.adam.state.items()}
            checkpoints.save(self._settings.home, self.head, arrays, state)
            self.unsaved = 0.0
        except SetupError as error:  # a full disk: learning goes on, the next save may succeed
            self._say(Note(str(error), problem=True))

    def progress(self) -> Progress:
        head = self.head
        return Progress(
            voice=self.voice,
            shape=self.shape,
            steps=head.steps,
            error=head.error,
            seconds=head.seconds,
            steps_a_second=self.rate,
            history=head.history,
        )

    # ------------------------------------------------------------ errors

    def _roll_back(self, why: str) -> None:
        rate = self.head.learning_rate / 2
        self._resume()
        self.head = replace(self.head, learning_rate=rate)
        self.adam.learning_rate = rate
        self._say(
            Note(
                f"{self.shape.approach} of {self.voice} went astray ({why}): back at step "
                f"{self.head.steps}, learning rate now {rate:g}",
                problem=True,
            )
        )

    # ------------------------------------------------------------ beginnings

    def _resume(self) -> None:
        """The newest checkpoint, or a fresh model where there is none."""
        self._error, self.unsaved = RunningError(), 0.0
        path = checkpoints.newest(checkpoints.folder(self._settings.home, self.voice, self.shape))
        if path is None:
            self._start_fresh()
            return
        head, arrays = checkpoints.load(path)
        self.head = head
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._model(self.head.scale).load_state_dict(tensors)
        self.adam = Adam(self.model, self.head.learning_rate)
        kept = checkpoints.load_optimizer(path)
        if kept is not None:
            self.adam.restore(kept)

    def _start_fresh(self) -> None:
        """A new model, with the scale of the recordings that there are.

        It begins with the nearest starter's weights, or with initial ones where no starter
        predicts these recordings better than silence does.
        """
        scale = self._measure()
        initialize(self._model(scale), self._settings.init_std)
        if starter := self._nearest_starter():
            self.model.load_state_dict(starter)
        self.head = checkpoints.Header(
            shape=self.shape,
            scale=scale,
            voice=self.voice,
            learning_rate=self._settings.learning_rate,
        )
        self.adam = Adam(self.model, self._settings.learning_rate)

    def _nearest_starter(self) -> dict[str, Tensor] | None:
        """The weights of the starter that errs least on some of these recordings, if it is near."""
        nearest, least, trial = None, NEAR, copy.deepcopy(self.model)
        samples, kept = self._sampler.stretches(
            self._settings.batch, self._settings.stretch, self.model.example_samples,
            self.shape.vector,
        )  # fmt: skip
        vectors, after = trial.stretches(torch.from_numpy(samples).to(self._device))
        for path in pretrained.all_of(self.shape, self.voice):
            arrays = checkpoints.load(path)[1]
            tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
            trial.load_state_dict(tensors)
            with torch.no_grad():
                squares, power = trial.error(vectors, after, kept)
            if float(squares / power) < least:
                nearest, least = tensors, float(squares / power)
        return nearest

    def _measure(self) -> float:
        """What the model's inputs are to be divided by, from windows of these recordings."""
        model, scale = registry.make(self.shape), 1e-6
        for _ in range(SCALE_DRAWS):
            samples = self._sampler.batch(SCALE_BATCH, model.example_samples)
            scale = max(scale, model.measure(torch.from_numpy(samples)))
        return scale

    def _model(self, scale: float) -> Approach:
        model = registry.make(self.shape, scale, dropout=self._settings.dropout)
        self.model = model.to(self._device)
        return self.model


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()


def pick_device(wish: str) -> str:
    """``auto`` becomes the GPU that there is, or ``cpu``.

    Raises :class:`SetupError` where there is no such device.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wish == "auto":
        return next(device for device, here in there.items() if here)
    if not there[wish]:
        raise SetupError(f"--device {wish}: there is none here; leave the flag out")
    return wish


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
        self._unscanned = [r for r in recordings if single_notes.known(r) is None]
        logging.info("training on %d recordings", len(recordings))

    def scan_pitches(self) -> None:
        """Looks for solos in the next minute of a recording that nobody has listened to yet."""
        if self._scan is None and self._unscanned:
            self._scan = _pitch_scan(self._unscanned.pop(0))
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


def _pitch_scan(recording: Recording) -> Iterator[bool]:
    """Listens minute by minute, then writes down what it found."""
    found: list[SingleNote] = []
    for heard in pitch.scan(recording):
        found.extend(heard)
        yield True
    try:
        single_notes.keep(recording, found)
    except OSError as error:  # a full disk: notes are synthesized then
        logging.warning("cannot keep the solos of %s: %s", recording.name, error)
