"""What a concurrent dream learns from: windows of the recordings, at a cursor.

Each concurrent dream has a :class:`Follower` and calls :meth:`Follower.step` before each of its
steps (the paper's second way of sampling). It owns the network that it teaches, a copy that nobody
else has, and Adam's state.
"""

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches import lessons
from dreamd.approaches.base import Approach
from dreamd.approaches.registry import Concurrent
from dreamd.approaches.sample_wise import SampleWise
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
        self._memory = (
            int(TIMBRE_SPAN * model.config.rate) + 1
        )  # samples that tell what it sounds like
        self._newest = newest[-self._memory :]
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
        vectors, after = self.windows(self._here, starts)
        if self._pupil.learning_rate:
            self._pupil.step(vectors, after, self._keys(self._here, starts))
        if isinstance(model, SampleWise):
            newest = vectors[-1, -1].view(-1, model.parts)[-self._block :]
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
        self._newest = np.concatenate((self._newest, samples))[-self._memory :]

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
        heard = model.split(self._heard(self._here, start, length))
        bands = heard.view(len(heard), -1).numpy().T
        struck = [innovation(band, count, order) for band in bands]
        return (np.stack(struck, -1) / model.scales).reshape(count, *heard.shape[1:])

    def starts(self, here: Step, span: float) -> list[int]:
        """Frames at which the windows begin, whose last vectors lead up to ``here``, and on from
        there to where the cursor goes next, ``span`` frames further."""
        count = self.profile.windows
        first, apart = here.frame - self._model.seed_samples, span * self.profile.spread / count
        starts, frame = [int(first + apart * k) for k in range(count)], self._model.frame_samples
        return [starts[0] + (at - starts[0]) // frame * frame for at in starts]

    def windows(self, here: Step, starts: list[int]) -> tuple[Tensor, Tensor]:
        """The windows that begin there, ``(windows, n, D)``, and what comes after each vector.

        The recording is a loop: after its end comes its beginning.
        """
        first, size = starts[0], self._model.example_samples
        span = self._heard(here, first, starts[-1] - first + size)
        return self._model.windows(span, [at - first for at in starts])

    def _heard(self, here: Step, start: int, length: int) -> Tensor:
        channels = self._model.config.channels
        return torch.from_numpy(loop(here.recording, start, length, channels).copy())

    def _keys(self, here: Step, starts: list[int]) -> list[tuple[str, int, int]]:
        """Where each vector of these windows lies, steps first."""
        config, cache, frames = self._model.config, here.recording.cache, here.recording.frames
        offsets = range(0, config.window * config.vector, config.vector)
        return [(cache, frames, (at + more) % frames) for more in offsets for at in starts]


def rms(elements: Tensor) -> float:
    return float(torch.linalg.vector_norm(elements)) / elements.numel() ** 0.5
