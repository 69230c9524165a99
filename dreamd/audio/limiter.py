"""The way to the loudspeaker: what a dream's samples pass, last of all.

The dreamer gives each block of a dream to its :class:`Limiter` and writes what comes out.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from dreamd.audio.files import Samples

HIGH_PASS = 20.0  # Hz; below it is DC and rumble
KNEE = 0.8  # of the ceiling; samples under it pass unchanged
LASTING = 0.25  # seconds over which loudness counts
FADE_IN, FADE_OUT = 0.003, 0.010  # seconds


class Limiter:
    """The last thing that a dream's samples pass: no DC, no clicks at the ends, a ceiling.

    Causal, block by block, so that a block is final once it is out. A high-pass at 20 Hz, of
    second order, so that a dream which settles on a constant leaves no mean behind. Then the level:
    a dream may not stay louder than the loudest half second of its recordings, so where its root
    mean square over the last quarter of a second would pass that, it is turned down to it. Then
    samples over 0.8 of the ceiling are bent, never to pass it; then fades.

    :param frames: length of the whole dream.
    :param ceiling: largest absolute sample, at most 1: the recordings' own peak, so that a
        dream is never louder than what it was dreamt from.
    :param loudest: largest root mean square that may last.
    """

    def __init__(self, frames: int, rate: int, ceiling: float, loudest: float) -> None:
        self._fade_in = min(int(FADE_IN * rate), frames // 4)
        self._fade_out = min(int(FADE_OUT * rate), frames // 4)
        self._frames, self._ceiling, self._at = frames, min(ceiling, 1.0), 0
        self._sos = signal.butter(2, HIGH_PASS, "highpass", fs=rate, output="sos")
        self._state: NDArray[np.float64] | None = None
        self._loudest = loudest
        self._follower = signal.butter(1, 1 / (2 * np.pi * LASTING), fs=rate, output="sos")
        self._power = np.zeros((1, 2))  # the follower's state

    def __call__(self, block: Samples) -> Samples:
        """The next samples of the dream, safe. Raises ``FloatingPointError`` if not finite."""
        if not np.isfinite(block).all():
            raise FloatingPointError("the dream is no longer finite")
        if not len(block):
            return block
        if self._state is None:  # as if the first sample had stood there for ever: no thump
            self._state = signal.sosfilt_zi(self._sos) * float(block[0])
        moving, self._state = signal.sosfilt(self._sos, block.astype(np.float64), zi=self._state)
        safe = self._bend(self._turn_down(moving)) * self._envelope(len(block))
        self._at += len(block)
        return safe.astype(np.float32)

    def _turn_down(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        power, self._power = signal.sosfilt(self._follower, samples**2, zi=self._power)
        level = np.sqrt(np.maximum(power, 1e-20))
        quieter: NDArray[np.float64] = samples * np.minimum(1.0, self._loudest / level)
        return quieter

    def _bend(self, samples: NDArray[np.float64]) -> NDArray[np.float64]:
        knee, room = KNEE * self._ceiling, (1 - KNEE) * self._ceiling
        over = np.abs(samples) - knee
        bent = np.sign(samples) * (knee + room * np.tanh(over / room))
        return np.where(over > 0, bent, samples)

    def _envelope(self, count: int) -> NDArray[np.float64]:
        t = self._at + np.arange(count)
        rise = np.clip(t / max(self._fade_in, 1), 0, 1)
        fall = np.clip((self._frames - 1 - t) / max(self._fade_out, 1), 0, 1)
        envelope: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * rise * fall)
        return envelope
