"""Many channels become one or two, and what is no sound becomes silence.

:mod:`dreamd.audio.files` sends every block that it decodes through a :class:`Mixer`, and asks it
afterwards what it met. Samples of one channel are ``(frames,)``; of two ``(frames, 2)``, left and
right.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dreamd.audio.raw_samples import Block

Samples = NDArray[np.float32]

LARGEST_SAMPLE = 2.0**31
"""The largest number that stands for sound: full scale of 32-bit integers."""

MOST_BROKEN = 0.01
"""Share of frames that may hold numbers that are no sound: they become silence."""

SPAN = 8192  # frames over which channels are compared with their mean
CANCELLED = 0.5
"""Channels cancel each other where their mean has less of their power than this share of what it
has of independent channels, which is one over their number."""
MUCH, NEARLY_ALL = 0.1, 0.9
"""Shares of a recording's power; where so much of it cancels, one channel is taken alone: the
second where two are wanted, which lose nothing but what is told from their mean."""


def mono(samples: Samples) -> Samples:
    """The mean of the channels, ``(frames,)``: what pitch, timbre and events are told from."""
    return samples if samples.ndim == 1 else samples.mean(1, dtype=np.float32)


def columns(samples: NDArray[Any]) -> NDArray[Any]:
    """``(frames, 1 or 2)``, whichever they are."""
    return samples[:, None] if samples.ndim == 1 else samples


def of_channels(samples: Samples, channels: int) -> Samples:
    """``(frames, 1 or 2)`` samples as so many channels: two become their mean, one is on both
    sides."""
    if channels == 1:
        return samples[:, 0] if samples.shape[1] == 1 else mono(samples)
    return samples if samples.shape[1] == channels else np.repeat(samples, channels, 1)


def repeated(samples: Samples, frames: int) -> Samples:
    """Over and over again, until there are so many frames; or the first of them."""
    return np.resize(samples, (frames, *samples.shape[1:]))


class Mixer:
    """Called with each block ``(frames, any)``, gives ``(frames,)`` or ``(frames, 2)``.

    Two channels stay as they are where two are wanted; any other number is mixed to their mean.

    :param channel: take this one alone, instead of the mean of all; :param channels: wanted.
    """

    def __init__(self, channel: int | None = None, channels: int = 1) -> None:
        self._channel, self.channels = channel, channels
        self.frames = 0
        self.broken = 0  #: frames that held numbers that are no sound
        self._energy = np.zeros(0)  # of each channel
        self._cancelled = 0.0

    def __call__(self, block: Block) -> Samples:
        self.frames += len(block)
        if len(block) and not max(block.max(), -block.min()) <= LARGEST_SAMPLE:  # or NaN
            sound = np.abs(block) <= LARGEST_SAMPLE
            self.broken += int((~sound).any(1).sum())
            block = np.where(sound, block, np.float32(0))
        mixed = self._mixed(block)
        both = block.shape[1] == self.channels == 2 and self._channel is None
        return block if both else of_channels(columns(mixed), self.channels)

    def _mixed(self, block: Block) -> Samples:
        if block.shape[1] == 1:
            return block[:, 0]
        if self._channel is not None:
            return block[:, min(self._channel, block.shape[1] - 1)]
        mean = block.mean(axis=1, dtype=np.float32)
        self._weigh(block, mean)
        return mean

    def _weigh(self, block: Block, mean: Samples) -> None:
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
        much = MUCH if self.channels == 1 else NEARLY_ALL
        if self._cancelled <= much * self._energy.sum():
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


def _spans(block: Block, mean: Samples) -> Iterator[tuple[NDArray[np.float32], Samples]]:
    """``(spans, frames, channels)`` and ``(spans, frames)``: whole spans, and what is left."""
    whole = len(block) // SPAN * SPAN
    channels = block.shape[1]
    if whole:
        yield block[:whole].reshape(-1, SPAN, channels), mean[:whole].reshape(-1, SPAN)
    if whole < len(block):
        yield block[None, whole:], mean[None, whole:]
