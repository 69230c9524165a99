"""Many channels become one, and what is no sound becomes silence.

:mod:`dreamd.audio.files` sends every block that it decodes through a :class:`Mixer`, and asks it
afterwards what it met.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dreamd.audio.raw_samples import Block

Mono = NDArray[np.float32]

LARGEST_SAMPLE = 2.0**31
"""The largest number that stands for sound: full scale of 32-bit integers."""

MOST_BROKEN = 0.01
"""Share of frames that may hold numbers that are no sound: they become silence."""

SPAN = 8192  # frames over which channels are compared with their mean
CANCELLED = 0.5
"""Channels cancel each other where their mean has less of their power than this share of what it
has of independent channels, which is one over their number."""
MUCH = 0.1
"""Share of a recording's power; where so much of it cancels, one channel is taken alone."""


class Mixer:
    """Called with each block ``(frames, channels)``, gives ``(frames,)``.

    :param channel: take this one alone, instead of the mean of all.
    """

    def __init__(self, channel: int | None = None) -> None:
        self._channel = channel
        self.frames = 0
        self.broken = 0  #: frames that held numbers that are no sound
        self._energy = np.zeros(0)  # of each channel
        self._cancelled = 0.0

    def __call__(self, block: Block) -> Mono:
        self.frames += len(block)
        if len(block) and not max(block.max(), -block.min()) <= LARGEST_SAMPLE:  # or NaN
            sound = np.abs(block) <= LARGEST_SAMPLE
            self.broken += int((~sound).any(1).sum())
            block = np.where(sound, block, np.float32(0))
        if block.shape[1] == 1:
            return block[:, 0]
        if self._channel is not None:
            return block[:, min(self._channel, block.shape[1] - 1)]
        mean = block.mean(axis=1, dtype=np.float32)
        self._weigh(block, mean)
        return mean

    def _weigh(self, block: Block, mean: Mono) -> None:
        channels = block.shape[1]
        if not len(self._energy):
            self._energy = np.zeros(channels)
        for part, mixed in _spans(block, mean):
            power = np.einsum("sfc,sfc->sc", part, part, dtype=np.float64)
            left = np.einsum("sf,sf->s", mixed, mixed, dtype=np.float64)
            low = left < CANCELLED / channels * power.mean(1)
            self._energy[: power.shape[1]] += power.sum(0)[: len(self._energy)]
            self._cancelled += float(power[low].sum())

    @property
    def strongest(self) -> int | None:
        """The channel to take alone, where they cancel each other; else None."""
        if self._cancelled <= MUCH * self._energy.sum():
            return None
        return int(self._energy.argmax())

    @property
    def too_broken(self) -> bool:
        return self.broken > MOST_BROKEN * self.frames

    def remarks(self) -> Iterator[str]:
        """What a performer should know of the recording."""
        if self.broken:
            yield f"{self.broken} of its samples are no numbers of sound: they are silence"
        if self._channel is not None:
            yield f"its channels cancel each other: channel {self._channel + 1} is taken alone"


def _spans(block: Block, mean: Mono) -> Iterator[tuple[NDArray[np.float32], Mono]]:
    """``(spans, frames, channels)`` and ``(spans, frames)``: whole spans, and what is left."""
    whole = len(block) // SPAN * SPAN
    channels = block.shape[1]
    if whole:
        yield block[:whole].reshape(-1, SPAN, channels), mean[:whole].reshape(-1, SPAN)
    if whole < len(block):
        yield block[None, whole:], mean[None, whole:]
