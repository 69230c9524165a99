"""What every approach answers, and the recurrent part they share.

Symbols as in the paper: ``V`` vector length or hop, ``n`` vectors in a window, ``H``
hidden units, ``L`` layers, ``B`` windows in a batch, ``F`` bins of a spectrum.

A dream is a first-in-first-out queue of elements: predict from the queue, append the last
prediction, drop the oldest (paper, section 2). An *element* is what one dream step
yields: a vector, a spectrum or a sample. The loops themselves are :mod:`dreamd.dreaming.sampling`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.recurrent import Recurrent
from dreamd.errors import NoModel
from dreamd.kernels import windowed_lstm
from dreamd.kernels.windowed_lstm import Kept, Rows

StateDict = dict[str, Tensor]
"""A network's weights, by name."""

Errors = tuple[Tensor, Tensor]
"""The mean squared error, and the mean square of the labels: what silence's error would be."""


Decoder = Callable[[Tensor], Tensor]
"""Elements ``(count, …)`` as they come to the samples they stand for, model scale undone."""


class Approach(nn.Module, ABC):
    """A network and how audio goes in and comes out of it.

    :param config: the sizes; ``config.approach`` is the name of the class.
    :param scale: samples (for spectrum: magnitudes) are divided by it on the way in, so that
        the recordings it was measured on lie within -1…1; it is saved with the weights.
    :param dropout: share of hidden units dropped in training.

    Where :attr:`ModelConfig.channels` are two, all samples that go in and come out have them as
    one more, last dimension: left and right. Spectrum takes them as they are, the others as middle
    and side; either way both are in one element of one network, so that the image holds together.
    """

    queue_length: int  #: elements in the queue
    element_samples: int  #: samples that one element stands for
    seed_samples: int  #: samples that fill the queue
    example_samples: int  #: samples of one training example: a window and its labels
    frame_samples: int = 1  #: samples that are heard together, where a filter bank comes first

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.scale = scale
        self.deviation = 0.0  # root mean squared training error, model scale; 0: not known

    def measure(self, samples: Tensor) -> float:
        """The scale that these samples ``(…, example_samples)`` ask for."""
        return float(samples.abs().max())

    def settle(self, samples: Tensor) -> None:
        """What else a fresh model is to know of samples ``(B, example_samples)``; often nothing."""

    @abstractmethod
    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, example_samples)`` of recording to inputs ``(B, n, D)`` and labels.

        Both are in the model's scale; the labels have the shape of :meth:`forward`'s result.
        """

    def stretch_samples(self, windows: int) -> int:
        """Samples of a stretch: ``windows`` examples, each one vector after the last."""
        return self.example_samples + (windows - 1) * self.config.vector

    @abstractmethod
    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """``(S, stretch_samples(m))`` of recording to vectors ``(S, n+m-1, D)`` and, for each
        vector, what comes after it; both in the model's scale."""

    def windows(self, samples: Tensor, starts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """:meth:`stretches` of one window each, which begin in these samples of a recording at
        ``starts``, in order, multiples of :attr:`frame_samples`."""
        each = [samples[at : at + self.example_samples] for at in starts]
        return self.stretches(torch.stack(each))

    @abstractmethod
    def error(self, vectors: Tensor, after: Tensor, kept: Kept) -> Errors:
        """The mean squared error over windows of stretches, and the mean square of their labels.

        It is the error of :meth:`forward` on the :meth:`examples` in those windows, and so are
        its gradients; as fast as the network allows.

        :param kept: which of the ``m`` windows of each stretch take part, ``(S, m)``.
        """

    @abstractmethod
    def elements(self, samples: Tensor) -> Tensor:
        """``(seed_samples,)`` of recording to a queue ``(queue_length, …)``, model scale."""

    @abstractmethod
    def inputs(self, queue: Tensor) -> Tensor:
        """A queue as the network sees it: ``(1, n, D)``."""

    @abstractmethod
    def last(self, prediction: Tensor) -> Tensor:
        """The element that :meth:`forward`'s result for one window predicts."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """A fresh decoder for one dream."""

    def next(self, queue: Tensor, noise: float = 0.0) -> tuple[Tensor, Tensor]:
        """One dream step: the predicted element, and the queue with it appended.

        :param noise: standard deviation of a Gaussian added to the prediction, model scale.
        """
        prediction = self(self.inputs(queue))
        element = self.last(prediction + noise * torch.randn_like(prediction))
        return element, torch.cat((queue[1:], element[None]))

    def take(self, arrays: Mapping[str, NDArray[np.float32]], was: ModelConfig) -> None:
        """The weights of a checkpoint, which may be of its :attr:`ModelConfig.usual`."""
        weights = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self.load_state_dict(weights if was == self.config else self.lifted(weights, was))

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """Weights for this network from those of its :attr:`ModelConfig.usual`, whose dreams it
        then dreams, with nothing above them; training adds that."""
        raise NoModel(f"{self.config.approach} has no use for the weights of {was.name}")

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        """What one element has, or a block of them, in each band whose level is led by itself:
        some 5.5 kHz wide, at 11025 Hz there is one."""
        return (elements,)

    def scaled(self, element: Tensor, gains: Sequence[float]) -> Tensor:
        """``element`` turned up or down, as part of a stream of them; each band by its own gain."""
        return element * torch.tensor(gains).squeeze()


class WithLSTM(Approach):
    """What the paper's four share: LSTM layers, and stretches that project each vector once."""

    recurrent: Recurrent
    dense: nn.Linear  # after each step

    def error(self, vectors: Tensor, after: Tensor, kept: Kept) -> Errors:
        rows = windowed_lstm.window_rows(kept, self.config.window)
        outputs = self.recurrent.windows(vectors.flatten(0, 1), rows)
        return self.compare(outputs, after.flatten(0, 1), rows)

    @abstractmethod
    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """:meth:`error` from the recurrent part's outputs ``(n, B, H)``.

        :param after: ``(R, …)``; window ``w`` sees vector ``rows[k, w]`` at step ``k``.
        """

    def mixer(self) -> nn.Linear | None:
        """What makes one number of the ``n`` that :attr:`dense` gives, where a network has that."""
        return None


def initialize(model: Approach, std: float) -> Approach:
    """Weights from a Gaussian of ``std``, biases zero (paper: one of what matters most)."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=std)
        else:
            nn.init.zeros_(parameter)
    return model


def mid_side(samples: Tensor) -> Tensor:
    """Left and right ``(…, 2)`` as their middle and side."""
    left, right = samples.unbind(-1)
    return torch.stack(((left + right) / 2, (left - right) / 2), -1)


def left_right(both: Tensor) -> Tensor:
    """Middle and side ``(…, 2)`` as left and right."""
    middle, side = both.unbind(-1)
    return torch.stack((middle + side, middle - side), -1)


def mean_squares(predictions: Tensor, labels: Tensor) -> Errors:
    return nn.functional.mse_loss(predictions, labels), labels.square().mean()
