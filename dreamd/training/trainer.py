"""One model of one voice while it learns: batch, loss, step, save, in full view.

The scheduler has a :class:`Trainer` for each voice and approach, ``dreamd train`` one for each
voice.
"""

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
from dreamd.home import checkpoints
from dreamd.kernels.adam import Adam
from dreamd.kernels.windowed_lstm import Kept
from dreamd.settings import Settings
from dreamd.training import settings_met, warm_start
from dreamd.training.device import pick_device
from dreamd.training.messages import Progress
from dreamd.training.running_error import RunningError
from dreamd.training.sampler import WindowSampler
from dreamd.workers.messages import Note

HISTORY = 120  # points kept of the error's history


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
        self._meet_settings()

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
        vectors, after, kept = self._batch()
        noisy = vectors.add(torch.randn_like(vectors), alpha=self._settings.input_noise)
        loss, power = self.model.error(noisy, after, kept)
        self.adam.descend(loss, self._settings.clip)
        self._error.add(float(loss.detach()), float(power))

    def _batch(self) -> tuple[Tensor, Tensor, Kept]:
        """Random stretches as the model takes them, and which of their windows take part."""
        settings = self._settings
        samples, kept = self._sampler.stretches(
            settings.batch, settings.stretch, self.model.example_samples, self.config.vector
        )
        vectors, after = self.model.stretches(torch.from_numpy(samples).to(self._device))
        return vectors, after, kept

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
            self.voice, self.config, head.steps, head.error, head.seconds, self.rate, head.history
        )

    # ------------------------------------------------------------ errors

    def _roll_back(self, why: str) -> None:
        rate = self.head.learning_rate / 2
        self._resume()
        self._set_learning_rate(rate)
        said = f"{self.config.approach} of {self.voice} went astray ({why}): back at step "
        said += f"{self.head.steps}, learning rate now {rate:g}"
        self._say(Note(said, problem=True))

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

    def _meet_settings(self) -> None:
        """Settings act on a model that exists, or a line says that they do not."""
        rate, lines = settings_met.meet(self.head, self._settings)
        self._set_learning_rate(rate)
        for line in lines:
            self._say(Note(line))

    def _set_learning_rate(self, rate: float) -> None:
        self.head = replace(self.head, learning_rate=rate)
        self.adam.learning_rate = rate

    def _start_fresh(self) -> None:
        """A new model, with the scale of the recordings that there are.

        It begins with the nearest starter's weights, or with initial ones where no starter
        predicts these recordings better than silence does.
        """
        scale = warm_start.measured_scale(self.config, self._sampler)
        initialize(self._model(scale), self._settings.init_std)
        batch = self._batch()
        if starter := warm_start.nearest_starter(self.model, self.voice, *batch):
            self.model.load_state_dict(starter)
        self.head = checkpoints.Header(
            config=self.config,
            scale=scale,
            voice=self.voice,
            learning_rate=self._settings.learning_rate,
        )
        self.adam = Adam(self.model, self._settings.learning_rate)

    def _model(self, scale: float) -> Approach:
        model = registry.make(self.config, scale, dropout=self._settings.dropout)
        self.model = model.to(self._device)
        return self.model


def to_numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()
