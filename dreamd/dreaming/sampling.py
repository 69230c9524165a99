"""The paper's two ways of sampling, as generators of elements that go on for ever.

:mod:`dreamd.dreaming.render` calls :func:`paused` or :func:`concurrent` for each dream and decodes
what they yield, ``(count, …)`` elements at a time in the model's scale. Both keep the paper's
queue: predict from it, append the last prediction, drop the oldest.
"""

import itertools
from collections.abc import Callable, Generator, Sequence

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach
from dreamd.approaches.lessons import block_of
from dreamd.approaches.registry import Concurrent
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio.crossfade import crossfade, fitted
from dreamd.audio.files import Samples
from dreamd.audio.harmonics import Harmonics
from dreamd.dreaming.follower import Follower, rms
from dreamd.dreaming.weight_walk import WeightWalk
from dreamd.kernels.sliding_lstm import SlidingLSTM, largest_block

QUIETER, LOUDER = 1 / 8, 8.0
"""The most that a block is turned down and up."""

SILENCE = 1e-6
"""Levels under it are all the same."""

Elements = Generator[Tensor, None, None]

Noise = Callable[[], float]
"""The standard deviation of a Gaussian added to each prediction, in the model's scale. It is asked
for before each step or block: a performer may turn it meanwhile."""


def none() -> float:
    return 0.0


def paused(
    model: Approach, queue: Tensor, profile: Concurrent, noise: Noise = none, threads: int = 1,
    walk: WeightWalk | None = None,
) -> Elements:  # fmt: skip
    """Dreams from one set of weights (the paper's first way of sampling), or from one that walks.

    :param walk: of the model's weights; sample-wise approaches take none.
    """
    if isinstance(model, SampleWise):
        largest = max(block_of(model, profile), largest_block(model.parts))
        loop = SlidingLSTM(model.sliding(), queue.numpy(), threads, largest)
        for size in loop.sizes():
            added = noise() * torch.randn(size, *queue.shape[1:])
            yield torch.from_numpy(loop.next(size, added.numpy()))
    while True:
        if walk:
            walk.move(model.element_samples / model.config.rate)
        element, queue = model.next(queue, noise())
        yield element[None]


def concurrent(
    model: Approach, queue: Tensor, follower: Follower, noise: Noise = none, threads: int = 1
) -> Elements:
    """Learns and dreams in lockstep (the paper's second way, and all of its examples).

    A cursor walks a recording. At each step the dream's own copy of the network learns from the
    window at the cursor, the cursor moves on by one element (times ``pace``), and the dream
    goes on by one element. So the weights lean towards whatever the cursor is passing. Where an
    element is a sample, a step is a block of them and its windows lie all over the block. The
    dream's level leans as well, towards that of what the cursor is passing, and what nobody could
    foretell there (a pick, a breath) strikes a sample-wise dream too.
    """
    if isinstance(model, SampleWise):
        return _in_blocks(model, queue, follower, noise, threads)
    return one_by_one(model, queue, follower, noise)


def one_by_one(
    model: Approach, queue: Tensor, follower: Follower, noise: Noise = none, threads: int = 1
) -> Elements:
    """The literal loop: a step of learning, an element, and so on."""
    while True:
        follower.step()
        element, queue = follower.next(queue, noise())
        element = model.scaled(element, gains(follower, model.bands_of(element)))
        queue[-1] = element
        yield element[None]


def _in_blocks(
    model: SampleWise, queue: Tensor, follower: Follower, noise: Noise, threads: int
) -> Elements:
    """A step of learning, then a block of samples exactly as the literal loop makes them; then the
    block is mended where it begins, keeps its partials and its level, and the dream goes on from
    what became of it. Raises ``FloatingPointError`` where it is no numbers any more."""
    profile, size = follower.profile, block_of(model, follower.profile)
    rate = model.config.rate // model.element_samples
    loop = SlidingLSTM(model.sliding(), queue.numpy(), threads, size, mended=True)
    held = [Harmonics(band, rate) for band in bands_of(queue.numpy()) if profile.holds_harmonics]
    for _ in itertools.count():
        follower.step()
        added = (noise() * torch.randn(size, *queue.shape[1:])).numpy()
        loop.set_weights(model.sliding())
        added += profile.residual_gain * follower.innovation(size)
        loop.next(size, added, [profile.ceiling * level for level in follower.levels])
        if not np.isfinite(loop.newest(size)).all():
            raise FloatingPointError("the dream is no longer finite")
        for band in bands_of(loop.newest(fitted(rate) + size)):
            crossfade(band, size, rate)
        if held:
            for one, band in zip(held, bands_of(loop.newest(held[0].span)), strict=True):
                one.hold(band, size)
        newest = loop.newest(size)
        changes = gains(follower, model.bands_of(torch.from_numpy(newest)))
        for band, change in zip(bands_of(newest), changes, strict=True):
            band *= np.linspace(1.0, change, size, dtype=np.float32)
        yield torch.from_numpy(newest.copy())


def bands_of(stream: Samples) -> Samples:
    """``(count,)`` or ``(count, P)`` elements of a sample-wise dream as its parts, ``(P, count)``:
    what is changed in them is changed in the stream."""
    return stream.reshape(len(stream), -1).T


def gains(follower: Follower, bands: Sequence[Tensor]) -> list[float]:
    """What leads each of the newest elements' bands towards the level of what the cursor is passing
    there. One gain for all would be that of the lows: highs would last as long as they do.

    It is mended in the loop, a little after each block, and not on the way to the loudspeaker.
    """
    correction = follower.profile.level_correction
    lacking = [level / max(rms(band), SILENCE)
               for level, band in zip(follower.levels, bands, strict=True)]  # fmt: skip
    return [min(max(missing**correction, QUIETER), LOUDER) for missing in lacking]
