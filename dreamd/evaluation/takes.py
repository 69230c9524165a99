"""What a dream's cursor walked, ready to be drawn and heard: takes, and the legs through them.

:mod:`dreamd.evaluation.walk` makes HTML of it. Of a long recording only what was walked is shown,
with a margin, and only the passages themselves can be heard: a page grows with its dream, not with
the recordings.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamd.audio import files
from dreamd.audio.files import Samples
from dreamd.errors import BadRecording
from dreamd.home.credits import Credit

WHOLE = 120.0
"""A recording of so many seconds is shown whole."""
SURROUNDINGS = 0.05
"""Of a longer one's walked part: what is shown before and after it."""
EDGE = 0.02  # seconds that are kept around what is heard
SHORTEST_LEG = 0.001  # seconds: what is shorter could be neither seen nor heard
HUES = (40, 320)
"""Degrees (OKLCH) of the first and the last second of the recordings: from orange to violet."""

Span = tuple[float, float]
"""From one second to another."""


@dataclass(frozen=True)
class Reel:
    """What can be heard of a recording: some spans of it, joined."""

    spans: Sequence[Span]
    samples: Samples

    def place(self, second: float) -> float:
        """Where in it a second of the recording is."""
        before = 0.0
        for first, last in self.spans:
            if first <= second < last:
                return before + second - first
            before += last - first
        return before


class Take:
    """A recording that was walked.

    :param credits: the passages of one dream that leant on it.
    :param rate: at which it is shown and heard, in Hz.
    """

    def __init__(self, source: str, name: str, credits: Sequence[Credit], rate: int) -> None:
        self.name, self.rate = name, rate
        self.walked = _leant(credits, source)  #: seconds of the dream
        self.seconds = 0.0  #: of the whole recording
        self.start, self.end = _extent(credits)  #: what is shown of it
        self.samples: Samples = np.zeros(0, np.float32)  #: of that; none: it cannot be read
        with suppress(BadRecording):
            self._read(Path(source))

    def _read(self, path: Path) -> None:
        seconds = files.info(path).seconds
        start, end = self._shown(seconds)
        samples = files.excerpt(path, self.rate, start, round((end - start) * self.rate))
        if len(samples) / self.rate < end - start - EDGE:  # its header promises too much
            start, samples = 0.0, files.excerpt(path, self.rate)
            seconds = len(samples) / self.rate
        if len(samples):
            self.samples, self.seconds, self.start = samples, seconds, start
            self.end = start + len(samples) / self.rate

    def _shown(self, seconds: float) -> Span:
        """Of a recording of ``seconds``, what was walked and some more, or the whole."""
        first, last = self.start, self.end
        if seconds <= WHOLE or last > seconds:  # the cursor went on at its beginning
            return 0.0, seconds
        margin = SURROUNDINGS * max(last - first, WHOLE / 2)
        return max(first - margin, 0.0), min(last + margin, seconds)

    def pieces(self, credit: Credit) -> tuple[Span, ...]:
        """What a passage is of the recording: one piece, and one more each time that the cursor
        came to the end and went on at the beginning."""
        first, left = credit.first, max(credit.last - credit.first, SHORTEST_LEG)
        found: list[Span] = []
        while left >= SHORTEST_LEG / 2:
            if self.seconds:
                first %= self.seconds
            length = min(left, self.seconds - first) if self.seconds else left
            found.append((first, first + length))
            first, left = first + length, left - length
        return tuple(found)

    def reel(self, pieces: Iterable[Span]) -> Reel:
        """What these pieces sound like, no louder than full scale."""
        spans: list[Span] = []
        for first, last in sorted(pieces):
            first, last = max(first - EDGE, self.start), min(last + EDGE, self.end)
            if spans and first <= spans[-1][1]:
                spans[-1] = spans[-1][0], max(last, spans[-1][1])
            else:
                spans.append((first, last))
        cut: Samples = np.concatenate([self._cut(*each) for each in spans])
        return Reel(spans, cut / np.abs(cut).max(initial=np.float32(1)))

    def _cut(self, first: float, last: float) -> Samples:
        begin, end = (round((each - self.start) * self.rate) for each in (first, last))
        return self.samples[begin:end]


def _leant(credits: Iterable[Credit], source: str) -> float:
    """How many seconds of the dream leant on a recording."""
    return sum(each.end - each.start for each in credits if each.source == source)


def _extent(credits: Sequence[Credit]) -> Span:
    return min(each.first for each in credits), max(each.last for each in credits)


@dataclass(frozen=True)
class Leg:
    """A passage: what of the dream leant on which pieces of which take; and its colour."""

    credit: Credit
    take: int
    pieces: tuple[Span, ...]
    hue: int


class Walk:
    """What a dream's cursor walked in its first ``seconds``: its legs in order, and their takes."""

    def __init__(self, credits: Iterable[Credit], seconds: float, rate: int) -> None:
        self.seconds, self.rate = seconds, rate
        some = as_far_as(credits, seconds)
        sources = sorted({each.source for each in some}, key=lambda source: -_leant(some, source))
        self.takes = [
            Take(source, name, [each for each in some if each.source == source], rate)
            for source, name in zip(sources, _names(sources), strict=True)
        ]
        self.legs = [self._leg(each, sources.index(each.source)) for each in some]

    def _leg(self, credit: Credit, number: int) -> Leg:
        """Its hue says where it is in all takes, laid end to end."""
        pieces = self.takes[number].pieces(credit)
        extents = [each.end - each.start for each in self.takes]
        place = sum(extents[:number]) + pieces[0][0] - self.takes[number].start
        hue = HUES[0] + (HUES[1] - HUES[0]) * place / max(sum(extents), 1e-9)
        return Leg(credit, number, pieces, round(hue))

    def through(self, take: int) -> list[tuple[int, Leg]]:
        """The legs through a take, with their numbers."""
        return [(number, leg) for number, leg in enumerate(self.legs) if leg.take == take]

    def reel(self, take: int) -> Reel | None:
        """What is heard of a take; None where it cannot be read any more."""
        if not len(self.takes[take].samples):
            return None
        return self.takes[take].reel(span for _, leg in self.through(take) for span in leg.pieces)


def as_far_as(credits: Iterable[Credit], seconds: float) -> list[Credit]:
    """The same, as far as they lie in the first ``seconds`` of the dream.

    >>> as_far_as([Credit(0, 4, "a", 10, 12), Credit(4, 5, "a", 0, 1)], 2)
    [Credit(start=0, end=2, source='a', first=10, last=11.0)]
    """
    found = []
    for each in credits:
        end = min(each.end, seconds)
        if end > each.start:
            share = (end - each.start) / (each.end - each.start)
            last = each.first + share * (each.last - each.first)
            found.append(replace(each, end=end, last=last))
    return found


def _names(sources: Sequence[str]) -> list[str]:
    """File names, with their folders where several have the same.

    >>> _names(["/x/a.wav", "/y/a.wav", "/y/b.wav"])
    ['x/a.wav', 'y/a.wav', 'b.wav']
    """
    plain = [Path(each).name for each in sources]
    return [
        f"{Path(source).parent.name}/{name}" if plain.count(name) > 1 else name
        for source, name in zip(sources, plain, strict=True)
    ]
