"""One model of one voice while it learns: batch, loss, step, save, in full view.

The scheduler has a :class:`Trainer` for each voice and approach, ``dreamd train`` one for each
voice.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording
from dreamd.errors import SetupError
from dreamd.home import checkpoints, pretrained
from dreamd.kernels.adam import Adam
from dreamd.settings import Settings
from dreamd.training.messages import Progress
from dreamd.training.sampler import WindowSampler
from dreamd.workers.messages import Note

MEMORY = 0.98  # of the running error, per step: a window of some fifty steps
DIVERGED = 4.0  # times the best running error, and worse than silence: training has exploded
SCALE_DRAWS, SCALE_BATCH = 8, 64  # batches of windows that the scale of a new model is measured on
NEAR = 1.0  # error of a starter from which on training begins anew: that of silence
HISTORY = 120  # points kept of the error's history


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
        config: ModelConfig,
        settings: Settings,
        recordings: Sequence[Recording],
        say: Callable[[Note], None],
    ) -> None:
        self.voice, self.config = recordings[0].voice, config
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
            batch, windows, self.model.example_samples, self.config.vector
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
            config=self.config,
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
                f"{self.config.approach} of {self.voice} went astray ({why}): back at step "
                f"{self.head.steps}, learning rate now {rate:g}",
                problem=True,
            )
        )

    # ------------------------------------------------------------ beginnings

    def _resume(self) -> None:
        """The newest checkpoint, or a fresh model where there is none."""
        self._error, self.unsaved = RunningError(), 0.0
        path = checkpoints.newest(checkpoints.folder(self._settings.home, self.voice, self.config))
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
            config=self.config,
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
            self.config.vector,
        )  # fmt: skip
        vectors, after = trial.stretches(torch.from_numpy(samples).to(self._device))
        for path in pretrained.all_of(self.config, self.voice):
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
        model, scale = registry.make(self.config), 1e-6
        for _ in range(SCALE_DRAWS):
            samples = self._sampler.batch(SCALE_BATCH, model.example_samples)
            scale = max(scale, model.measure(torch.from_numpy(samples)))
        return scale

    def _model(self, scale: float) -> Approach:
        model = registry.make(self.config, scale, dropout=self._settings.dropout)
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
