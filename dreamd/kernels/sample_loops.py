"""Compiled loops of :mod:`dreamd.kernels.sliding_lstm`: an LSTM cell, and sample after sample."""

import numpy as np
from numpy.typing import NDArray

from dreamd.kernels.activations import FLAGS, sigmoid, tanh
from dreamd.kernels.compiled import compiled

Array = NDArray[np.float32]


@compiled(**FLAGS)
def lstm_cell(gates: Array, more: Array, cell: Array, state: Array) -> None:
    """``cell`` and ``state`` ``(B, H)`` after a step whose gates are ``gates + more (B, 4H)``."""
    hidden = cell.shape[1]
    for row in range(cell.shape[0]):
        g, m, c, h = gates[row], more[row], cell[row], state[row]
        for u in range(hidden):
            i = sigmoid(g[u] + m[u])
            f = sigmoid(g[hidden + u] + m[hidden + u])
            w = tanh(g[2 * hidden + u] + m[2 * hidden + u])
            o = sigmoid(g[3 * hidden + u] + m[3 * hidden + u])
            kept = f * c[u] + i * w
            c[u] = kept
            h[u] = o * tanh(kept)


@compiled(**FLAGS)
def add_told(
    state: Array, dense: Array, dense_bias: Array, weight: np.float32, mixed: Array
) -> None:
    """``mixed (B, M)`` plus ``weight`` times what the dense layer makes of ``state (B, H)``."""
    for row in range(len(mixed)):
        h = state[row]
        for band in range(len(dense)):
            d, told = dense[band], dense_bias[band]
            for u in range(len(d)):
                told += d[u] * h[u]
            mixed[row, band] += weight * told


@compiled(**FLAGS)
def sample_loop(
    projections: Array,
    recurrent: Array,
    cells: Array,
    mixed: Array,
    samples: Array,
    tail: Array,
    uppers: Array,
    residual: bool,
    dense: Array,
    dense_bias: Array,
    mix: np.float32,
    bounds: Array,
) -> None:
    """The last vector's step, sample by sample; fills ``samples (S·M,)``.

    ``projections (S, 4H)`` hold what older samples contribute; the rest is added here, so that
    they are whole afterwards. ``recurrent (L, S, 4H)`` and ``cells (L, S, H)`` come from
    ``SlidingLSTM._recur``, ``mixed (S, M)`` too; ``tail (≤S·M, 4H)`` are the youngest taps,
    ``dense (M, H)`` and ``bounds (M,)`` have a row for each band.
    """
    size, layers, (bands, hidden) = len(mixed), recurrent.shape[0], dense.shape
    gates = np.empty(4 * hidden, np.float32)
    state = np.zeros(hidden, np.float32)
    below = np.zeros(hidden, np.float32)
    for step in range(size):
        row, made = projections[step], step * bands
        for back in range(0, made - 7, 8):  # eight at a time: the row is written less often
            s, t = samples[made - 8 - back : made - back], tail[back : back + 8]
            s0, s1, s2, s3, s4, s5, s6, s7 = s[7], s[6], s[5], s[4], s[3], s[2], s[1], s[0]
            t0, t1, t2, t3, t4, t5, t6, t7 = t[0], t[1], t[2], t[3], t[4], t[5], t[6], t[7]
            for g in range(4 * hidden):
                row[g] += (s0 * t0[g] + s1 * t1[g] + s2 * t2[g] + s3 * t3[g]) + (
                    s4 * t4[g] + s5 * t5[g] + s6 * t6[g] + s7 * t7[g]
                )
        for back in range(made - made % 8, made):
            sample, tap = samples[made - 1 - back], tail[back]
            for g in range(4 * hidden):
                row[g] += sample * tap[g]
        for layer in range(layers):
            more, cell = recurrent[layer, step], cells[layer, step]
            if layer == 0:
                for g in range(4 * hidden):
                    gates[g] = row[g] + more[g]
            else:
                gates[:] = more
                for u in range(hidden):
                    value, weight = below[u], uppers[layer - 1, u]
                    for g in range(4 * hidden):
                        gates[g] += value * weight[g]
            for u in range(hidden):
                i = sigmoid(gates[u])
                f = sigmoid(gates[hidden + u])
                w = tanh(gates[2 * hidden + u])
                o = sigmoid(gates[3 * hidden + u])
                state[u] = o * tanh(f * cell[u] + i * w)
            for u in range(hidden):
                below[u] = state[u] + below[u] if layer and residual else state[u]
        for band in range(bands):
            told, d, bound = dense_bias[band], dense[band], bounds[band]
            for u in range(hidden):
                told += d[u] * below[u]
            sample = mixed[step, band] + mix * told
            samples[made + band] = sample if np.isinf(bound) else bound * tanh(sample / bound)
