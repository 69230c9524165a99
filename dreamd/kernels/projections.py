"""What vectors contribute to the gates of an LSTM whose input weights stand still, each made once.

A concurrent dream learns from windows that its cursor passes: all but the newest vector of each
was in an earlier window, one vector earlier. :mod:`dreamd.approaches.lessons` asks for them.
"""

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from dreamd.kernels.small_products import product_transposed

Array = NDArray[np.float32]


def project(vectors: Array, weight: Array) -> Array:
    """``W_ih x`` for each of a few ``vectors (R, D)``: ``(R, 4H)``."""
    made = np.empty((len(vectors), len(weight)), np.float32)
    product_transposed(vectors, weight, made)
    return made


class Projections:
    """:param weight: ``W_ih (4H, D)``.
    :param room: how many of the newest are kept.
    """

    def __init__(self, weight: Array, room: int) -> None:
        self._weight = weight
        self._kept = np.empty((room, len(weight)), np.float32)
        self._keys: list[Hashable] = [None] * room
        self._places: dict[Hashable, int] = {}
        self._next = 0

    def of(self, keys: Sequence[Hashable], vectors: Array) -> Array:
        """``W_ih x`` for each of ``vectors (R, D)``: ``(R, 4H)``. The same key, the same vector."""
        found = [self._places.get(key, -1) for key in keys]
        made = self._kept[found]
        missing = [row for row, place in enumerate(found) if place < 0]
        if missing:
            made[missing] = project(vectors[missing], self._weight)
            for row in missing:
                self._keep(keys[row], made[row])
        return made

    def _keep(self, key: Hashable, projection: Array) -> None:
        place = self._next
        if self._places.get(self._keys[place]) == place:
            del self._places[self._keys[place]]
        self._kept[place], self._keys[place], self._places[key] = projection, key, place
        self._next = (place + 1) % len(self._keys)
