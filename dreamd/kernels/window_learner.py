"""One step of learning on a few windows, written out: forward, backward, clipping and Adam.

A concurrent dream learns from one window to eight at a time, some hundred times a second. That is
no work for an engine of derivatives: most of such a step would be calls. A
:class:`WindowLearner` does the whole step in one compiled function; the equations of the LSTM are
those of :mod:`dreamd.kernels.windowed_lstm`, with projections that whoever calls it has made (and
may keep: where the first layer's input weights stand still, a vector's projection never changes).

Symbols: ``B`` windows of ``n`` vectors, ``D`` inputs, ``H`` hidden units, ``L`` layers, ``O``
outputs at each step. Rows are steps first: row ``k·B + w`` is step ``k`` of window ``w``. *The
end of a network* is a dense layer ``H → O`` at each step, against a label for each; or its ``n``
results are summed, weighted by ``mix``, to one for each output, against one label each.

All that learns lies in one array, and so do its gradient and Adam's averages: clipping and Adam go
once over each.
"""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from dreamd.kernels.activations import FLAGS, WITHIN, sigmoid, tanh
from dreamd.kernels.adam import BETA, adam_step
from dreamd.kernels.compiled import compiled
from dreamd.kernels.projections import project
from dreamd.kernels.small_products import (
    add_product,
    product,
    product_transposed,
    transposed_product,
)

Array = NDArray[np.float32]

_ONE = np.float32(1)
_TWO = np.float32(2)


@dataclass(frozen=True)
class Learned:
    """All that learns. What a network does not have, has no elements."""

    w_hh: Array  # (L, 4H, H)
    upper: Array  # (L-1, 4H, H): W_ih of all layers but the first
    biases: Array  # (2, L, 4H): b_ih, b_hh
    dense: Array  # (O, H)
    dense_bias: Array  # (O,)
    mix: Array  # (n,) or (0,)
    mix_bias: Array  # (1,) or (0,)
    w_ih: Array  # (4H, D) of the first layer, or (0, D) where it stands still


def apart(like: Learned) -> tuple[Array, Learned]:
    """Room for weights of these shapes in one array, and its parts."""
    shapes = [getattr(like, each.name).shape for each in fields(Learned)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
    whole = np.zeros(ends[-1], np.float32)
    parts = np.split(whole, ends[:-1])
    return whole, Learned(*(part.reshape(s) for part, s in zip(parts, shapes, strict=True)))


class WindowLearner:
    """:param weights: what it begins with; it learns on a copy, :attr:`weights`.
    :param learning_rate: of the steps to come; may be changed.
    :param momentum: Adam's first beta; its second is 0.999.
    :param epsilon: gradients much smaller than it move nothing.
    :param clip: the most that the norm of the gradient may be.
    """

    def __init__(
        self, weights: Learned, residual: bool, *,
        learning_rate: float, momentum: float, epsilon: float, clip: float,
    ) -> None:  # fmt: skip
        self.learning_rate = learning_rate
        self._residual, self._clip = residual, np.float32(clip)
        self._momentum, self._epsilon = momentum, np.float32(epsilon)
        self._flat, self.weights = apart(weights)
        for each in fields(Learned):
            getattr(self.weights, each.name)[:] = getattr(weights, each.name)
        self._flat_gradient, self._gradient = apart(weights)
        self._squares = np.zeros_like(self._flat)
        self._means = np.zeros_like(self._flat) if momentum else self._squares[:0]
        self._steps = 0
        self._rooms: dict[tuple[int, int], tuple[Array, ...]] = {}

    def step(self, projections: Array, vectors: Array, labels: Array) -> None:
        """One step of learning.

        :param projections: ``(n, B, 4H)``, each vector's product with the first layer's input
            weights, no bias.
        :param vectors: ``(n·B, D)``; not looked at where the input weights stand still.
        :param labels: ``(n·B, O)``, or with ``mix`` ``(B, O)``.
        """
        weights, gradient = self.weights, self._gradient
        room = self._room(*projections.shape[:2])
        learn(
            projections, vectors, labels, self._residual,
            weights.w_hh, weights.upper, weights.biases, weights.dense, weights.dense_bias,
            weights.mix, weights.mix_bias,
            gradient.w_hh, gradient.upper, gradient.biases, gradient.dense, gradient.dense_bias,
            gradient.mix, gradient.mix_bias, gradient.w_ih,
            *room,
        )  # fmt: skip
        self._steps += 1
        first = 1 - self._momentum**self._steps
        second = 1 - BETA**self._steps
        adam_step(
            self._flat, self._flat_gradient, self._means, self._squares, self._clip,
            np.float32(self.learning_rate / first), np.float32(second**-0.5),
            np.float32(self._momentum), self._epsilon,
        )  # fmt: skip

    def predict(self, projections: Array) -> Array:
        """What the dense layer makes ``(O,)`` of the last step of one window, whose vectors have
        these projections ``(n, 4H)``; not for a network with a ``mix``."""
        weights, told = self.weights, np.empty((1, len(self.weights.dense)), np.float32)
        gates, cells, states, outputs, *_ = self._room(len(projections), 1)
        forward(
            projections[:, None], self._residual, weights.w_hh, weights.upper, weights.biases,
            gates, cells, states, outputs,
        )  # fmt: skip
        product_transposed(outputs[-1, -1], weights.dense, told)
        told += weights.dense_bias
        return told[0]

    def _room(self, n: int, windows: int) -> tuple[Array, ...]:
        """Memory for all of :func:`learn` from ``gates`` on."""
        if (n, windows) not in self._rooms:
            (layers, gates, hidden), told = self.weights.w_hh.shape, len(self.weights.dense)
            shapes = [
                (layers, n, windows, gates), (layers, n + 1, windows, hidden),
                (layers, n + 1, windows, hidden), (layers, n, windows, hidden),
                (n * windows, told), (n, windows, hidden), (windows, hidden), (windows, hidden),
            ]  # fmt: skip
            self._rooms[n, windows] = tuple(np.zeros(shape, np.float32) for shape in shapes)
        return self._rooms[n, windows]


@compiled(**FLAGS)
def learn(  # type: ignore[no-untyped-def]
    projections, vectors, labels, residual,
    w_hh, upper, biases, dense, dense_bias, mix, mix_bias,
    d_w_hh, d_upper, d_biases, d_dense, d_dense_bias, d_mix, d_mix_bias, d_w_ih,
    gates, cells, states, outputs, told, above, after, d_cell,
):  # fmt: skip
    """The gradient of the mean squared error, into what begins with ``d_``."""
    L, H = w_hh.shape[0], w_hh.shape[2]  # noqa: N806
    n, B = projections.shape[:2]  # noqa: N806
    rows = n * B
    forward(projections, residual, w_hh, upper, biases, gates, cells, states, outputs)
    last = outputs[L - 1].reshape(rows, H)
    product_transposed(last, dense, told)
    _end(told, labels, dense_bias, mix, mix_bias, d_mix, d_mix_bias, B)
    _column_sums(told, d_dense_bias)
    transposed_product(told, last, d_dense)
    product(told, dense, above.reshape(rows, H))
    for layer in range(L - 1, -1, -1):
        _backward(above, w_hh[layer], gates[layer], cells[layer], after, d_cell)
        slopes = gates[layer].reshape(rows, 4 * H)
        transposed_product(slopes, states[layer, :n].reshape(rows, H), d_w_hh[layer])
        _column_sums(slopes, d_biases[0, layer])
        d_biases[1, layer] = d_biases[0, layer]
        if layer:
            below = outputs[layer - 1].reshape(rows, H)
            transposed_product(slopes, below, d_upper[layer - 1])
            if not residual:
                above[:] = np.float32(0)
            add_product(slopes, upper[layer - 1], above.reshape(rows, H))
        elif len(d_w_ih):
            transposed_product(slopes, vectors, d_w_ih)


@compiled(**WITHIN)
def forward(projections, residual, w_hh, upper, biases, gates, cells, states, outputs):  # type: ignore[no-untyped-def]
    """All layers: ``outputs (L, n, B, H)``, and all that leads there."""
    L, H = w_hh.shape[0], w_hh.shape[2]  # noqa: N806
    rows = projections.shape[0] * projections.shape[1]
    for layer in range(L):
        if layer:
            product_transposed(
                outputs[layer - 1].reshape(rows, H), upper[layer - 1],
                gates[layer].reshape(rows, 4 * H),
            )  # fmt: skip
        else:
            gates[0] = projections
        _forward(
            biases[0, layer], biases[1, layer], w_hh[layer],
            gates[layer], cells[layer], states[layer],
        )  # fmt: skip
        outputs[layer] = states[layer, 1:]
        if layer and residual:
            outputs[layer] += outputs[layer - 1]


@compiled(**WITHIN)
def _forward(b_ih, b_hh, w_hh, gates, cells, states):  # type: ignore[no-untyped-def]
    """``gates (n, B, 4H)`` hold projections, and then the gates; ``cells`` and ``states``
    ``(n+1, B, H)`` begin with those before the first step."""
    n, B, H = gates.shape[0], gates.shape[1], w_hh.shape[1]  # noqa: N806
    cells[0] = states[0] = np.float32(0)
    sums = np.zeros((B, 4 * H), np.float32)
    for k in range(n):
        if k:
            product_transposed(states[k], w_hh, sums)
        for b in range(B):
            gate, more = gates[k, b], sums[b]
            for j in range(4 * H):
                gate[j] += more[j] + (b_ih[j] + b_hh[j])
            i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
            before, c, h = cells[k, b], cells[k + 1, b], states[k + 1, b]
            for j in range(H):
                i[j], f[j], g[j], o[j] = sigmoid(i[j]), sigmoid(f[j]), tanh(g[j]), sigmoid(o[j])
                c[j] = f[j] * before[j] + i[j] * g[j]
                h[j] = o[j] * tanh(c[j])


@compiled(**WITHIN)
def _end(told, labels, dense_bias, mix, mix_bias, d_mix, d_mix_bias, B):  # type: ignore[no-untyped-def]  # noqa: N803
    """``told (nB, O)``, the dense layer's products, to the error's derivatives by them."""
    rows, O = told.shape  # noqa: N806, E741
    if not len(mix):
        scale = _TWO / np.float32(rows * O)
        for r in range(rows):
            for j in range(O):
                told[r, j] = scale * (told[r, j] + dense_bias[j] - labels[r, j])
        return
    scale = _TWO / np.float32(B * O)
    d_mix[:] = np.float32(0)
    d_mix_bias[0] = np.float32(0)
    for b in range(B):
        for j in range(O):
            sample = mix_bias[0]
            for k in range(len(mix)):
                sample += mix[k] * (told[k * B + b, j] + dense_bias[j])
            slope = scale * (sample - labels[b, j])
            d_mix_bias[0] += slope
            for k in range(len(mix)):
                d_mix[k] += slope * (told[k * B + b, j] + dense_bias[j])
                told[k * B + b, j] = slope * mix[k]


@compiled(**WITHIN)
def _column_sums(rows, out):  # type: ignore[no-untyped-def]
    out[:] = np.float32(0)
    for r in range(rows.shape[0]):
        row = rows[r]
        for j in range(len(out)):
            out[j] += row[j]


@compiled(**WITHIN)
def _backward(above, w_hh, gates, cells, after, d_cell):  # type: ignore[no-untyped-def]
    """``above (n, B, H)``, derivatives by a layer's states from what uses them, to those by its
    gates before the activations, which take the gates' place."""
    n, B, H = above.shape  # noqa: N806
    after[:] = np.float32(0)
    d_cell[:] = np.float32(0)
    for k in range(n - 1, -1, -1):
        for b in range(B):
            gate = gates[k, b]
            i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
            h_above, h_after, before, c = above[k, b], after[b], cells[k, b], cells[k + 1, b]
            dc = d_cell[b]
            for j in range(H):
                i_j, f_j, g_j, o_j = i[j], f[j], g[j], o[j]
                dh, t = h_above[j] + h_after[j], tanh(c[j])
                d = dc[j] + dh * o_j * (_ONE - t * t)
                i[j] = d * g_j * i_j * (_ONE - i_j)
                f[j] = d * before[j] * f_j * (_ONE - f_j)
                g[j] = d * i_j * (_ONE - g_j * g_j)
                o[j] = dh * t * o_j * (_ONE - o_j)
                dc[j] = d * f_j
        if k:
            product(gates[k], w_hh, after)


def warm() -> None:
    """Compiles, or fetches from the disk's cache, what the first concurrent dream will need."""
    shapes = (1, 4, 1), (0, 4, 1), (2, 1, 4), (1, 1), (1,), (0,), (0,), (0, 2)
    nothing = Learned(*(np.zeros(shape, np.float32) for shape in shapes))
    learner = WindowLearner(
        nothing, False, learning_rate=0.0, momentum=0.0, epsilon=1.0, clip=1.0
    )  # fmt: skip
    projected = project(np.zeros((1, 2), np.float32), np.zeros((4, 2), np.float32))
    learner.step(projected[None], np.zeros((1, 2), np.float32), np.zeros((1, 1), np.float32))
    learner.predict(projected)
