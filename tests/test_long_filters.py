"""Filters by FFT against sums written out."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamd.kernels.long_filters import LongFilters, Split, fft_length


def in_parts(count: int) -> Split:
    def split(work, whole):  # type: ignore[no-untyped-def]
        edges = [whole * k // count for k in range(count + 1)]
        for low, high in itertools.pairwise(edges):
            work(low, high)

    return split


@settings(deadline=None, max_examples=30)
@given(
    signals=st.integers(1, 5), filters=st.integers(3, 6), taps=st.integers(1, 70),
    more=st.integers(0, 70), parts=st.integers(1, 3), seed=st.integers(0, 99),
)  # fmt: skip
def test_outputs_are_the_sums(
    signals: int, filters: int, taps: int, more: int, parts: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((signals, filters, taps)).astype(np.float32)
    sound = rng.standard_normal((signals, taps + more)).astype(np.float32)
    made = LongFilters(torch.from_numpy(weights), taps + more)
    heard = made.outputs(torch.from_numpy(sound), in_parts(parts)).numpy()[:, : more + 1]
    for r in range(more + 1):
        expected = np.einsum("kgt,kt->g", weights, sound[:, r : r + taps])
        np.testing.assert_allclose(heard[:, r], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("span", [1, 8, 128, 256])
def test_what_begins_with_zeros_may_run_over_its_end(span: int) -> None:
    """As :class:`SlidingLSTM` asks: what the newest contribute to as many that follow."""
    rng = np.random.default_rng(span)
    weights = rng.standard_normal((3, 4, 2 * span)).astype(np.float32)
    sound = np.zeros((3, 3 * span), np.float32)
    sound[:, span : 2 * span] = rng.standard_normal((3, span))
    made = LongFilters(torch.from_numpy(weights), 2 * span)
    heard = made.outputs(torch.from_numpy(sound[:, : 2 * span]), in_parts(1)).numpy()
    for r in range(span):
        expected = np.einsum("kgt,kt->g", weights, sound[:, r : r + 2 * span])
        np.testing.assert_allclose(heard[:, r], expected, rtol=0, atol=2e-4)


@given(st.integers(1, 5000))
def test_a_length_has_room_and_is_no_multiple_of_512(least: int) -> None:
    assert least <= fft_length(least) < 2 * least + 32
    assert fft_length(least) % 512
