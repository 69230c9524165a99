"""Products of a few rows with a matrix, for compiled loops.

A library's product costs some microseconds before its first multiplication, more than all of a
vector times ``W_hh``, and it may wake threads. :mod:`dreamd.kernels.window_learner` has a hundred
of them in each step. Each of these goes once over the matrix for every four or eight rows, in
loops that the compiler turns into SIMD. From some hundreds of rows on a library is faster:
:mod:`dreamd.kernels.matmul`.
"""

from typing import Any

import numpy as np

from dreamd.kernels.activations import WITHIN
from dreamd.kernels.compiled import compiled

_ZERO = np.float32(0)


@compiled(**WITHIN)
def product(a: Any, b: Any, out: Any) -> None:
    """``out (M, N) = a (M, K) b (K, N)``."""
    out[:] = _ZERO
    add_product(a, b, out)


@compiled(**WITHIN)
def add_product(a: Any, b: Any, out: Any) -> None:
    """``out (M, N) += a (M, K) b (K, N)``: eight rows of ``b`` at a time."""
    K, N = b.shape  # noqa: N806
    for k in range(0, K - 7, 8):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        b4, b5, b6, b7 = b[k + 4], b[k + 5], b[k + 6], b[k + 7]
        for m in range(a.shape[0]):
            row, w = out[m], a[m, k : k + 8]
            w0, w1, w2, w3, w4, w5, w6, w7 = w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7]
            for j in range(N):
                row[j] += (w0 * b0[j] + w1 * b1[j] + w2 * b2[j] + w3 * b3[j]) + (
                    w4 * b4[j] + w5 * b5[j] + w6 * b6[j] + w7 * b7[j]
                )
    for k in range(K - K % 8, K):
        for m in range(a.shape[0]):
            row, by = out[m], a[m, k]
            for j in range(N):
                row[j] += by * b[k, j]


@compiled(**WITHIN)
def product_transposed(a: Any, b: Any, out: Any) -> None:
    """``out (M, N) = a (M, K) b (N, K)ᵀ``: eight rows of ``a`` at a time."""
    M, K = a.shape  # noqa: N806
    for m in range(0, M - 7, 8):
        a0, a1, a2, a3 = a[m], a[m + 1], a[m + 2], a[m + 3]
        a4, a5, a6, a7 = a[m + 4], a[m + 5], a[m + 6], a[m + 7]
        for j in range(b.shape[0]):
            row = b[j]
            s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = _ZERO
            for k in range(K):
                value = row[k]
                s0 += value * a0[k]
                s1 += value * a1[k]
                s2 += value * a2[k]
                s3 += value * a3[k]
                s4 += value * a4[k]
                s5 += value * a5[k]
                s6 += value * a6[k]
                s7 += value * a7[k]
            out[m, j], out[m + 1, j], out[m + 2, j], out[m + 3, j] = s0, s1, s2, s3
            out[m + 4, j], out[m + 5, j], out[m + 6, j], out[m + 7, j] = s4, s5, s6, s7
    for m in range(M - M % 8, M):
        one = a[m]
        for j in range(b.shape[0]):
            row, total = b[j], _ZERO
            for k in range(K):
                total += row[k] * one[k]
            out[m, j] = total


@compiled(**WITHIN)
def transposed_product(a: Any, b: Any, out: Any) -> None:
    """``out (M, N) = a (K, M)ᵀ b (K, N)``: eight of the ``K`` at a time."""
    K, M = a.shape  # noqa: N806
    N = b.shape[1]  # noqa: N806
    if K < 8:
        out[:] = _ZERO
    for k in range(0, K - 7, 8):
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        b4, b5, b6, b7 = b[k + 4], b[k + 5], b[k + 6], b[k + 7]
        for m in range(M):
            row = out[m]
            if k == 0:
                row[:] = _ZERO
            w0, w1, w2, w3 = a[k, m], a[k + 1, m], a[k + 2, m], a[k + 3, m]
            w4, w5, w6, w7 = a[k + 4, m], a[k + 5, m], a[k + 6, m], a[k + 7, m]
            for j in range(N):
                row[j] += (w0 * b0[j] + w1 * b1[j] + w2 * b2[j] + w3 * b3[j]) + (
                    w4 * b4[j] + w5 * b5[j] + w6 * b6[j] + w7 * b7[j]
                )
    for k in range(K - K % 8, K):
        for m in range(M):
            row, by = out[m], a[k, m]
            for j in range(N):
                row[j] += by * b[k, j]
