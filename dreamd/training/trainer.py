"""One model of one voice while it learns: batch, loss, step, save, in full view.

The scheduler has a :class:`Trainer` for each voice and approach, ``dreamd train`` one for each
voice.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording
from dreamd.errors import BadRecording, SetupError
from dreamd.home import checkpoints
from dreamd.home.header import Header
from dreamd.home.lock import is_there
from dreamd.kernels.adam import Adam
from dreamd.kernels.windowed_lstm import Kept
from dreamd.settings import Settings
from dreamd.training import settings_met, warm_start
from dreamd.training.device import pick_device
from dreamd.training.messages import Progress
from dreamd.training.resume import Resumed, newest_usable
from dreamd.training.running_error import RunningError
from dreamd.training.sampler import WindowSampler
from dreamd.workers.messages import Note

HISTORY = 120  # points kept of the error's history
TRIES = 4  # rollbacks without a checkpoint between them, and it goes back further or gives up
KEPT_BEFORE = 4  # newest recordings, of each of which one can go back to before it was learned
LEAST_RATE = 2**-10  # of the settings' learning rate: it is halved no further


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
        self._name = f"{config.approach} of {self.voice}"
        self._where = (settings.home, self.voice, config)
        self._device = torch.device(pick_device(settings.device))
        # A process that gets no CPU is not learning meanwhile; on a GPU only the clock tells.
        self._clock = time.thread_time if self._device.type == "cpu" else time.monotonic
        self._rng = np.random.default_rng()
        self.set_recordings(recordings)
        self.rate = 0.0  # steps a second while it trains
        self.unsaved = 0.0  # seconds of training not yet in a checkpoint
        self.head: Header
        self._from: Path | None  # the checkpoint that it goes on from
        self._before: Path | None = None  # only older checkpoints than this are of use
        self.model: Approach
        self.adam: Adam
        self.saved_at = time.monotonic()
        self._resume()
        self._meet_settings()

    def set_recordings(self, recordings: Sequence[Recording]) -> None:
        """From the next step on, windows come from these; what was given up is tried again."""
        self._sampler = WindowSampler(recordings, self._rng, self.config.channels)
        self._joined = sorted(each.joined for each in recordings)[-KEPT_BEFORE:]
        self.given_up: str | None = None  # why this model cannot learn from these recordings
        self._rollbacks = 0  # since the last checkpoint

    def train(self, seconds: float, interrupted: Callable[[], bool] = lambda: False) -> None:
        """As many steps as fit into ``seconds`` before it is interrupted, at least one."""
        began, computed, steps = time.monotonic(), self._clock(), 0
        try:
            while not steps or (time.monotonic() - began < seconds and not interrupted()):
                self.step()
                steps += 1
        except BadRecording as error:
            self._stay(str(error))
            return
        spent = max(self._clock() - computed, 1e-6)
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
        for line in self._sampler.left_out():
            self._warn(f"{self.voice}: {line}")
        vectors, after = self.model.stretches(torch.from_numpy(samples).to(self._device))
        return vectors, after, kept

    def save(self) -> None:
        """A checkpoint, unless what there is to save is broken.

        Raises :class:`SetupError` where it cannot be written: the next one may.
        """
        arrays = {name: to_numpy(tensor) for name, tensor in self.model.state_dict().items()}
        if not all(np.isfinite(array).all() for array in arrays.values()):
            self._roll_back("its weights are not finite")
            return
        self.saved_at = time.monotonic()
        if not is_there(self._settings.home):
            raise SetupError(f"cannot save: {self._settings.home} is gone")
        history = (*self.head.history, round(self.head.error, 5))
        if len(history) > HISTORY:  # halve the resolution, keep the whole curve
            history = history[::-1][::2][::-1]
        head = replace(self.head, history=history)
        state = {name: to_numpy(tensor) for name, tensor in self.adam.state.items()}
        self._set_aside_newer()
        self._from = checkpoints.save(self._settings.home, head, arrays, state, self._joined)
        self.head, self.unsaved = head, 0.0
        self._before, self._rollbacks = None, 0

    def progress(self) -> Progress:
        head = self.head
        return Progress(
            self.voice, self.config, head.steps, head.error, head.seconds, self.rate, head.history,
            self._joined[-1],
        )  # fmt: skip

    # ------------------------------------------------------------ errors

    def _roll_back(self, why: str) -> None:
        """Back to the last checkpoint with half the rate, thrice; then to the one before it; and
        then no more: what makes a good model explode again and again is in the recordings."""
        self._rollbacks += 1
        rate = max(self.head.learning_rate / 2, self._settings.learning_rate * LEAST_RATE)
        if self._rollbacks % TRIES == 0:
            older = self._from and newest_usable(*self._where, self._warn, self._from)
            if self._before or not older:
                self._give_up(why)
                return
            self._before = self._from
        self._resume()
        self._set_learning_rate(rate)
        said = f"{self._name} went astray ({why}): back at step "
        said += f"{self.head.steps}, learning rate now {rate:g}"
        self._warn(said)

    def _give_up(self, why: str) -> None:
        self._before = None
        self._resume()
        self._stay(why)

    def _stay(self, why: str) -> None:
        """Nothing is tried until the recordings change; dreams have the last good weights."""
        self.given_up = why
        said = f"{self._name} cannot learn from these recordings ({why}): it stays at step "
        self._warn(f"{said}{self.head.steps} until they change")

    def _set_aside_newer(self) -> None:
        """Training exploded from them, and has now gone well from an older checkpoint."""
        for path in checkpoints.readable(checkpoints.folder(*self._where)):
            if self._before and path >= self._before:
                checkpoints.set_aside(path)

    # ------------------------------------------------------------ beginnings

    def _resume(self) -> None:
        """The newest checkpoint, or a fresh model where there is none.

        Raises :class:`NoModel` where there are some and the disk does not give them.
        """
        self._error, self.unsaved = RunningError(), 0.0
        resumed = newest_usable(*self._where, self._warn, self._before)
        self._from = resumed.path if resumed else None
        if resumed:
            self._take(resumed)
        else:
            self._start_fresh()

    def _take(self, resumed: Resumed) -> None:
        self.head = resumed.head
        tensors = {name: torch.from_numpy(array) for name, array in resumed.weights.items()}
        self._model(self.head.scale).load_state_dict(tensors)
        self.adam = Adam(self.model, self.head.learning_rate)
        if resumed.optimizer is not None:
            self.adam.restore(resumed.optimizer)

    def _warn(self, line: str) -> None:
        self._say(Note(line, problem=True))

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
        model = registry.make(self.config, dropout=self._settings.dropout)
        warm_start.measure(model, self._sampler)
        initialize(model, self._settings.init_std)
        self.model = model.to(self._device)
        batch = self._batch()
        home = self._settings.home
        if starter := warm_start.nearest_starter(self.model, self.voice, home, *batch):
            self.model.load_state_dict(starter)
        self.head = Header(
            config=self.config,
            scale=model.scale,
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
