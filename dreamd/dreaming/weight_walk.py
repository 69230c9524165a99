"""Life for a dream that does not learn: its weights walk among those that the model had before.

With weights that stand still a network settles into a drone, or into a circle of a second or two.
But each model keeps a checkpoint of every doubling of its steps, and each of them goes on from the
same sound in another way. So a ``paused`` dream of whole vectors or spectra glides from one age of
its model towards another, by lot, and nothing it does comes twice. No recording is heard, nothing
is learned. :mod:`dreamd.dreaming.render` makes a walk for each such dream.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches.base import Approach

AGES = 4
"""Checkpoints among which it walks, the newest of all: about the last three doublings."""
SOONEST, LATEST = 0.3, 1.5  # seconds from one turn to the next


class WeightWalk:
    """:param model: whose weights walk; :param ages: its checkpoints' weights, oldest first.
    :param reach: 0…1, how far back it goes; may be changed.
    """

    def __init__(
        self, model: Approach, ages: Sequence[dict[str, Tensor]], reach: float,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._weights = dict(model.named_parameters())
        self._ages, self.reach, self._rng = ages, reach, rng
        self._from = self._to = len(ages) - 1.0  # ages, between two of them
        self._now = self._began = self._until = 0.0  # seconds

    def move(self, seconds: float) -> None:
        """Goes on for so long."""
        if self._now >= self._until:
            newest = len(self._ages) - 1
            self._from, self._began = self._to, self._now
            self._to = newest * (1 - self.reach * self._rng.uniform())
            self._until = self._now + self._rng.uniform(SOONEST, LATEST)
        along = (self._now - self._began) / (self._until - self._began)
        eased = 0.5 - 0.5 * np.cos(np.pi * along)
        self._set(self._from + (self._to - self._from) * eased)
        self._now += seconds

    def _set(self, age: float) -> None:
        older = min(int(age), len(self._ages) - 2)
        for name, weight in self._weights.items():
            weight.data = torch.lerp(
                self._ages[older][name], self._ages[older + 1][name], age - older
            )
