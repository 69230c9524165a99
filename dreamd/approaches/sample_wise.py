"""What ``transpose`` and ``column`` share: a dream step yields one sample, of each band.

The two are made of it; sampling, lessons and followers ask it for what blocks of samples need.
"""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dreamd.approaches.base import Decoder, StateDict, WithLSTM, left_right, mid_side
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.recurrent import W_IH, Recurrent
from dreamd.audio.filter_bank import Analysis, Synthesis
from dreamd.kernels import sliding_lstm

FAINTEST_BAND = 1e-4
"""Of the loudest band's level: what is fainter (recordings without highs) is not made louder."""


class SampleWise(WithLSTM):
    """What transpose and column share: an element is one sample, the queue is a window.

    Or one sample of each of ``M`` bands (:mod:`dreamd.audio.filter_bank`), and of the middle and
    the side of a sound of two channels: of ``P`` parts, the lowest band first, the side last. Each
    is divided by its level, else the error would say nothing of the highs. A vector is ``V/M`` such
    elements one after the other."""

    balance: Tensor  # levels of the parts; the loudest is 1

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.bands = self.element_samples = self.frame_samples = config.bands
        self.parts = config.bands * config.channels
        self.analysis = Analysis(config.bands) if config.bands > 1 else None
        self.margin = self.analysis.margin if self.analysis else 0
        self.queue_length = config.window * config.vector // config.bands
        self.seed_samples = config.window * config.vector + self.margin
        self.example_samples = self.seed_samples + config.bands
        if self.parts > 1:
            self.register_buffer("balance", torch.ones(self.parts))
        self.recurrent = Recurrent(config.width, config, dropout)
        self.dense = nn.Linear(config.hidden, self.parts)

    def settle(self, samples: Tensor) -> None:
        if self.parts > 1:
            levels = self.split(samples).square().mean((0, 1)).sqrt()
            self.balance.copy_((levels / levels.max().clamp_min(1e-9)).clamp_min(FAINTEST_BAND))

    @property
    def scales(self) -> NDArray[np.float32]:
        """What the samples of each part are divided by, ``(P,)``."""
        balance = _array(self.balance) if self.parts > 1 else np.ones(1, np.float32)
        return balance * np.float32(self.scale)

    def split(self, samples: Tensor) -> Tensor:
        """``(…, count·M + margin)`` samples to elements ``(…, count)``, or of several parts
        ``(…, count, P)``, not in the model's scale but as they are."""
        if self.config.channels == 1:
            return self.analysis(samples) if self.analysis else samples
        both = mid_side(samples)
        if not self.analysis:
            return both
        return self.analysis(both.movedim(-1, -2)).movedim(-3, -2).flatten(-2)

    def bands_of(self, elements: Tensor) -> Sequence[Tensor]:
        return tuple(elements.reshape(-1, self.parts).T)

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return self.stretches(samples)

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        """After a vector comes an element: ``(S, n+m-1)``, or of several parts
        ``(S, n+m-1, P)``."""
        return self._vectors(self.elements(samples))

    def windows(self, samples: Tensor, starts: Sequence[int]) -> tuple[Tensor, Tensor]:
        """What windows share, as they overlap, goes through the filter bank once."""
        elements, count = self.elements(samples), self.queue_length + 1
        each = [elements[at : at + count] for at in (start // self.bands for start in starts)]
        return self._vectors(torch.stack(each))

    def _vectors(self, elements: Tensor) -> tuple[Tensor, Tensor]:
        """``(S, count, …)`` elements as vectors, and what comes after each."""
        vector = self.config.vector // self.bands
        vectors = elements[:, :-1].reshape(len(elements), -1, self.config.width)
        return vectors, elements[:, vector::vector]

    def elements(self, samples: Tensor) -> Tensor:
        elements = self.split(samples) / self.scale
        return elements / self.balance if self.parts > 1 else elements

    def inputs(self, queue: Tensor) -> Tensor:
        return queue.view(1, self.config.window, self.config.width)

    def lifted(self, weights: StateDict, was: ModelConfig) -> StateDict:
        """What was the whole is the middle's lowest band; what else there is neither is heard nor
        sounds."""
        mine = {name: torch.zeros_like(each) for name, each in self.state_dict().items()}
        mine[W_IH][:, :: self.parts] = weights[W_IH]
        for name in ("dense.weight", "dense.bias"):
            mine[name][:1] = weights[name]
        same = {name: each for name, each in weights.items() if each.shape == mine[name].shape}
        return mine | same | {"balance": self.balance}

    def decoder(self) -> Decoder:
        if self.parts == 1:
            return lambda elements: elements * self.scale
        each = [Synthesis(self.bands) for _ in range(self.config.channels)] if self.analysis else []

        def decode(elements: Tensor) -> Tensor:
            sound = elements * self.balance * self.scale
            if each:
                halves = sound.view(len(sound), -1, self.bands).unbind(1)
                made = [one(half) for one, half in zip(each, halves, strict=True)]
                sound = torch.stack(made, -1).squeeze(-1)
            return left_right(sound) if self.config.channels > 1 else sound

        return decode

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


def _array(tensor: Tensor) -> NDArray[np.float32]:
    return tensor.detach().cpu().numpy().astype(np.float32, copy=False)
