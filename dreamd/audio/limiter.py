"""The way to the loudspeaker: what a dream's samples pass, last of all.

The dreamer gives each block of a dream to its :class:`Limiter` and writes what comes out.
:class:`Level` says how loud that may be.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from scipy import signal
from scipy.ndimage import minimum_filter1d

from dreamd.audio.channels import columns
from dreamd.audio.files import Samples
from dreamd.audio.loudness import (
    EVERY,
    HOP,
    MOMENT,
    SILENT,
    Numbers,
    Weighting,
    gated,
    moments,
    power,
)

HIGH_PASS = 20.0  # Hz; below it is DC and rumble
FADE_IN, FADE_OUT = 0.003, 0.010  # seconds
HIGHEST_PEAK = 10 ** (-1 / 20)
"""A true peak of -1 dB: nothing passes it, whatever the recordings are."""
LOUDEST_SANE = -9.0  # LUFS; a recording louder than that is not followed up there
OVER = 6.0  # LU over the loudest recording that a moment may be

HEARD_MOMENTS = 300
"""Moments of a dream, 30 s of it, from which its loudness is told."""
FIRST, SLOWER, SLOWEST = 0.3, 0.1, 2.0
"""Seconds in which the gain goes where it should: at first, for each second more, and at most.
What is slow leaves the dream's dynamics alone."""
UP = 30.0  # dB by which a dream is turned up, at most
SPENT = 3
"""One part in so many of what may still sound within a moment may sound in its next hop."""

EVEN = MOMENT - 1 + SPENT
"""And then each hop has one of so many, when all are as loud."""

TURN = 1.0  # dB by which a performer's turning goes on with each hop: 0.24 s for 24 dB
TURNED = 5.0  # of full scale, by which the ceiling goes there in a second

BEFORE_PEAK = 0.005  # seconds in which the gain goes down before a peak
BETWEEN = 12  # samples on each side from which the wave between two samples is told
MARGIN = 0.95
"""Of the ceiling, from which on peaks are turned down: between four points it may be higher."""
UPSAMPLED = 4
_POINTS = UPSAMPLED * signal.firwin(
    2 * UPSAMPLED * BETWEEN + 1, 1 / UPSAMPLED, window=("kaiser", 6)
)


@dataclass(frozen=True)
class Level:
    """How loud a dream comes, and what it never passes."""

    target: float  # LUFS, of the whole
    most: float  # LUFS, of any 0.4 s
    ceiling: float  # true peak
    gain: float = 0.0  # dB, what the performer turns the target by

    @classmethod
    def of(cls, loudness: float, loudest: float, peak: float, gain: float = 0.0) -> "Level":
        """:param loudness: of the recordings, in LUFS; ``loudest``: of the loudest of them;
            ``peak``: their largest sample: a dream has no higher ones.
        :param gain: dB that the dream is turned up or down; ``most`` stays what it is.
        """
        target, most = (min(max(each, SILENT), LOUDEST_SANE) for each in (loudness, loudest))
        ceiling = min(peak * 10 ** (max(gain, 0.0) / 20), HIGHEST_PEAK)
        return cls(target, most + OVER, ceiling, gain)


class Limiter:
    """The last thing that a dream's samples pass: no DC, no clicks at the ends, its level.

    Causal but for 26 ms, so that what is out is final, and the same in whatever blocks it comes.
    First a high-pass at 20 Hz, of second order, so that a dream which settles on a constant leaves
    no mean behind. Then the loudness, hop by hop: a slow gain leads what was dreamt so far to the
    recordings' own, and where 0.4 s would sound louder than any may, it is turned down at once.
    Then fades, and a gain that goes down before each peak which would pass the ceiling.

    Of two channels both get one gain, so that the image stands still.

    :param frames: length of the whole dream; None: it has no end.
    """

    def __init__(self, frames: int | None, rate: int, level: Level, channels: int = 1) -> None:
        most = rate if frames is None else frames // 4
        self._fade_in, self._fade_out = (min(int(t * rate), most) for t in (FADE_IN, FADE_OUT))
        self._frames, self._came, self._at, self._out = frames, 0, 0, 0
        self._sos = signal.butter(2, HIGH_PASS, "highpass", fs=rate, output="sos")
        self._state: Numbers | None = None
        self._loudness = _Loudness(rate, level, channels)
        self._peaks = _Peaks(round(BEFORE_PEAK * rate), level.ceiling, TURNED / rate, channels)
        self._channels = channels
        self.late = self._loudness.late + self._peaks.late  #: samples held back, at most

    def begin(self, seed: Samples) -> None:
        """The dream goes on from this: until more of it is known, it is as loud."""
        self._loudness.hear(np.nan_to_num(seed.astype(np.float64)))

    def turn(self, level: Level) -> None:
        """From now on the dream comes as loud as this: it gets there without a click."""
        self._loudness.turn(level)
        self._peaks.goal = level.ceiling

    def __call__(self, block: Samples) -> Samples:
        """The next samples of the dream, ``(count,)`` or ``(count, 2)``; what comes out is safe,
        and up to 26 ms late. With the last of them comes the rest. Raises ``FloatingPointError``
        if not finite."""
        if not np.isfinite(block).all():
            raise FloatingPointError("the dream is no longer finite")
        if not len(block):
            return block
        moving = self._free_of_dc(columns(block).astype(np.float64))
        self._came += len(block)
        if self._frames is not None and self._came >= self._frames:
            moving = np.concatenate((moving, np.zeros((self.late, self._channels))))
        level = self._loudness(moving)
        safe = self._peaks(level * self._envelope(len(level))[:, None])
        if self._frames is not None:
            safe = safe[: self._frames - self._out]
        self._out += len(safe)
        return safe.astype(np.float32).reshape(-1, *block.shape[1:])

    def _free_of_dc(self, samples: Numbers) -> Numbers:
        if self._state is None:  # as if the first sample had stood there for ever: no thump
            self._state = signal.sosfilt_zi(self._sos)[..., None] * samples[0]
        moving, self._state = signal.sosfilt(self._sos, samples, axis=0, zi=self._state)
        return np.asarray(moving)

    def _envelope(self, count: int) -> Numbers:
        t = self._at + np.arange(count)
        self._at += count
        rise = np.clip(t / max(self._fade_in, 1), 0, 1)
        end = np.inf if self._frames is None else self._frames - 1
        fall = np.clip((end - t) / max(self._fade_out, 1), 0, 1)
        envelope: Numbers = 0.5 - 0.5 * np.cos(np.pi * rise * fall)
        return envelope


class _Loudness:
    """Leads the loudness to the target, and keeps every moment under the most; hop by hop."""

    def __init__(self, rate: int, level: Level, channels: int) -> None:
        self._rate, self._level, self._channels = rate, level, channels
        self._weighting = Weighting(rate, channels)
        self._most = self._bound = power(level.most) * MOMENT
        self._share, self._easing = 0.0, 0  # a hop's for sure; hops until the bound is the most
        self._dreamt: deque[float] = deque(maxlen=MOMENT)  # the newest powers, as they come in
        self._sounded: deque[float] = deque(maxlen=MOMENT)  # and as they go out
        self._counted: deque[float] = deque(maxlen=MOMENT)  # what of these the most is spent by
        self._moments: deque[float] = deque(maxlen=HEARD_MOMENTS)
        self._so_far = -np.inf  # loudness of the moments
        self._hops, self._gain = 0, level.gain  # dB; the slow one
        self._owed = 0.0  # dB by which a performer has turned it, and which are still to come
        self._waiting: Numbers = np.zeros((0, channels))  # from the first hop on that is not out
        self._gains: list[float] = []  # of the hops in it
        self._ramp: float | None = None  # where the gain is as that hop begins
        self.late = 2 * self._weighting.hop

    def hear(self, seed: Numbers) -> None:
        """What the dream goes on from."""
        self._moments.extend(moments(Weighting(self._rate, self._channels)(seed)).tolist())
        self._so_far = gated(np.array(self._moments))
        self._gain = self._wanted()

    def turn(self, level: Level) -> None:
        """What sounded louder just before, by another level, is forgiven: else it would silence
        the next hops. Together they stay within the louder of the two."""
        self._owed += level.gain - self._level.gain
        before, self._most = self._most, power(level.most) * MOMENT
        if self._most < before:
            self._share = max(self._share, before / EVEN)
            fair = self._most / EVEN
            self._counted = deque((min(each, fair) for each in self._counted), MOMENT)
        self._bound, self._easing = max(self._bound, self._most), MOMENT
        self._level = level

    def __call__(self, samples: Numbers) -> Numbers:
        """The hops that are sure: all whole ones but the newest."""
        self._waiting = np.concatenate((self._waiting, samples))
        self._gains += map(self._gain_of, self._weighting(samples).tolist())
        count = len(self._gains) - 1
        if count < 1:
            return self._waiting[:0]
        gains = np.array(self._gains)
        edges = np.append(gains[0] if self._ramp is None else self._ramp,
                          np.minimum(gains[:-1], gains[1:]))  # fmt: skip
        hop = self._weighting.hop
        ramps = edges[:-1, None] + np.diff(edges)[:, None] * np.arange(hop) / hop
        sure, self._waiting = self._waiting[: count * hop], self._waiting[count * hop :]
        self._gains, self._ramp = self._gains[count:], float(edges[-1])
        return np.asarray(sure * ramps.reshape(-1, 1))

    def _gain_of(self, dreamt: float) -> float:
        """Of a hop of this power, so that no moment that ends with it is too loud."""
        self._hops += 1
        within = min(FIRST + SLOWER * HOP * self._hops, SLOWEST)
        self._gain += (self._wanted() - self._gain) * HOP / within
        step = min(max(self._owed, -TURN), TURN)
        self._gain, self._owed = self._gain + step, self._owed - step
        slow = 10 ** (self._gain / 10)
        spare = (self._most - sum(self._counted)) / SPENT
        may = min(max(spare, self._eased()), (self._bound - sum(self._sounded)) / SPENT)
        turned = min(1.0, may / max(dreamt * slow, 1e-30))
        self._sounded.append(dreamt * slow * turned)
        self._counted.append(min(self._sounded[-1], spare))
        self._hear_hop(dreamt * turned)
        return float(np.sqrt(slow * turned))

    def _eased(self) -> float:
        """What a hop may have on the way to a softer level; a moment after the way's end the most
        holds for all that sounds."""
        if self._share:
            self._share *= 10 ** (-TURN / 10)
            if self._share <= self._most / EVEN:
                self._share = 0.0
        elif self._easing:
            self._easing -= 1
            if not self._easing:
                self._bound = self._most
        return self._share

    def _hear_hop(self, dreamt: float) -> None:
        """What was turned down is made up for by the slow gain, as far as may be."""
        self._dreamt.append(dreamt)
        if self._hops == MOMENT:  # it speaks for itself, and no longer its seed for it
            self._moments.clear()
        if self._hops % EVERY == 0:
            self._moments.append(float(np.mean(self._dreamt)))
            self._so_far = gated(np.array(self._moments))

    def _wanted(self) -> float:
        """The gain that what was dreamt so far lacks, in dB."""
        if self._so_far == -np.inf:
            return self._gain
        return min(self._level.target - self._so_far, UP) + self._level.gain - self._owed


class _Peaks:
    """Turns down, a little before, what would pass the ceiling between samples or at them."""

    def __init__(self, ahead: int, ceiling: float, glide: float, channels: int) -> None:
        self._ahead, self._glide = ahead, glide
        self.goal = ceiling  #: where the ceiling goes, by ``glide`` with each sample
        self.late = ahead + BETWEEN + 1
        self._around = np.zeros((self.late, channels))  # what came before, and what is not out yet
        self._ceilings = np.full(self.late, ceiling)  # of these

    def __call__(self, samples: Numbers) -> Numbers:
        heard = np.concatenate((self._around, samples))
        ceilings = np.concatenate((self._ceilings, self._next_ceilings(len(samples))))
        count = len(heard) - 2 * self.late
        if count < 1:
            self._around, self._ceilings = heard, ceilings
            return heard[:0]
        self._around, self._ceilings = heard[count:], ceilings[count:]
        here, most = (each[self.late : self.late + count] for each in (heard, ceilings))
        fit = MARGIN * ceilings / np.maximum(_true_peaks(heard), 1e-30)
        if fit.min() < 1:
            before = minimum_filter1d(np.minimum(fit, 1), self._ahead + 1,
                                      origin=-((self._ahead + 1) // 2))  # fmt: skip
            # Each mean by itself: running sums would round otherwise in other blocks.
            means = np.convolve(before, np.full(self._ahead + 1, 1 / (self._ahead + 1)), "valid")
            first = self.late - self._ahead
            here = here * means[first : first + count, None]
        return np.clip(here, -most[:, None], most[:, None])

    def _next_ceilings(self, count: int) -> Numbers:
        now = self._ceilings[-1]
        way = self.goal - now
        steps = self._glide * np.arange(1, count + 1)
        return np.asarray(now + np.sign(way) * np.minimum(abs(way), steps))


def _true_peaks(samples: Numbers) -> Numbers:
    """The largest of the wave, in any channel, at each sample and between it and its neighbours."""
    fine = np.abs(signal.upfirdn(_POINTS, samples, up=UPSAMPLED, axis=0)).max(1)
    start = UPSAMPLED * BETWEEN
    after = fine[start : start + UPSAMPLED * len(samples)].reshape(-1, UPSAMPLED).max(1)
    before = np.append(0.0, after[:-1])
    return np.maximum(np.maximum(after, before), np.abs(samples).max(1))
