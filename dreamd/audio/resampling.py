"""From one sample rate to another. The only importer of soxr.

:mod:`dreamd.audio.files` brings recordings to the models' rate, the dreamer its dreams to the rate
of their files (:class:`ToRate`); :func:`resample` is for what is whole.
"""

import math
import sys
from functools import cache

import numpy as np
import soxr

from dreamd.audio.raw_samples import Block

FINEST = "VHQ"
"""What a loudspeaker hears: images lie 150 dB down."""
RINGING = (
    0.0005  # seconds at both ends, where the filter rings before it and after it, fade once more
)


def resample(samples: Block, rate: float, to: float) -> Block:
    """``(frames, …)`` samples at ``rate`` as they are at rate ``to``."""
    return soxr.resample(samples, rate, to).astype(np.float32)


class Stream:
    """What comes block after block: samples at ``rate``, in Hz, as they are at ``to``."""

    def __init__(self, rate: int, to: int, channels: int = 1, quality: str = "HQ") -> None:
        self._soxr = soxr.ResampleStream(rate, to, channels, dtype="float32", quality=quality)

    def __call__(self, block: Block, last: bool = False) -> Block:
        """What is sure by now; with the ``last`` block the rest."""
        return np.asarray(self._soxr.resample_chunk(block, last=last))


class ToRate:
    """A dream's finished samples on their way into a file of another rate.

    However they are cut into blocks, the same samples come out, exactly as many as the file holds.

    :param count: frames that go in, None: without end; :param frames: that come out then.
    """

    def __init__(
        self, rate: int, to: int, count: int | None, frames: int, channels: int = 1
    ) -> None:
        self._stream = Stream(rate, to, channels, FINEST) if rate != to else None
        self._to_come = math.inf if count is None else count
        self._frames = sys.maxsize if count is None else frames
        self._left = self._frames
        self._edge = max(round(RINGING * to), 1)
        self.late = held_back(rate, to) if self._stream else 0  #: samples held back at first

    def __call__(self, block: Block) -> Block:
        if self._stream is None:
            return block
        self._to_come -= len(block)
        last = self._to_come <= 0
        made = self._stream(block, last)[: self._left]
        at = self._frames - self._left + np.arange(len(made))
        edges = np.clip(np.minimum(at, self._frames - 1 - at) / self._edge, 0, 1)
        made = (made.T * edges).T.astype(np.float32)
        self._left -= len(made)
        # a ratio may leave some frames over, where the dream has faded out
        more = np.zeros((self._left if last else 0, *made.shape[1:]), np.float32)
        return np.concatenate((made, more))


@cache
def held_back(rate: int, to: int) -> int:
    """How many samples go into such a stream before the first come out."""
    stream, count, silence = Stream(rate, to, 1, FINEST), 1, np.zeros(1, np.float32)
    while not len(stream(silence)):
        count += 1
    return count
