"""What every approach answers, and the recurrent part they share.

Symbols as in the paper: ``V`` vector length or hop, ``n`` vectors in a window, ``H``
hidden units, ``L`` layers, ``B`` windows in a batch, ``F`` bins of a spectrum.

A dream is a first-in-first-out queue of elements: predict from the queue, append the last
prediction, drop the oldest (paper, section 2). An *element* is what one dream step
yields: a vector, a spectrum or a sample.
"""

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dreamd.approaches.config import ModelConfig
from dreamd.audio.crossfade import PAST, crossfade
from dreamd.audio.files import Samples
from dreamd.audio.harmonics import Harmonics
from dreamd.kernels import sliding_lstm, windowed_lstm
from dreamd.kernels.sliding_lstm import SlidingLSTM
from dreamd.kernels.windowed_lstm import Kept, Rows

Errors = tuple[Tensor, Tensor]
"""The mean squared error, and the mean square of the labels: what silence's error would be."""


class Lead(Protocol):
    """What a concurrent dream is led by: the recording at its cursor, in the model's scale."""

    level: float  #: the root mean square that the newest elements should have

    def innovation(self, count: int) -> Samples:
        """What was unforeseeable in the ``count`` samples that the cursor is at."""


Decoder = Callable[[Tensor], Tensor]
"""Elements ``(count, …)`` as they come to the samples they stand for, model scale undone."""

QUIETER, LOUDER = 1 / 8, 8.0
"""The most that a block is turned down and up."""

SILENCE = 1e-6
"""Levels under it are all the same."""


class Recurrent(nn.Module):
    """``L`` LSTM layers, zero initial state: ``(B, n, D)`` to ``(B, n, H)``."""

    def __init__(self, width: int, shape: ModelConfig, dropout: float) -> None:
        super().__init__()
        widths = [width] + [shape.hidden] * (shape.layers - 1)
        self.layers = nn.ModuleList(nn.LSTM(w, shape.hidden, batch_first=True) for w in widths)
        self.residual = shape.residual
        self.dropout = nn.Dropout(dropout)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs, _ = self.layers[0](inputs)
        for layer in self.layers[1:]:
            above, _ = layer(self.dropout(outputs))
            outputs = above + outputs if self.residual else above
        return self.dropout(outputs)

    def windows(self, vectors: Tensor, rows: Rows) -> Tensor:
        """:meth:`forward` for the windows ``rows (n, B)`` of ``vectors (R, D)``: ``(n, B, H)``.

        Each vector is projected once; see :mod:`dreamd.kernels.windowed_lstm`.
        """
        outputs = windowed_lstm.lstm(self.layers[0], vectors, rows)
        own = windowed_lstm.all_rows(*rows.shape)
        for layer in self.layers[1:]:
            above = windowed_lstm.lstm(layer, self.dropout(outputs).flatten(0, 1), own)
            outputs = above + outputs if self.residual else above
        return self.dropout(outputs)


class Approach(nn.Module, ABC):
    """A network and how audio goes in and comes out of it.

    :param shape: the sizes; ``shape.approach`` is the name of the class.
    :param scale: samples (for spectrum: magnitudes) are divided by it on the way in, so that
        the recordings it was measured on lie within -1…1; it is saved with the weights.
    :param dropout: share of hidden units dropped in training.
    """

    queue_length: int  #: elements in the queue
    element_samples: int  #: samples that one element stands for
    seed_samples: int  #: samples that fill the queue
    example_samples: int  #: samples of one training example: a window and its labels
    block: int = 1  #: elements that a concurrent dream makes between two steps of learning
    block_windows: int = 1  #: windows that it learns from in such a step
    block_apart: float = 1.0  #: blocks over which these windows are spread
    walk_momentum: float = 0.9  #: of the Adam that a concurrent dream learns by (its first beta)
    walk_epsilon: float = 1e-8  #: of that Adam: gradients much smaller than it move nothing
    level_correction: float = 0.5  #: part of a block's distance from its level made good, 0…1
    recurrent: Recurrent

    def __init__(self, shape: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.scale = scale
        self.deviation = 0.0  # root mean squared training error, model scale; 0: not known

    @abstractmethod
    def measure(self, samples: Tensor) -> float:
        """The scale that these samples ``(…, example_samples)`` ask for."""

    @abstractmethod
    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """``(B, example_samples)`` of recording to inputs ``(B, n, D)`` and labels.

        Both are in the model's scale; the labels have the shape of :meth:`forward`'s result.
        """

    def stretch_samples(self, windows: int) -> int:
        """Samples of a stretch: ``windows`` examples, each one vector after the last."""
        return self.example_samples + (windows - 1) * self.shape.vector

    @abstractmethod
    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """``(S, stretch_samples(m))`` of recording to vectors ``(S, n+m-1, D)`` and, for each
        vector, what comes after it; both in the model's scale."""

    def error(self, vectors: Tensor, after: Tensor, kept: Kept) -> Errors:
        """The mean squared error over windows of stretches, and the mean square of their labels.

        It is the error of :meth:`forward` on the :meth:`examples` in those windows, and so are
        its gradients, in a fraction of the time.

        :param kept: which of the ``m`` windows of each stretch take part, ``(S, m)``.
        """
        rows = windowed_lstm.window_rows(kept, self.shape.window)
        outputs = self.recurrent.windows(vectors.flatten(0, 1), rows)
        return self.compare(outputs, after.flatten(0, 1), rows)

    @abstractmethod
    def compare(self, outputs: Tensor, after: Tensor, rows: Rows) -> Errors:
        """:meth:`error` from the recurrent part's outputs ``(n, B, H)``.

        :param after: ``(R, …)``; window ``w`` sees vector ``rows[k, w]`` at step ``k``.
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

    def run(
        self, queue: Tensor, noise: float = 0.0, threads: int = 1, lead: Lead | None = None
    ) -> Iterator[Tensor]:
        """The elements that follow ``queue``, for ever, ``(count, …)`` at a time.

        :param lead: given, the weights may change between one :func:`next` and another, there
            are :attr:`block` elements at a time, and these are led by it.
        """
        while True:
            element, queue = self.next(queue, noise)
            if lead:
                element = self.turned(element, self.gain(lead.level, element))
                queue[-1] = element
            yield element[None]

    def gain(self, level: float, elements: Tensor) -> float:
        """What leads ``elements`` towards ``level``.

        Nothing else holds the level of a dream: in its loop a gain a little over one grows
        without end, a little under one dies away. So it is mended in the loop, a little after
        each block, and not on the way to the loudspeaker.
        """
        missing = level / max(rms(elements), SILENCE)
        return min(max(missing**self.level_correction, QUIETER), LOUDER)

    def turned(self, element: Tensor, gain: float) -> Tensor:
        """``element`` turned up or down."""
        return element * gain

    def passing(self, vectors: Tensor, after: Tensor) -> float:
        """The level of the newest of these :meth:`stretches`: what the cursor is at."""
        return rms(after[-1, -1])


class SampleWise(Approach):
    """What transpose and column share: an element is one sample, the queue is a window."""

    dense: nn.Linear  # H → 1
    level_correction = 0.7
    #: How hard the recording's surprises strike a concurrent dream. By itself the network
    #: goes on with its few strongest tones: nothing in its loop ever wakes the others.
    residual_gain = 2.0
    longest_block = 256  #: samples between two steps of learning
    #: A concurrent dream's samples are bent, each before the next is made, to stay within this many
    #: times its level: inside a block it could grow to any loudness.
    ceiling = 3.0
    keeps_pitches = False  #: whether a concurrent dream holds on to the partials of its seed

    def __init__(self, shape: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(shape, scale, dropout=dropout)
        self.queue_length = self.seed_samples = shape.window * shape.vector
        self.element_samples = 1
        self.block, self.block_windows = min(self.longest_block, shape.vector), 8
        self.example_samples = self.seed_samples + 1

    def measure(self, samples: Tensor) -> float:
        return float(samples.abs().max())

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a vector comes a sample: ``(S, n+m-1)``."""
        scaled, vector = samples / self.scale, self.shape.vector
        return scaled[:, :-1].reshape(len(samples), -1, vector), scaled[:, vector::vector]

    def elements(self, samples: Tensor) -> Tensor:
        return samples / self.scale

    def inputs(self, queue: Tensor) -> Tensor:
        return queue.view(1, self.shape.window, self.shape.vector)

    def decoder(self) -> Decoder:
        return lambda elements: elements * self.scale

    def run(
        self, queue: Tensor, noise: float = 0.0, threads: int = 1, lead: Lead | None = None
    ) -> Iterator[Tensor]:
        """As the literal loop, to rounding, and many times as fast."""
        slider = SlidingLSTM(self.sliding(), queue.numpy(), threads, self.block)
        sizes = itertools.repeat(self.block) if lead else slider.sizes()
        kept = Harmonics(queue.numpy(), self.shape.rate) if lead and self.keeps_pitches else None
        for size in sizes:
            added = (noise * torch.randn(size)).numpy()
            if lead is None:
                yield torch.from_numpy(slider.next(size, added))
                continue
            slider.set_weights(self.sliding())
            added += self.residual_gain * lead.innovation(size)
            slider.next(size, added, self.ceiling * lead.level)
            crossfade(slider.newest(PAST + size), size)
            if kept:
                kept.hold(slider.newest(kept.span), size)
            newest = slider.newest(size)
            gain = self.gain(lead.level, torch.from_numpy(newest))
            newest *= np.linspace(1.0, gain, size, dtype=np.float32)
            yield torch.from_numpy(newest.copy())

    def passing(self, vectors: Tensor, after: Tensor) -> float:
        return rms(vectors[-1, -1, -self.block :])

    def sliding(self) -> sliding_lstm.Weights:
        """The weights as :mod:`dreamd.kernels.sliding_lstm` takes them."""
        dense, (mix, mix_bias) = self.dense, self.mix()
        return sliding_lstm.Weights(
            layers=tuple(
                sliding_lstm.Layer(
                    _array(lstm.get_parameter("weight_ih_l0")),
                    _array(lstm.get_parameter("weight_hh_l0")),
                    _array(lstm.get_parameter("bias_ih_l0") + lstm.get_parameter("bias_hh_l0")),
                )
                for lstm in self.recurrent.layers
            ),
            residual=self.recurrent.residual,
            dense=_array(dense.weight[0]),
            dense_bias=dense.bias.item(),
            mix=_array(mix),
            mix_bias=mix_bias.item(),
        )

    @abstractmethod
    def mix(self) -> tuple[Tensor, Tensor]:
        """How the ``n`` outputs of the dense layer make the sample: weights ``(n,)``, bias."""


def initialize(model: Approach, std: float) -> Approach:
    """Weights from a Gaussian of ``std``, biases zero (paper: one of what matters most)."""
    for parameter in model.parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, std=std)
        else:
            nn.init.zeros_(parameter)
    return model


def rms(elements: Tensor) -> float:
    return float(elements.square().mean().sqrt())


def mean_squares(predictions: Tensor, labels: Tensor) -> Errors:
    return nn.functional.mse_loss(predictions, labels), labels.square().mean()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().cpu().numpy().astype(np.float32)
