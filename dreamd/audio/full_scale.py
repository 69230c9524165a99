"""How far samples are over full scale, and how to fit them into -1…1.

Float files may hold anything: a field recorder goes 12 dB over full scale, a script writes the
numbers of 16-bit samples, a broken plug-in one huge number. :class:`FullScale` looks at all of a
recording. What lies within full scale stays as it is.
"""

import numpy as np
from numpy.typing import NDArray

Sound = NDArray[np.float32]

BULK = 0.999
"""Share of the samples that say how loud a recording is: the others may be accidents."""
CREST = 4.0
"""How far above them peaks may be, where some are over full scale; what is higher is cut off."""
_LEAST, _MOST = -64, 64  # powers of two that are told apart


class FullScale:
    """Of the samples that were :meth:`add`-ed, all blocks together."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._counts = np.zeros(_MOST - _LEAST + 1, np.int64)

    def add(self, samples: Sound) -> None:
        if len(samples):
            self.peak = max(self.peak, float(samples.max()), -float(samples.min()))
            powers = np.clip(np.frexp(samples)[1], _LEAST, _MOST) - _LEAST
            self._counts += np.bincount(powers.ravel(), minlength=len(self._counts))

    @property
    def ceiling(self) -> float:
        """What is higher is an accident, and cut; at least 1."""
        under = np.cumsum(self._counts)
        bulk = 2.0 ** (int(np.searchsorted(under, BULK * under[-1])) + _LEAST)
        return max(CREST * bulk, 1.0)

    @property
    def has_accidents(self) -> bool:
        return self.peak > self.ceiling

    def cut(self, samples: Sound) -> Sound:
        """The same samples without accidents."""
        ceiling = np.float32(self.ceiling)
        return np.clip(samples, -ceiling, ceiling)

    def fit(self, samples: Sound) -> Sound:
        """The same samples, quieter if need be: all of those that were added are within -1…1."""
        return samples / np.float32(self.peak) if self.peak > 1 else samples
