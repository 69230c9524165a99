"""How the network of a concurrent dream learns from the few windows at its cursor, and goes on.

The follower asks :func:`pupil` for one and calls its ``step`` before each step of the dream.
What is made of LSTM layers has its step written out (:mod:`dreamd.kernels.window_learner`);
any other approach learns by PyTorch's derivatives. Where an element is a whole vector or spectrum
the next one comes from the learner, too: it knows what has changed.
"""

from collections.abc import Hashable, Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach, WithLSTM
from dreamd.approaches.registry import Concurrent
from dreamd.approaches.sample_wise import SampleWise
from dreamd.kernels.adam import Adam
from dreamd.kernels.projections import Projections, project
from dreamd.kernels.window_learner import Array, Learned, WindowLearner
from dreamd.settings import multiple

CLIP = 1.0
"""Largest norm of the gradient."""


def block_of(model: Approach, profile: Concurrent) -> int:
    """Elements that a concurrent dream makes between two steps of learning."""
    samples = min(profile.block * multiple(model.config.rate), model.config.vector)
    return max(samples // model.element_samples, 1)


class Pupil(Protocol):
    learning_rate: float

    def step(self, vectors: Tensor, after: Tensor, keys: Sequence[Hashable]) -> None:
        """One step of Adam.

        :param vectors: ``(B, n, D)``, and ``after``: what comes after each, as
            :meth:`Approach.stretches` gives them.
        :param keys: a name for each vector, ``n·B`` of them, steps first; the same name, the same
            vector.
        """

    def next(self, queue: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        """:meth:`Approach.next` with the weights as they are now."""


def pupil(model: Approach, profile: Concurrent, learning_rate: float) -> Pupil:
    """Changes ``model``, which nobody else may have, with each step."""
    if isinstance(model, WithLSTM):
        return WrittenOut(model, profile, learning_rate)
    return ByDerivatives(model, profile, learning_rate)


class ByDerivatives:
    """Whatever an approach's ``error`` is made of."""

    def __init__(self, model: Approach, profile: Concurrent, learning_rate: float) -> None:
        self._model = model
        epsilon = profile.epsilon_of(model.config)
        self._adam = Adam(model, learning_rate, profile.momentum, epsilon)

    @property
    def learning_rate(self) -> float:
        return self._adam.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._adam.learning_rate = rate

    def step(self, vectors: Tensor, after: Tensor, keys: Sequence[Hashable]) -> None:
        with torch.enable_grad():
            each_is_one = np.ones((len(vectors), 1), bool)
            loss, _ = self._model.error(vectors, after, each_is_one)
        self._adam.descend(loss, CLIP)

    def next(self, queue: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        return self._model.next(queue, noise)


class WrittenOut:
    """LSTM layers and a dense end; the model's parameters lie in the learner's memory."""

    def __init__(self, model: WithLSTM, profile: Concurrent, learning_rate: float) -> None:
        self._learner = WindowLearner(
            weights_of(model, profile.inputs_learn), model.recurrent.residual,
            learning_rate=learning_rate, momentum=profile.momentum,
            epsilon=profile.epsilon_of(model.config), clip=CLIP,
        )  # fmt: skip
        lay_into(model, self._learner.weights)
        self._model, self._mixes = model, model.mixer() is not None
        self._w_ih = _array(model.recurrent.layers[0].get_parameter("weight_ih_l0"))
        beside = -(-model.config.vector // (block_of(model, profile) * model.element_samples))
        self._queue = self._queued = np.zeros((0, 0), np.float32)  # and its projections
        room = profile.windows * model.config.window * (beside + 1)
        self._projections = None if profile.inputs_learn else Projections(self._w_ih, room)

    @property
    def learning_rate(self) -> float:
        return self._learner.learning_rate

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self._learner.learning_rate = rate

    def step(self, vectors: Tensor, after: Tensor, keys: Sequence[Hashable]) -> None:
        (windows, n), rows = vectors.shape[:2], _array(steps_first(vectors))
        if self._projections:
            projected = self._projections.of(keys, rows)
        else:
            projected = project(rows, self._w_ih)
        labels = after.reshape(windows, n, -1)
        labels = labels[:, -1] if self._mixes else steps_first(labels)
        self._learner.step(projected.reshape(n, windows, -1), rows, _array(labels))

    def next(self, queue: Tensor, noise: float) -> tuple[Tensor, Tensor]:
        if isinstance(self._model, SampleWise):
            return self._model.next(queue, noise)
        told = torch.from_numpy(self._learner.predict(self._heard(queue)))
        element = self._model.last((told + noise * torch.randn_like(told))[None, None])
        return element, torch.cat((queue[1:], element[None]))

    def _heard(self, queue: Tensor) -> Array:
        """The queue's projections: mostly, only its newest element is new."""
        vectors = _array(self._model.inputs(queue)[0])
        if self._projections is None:
            return project(vectors, self._w_ih)
        if np.array_equal(vectors[:-1], self._queue[1:]):
            self._queued[:-1] = self._queued[1:]
            self._queued[-1:] = project(vectors[-1:], self._w_ih)
        else:
            self._queued = project(vectors, self._w_ih)
        self._queue = vectors.copy()
        return self._queued


def steps_first(rows: Tensor) -> Tensor:
    """``(B, n, D)`` to ``(n·B, D)``."""
    return rows.transpose(0, 1).flatten(0, 1)


def weights_of(model: WithLSTM, inputs_learn: bool) -> Learned:
    """What learns, as the learner takes it; views where that is possible."""
    layers = [dict(layer.named_parameters()) for layer in model.recurrent.layers]
    w_ih = [_array(layer["weight_ih_l0"]) for layer in layers]
    gates = len(w_ih[0])
    mixer, none = model.mixer(), np.zeros(0, np.float32)
    return Learned(
        w_hh=np.stack([_array(layer["weight_hh_l0"]) for layer in layers]),
        upper=np.stack(w_ih[1:]) if w_ih[1:] else np.zeros((0, gates, gates // 4), np.float32),
        biases=np.stack(
            [[_array(layer[name]) for layer in layers] for name in ("bias_ih_l0", "bias_hh_l0")]
        ),
        dense=_array(model.dense.weight),
        dense_bias=_array(model.dense.bias),
        mix=_array(mixer.weight[0]) if mixer else none,
        mix_bias=_array(mixer.bias) if mixer else none,
        w_ih=w_ih[0] if inputs_learn else w_ih[0][:0],
    )


def lay_into(model: WithLSTM, weights: Learned) -> None:
    """From here on the model's parameters are these arrays."""
    for k, layer in enumerate(model.recurrent.layers):
        parts = {"weight_hh_l0": weights.w_hh[k], "bias_ih_l0": weights.biases[0, k],
                 "bias_hh_l0": weights.biases[1, k]}  # fmt: skip
        if k:
            parts["weight_ih_l0"] = weights.upper[k - 1]
        elif len(weights.w_ih):
            parts["weight_ih_l0"] = weights.w_ih
        for name, array in parts.items():
            layer.get_parameter(name).data = torch.from_numpy(array)
    model.dense.weight.data = torch.from_numpy(weights.dense)
    model.dense.bias.data = torch.from_numpy(weights.dense_bias)
    if mixer := model.mixer():
        mixer.weight.data = torch.from_numpy(weights.mix[None])
        mixer.bias.data = torch.from_numpy(weights.mix_bias)


def _array(tensor: Tensor) -> Array:
    return np.ascontiguousarray(tensor.detach().numpy())
