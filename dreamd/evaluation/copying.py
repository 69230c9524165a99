"""C3, does not copy the input: how much of a dream runs as one stretch of the recordings does.

The paper fails a dream with "several seconds of the training audio unchanged, or with minor
artifacts", and one made by what "can obviously be repeated through some other means" (section
3.1). So a copy is looked for behind what an equaliser, noise, clicks, a tremolo, a vocoder, a
pitch shifter, a stretcher or a tape would have made of it:

- *Contrasts* are compared: the level of each of :data:`BANDS` mel bands over its neighbours'. A
  gain that moves with time takes no part in them, and noise little.
- *Blocks* of 1.5 s of the dream, at each pitch and tempo in reach, are correlated with every
  place of the recordings, each band's mean set aside (an equaliser).
- *Chains* of blocks lie one after the other in dream and recording alike. Pitch may differ from
  block to block (a vibrato), and tempo a little. Notes and textures are alike, so a chain of some
  likeness is found in anything of the same player: how alike it is by chance the dream says
  itself, with its passage_blocks chained from last to first. Only what goes beyond that is copied.

The judge calls :func:`compare`, which gives a :class:`Copied`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from torch import Tensor

from dreamd.audio.files import Samples
from dreamd.evaluation.mel import RATE, TINY, Levels, Numbers, decibels, mel_bands, power_of
from dreamd.kernels.matmul import matmul

COPY_FRAME = 2048
COPY_HOP = 512
"""Samples from place to place in a recording: a copy need not lie on the same frames."""
STRIDE = 2
"""Places from frame to frame of a block: 93 ms."""
BANDS, LOWEST, HIGHEST = 48, 60.0, 4100.0  # up to 5473 Hz when a dream is five semitones higher
COPY_DEPTH = 30.0
"""dB under the loudest band of a frame; what is lower counts as if it were there."""
COPY_AROUND = 9
"""Bands around each, itself among them, whose mean its level is compared with."""

BLOCK, STEP = 16, 8
"""Frames of a block, and from block to block: 1.5 s and 0.74 s."""
COPY_SHORT = 1.5
"""Seconds of a block. A single one counts for nothing, because notes are alike."""
COPY_NEAR = (-5, -4, -3, -2, -1, 0, 1, 2, 3, 4, 5)
DISGUISES: tuple[tuple[float, tuple[int, ...]], ...] = (
    (0.82, COPY_NEAR), (0.9, COPY_NEAR), (1.0, (-12, -7, -6, *COPY_NEAR, 6, 7, 12)),
    (1.1, COPY_NEAR), (1.21, COPY_NEAR),
    (1 / 2, (12,)), (2 / 3, (7,)), (3 / 2, (-7,)), (2.0, (-12,)),
)  # fmt: skip
"""How long a copy may last, times the original, and by how many semitones it may then be higher:
what pitch shifters, stretchers and both together do, and a tape at speeds of 2, 3/2, 2/3, 1/2."""
SLACK = 2
"""Places that a block may lie earlier or later than tempo wants: 12 %, so tempos may be 10 %
apart, and may change."""

LENGTHS = (3, 7, 15)
"""Blocks of the chains that are looked for: 3 s, where "several seconds" begin, 6 s, 12 s."""
SHARE = 90.0
"""The percentile of the dream's moments that counts: a tenth of it may be copied more."""
REPEATS = np.array([0.85, 0.75, 0.65])
"""Chance is no more than this, at each length: a recording that repeats itself, over and over,
can be copied too. Independent takes of one player on eight notes stay below it."""
ORDERED = BLOCK + (LENGTHS[0] - 1) * STEP
"""Frames of the shortest chain. In less there is no order that says what is chance:"""
NO_ORDER = np.full(len(LENGTHS), 0.9)
"""so alike are single notes."""
NOTHING, WHOLE = 0.12, 0.62
"""How much of what chance leaves is copied in a dream that copies nothing, and in a copy. A
*medium* dream has 0.29 to 0.45."""
FOUND = 0.45
"""From here on 3 s count as copied when passages are listed."""

QUIET = 50.0  # dB under the loudest block: silence copies nothing
COPY_LOUDNESS = 0.3  # exponent from power to loudness (Stevens): what is heard counts

PIECE, OVERLAP = 300 * RATE // COPY_HOP, 14 * RATE // COPY_HOP
"""Places of a recording that are compared at a time: memory stays flat."""


Places = NDArray[np.intp]


@dataclass(frozen=True)
class Passage:
    """``seconds`` of the dream, from ``at`` on, are recording ``number`` from ``source`` on."""

    at: float
    seconds: float
    number: int
    source: float


@dataclass(frozen=True)
class Copied:
    """How alike the likest chains of each of :data:`LENGTHS` are, 0…1, and how much is chance."""

    likeness: tuple[float, ...]
    chance: tuple[float, ...]
    passages: tuple[Passage, ...]

    @property
    def share(self) -> float:
        """0…1: of what chance leaves, how much is there."""
        beyond = np.subtract(self.likeness, self.chance)
        return float(beyond.sum() / np.subtract(1, self.chance).sum())

    @property
    def score(self) -> float:
        """C3, 0…1: 1 copies nothing."""
        return float(np.clip((WHOLE - self.share) / (WHOLE - NOTHING), 0, 1))


def passages(dream: Samples, recordings: Sequence[Samples]) -> list[Passage]:
    """The longest copied passages at each place of the dream, in order of time."""
    return list(compare(dream, recordings).passages)


def compare(dream: Samples, recordings: Sequence[Samples]) -> Copied:
    """Forwards and backwards, at each pitch and tempo.

    Recordings of less than :data:`COPY_SHORT` seconds are left out, unless there are no others.

    :param dream: of 2 s or more, all at :data:`~dreamd.evaluation.mel.RATE`.
    """
    ordered = lasts(dream, ORDERED, 1.0)
    least = ORDERED if ordered else BLOCK
    tries = [
        Try(dream, tempo, semitones, back)
        for tempo, semitones in DISGUISES
        for back in (False, True)
        if lasts(dream, least, tempo)
    ]
    kept = [number for number, each in enumerate(recordings) if len(each) >= COPY_SHORT * RATE]
    for number in kept or range(len(recordings)):
        for start, theirs in _pieces(recordings[number]):
            for each in tries:
                each.listen(theirs, Origin(number, start, len(recordings[number]) / RATE))
    likeness = np.max([each.likeness() for each in tries], axis=0)
    chance = np.max([each.chance() for each in tries], axis=0) if ordered else NO_ORDER
    enough = float(chance[0] + FOUND * (1 - chance[0]))
    found = [passage for each in tries for passage in each.passages(enough)]
    return Copied(tuple(likeness.tolist()), tuple(chance.tolist()), tuple(_longest(found)))


def lasts(dream: Samples, frames: int, tempo: float) -> bool:
    """Whether it has so many frames of the original, if it lasts ``tempo`` times as long."""
    return len(dream) > (frames - 1) * STRIDE * COPY_HOP * tempo


# ---------------------------------------------------------------- what is compared


@dataclass(frozen=True)
class Blocks:
    """Stretches of :data:`BLOCK` frames, each band's mean over them set aside."""

    vectors: Tensor  # (passage_blocks, BLOCK * BANDS)
    spreads: Tensor  # (passage_blocks, BANDS): the length of each band's part

    def alike(self, other: "Blocks") -> Levels:
        """``(passage_blocks, other's)``: their correlation, 1 where they are the same.

        The bands' covariances over what they could be at most, band by band: a band that one of
        the two has lost (in noise, by an equaliser) counts for little.
        """
        same = matmul(self.vectors, other.vectors.T)
        return same.div_(matmul(self.spreads, other.spreads.T)).numpy()


def bands_at(semitones: int) -> Numbers:
    """``(BANDS, COPY_FRAME/2 + 1)``, for a sound that is so much higher."""
    return mel_bands(BANDS, LOWEST, HIGHEST, COPY_FRAME, 2 ** (semitones / 12))


def contrasts(power: Numbers, bands: Numbers) -> Levels:
    """Levels over their neighbours', in dB, ``(frames, BANDS)`` both."""
    levels = decibels(power)
    levels = np.maximum(levels, levels.max(1, keepdims=True) - COPY_DEPTH)
    levels -= uniform_filter1d(levels, COPY_AROUND, axis=1)
    levels[:, bands[:, -1] > 0] = 0.0  # what would be above half the rate has nothing to say
    return levels


def passage_blocks(levels: Levels, step: int, stride: int) -> Blocks:
    """One each ``step`` rows, its frames ``stride`` rows apart."""
    extent = (BLOCK - 1) * stride + 1
    windows = np.lib.stride_tricks.sliding_window_view(levels, (extent, BANDS))
    frames = windows[::step, 0, ::stride]
    frames = frames - frames.mean(1, keepdims=True)
    spreads = np.sqrt((frames**2).sum(1)) + 1e-3
    return Blocks(torch.from_numpy(frames.reshape(len(frames), -1)), torch.from_numpy(spreads))


def joined(several: Sequence[Blocks]) -> Blocks:
    """All of them, one after the other."""
    return Blocks(
        torch.cat([each.vectors for each in several]), torch.cat([each.spreads for each in several])
    )


def _pieces(recording: Samples) -> Iterator[tuple[int, Blocks]]:
    """The first place of each piece, and its passage_blocks, one at each place.

    A recording goes round, as a cursor does: what is shorter than a chain follows once more.
    """
    again = min(len(recording), OVERLAP * COPY_HOP)
    shortest = BLOCK * STRIDE * COPY_HOP
    whole = np.resize(recording, max(len(recording) + again, shortest))
    bands = bands_at(0)
    levels = contrasts(power_of(whole, COPY_FRAME, COPY_HOP, bands), bands)
    for start in range(0, max(len(levels) - OVERLAP, 1), PIECE - OVERLAP):
        yield start, passage_blocks(levels[start : start + PIECE], 1, STRIDE)


# ---------------------------------------------------------------- where it is found


@dataclass(frozen=True)
class Origin:
    """Which recording a piece is of, its first place there, and the recording's seconds."""

    number: int
    start: int
    seconds: float

    @property
    def passage_blocks(self) -> int:
        """Of the longest chain that would be all of the recording; three where it is shorter."""
        places = int(self.seconds * RATE / COPY_HOP) - BLOCK * STRIDE
        return max(1 + places // (STEP * STRIDE), LENGTHS[0])


class Try:
    """The dream at one tempo and some pitches, and the likest chains that were found so far.

    :param back: the dream backwards.
    """

    def __init__(self, dream: Samples, tempo: float, semitones: Sequence[int], back: bool) -> None:
        self._hop, self._back, self._seconds = (
            round(STRIDE * COPY_HOP * tempo),
            back,
            len(dream) / RATE,
        )
        every = [bands_at(each) for each in semitones]
        whole = np.ones((1, COPY_FRAME // 2 + 1))
        sound = dream[::-1] if back else dream
        power = power_of(sound, COPY_FRAME, self._hop, np.concatenate([*every, whole]))
        parts = np.split(power[:, :-1], len(every), axis=1)
        self._pitches = joined(
            [
                passage_blocks(contrasts(part, bands), STEP, 1)
                for part, bands in zip(parts, every, strict=True)
            ]
        )
        self._loudness = _loudness(power[:, -1])
        count = len(self._loudness)
        self._counts = [min(each, count) for each in LENGTHS]
        self._ahead = np.full((len(LENGTHS), count), -1.0)  # of the likest chain around each block
        self._astray = self._ahead.copy()  # the same, from last to first
        self._found: list[tuple[Origin, Numbers, Places]] = []

    def listen(self, theirs: Blocks, origin: Origin) -> None:
        """Looks for the dream in a piece of a recording."""
        each = self._pitches.alike(theirs).reshape(-1, len(self._loudness), len(theirs.vectors))
        same = each.max(0)  # the likest pitch
        most = origin.passage_blocks
        best = self._best(same, self._loudness, most)
        self._found.append((origin, *best[0]))
        for row, (values, _) in zip(self._ahead, best, strict=True):
            np.maximum(row, _around(values, len(row)), out=row)
        best = self._best(same[::-1], self._loudness[::-1], most)
        for row, (values, _) in zip(self._astray, best, strict=True):
            np.maximum(row, _around(values, len(row))[::-1], out=row)

    def _best(self, same: Levels, loudness: Numbers, most: int) -> list[tuple[Numbers, Places]]:
        """For each length, the likest chain from each block on, and the place where it begins."""
        fits = 1 + (same.shape[1] - 1) // (STEP * STRIDE)
        wanted = [min(each, fits, most) for each in self._counts]
        made = {
            count: (chain.max(1), chain.argmax(1))
            for count, chain in enumerate(chains(same, loudness, max(wanted)), 1)
            if count in wanted
        }
        return [made[count] for count in wanted]

    def likeness(self) -> Numbers:
        """For each length."""
        return np.percentile(self._ahead, SHARE, axis=1)

    def chance(self) -> Numbers:
        return np.minimum(np.percentile(self._astray, SHARE, axis=1), REPEATS)

    def passages(self, enough: float) -> Iterator[Passage]:
        """Runs of the shortest chains that are at least so much alike."""
        for origin, values, places in self._found:
            good = np.flatnonzero(values >= enough)
            goes_on = np.abs(np.diff(places[good]) - STEP * STRIDE) <= 2 * SLACK
            goes_on &= np.diff(good) == 1
            for run in np.split(good, np.flatnonzero(~goes_on) + 1):
                if len(run):
                    last = int(run[-1]) + len(self._loudness) - len(values)
                    yield self._passage(origin, int(run[0]), last, int(places[run[0]]))

    def _passage(self, origin: Origin, first: int, last: int, place: int) -> Passage:
        """From the first block to the last, which begins at a place of the piece."""
        at = first * STEP * self._hop / RATE
        seconds = ((last - first) * STEP + BLOCK) * self._hop / RATE
        source = (origin.start + place) * COPY_HOP / RATE % origin.seconds
        if self._back:
            at = max(self._seconds - at - seconds, 0.0)
        return Passage(at, min(seconds, self._seconds - at), origin.number, source)


def chains(same: Levels, loudness: Numbers, longest: int) -> Iterator[Numbers]:
    """Of 1, 2, … blocks: the mean likeness of the likest that begins at each block and place.

    :param same: how alike passage_blocks of the dream and places are ``(passage_blocks, places)``.
    :param loudness: weights of the passage_blocks; where there is little of it, little is alike.
    :returns: ``(passage_blocks - count + 1, places - (count - 1) * STEP * STRIDE)`` each.
    """
    heard = (same * loudness[:, None]).astype(np.float32)
    usual = loudness[loudness > 0].mean() if loudness.any() else 1.0
    sums, weights = heard, loudness
    for count in range(1, longest + 1):
        yield sums / np.maximum(weights, count * usual / 2)[:, None]
        if count < longest:
            earlier = maximum_filter1d(sums[:-1], 2 * SLACK + 1, axis=1)
            sums = earlier[:, : -STEP * STRIDE] + heard[count:, count * STEP * STRIDE :]
            weights = weights[:-1] + loudness[count:]


def _around(values: Numbers, count: int) -> Numbers:
    """For each of ``count`` passage_blocks, the greatest value of a chain that it is in."""
    length = count - len(values) + 1
    padded = np.pad(values, length - 1, constant_values=-1.0)
    return np.lib.stride_tricks.sliding_window_view(padded, length).max(1)


def _loudness(power: Numbers) -> Numbers:
    """Of each block, 1 the loudest; silence has none. ``power`` is each frame's."""
    windows = np.lib.stride_tricks.sliding_window_view(power, BLOCK)[::STEP]
    relative = windows.mean(1) / max(float(windows.mean(1).max()), TINY)
    return np.where(relative < 10 ** (-QUIET / 10), 0.0, relative**COPY_LOUDNESS)


def _longest(found: list[Passage]) -> list[Passage]:
    """Those that are not covered by a longer one, of the dream's time."""
    kept: list[Passage] = []
    for passage in sorted(found, key=lambda each: -each.seconds):
        end = passage.at + passage.seconds
        inside = any(k.at <= passage.at + 0.25 and end - 0.25 <= k.at + k.seconds for k in kept)
        if not inside:
            kept.append(passage)
    return sorted(kept, key=lambda each: each.at)
