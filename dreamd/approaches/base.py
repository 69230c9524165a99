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
from dreamd.approaches.recurrent import W_IH, Recurrent
from dreamd.audio.filter_bank import Analysis, Synthesis
from dreamd.errors import NoModel
from dreamd.kernels import sliding_lstm, windowed_lstm
from dreamd.kernels.windowed_lstm import Kept, Rows

StateDict = dict[str, Tensor]
"""A network's weights, by name."""

FAINTEST_BAND = 1e-4
"""Of the loudest band's level: what is fainter (recordings without highs) is not made louder."""

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
    """

    queue_length: int  #: elements in the queue
    element_samples: int  #: samples that one element stands for
    seed_samples: int  #: samples that fill the queue
    example_samples: int  #: samples of one training example: a window and its labels

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.config = config
        self.scale = scale
        self.deviation = 0.0  # root mean squared training error, model scale; 0: not known

    @abstractmethod
    def measure(self, samples: Tensor) -> float:
        """The scale that these samples ``(…, example_samples)`` ask for."""

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


class SampleWise(WithLSTM):
    """What transpose and column share: an element is one sample, the queue is a window.

    Or one sample of each of ``M`` bands (:mod:`dreamd.audio.filter_bank`), each divided by its
    level, else the error would say nothing of the highs. A vector is ``V/M`` such elements one
    after the other, the lowest band first: ``V`` numbers as before."""

    balance: Tensor  # levels of the bands; the loudest is 1

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.bands = self.element_samples = config.bands
        self.analysis = Analysis(config.bands) if config.bands > 1 else None
        self.margin = self.analysis.margin if self.analysis else 0
        self.queue_length = config.window * config.vector // config.bands
        self.seed_samples = config.window * config.vector + self.margin
        self.example_samples = self.seed_samples + config.bands
        if self.analysis:
            self.register_buffer("balance", torch.ones(config.bands))
        self.recurrent = Recurrent(config.vector, config, dropout)
        self.dense = nn.Linear(config.hidden, config.bands)

    def measure(self, samples: Tensor) -> float:
        return float(samples.abs().max())

    def settle(self, samples: Tensor) -> None:
        if self.analysis:
            levels = self.analysis(samples).square().mean((0, 1)).sqrt()
            self.balance.copy_((levels / levels.max().clamp_min(1e-9)).clamp_min(FAINTEST_BAND))

    @property
    def scales(self) -> NDArray[np.float32]:
        """What the samples of each band are divided by, ``(M,)``."""
        balance = _array(self.balance) if self.analysis else np.ones(1, np.float32)
        return balance * np.float32(self.scale)

    def split(self, samples: Tensor) -> Tensor:
        """``(…, count·M + margin)`` samples to elements ``(…, count)``, or with bands
        ``(…, count, M)``, not in the model's scale but as they are."""
        return self.analysis(samples) if self.analysis else samples

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        return tuple(elements.reshape(-1, self.bands).T)

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return self.stretches(samples)

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a vector comes an element: ``(S, n+m-1)``, or with bands ``(S, n+m-1, M)``."""
        elements = self.elements(samples)
        vector = self.config.vector // self.bands
        vectors = elements[:, :-1].reshape(len(samples), -1, self.config.vector)
        return vectors, elements[:, vector::vector]

    def elements(self, samples: Tensor) -> Tensor:
        elements = self.split(samples) / self.scale
        return elements / self.balance if self.analysis else elements

    def inputs(self, queue: Tensor) -> Tensor:
        return queue.view(1, self.config.window, self.config.vector)

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """What was the whole is the lowest band; the others neither are heard nor sound."""
        mine = {name: torch.zeros_like(each) for name, each in self.state_dict().items()}
        mine[W_IH][:, :: self.bands] = weights[W_IH]
        for name in ("dense.weight", "dense.bias"):
            mine[name][:1] = weights[name]
        same = {name: each for name, each in weights.items() if each.shape == mine[name].shape}
        return mine | same | {"balance": self.balance}

    def decoder(self) -> Decoder:
        if not self.analysis:
            return lambda elements: elements * self.scale
        synthesis = Synthesis(self.bands)
        return lambda elements: synthesis(elements * self.balance * self.scale)

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
            dense=_array(dense.weight),
            dense_bias=_array(dense.bias),
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


def mean_squares(predictions: Tensor, labels: Tensor) -> Errors:
    return nn.functional.mse_loss(predictions, labels), labels.square().mean()


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().cpu().numpy().astype(np.float32, copy=False)
