"""What a concurrent dream learns from: windows of the recordings, at a cursor.

Each concurrent dream has a :class:`Follower` and calls :meth:`Follower.step` before each of its
steps (the paper's second way of sampling). It owns the network that it teaches, a copy that nobody
else has, and Adam's state.
"""

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches import lessons
from dreamd.approaches.base import Approach, SampleWise
from dreamd.approaches.registry import Concurrent
from dreamd.audio.files import Samples
from dreamd.audio.linear_prediction import innovation
from dreamd.audio.timbre import TIMBRE_SPAN
from dreamd.corpus.recording import loop
from dreamd.dreaming.cursor import Cursor, Step
from dreamd.dreaming.places import Place
from dreamd.settings import multiple

MINIMUM_LEVEL = 1e-4
"""The least level, in the model's scale: out of true silence no dream comes back."""

INNOVATION_SPAN = 1024  # samples from which the innovation is predicted, at 11025 Hz
INNOVATION_ORDER = 4
"""Of that prediction, there: enough to whiten the recording's colour, too little to follow its
tones."""


class Follower:
    """:param model: what learns; its weights change with each step.
    :param cursor: where in the recordings it learns; see :class:`Cursor`.
    :param profile: how its approach learns and is held.
    :param learning_rate: Adam's.
    :param newest: samples of the seed, the last of them: what the dream sounds like at first.
    """

    def __init__(
        self,
        model: Approach,
        cursor: Cursor,
        profile: Concurrent,
        *,
        learning_rate: float,
        newest: Samples,
    ) -> None:
        self._model, self._cursor, self.profile = model, cursor, profile
        self._block = lessons.block_of(model, profile)
        self._here: Step | None = None  # where the last step learned
        self._pupil = lessons.pupil(model, profile, learning_rate)
        self._heard = (
            int(TIMBRE_SPAN * model.config.rate) + 1
        )  # samples that tell what it sounds like
        self._newest = newest[-self._heard :]
        #: root mean square of what the cursor is passing in each band, model scale
        self.levels = [MINIMUM_LEVEL]
        self.leapt: Place | None = None  #: where the cursor went with the last step, if it leapt

    def step(self) -> None:
        """Learns from the windows at the cursor, and moves it on: one Adam step."""
        model = self._model
        count = self._block * model.element_samples
        self._here = self._cursor.move(count, self._newest)
        self.leapt = self._here.leapt
        starts = self.starts(self._here, count * self._cursor.pace)
        vectors, after = model.stretches(self.windows(self._here, starts))
        if self._pupil.learning_rate:
            self._pupil.step(vectors, after, self._keys(self._here, starts))
        if isinstance(model, SampleWise):
            newest = vectors[-1, -1].view(-1, model.bands)[-self._block :]
        else:
            newest = after[-1, -1]
        self.levels = [max(rms(band), MINIMUM_LEVEL) for band in model.bands_of(newest)]

    def next(self, queue: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        """The dream's next element, and its queue with that appended."""
        return self._pupil.next(queue, noise)

    def turn(self, profile: Concurrent, learning_rate: float) -> None:
        """Learns otherwise from the next step on; at a rate of 0 its weights stand still."""
        if profile != self.profile:  # from other windows: that is another pupil
            self._pupil = lessons.pupil(self._model, profile, learning_rate)
        self.profile, self._pupil.learning_rate = profile, learning_rate

    def listen(self, samples: Samples) -> None:
        """What was dreamt last, as it sounds: the cursor leaps to what is like it."""
        self._newest = np.concatenate((self._newest, samples))[-self._heard :]

    def innovation(self, count: int) -> Samples:
        """What the ``count`` elements from the cursor's place on had in them that nothing before
        foretold, in the model's scale: a pick, a breath, a hammer. For sample-wise dreams."""
        model = self._model
        assert self._here is not None
        assert isinstance(model, SampleWise)
        times = multiple(model.config.rate // model.bands)
        span, order = times * INNOVATION_SPAN, times * INNOVATION_ORDER
        start = int(self._here.frame) - span * model.bands
        length = (span + count) * model.bands + model.margin
        heard = model.split(torch.from_numpy(loop(self._here.recording, start, length).copy()))
        bands = heard.view(len(heard), -1).numpy().T
        struck = [innovation(band, count, order) for band in bands]
        return (np.stack(struck, -1) / model.scales).reshape(count, *heard.shape[1:])

    def starts(self, here: Step, span: float) -> list[int]:
        """Frames at which the windows begin, whose last vectors lead up to ``here``, and on from
        there to where the cursor goes next, ``span`` frames further."""
        count = self.profile.windows
        first, apart = here.frame - self._model.seed_samples, span * self.profile.spread / count
        return [int(first + apart * k) for k in range(count)]

    def windows(self, here: Step, starts: list[int]) -> Tensor:
        """``(windows, example_samples)`` from there on.

        The recording is a loop: after its end comes its beginning.
        """
        first, size = starts[0], self._model.example_samples
        span = loop(here.recording, first, starts[-1] - first + size)
        return torch.from_numpy(np.stack([span[at - first : at - first + size] for at in starts]))

    def _keys(self, here: Step, starts: list[int]) -> list[tuple[str, int, int]]:
        """Where each vector of these windows lies, steps first."""
        config, cache, frames = self._model.config, here.recording.cache, here.recording.frames
        offsets = range(0, config.window * config.vector, config.vector)
        return [(cache, frames, (at + more) % frames) for more in offsets for at in starts]


def rms(elements: Tensor) -> float:
    return float(torch.linalg.vector_norm(elements)) / elements.numel() ** 0.5
