"""How loud the recordings are that a set's dreams lean on, and so how loud these should be.

A set records into its own voices, also what sounds softly: a dream of that is to be as soft.
"""

from pathlib import Path

import numpy as np
import soundfile

from dreamd.audio import loudness
from dreamd.audio.loudness import HOP, Numbers
from dreamd.home import credits

EACH = HOP * loudness.EVERY
"""Seconds from one moment of a recording to the next."""


class Recordings:
    """:param folder: of the recordings, which come and go."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._moments: dict[str, Numbers] = {}  # their powers; what was forgotten stays
        self._seen: dict[str, tuple[int, int]] = {}
        self.look()

    def look(self) -> None:
        """Listens to what is new, or longer than it was."""
        for path in self._folder.glob("*/*.wav"):
            try:
                status = path.stat()
                state = status.st_size, status.st_mtime_ns
                if self._seen.get(str(path)) == state:
                    continue
                samples, rate = soundfile.read(path, dtype="float64", always_2d=True)
            except (OSError, soundfile.LibsndfileError):  # forgotten just now
                continue
            powers = loudness.Weighting(rate)(samples.mean(1))
            self._moments[str(path)], self._seen[str(path)] = loudness.moments(powers), state

    @property
    def loudest(self) -> float:
        """Of all moments, LUFS."""
        return loudness.lufs(max(float(each.max(initial=0)) for each in self._moments.values()))

    def softest(self, dream: Path) -> float:
        """Of all that this dream leant on, passage by passage, LUFS; infinite if on nothing that
        is known."""
        passages = [
            self._moments[each.source][int(each.first / EACH) : int(each.last / EACH) + 1]
            for each in credits.of(dream) or ()
            if each.source in self._moments
        ]
        heard = [loudness.lufs(float(np.mean(each))) for each in passages if len(each)]
        return min(heard, default=np.inf)
