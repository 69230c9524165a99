"""A smooth way from one block of a concurrent dream into the next.

Between two blocks the weights change, and so may the level and the pitches that are held: the
first samples of a block do not quite fit the last ones of the block before, which clicks some
forty times a second. So a block begins as its past would have gone on by itself for a moment, by
linear prediction, and fades into what the network made of it. The approaches call this.
"""

import numpy as np

from dreamd.audio.files import Samples
from dreamd.audio.linear_prediction import extrapolated

FIT_ORDER = 32  # of the linear prediction
FIT_SPAN = 512  # samples that it is fitted to
FADE = 32  # samples


def crossfade(stream: Samples, count: int) -> None:
    """Changes the first samples of the block that the last ``count`` of ``stream`` are."""
    start = len(stream) - count
    past = stream[max(start - FIT_SPAN, 0) : start]
    fade = min(FADE, count)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))
    block = stream[start : start + fade]
    block += (1 - rise) * (extrapolated(past, fade, FIT_ORDER) - block)
