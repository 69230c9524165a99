"""An LSTM over overlapping windows whose inputs are projected once. For training.

Windows that start one vector apart share all but one vector, and what a vector contributes to
the gates, its *projection* ``W_ih x + b``, does not depend on the window it is in. So a
*stretch* of ``T = n+m-1`` vectors holds ``m`` windows of ``n``, and each vector is projected
once for up to ``n`` windows. What differs from window to window is the recurrence. Only the
order of the arithmetic changes: outputs, loss and gradients are those of ``nn.LSTM`` on the
``m`` windows, to rounding.

Symbols: ``S`` stretches, ``R = S·T`` rows (one for each vector of all stretches), ``B ≤ S·m``
windows, ``D`` inputs, ``H`` hidden units. ``rows (n, B)`` says which row window ``w`` takes at
its step ``k``. States are ``(n, B, H)``: a step is a block of memory, and a matrix matmul.

*Forward*, for each step ``k`` (gates in PyTorch's order, input, forget, cell, output)::

    i, f, g, o = σ, σ, tanh, σ of (P[rows[k]] + h W_hhᵀ)      P = X W_ihᵀ + b,  (R, 4H)
    c = f c + i g
    h = o tanh(c)

*Backward*, for each step from the last to the first, with ``dh`` what comes from above plus
what comes from the step after, and ``t = tanh(c)``::

    dc += dh o (1 - t²)
    do, di, dg, df = dh t o (1-o),  dc g i (1-i),  dc i (1-g²),  dc c₋₁ f (1-f)
    dP[rows[k]] += (di, df, dg, do)         the sharing, backwards: windows add up by rows
    dh, dc for the step before = (di, df, dg, do) W_hh,  dc f

and at the end ``dW_ih = dPᵀ X``, ``db = Σ dP``, ``dW_hh = Σ_k (di, df, dg, do)ᵀ h₋₁``.

*Costs* in multiply-adds for each window: the plain way ``3·n·4H(D+H)`` (forward, gradient of
the weights, gradient of inputs that nobody asked for and of states); here
``2·4HD·T/m + 3(n-1)·4H²``. At D=1024, n=8, m=32, H=128: 14.2 M against 2.7 M.
The element-wise part is a compiled loop that goes over memory once a step.

*The dense layer of vector and spectrum* has its own way out, :func:`dense_error`.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from dreamd.kernels.activations import FLAGS, sigmoid, tanh
from dreamd.kernels.compiled import compiled
from dreamd.kernels.matmul import matmul

Rows = NDArray[np.int64]
Kept = NDArray[np.bool_]

PARAMETERS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")

_ONE = np.float32(1)


def warm() -> None:
    """Compiles, or fetches from the disk's cache, what the first training step will need."""
    with torch.enable_grad():
        lstm(nn.LSTM(1, 1), torch.zeros(2, 1), all_rows(2, 1)).sum().backward()  # type: ignore[no-untyped-call]


def window_rows(kept: Kept, n: int) -> Rows:
    """The rows ``(n, B)`` of those windows ``(S, m)`` of ``n`` vectors that are kept.

    >>> window_rows(np.array([[True, True, False], [False, True, True]]), n=2)
    array([[0, 1, 5, 6],
           [1, 2, 6, 7]])
    """
    stretch, window = kept.nonzero()
    return np.arange(n)[:, None] + stretch * (kept.shape[1] + n - 1) + window


def all_rows(n: int, windows: int) -> Rows:
    """Rows for windows that share nothing: step ``k`` of window ``w`` is row ``k·B + w``."""
    return np.arange(n * windows).reshape(n, windows)


def lstm(layer: nn.Module, inputs: Tensor, rows: Rows) -> Tensor:
    """An ``nn.LSTM`` over windows of ``inputs (R, D)``: ``(n, B, H)``, from a zero state."""
    w_ih, w_hh, bias, more_bias = map(layer.get_parameter, PARAMETERS)
    shared = linear(inputs, w_ih, bias + more_bias)
    if shared.device.type == "cpu" and shared.dtype == torch.float32:
        return _apply(_Recurrence, shared, w_hh, rows)
    return recur(shared, w_hh, rows)


def recur(shared: Tensor, weight: Tensor, rows: Rows) -> Tensor:
    """The forward equations as they stand, for any device and precision.

    :param shared: projections ``(R, 4H)``.
    :param weight: ``W_hh (4H, H)``.
    """
    h = c = shared.new_zeros(rows.shape[1], weight.shape[1])
    outputs = []
    for row in torch.from_numpy(rows).to(shared.device):
        i, f, g, o = (shared[row] + h @ weight.t()).chunk(4, 1)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        outputs.append(h)
    return torch.stack(outputs)


class _Recurrence(torch.autograd.Function):
    """:func:`recur` on a CPU, with its backward equations; float32 alone."""

    @staticmethod
    def forward(ctx: Any, shared: Tensor, weight: Tensor, rows: Rows) -> Tensor:
        (n, windows), units = rows.shape, weight.shape[1]
        gates, states = _memory(n, windows, units)
        outputs = torch.empty(n + 1, windows, units)
        states[0] = outputs[0] = 0.0
        w_hh = torch.zeros(windows, 4 * units)
        for k in range(n):
            if k:  # the first state is zero
                w_hh = matmul(outputs[k], weight.t())
            _forward(
                w_hh.numpy(), shared.numpy(), rows[k], gates[k].numpy(),
                states[k].numpy(), states[k + 1].numpy(), outputs[k + 1].numpy(),
            )  # fmt: skip
        ctx.kept = shared, weight, rows, gates, states, outputs
        return outputs[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor, Tensor, None]:
        shared, weight, rows, gates, states, outputs = ctx.kept
        del ctx.kept  # the gates become their gradients in place: this works once
        n, windows, units = above.shape
        above, d_shared = above.contiguous(), torch.zeros_like(shared)
        after, d_state = torch.zeros(windows, units), torch.zeros(windows, units)
        for k in reversed(range(n)):
            _backward(
                above[k].numpy(), after.numpy(), states[k].numpy(), states[k + 1].numpy(),
                gates[k].numpy(), d_state.numpy(), d_shared.numpy(), rows[k],
            )  # fmt: skip
            if k:
                after = matmul(gates[k], weight)
        d_weight = matmul(outputs[1:n].flatten(0, 1).t(), gates[1:].flatten(0, 1)).t()
        _spare.append((gates, states))
        return d_shared, d_weight, None


_spare: list[tuple[Tensor, Tensor]] = []
"""Gates and states of training steps that are over: fresh memory costs a page fault every 4 kB,
a tenth of a step."""


def _memory(n: int, windows: int, units: int) -> tuple[Tensor, Tensor]:
    while _spare:
        gates, states = _spare.pop()
        if gates.shape == (n, windows, 4 * units):
            return gates, states
    return torch.empty(n, windows, 4 * units), torch.empty(n + 1, windows, units)


@compiled(**FLAGS)
def _forward(w_hh, shared, rows, gates, before, state, output):  # type: ignore[no-untyped-def]
    """One step: ``w_hh (B, 4H)`` and ``before (B, H)`` to gates, state and output."""
    H = state.shape[1]  # noqa: N806
    for b in range(len(rows)):
        sums, share, gate = w_hh[b], shared[rows[b]], gates[b]
        for j in range(4 * H):
            gate[j] = sums[j] + share[j]
        i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
        c_before, c, h = before[b], state[b], output[b]
        for j in range(H):
            i[j], f[j], g[j], o[j] = sigmoid(i[j]), sigmoid(f[j]), tanh(g[j]), sigmoid(o[j])
            c[j] = f[j] * c_before[j] + i[j] * g[j]
            h[j] = o[j] * tanh(c[j])


@compiled(**FLAGS)
def _backward(above, after, before, state, gates, d_state, d_shared, rows):  # type: ignore[no-untyped-def]
    """One step: gates become their gradients, ``d_state`` that of the step before."""
    H = state.shape[1]  # noqa: N806
    for b in range(len(rows)):
        gate, share = gates[b], d_shared[rows[b]]
        i, f, g, o = gate[:H], gate[H : 2 * H], gate[2 * H : 3 * H], gate[3 * H :]
        h_above, h_after, c_before, c, dc = above[b], after[b], before[b], state[b], d_state[b]
        for j in range(H):
            i_j, f_j, g_j, o_j = i[j], f[j], g[j], o[j]
            dh, t = h_above[j] + h_after[j], tanh(c[j])
            d = dc[j] + dh * o_j * (_ONE - t * t)
            i[j] = d * g_j * i_j * (_ONE - i_j)
            f[j] = d * c_before[j] * f_j * (_ONE - f_j)
            g[j] = d * i_j * (_ONE - g_j * g_j)
            o[j] = dh * t * o_j * (_ONE - o_j)
            dc[j] = d * f_j
        for j in range(4 * H):
            share[j] += gate[j]


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """``F.linear`` of ``(R, D)`` by :func:`matmul`; no gradient of inputs that need none."""
    return _apply(_Linear, inputs, weight, bias)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        return matmul(inputs, weight.t(), bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        inputs, weight = ctx.saved_tensors
        below = matmul(above, weight) if ctx.needs_input_grad[0] else None
        return below, matmul(above.t(), inputs), above.sum(0)


def dense_error(
    outputs: Tensor, dense: nn.Linear, labels: Tensor, rows: Rows
) -> tuple[Tensor, Tensor]:
    """The mean of ``(W h + b - y)²``, without ever making ``W h``, and the mean of ``y²``.

    A label ``y (D,)`` is shared by up to ``n`` windows as well. With ``z = y - b`` and sums over
    all windows and steps,

        Σ |W h - z|² = Σ h·(WᵀW h) - 2 Σ_r h̄_r·(Wᵀ z_r) + Σ_r count_r |z_r|²

    where ``h̄_r`` is the sum of those ``count_r`` outputs whose label is row ``r``. The gradient
    of ``h`` is ``2 (WᵀW h - Wᵀ z_r)``, that of ``W`` is ``2 (W Σ h hᵀ - Σ_r z_r h̄_rᵀ)``, that of
    ``b`` is ``2 (W Σ h - Σ_r count_r z_r)``. Multiply-adds for each window: ``2·n·H²`` and
    ``2·D·H·T/m`` instead of ``3·n·D·H``, and no ``(n, B, D)`` in memory.

    The sum is a difference of larger ones: its absolute error is float32's relative to the
    labels' power, not to the loss.

    :param outputs: ``(n, B, H)``.
    :param labels: ``(R, D)``.
    """
    return _apply(_DenseError, outputs, dense.weight, dense.bias, labels, rows)


class _DenseError(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, outputs: Tensor, weight: Tensor, bias: Tensor, labels: Tensor, rows: Rows
    ) -> tuple[Tensor, Tensor]:
        h, row = outputs.flatten(0, 1), torch.from_numpy(rows.ravel()).to(outputs.device)
        z = labels - bias
        counts = torch.bincount(row, minlength=len(z)).to(z.dtype)
        summed = h.new_zeros(len(z), h.shape[1]).index_add_(0, row, h)
        pulled, back = matmul(h, matmul(weight.t(), weight)), matmul(z, weight)
        total = _dot(h, pulled) - 2 * _dot(summed, back) + _power(z, counts)
        each = len(row) * len(bias)
        d_h = (pulled - back[row]).mul_(2 / each)
        d_weight = (matmul(weight, matmul(h.t(), h)) - matmul(z.t(), summed)).mul_(2 / each)
        d_bias = (weight @ summed.sum(0) - counts @ z).mul_(2 / each)
        ctx.save_for_backward(d_h.view_as(outputs), d_weight, d_bias)
        power = _power(labels, counts) / each
        ctx.mark_non_differentiable(power)
        return total / each, power

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, above: Tensor, _: Tensor) -> tuple[Tensor, Tensor, Tensor, None, None]:
        d_outputs, d_weight, d_bias = ctx.saved_tensors
        return above * d_outputs, above * d_weight, above * d_bias, None, None


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return torch.dot(a.flatten(), b.flatten())


def _power(vectors: Tensor, counts: Tensor) -> Tensor:
    """``Σ_r count_r |v_r|²``"""
    return torch.dot(counts, torch.linalg.vecdot(vectors, vectors))


def _apply(function: type[torch.autograd.Function], *arguments: Any) -> Any:
    return function.apply(*arguments)  # type: ignore[no-untyped-call]
