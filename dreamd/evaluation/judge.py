"""The paper's three criteria as numbers and words, from the dream and the recordings alone.

The paper rates dreams by ear (section 3.1, Table 1): free of artifacts, resembles the input,
does not copy the input. Each is a number in 0…1 (the modules beside this one:
artifacts, resemblance, copying) and one of three words. A fourth number says how much of a dream
runs in the recording's own order (order). ``dreamd judge`` and
``dreamd table1`` use this; ``tests/test_judge.py`` holds the cases whose answers are known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dreamd.audio import files
from dreamd.audio.files import Samples
from dreamd.errors import BadRecording
from dreamd.evaluation import artifacts, copying, order
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.mel import RATE, on_one_core
from dreamd.evaluation.resemblance import Likeness

WORDS = ("low", "medium", "high")
"""Each a third of the scale; low means that the criterion is not met."""
SHORTEST = 2.0
"""Seconds of a dream that can be judged."""
LONGEST = 600.0
"""Seconds of all recordings together that resemblance and artifacts are measured on."""


@dataclass(frozen=True)
class Judgement:
    """What the measures say of one dream."""

    c1: float  # free of artifacts
    c2: float  # resembles the input
    c3: float  # does not copy the input
    artifacts: Artifacts
    passages: tuple[Passage, ...]  # that the recordings have as well
    order: float = 0.0  # how much runs in the recordings' own order

    @property
    def words(self) -> tuple[str, str, str]:
        return word(self.c1), word(self.c2), word(self.c3)


def word(number: float) -> str:
    """
    >>> word(0.2), word(0.5), word(1.0)
    ('low', 'medium', 'high')
    """
    return WORDS[min(int(3 * number), 2)]


class Judge:
    """Listens to the recordings once, and then to any number of dreams.

    :param recordings: samples at :data:`~dreamd.evaluation.mel.RATE`, a second or more in all.
    """

    def __init__(self, recordings: Sequence[Samples]) -> None:
        self._recordings = recordings
        some = within(recordings, round(LONGEST * RATE))
        self.artifacts = artifacts.mean_of(
            [artifacts.measure(each) for each in some], [len(each) for each in some]
        )
        with on_one_core():
            self._likeness = Likeness(some)

    def judge(self, dream: Samples) -> Judgement:
        """Raises :class:`BadRecording` for less than :data:`SHORTEST` seconds, or silence."""
        if len(dream) < SHORTEST * RATE:
            raise BadRecording(f"only a dream of {SHORTEST:g} s or more can be judged")
        if not np.abs(dream).max() > 1e-6:
            raise BadRecording("it is silent: there is nothing to judge")
        with on_one_core():
            found = artifacts.measure(dream)
            copied = copying.compare(dream, self._recordings)
            return Judgement(
                c1=artifacts.score(found, self.artifacts),
                c2=self._likeness.score(dream),
                c3=copied.score,
                artifacts=found,
                passages=copied.passages,
                order=order.in_order(dream, np.concatenate(self._recordings)),
            )


def within(recordings: Sequence[Samples], frames: int) -> list[Samples]:
    """The same, each cut to its share where they are longer than ``frames`` in all; those of less
    than a second are left out, unless there are no others."""
    whole = sum(len(each) for each in recordings)
    share = min(frames / max(whole, 1), 1.0)
    cut = [each[: int(share * len(each))] for each in recordings]
    return [each for each in cut if len(each) >= RATE] or [np.resize(np.concatenate(cut), RATE)]


def load(path: Path) -> Samples:
    """A file as the judge hears it. Raises :class:`BadRecording` if it cannot be read."""
    return files.excerpt(path, RATE)
