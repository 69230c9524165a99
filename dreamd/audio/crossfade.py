"""A smooth way from one block of a concurrent dream into the next.

Between two blocks the weights change, and so may the level and the pitches that are held: the
first samples of a block do not quite fit the last ones of the block before, which clicks some
forty times a second. So a block begins as its past would have gone on by itself for a moment, by
linear prediction, and fades into what the network made of it. The approaches call this.
"""

import numpy as np

from dreamd.audio.channels import columns
from dreamd.audio.files import Samples
from dreamd.audio.linear_prediction import extrapolated
from dreamd.settings import multiple

FIT_ORDER = 32  # of the linear prediction, at 11025 Hz
FIT_SPAN = 512  # samples that it is fitted to, there
FADE = 32  # samples, there


def crossfade(stream: Samples, count: int, rate: int) -> None:
    """Changes the first samples of the block that the last ``count`` of ``stream`` are."""
    start, fade = len(stream) - count, min(FADE * multiple(rate), count)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, fade + 1, dtype=np.float32) / (fade + 1))
    block = stream[start : start + fade]
    block += (1 - rise) * (_continued(stream[:start], fade, multiple(rate)) - block)


def continued(past: Samples, count: int, rate: int) -> Samples:
    """How the past ``(frames, …)`` goes on by itself, for ``count`` samples, counted at 11025 Hz;
    each channel by itself."""
    times = multiple(rate)
    made = [_continued(each, count * times, times) for each in columns(past).T]
    return np.stack(made, 1).reshape(-1, *past.shape[1:])


def _continued(past: Samples, count: int, times: int) -> Samples:
    return extrapolated(past[-FIT_SPAN * times :], count, FIT_ORDER * times)


def fitted(rate: int) -> int:
    """Samples before a block that :func:`crossfade` is to know."""
    return FIT_SPAN * multiple(rate)
