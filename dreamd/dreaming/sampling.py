"""The paper's two ways of sampling, as generators of elements that go on for ever.

:mod:`dreamd.dreaming.render` calls :func:`paused` or :func:`concurrent` for each dream and decodes
what they yield, ``(count, …)`` elements at a time in the model's scale. Both keep the paper's
queue: predict from it, append the last prediction, drop the oldest.
"""

import itertools
from collections.abc import Callable, Generator

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach, SampleWise
from dreamd.approaches.lessons import block_of
from dreamd.approaches.registry import Concurrent
from dreamd.audio.crossfade import crossfade, fitted
from dreamd.audio.harmonics import Harmonics
from dreamd.dreaming.follower import Follower, rms
from dreamd.dreaming.weight_walk import WeightWalk
from dreamd.kernels.sliding_lstm import SlidingLSTM

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
        loop = SlidingLSTM(model.sliding(), queue.numpy(), threads, block_of(model, profile))
        for size in loop.sizes():
            yield torch.from_numpy(loop.next(size, (noise() * torch.randn(size)).numpy()))
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
        element = model.scaled(element, gain(follower, element))
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
    holds = profile.holds_harmonics
    held = Harmonics(queue.numpy(), rate) if holds else None
    for _ in itertools.count():
        follower.step()
        added = (noise() * torch.randn(size)).numpy()
        loop.set_weights(model.sliding())
        added += profile.residual_gain * follower.innovation(size)
        loop.next(size, added, profile.ceiling * follower.level)
        if not np.isfinite(loop.newest(size)).all():
            raise FloatingPointError("the dream is no longer finite")
        crossfade(loop.newest(fitted(rate) + size), size, rate)
        if held:
            held.hold(loop.newest(held.span), size)
        newest = loop.newest(size)
        change = gain(follower, torch.from_numpy(newest))
        newest *= np.linspace(1.0, change, size, dtype=np.float32)
        yield torch.from_numpy(newest.copy())


def gain(follower: Follower, elements: Tensor) -> float:
    """What leads ``elements`` towards the level of what the cursor is passing.

    It is mended in the loop, a little after each block, and not on the way to the loudspeaker.
    """
    missing = follower.level / max(rms(elements), SILENCE)
    return min(max(missing**follower.profile.level_correction, QUIETER), LOUDER)
