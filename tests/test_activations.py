"""The cell's functions against float64, and that loops over them become SIMD."""

import re
from collections.abc import Callable

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray

from dreamd.kernels.activations import sigmoid, tanh

Function = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def loop(function: Callable[..., object]) -> Function:
    @njit
    def over(x, y):  # type: ignore[no-untyped-def]
        for i in range(len(x)):
            y[i] = function(x[i])
        return y

    def run(x: NDArray[np.float32]) -> NDArray[np.float32]:
        return over(x, np.empty_like(x))

    run.compiled = over  # type: ignore[attr-defined]
    return run


GRID = np.linspace(-30, 30, 3_000_001).astype(np.float32)
EDGES = np.array([0, 1e-30, 1e-4, 8.3999, 8.4, 8.4001, 1e30, np.inf], np.float32)


def test_tanh_to_rounding() -> None:
    for x in (GRID, EDGES, -EDGES):
        np.testing.assert_allclose(loop(tanh)(x), np.tanh(x.astype(float)), rtol=4e-7, atol=0)


def test_sigmoid_to_rounding() -> None:
    """Absolute, not relative: a gate that is closed to 1e-7 is closed."""
    for x in (GRID, EDGES, -EDGES):
        with np.errstate(over="ignore"):
            exact = 1 / (1 + np.exp(-x.astype(float)))
        np.testing.assert_allclose(loop(sigmoid)(x), exact, rtol=0, atol=2.2e-7)


@pytest.mark.parametrize("function", [tanh, sigmoid])
def test_what_is_not_a_number_stays_so(function: Callable[..., object]) -> None:
    assert np.isnan(loop(function)(np.full(40, np.nan, np.float32))).all()


@pytest.mark.parametrize("function", [tanh, sigmoid])
def test_loops_over_them_are_vectorized(function: Callable[..., object]) -> None:
    """The optimized code divides several floats at a time."""
    run = loop(function)
    run(GRID[:16])
    (code,) = run.compiled.inspect_llvm().values()  # type: ignore[attr-defined]
    assert re.search(r"fdiv .*<\d+ x float>", code)
