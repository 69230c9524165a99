"""What a concurrent dream learns from: a cursor that walks through a recording.

Each concurrent dream has a :class:`Follower` and calls :meth:`Follower.step` before each of its
steps (the paper's second way of sampling). It owns the network that it teaches, a copy that nobody
else has, and Adam's state.
"""

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach, SampleWise
from dreamd.approaches.registry import Concurrent
from dreamd.audio.files import Samples
from dreamd.audio.linear_prediction import innovation
from dreamd.corpus.recording import Recording, loop
from dreamd.kernels.adam import Adam

CLIP = 1.0
"""Largest norm of the gradient."""

MINIMUM_LEVEL = 1e-4
"""The least level, in the model's scale: out of true silence no dream comes back."""

INNOVATION_SPAN = 1024  # samples from which the innovation is predicted
INNOVATION_ORDER = 4
"""Of that prediction: enough to whiten the recording's colour, too little to follow its tones."""


class Follower:
    """:param model: what learns; its weights change with each step.
    :param start: the frame of ``recording`` that the first step's last window leads up to: what
        is heard there is what the dream's first element leans towards.
    :param profile: how its approach learns and is held.
    :param pace: elements that the cursor moves on for each that is dreamt.
    :param learning_rate: Adam's.
    """

    def __init__(
        self,
        model: Approach,
        recording: Recording,
        start: int,
        profile: Concurrent,
        *,
        pace: float,
        learning_rate: float,
    ) -> None:
        self._model, self._recording, self.profile = model, recording, profile
        self._block = block_of(model, profile)
        self._span = pace * self._block * model.element_samples  # samples a step moves on
        self._cursor = float(start - model.seed_samples)
        self._adam = Adam(model, learning_rate, profile.momentum, profile.epsilon)
        self.level = MINIMUM_LEVEL  #: root mean square of what the cursor is passing, model scale
        self._kept = np.ones((profile.windows, 1), bool)  # each stretch is one window

    def step(self) -> None:
        """Learns from the windows at the cursor, and moves it on: one Adam step."""
        model = self._model
        with torch.enable_grad():
            vectors, after = model.stretches(self.windows())
            loss, _ = model.error(vectors, after, self._kept)
        self._adam.descend(loss, CLIP)
        self._cursor += self._span
        sample_wise = isinstance(model, SampleWise)
        newest = vectors[-1, -1, -self._block :] if sample_wise else after[-1, -1]
        self.level = max(rms(newest), MINIMUM_LEVEL)

    def innovation(self, count: int) -> Samples:
        """What the ``count`` samples from the cursor's last place on had in them that nothing
        before foretold, in the model's scale: a pick, a breath, a hammer."""
        end = int(self._cursor - self._span) + self._model.seed_samples + count
        stretch = loop(self._recording, end - INNOVATION_SPAN - count, INNOVATION_SPAN + count)
        return innovation(stretch, count, INNOVATION_ORDER) / self._model.scale

    def windows(self) -> Tensor:
        """``(windows, example_samples)`` that begin from the cursor to where it goes next.

        The recording is a loop: after its end comes its beginning.
        """
        model, count = self._model, self.profile.windows
        spread = self._span * self.profile.spread
        starts = [int(self._cursor + spread * k / count) for k in range(count)]
        windows = [loop(self._recording, start, model.example_samples) for start in starts]
        return torch.from_numpy(np.stack(windows))


def block_of(model: Approach, profile: Concurrent) -> int:
    """Elements that a concurrent dream makes between two steps of learning."""
    return min(profile.block, model.config.vector)


def rms(elements: Tensor) -> float:
    return float(elements.square().mean().sqrt())
