"""Sample-wise dreaming, exactly as the literal loop does it, at several times real time.

``transpose`` and ``column`` predict one sample from a window of ``n`` vectors of ``V`` samples
and slide the window on by one sample. Done literally that runs an ``n``-step LSTM for each
sample. :class:`SlidingLSTM` does the same arithmetic in another order; the approaches make one
from their weights, and the literal loop (``Approach.next``) is what the tests compare it with.

Let ``s`` be the stream (seed, then output), ``H`` the hidden size, and

    P(j) = W_ih s[j : j+V]                                        projection at position j
    gates = P(t + kV) + W_hh h + b,   h, c = cell(gates, c)       vector k of the window at t
    s[t + nV] = Σ_k mix[k] (dense · h_k + b_dense) + b_mix        the next sample

(column: ``mix`` is 0…0 1; transpose: ``mix`` is its second dense layer.)

Where a step makes a sample of each of ``M`` bands, a *sample* below is such a group of ``M``
numbers, ``V`` counts groups, ``dense`` and the next sample have ``M`` rows; all else stays.

1. ``P(j)`` depends on the position alone: computed once, it serves as vector ``n-1`` of the
   window at ``t = j - (n-1)V``, then as vector ``n-2`` a ``V`` of samples later, and so on.
2. Only the last vector of a window holds samples younger than ``V``. So for a block of
   ``B ≤ V`` future steps the first ``n-1`` steps of the recurrence use known samples only:
   they run as matrix products ``(B, H) × (H, 4H)``.
3. The last vector's ``P`` is a bank of ``4H`` FIR filters of ``V`` taps over one signal. What the
   samples known at the block's start contribute comes from FFT convolutions, ``B`` taps at a
   time; what the block's own samples contribute, from a matrix matmul at the start of each
   sub-block of ``S`` steps (and with several bands from FFTs at every ``F`` steps, which go back
   as far as they reach on: 128, 256, 128 for a block of 512); what the sub-block's own samples
   contribute, sample by sample.
4. Left for each sample are one element-wise cell, a dot matmul and that last sum, in a
   compiled loop (:mod:`dreamd.kernels.sample_loops`).
5. Blocks start at 32 samples and double up to ``B``: the first samples are out at once.

Shapes: stream ``(…,)`` or ``(…, M)``; ``P`` one row for each position, ``(…, 4H)``, gates in
PyTorch's order input, forget, cell, output; a block's states ``(B, H)``.

Costs in multiply-adds for each sample, at V=1024, n=8, H=128: literal ``n·4H(V+H)`` = 4.7 M.
Here: recurrence ``(n-1)·4H²`` = 459 k, block ``4H·B/2`` = 66 k, sub-block ``4H·S/2`` = 16 k, and
the FFTs, 22 k, which stand for 460 k more (:func:`multiply_adds` has the formulas).

With more than one layer the upper layers' last step is a matrix-vector matmul per sample.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dreamd.kernels.long_filters import LongFilters, fft_length
from dreamd.kernels.matmul import Factor
from dreamd.kernels.sample_loops import add_told, lstm_cell, sample_loop

Array = NDArray[np.float32]

FIRST, LARGEST = 32, 256  # samples in the first block, and in the largest of one band
SUB = 64  # samples in a sub-block
FAR = 128  # samples of several bands between two products with all that their block has so far
ABREAST = 256  # windows in a matrix product of the recurrence
AHEAD = 8192  # samples, at least, between two moves of the stream to the front of its memory


@dataclass(frozen=True)
class Layer:
    """One LSTM layer: ``W_ih (4H, D)``, ``W_hh (4H, H)`` and the sum of its biases ``(4H,)``."""

    w_ih: Array
    w_hh: Array
    bias: Array


@dataclass(frozen=True)
class Weights:
    """A sample-wise network; see the module's head for ``mix``."""

    layers: tuple[Layer, ...]
    residual: bool
    dense: Array  # (M, H)
    dense_bias: Array  # (M,)
    mix: Array  # (n,)
    mix_bias: float


class SlidingLSTM:
    """Generates for ever from a seed.

    :param seed: ``(nV,)`` or ``(nV, M)`` samples in the model's scale: so are all others here.
    :param largest: samples in a block, at most; :func:`largest_block` where nothing is said.
    :param threads: 2 splits the matrix work of each block between two cores.
    :param mended: after each block it is changed (:meth:`newest`), and come other weights.
    """

    def __init__(
        self, weights: Weights, seed: Array, threads: int = 1, largest: int | None = None,
        mended: bool = False,
    ) -> None:  # fmt: skip
        self._weights = weights
        self._n = len(weights.mix)
        self._bands, self._hidden = weights.dense.shape
        self._vector = weights.layers[0].w_ih.shape[1] // self._bands
        assert len(seed) == self._n * self._vector
        self._largest = min(largest or largest_block(self._bands), self._vector)
        self._far, self._sub = steps(self._largest, self._bands)
        self._part = min((1 + mended) * self._largest, self._vector)  # projected at a time
        self._pool = ThreadPoolExecutor(threads - 1) if threads > 1 else None
        self._threads = threads
        self._mended, self._again = mended, 0  # positions whose projections hold what was changed
        self._prepare_inputs()
        self.set_weights(weights)
        self._prepare_memory(seed)
        self._project(0, len(seed) - self._vector)

    def sizes(self) -> Iterator[int]:
        """How long one block after another should be: short ones first."""
        size, made = min(FIRST, self._largest), 0
        while True:
            yield size
            made += size
            size = min(max(size, made), self._largest)

    def __iter__(self) -> Iterator[Array]:
        """Blocks of samples."""
        return (self.next(size) for size in self.sizes())

    def set_weights(self, weights: Weights) -> None:
        """Other weights of the same shape from here on (concurrent sampling learns as it goes).

        The first layer's input weights must be those that it began with: so projections stay, and
        no sample is made with anything that other weights computed.
        """
        self._weights, upper = weights, weights.layers[1:]
        self._bias = [_tensor(layer.bias) for layer in weights.layers]
        stays = not self._mended
        self._w_hh = [  # (H, 4H)
            Factor(_tensor(layer.w_hh), bias, stays)
            for layer, bias in zip(weights.layers, self._bias, strict=True)
        ]
        self._upper_w_ih = [Factor(_tensor(layer.w_ih), lasting=stays) for layer in upper]
        self._uppers = np.zeros((len(upper), self._hidden, 4 * self._hidden), np.float32)
        for k, layer in enumerate(upper):
            self._uppers[k] = layer.w_ih.T

    def next(
        self, count: int, noise: Array | None = None, bound: Sequence[float] | float = np.inf
    ) -> Array:
        """The next ``count ≤ V`` samples; ``noise``, of their shape, is added to them as they are
        made, and each, ``x``, is bent to ``bound · tanh(x / bound)`` before the next one is made.

        :param bound: one, or one for each band.
        """
        if self._end + count > len(self._stream):
            self._move_to_front()
        start = self._end - self._n * self._vector
        newest = start + (self._n - 1) * self._vector
        self._project(newest - self._again, self._again + count)
        self._recur(start, count)
        if noise is not None:
            self._mixed[:count] += noise.reshape(count, -1)
        bounds = np.full(self._bands, bound, np.float32)
        for first in range(0, count, self._far):
            last = min(first + self._far, count)
            if first:
                self._reach(newest, first, count)
            for at in range(first, last, self._sub):
                size = min(self._sub, last - at)
                if at > first:
                    self._catch_up(newest, first, at, size)
                self._sample_loop(newest, at, size, bounds)
        self._end += count
        self._again = count if self._mended else 0
        return self._stream[self._end - count : self._end].copy()

    def newest(self, count: int) -> Array:
        """The newest ``count`` samples themselves: the dream goes on from what is made of them.

        What was ``mended`` of the newest block is heard by all projections from then on; what is
        older must stay.
        """
        return self._stream[max(self._end - count, 0) : self._end]

    # ------------------------------------------------------------ memory

    def _prepare_inputs(self) -> None:
        """What is made of the first layer's input weights, once."""
        w_ih = self._weights.layers[0].w_ih
        self._taps: dict[int, Factor] = {}
        # The last taps, newest first: what a sample adds to the gates of later ones.
        self._tail = np.ascontiguousarray(w_ih.T[::-1][: self._bands * self._sub])
        self._reaches: dict[int, LongFilters] = {}
        # As many taps at a time as a block has samples: their FFTs are no longer than two blocks.
        self._parts = -(-self._vector // self._part)
        taps = np.zeros((len(w_ih), self._parts * self._part * self._bands), np.float32)
        taps[:, : w_ih.shape[1]] = w_ih
        each = _tensor(taps).view(len(w_ih), self._parts, self._part, self._bands)
        self._filters = LongFilters(
            each.permute(1, 3, 0, 2).flatten(0, 1),  # (parts·M, 4H, part)
            2 * self._part - 1,
        )

    def _prepare_memory(self, seed: Array) -> None:
        size = len(seed) + max(AHEAD, len(seed) + self._largest)  # a move overlaps nothing
        gates, layers, block = 4 * self._hidden, len(self._weights.layers), self._largest
        self._stream = np.zeros((size, *seed.shape[1:]), np.float32)
        self._stream[: len(seed)] = seed
        self._end = len(seed)
        self._projections = np.zeros((size, gates), np.float32)
        self._rows = torch.from_numpy(self._projections)
        # Of the block at hand, for each layer: W_hh h and c before the last vector.
        self._recurrent = np.zeros((layers, block, gates), np.float32)
        self._cells = np.zeros((layers, block, self._hidden), np.float32)
        self._mixed = np.zeros((block, self._bands), np.float32)  # what earlier vectors add to it

    def _move_to_front(self) -> None:
        kept = self._n * self._vector
        start = self._end - kept
        self._stream[:kept] = self._stream[start : self._end]
        self._projections[:kept] = self._projections[start : self._end]
        self._end = kept

    def _split(self, work: Callable[[int, int], None], count: int) -> None:
        """``work(low, high)`` over ``count``, a part for each thread."""
        edges = [count * k // self._threads for k in range(self._threads + 1)]
        if self._pool is None:
            work(0, count)
            return
        others = [self._pool.submit(work, edges[k], edges[k + 1]) for k in range(1, self._threads)]
        work(edges[0], edges[1])
        for other in others:
            other.result()

    # ------------------------------------------------------------ a block

    def _project(self, position: int, count: int) -> None:
        """``P`` for ``count`` positions; samples that do not exist yet count as zero."""
        for at in range(0, count, self._part):
            self._project_part(position + at, min(self._part, count - at))

    def _project_part(self, position: int, count: int) -> None:
        size = self._part
        known = torch.zeros((self._parts + 1) * size, self._bands)
        there = self._stream[position : min(self._end, position + len(known))]
        known[: len(there)] = torch.from_numpy(there).view(-1, self._bands)
        each = known.unfold(0, 2 * size, size)[..., : 2 * size - 1].flatten(0, 1)
        heard = self._filters.outputs(each, self._split)
        self._rows[position : position + count] = heard[:, :count].T

    def _recur(self, start: int, count: int) -> None:
        """The first ``n-1`` vectors of ``count`` windows, as matrix products; few enough at a time
        that all of them stay in the core's cache."""

        def work(low: int, high: int) -> None:
            for at in range(low, high, ABREAST):
                self._recur_rows(start, at, min(at + ABREAST, high))

        self._split(work, count)

    def _recur_rows(self, start: int, low: int, high: int) -> None:
        weights, rows = self._weights, high - low
        states = [torch.zeros(rows, self._hidden) for _ in weights.layers]
        cells = [self._cells[k, low:high] for k in range(len(weights.layers))]
        # W_hh h + b; before the first vector h = 0.
        recurrent = [bias.expand(rows, -1).contiguous().numpy() for bias in self._bias]
        mixed = self._mixed[low:high]
        self._cells[:, low:high] = 0
        mixed[:] = weights.mix_bias
        for k in range(self._n - 1):
            position = start + k * self._vector + low
            gates = self._projections[position : position + rows]
            below = states[0]
            for layer, state in enumerate(states):
                if layer:
                    gates = self._upper_w_ih[layer - 1].times(below).numpy()
                lstm_cell(gates, recurrent[layer], cells[layer], state.numpy())
                recurrent[layer] = self._w_hh[layer].times(state).numpy()
                below = state + below if layer and weights.residual else state
            if weights.mix[k]:
                add_told(below.numpy(), weights.dense, weights.dense_bias, weights.mix[k], mixed)
        for layer, more in enumerate(recurrent):
            self._recurrent[layer, low:high] = more

    def _catch_up(self, newest: int, since: int, at: int, size: int) -> None:
        """Adds to ``P`` of the next ``size`` what this block's samples from ``since`` to ``at``
        contribute."""
        made = torch.from_numpy(self._stream[self._end + since : self._end + at])
        taps, bands = len(made) + size - 1, self._bands
        padded = torch.zeros((taps + size - 1) * bands)
        padded[(size - 1) * bands : taps * bands] = made.flatten()
        windows = padded.unfold(0, taps * bands, bands)  # row r sees the samples before it
        rows = self._rows[newest + at : newest + at + size]
        rows += self._youngest(taps).times(windows)

    def _reach(self, newest: int, first: int, count: int) -> None:
        """Adds to ``P`` of the next samples what this block's newest contribute: of both as many
        times :data:`FAR` as the greatest power of two that divides ``first`` over :data:`FAR`."""
        nth = first // self._far
        span = (nth & -nth) * self._far
        if span not in self._reaches:
            self._reaches[span] = LongFilters(self._last_taps(2 * span), 2 * span)
        made = self._stream[self._end + first - span : self._end + first]
        signals = torch.zeros(self._bands, 2 * span)  # what is before is in the projections
        signals[:, span:] = torch.from_numpy(made).view(span, self._bands).T
        heard, there = self._reaches[span].outputs(signals, self._split), min(span, count - first)
        self._rows[newest + first : newest + first + there] += heard[:, :there].T

    def _last_taps(self, count: int) -> Tensor:
        """``(M, 4H, count)``: taps for the last samples of a vector."""
        w_ih = self._weights.layers[0].w_ih
        taps = np.zeros((len(w_ih), count * self._bands), np.float32)
        there = min(count, self._vector) * self._bands
        taps[:, -there:] = w_ih[:, -there:]
        return _tensor(taps).view(len(w_ih), count, self._bands).permute(2, 0, 1)

    def _youngest(self, taps: int) -> Factor:
        """The columns of ``W_ih`` for the last ``taps`` samples."""
        if taps not in self._taps:
            w_ih = self._weights.layers[0].w_ih
            self._taps[taps] = Factor(_tensor(w_ih[:, (self._vector - taps) * self._bands :]))
        return self._taps[taps]

    def _sample_loop(self, newest: int, at: int, size: int, bounds: Array) -> None:
        weights = self._weights
        sample_loop(
            self._projections[newest + at : newest + at + size],
            self._recurrent[:, at : at + size],
            self._cells[:, at : at + size],
            self._mixed[at : at + size],
            self._stream[self._end + at : self._end + at + size].reshape(-1),
            self._tail,
            self._uppers,
            weights.residual,
            weights.dense,
            weights.dense_bias,
            weights.mix[-1],
            bounds,
        )


def warm() -> None:
    """Compiles, or fetches from the disk's cache, what the first dream will need."""
    lower, upper = (
        Layer(*(np.zeros(shape, np.float32) for shape in ((4, width), (4, 1), (4,))))
        for width in (2, 1)
    )
    mix = np.ones(2, np.float32)
    told = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    nothing = Weights((lower, upper), False, *told, mix, 0.0)
    SlidingLSTM(nothing, np.zeros(4, np.float32)).next(2)


def largest_block(bands: int) -> int:
    """Samples in a block, at most. Several bands have several times the taps, whose spectra no
    cache holds: they are read once for each block.

    >>> largest_block(1), largest_block(4)
    (256, 512)
    """
    return LARGEST if bands == 1 else 2 * LARGEST


def steps(block: int, bands: int) -> tuple[int, int]:
    """Samples in a sub-block of sub-blocks, and in a sub-block.

    >>> steps(256, 1), steps(256, 4)
    ((256, 64), (128, 32))
    """
    return (block, SUB) if bands == 1 else (FAR, max(2 * SUB // bands, 1))


def multiply_adds(
    vector: int, window: int, hidden: int, layers: int = 1, bands: int = 1
) -> dict[str, float]:
    """Multiply-adds for each sample, by where they are spent (an FFT counts half its flops).

    ``literal`` and ``reordered`` are the formulas of the module's head, for comparison.

    :param vector: ``V·M``, all numbers in a vector.
    """
    gates, block = 4 * hidden, min(largest_block(bands), vector // bands)
    (far, sub), parts = steps(block, bands), -(-vector // bands // block)
    products = [(at, min(sub, far - at)) for at in range(sub, min(far, block), sub)]
    products *= -(-block // far)
    spans = [nth & -nth for nth in range(1, -(-block // far))]
    ffts = [(fft_length(2 * block - 1), parts)] + [(fft_length(2 * far * n), 1) for n in spans]
    inside = (window - 1) * hidden
    return {
        "literal": window * gates * (vector + hidden + 2 * (layers - 1) * hidden),
        "reordered": gates * (vector + window * hidden * (2 * layers - 1)),
        "recurrence": gates * (inside * (2 * layers - 1) + (layers - 1) * hidden),
        "block": gates * bands * sum((at + size - 1) * size for at, size in products) / block,
        "sub-block": gates * (min(sub, block) * bands - 1) / 2,
        "FFT": sum(
            float(gates * length * (1.25 * np.log2(length) + 2 * parts * bands) / block)
            for length, parts in ffts
        ),
    }


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))
