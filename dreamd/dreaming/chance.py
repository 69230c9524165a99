"""What ``rand`` decides, in streams of numbers that know nothing of each other.

Whoever draws for a dream asks :func:`stream`: the same ``rand`` gives the same dream, and what one
part of it draws does not change what another does.
"""

from enum import IntEnum

import numpy as np


class Draws(IntEnum):
    """Who draws."""

    SEED = 0  # the seed, and where in it the dream begins
    CURSOR = 1  # where a concurrent dream's cursor leaps
    WALK = 2  # where a paused dream's weights walk
    AMONG = 3  # which recordings of a large voice the cursor walks


def stream(rand: int, whose: Draws) -> np.random.Generator:
    """A generator at its beginning, the same for the same ``rand``, any whole number."""
    number = rand & (2**63 - 1)
    return np.random.default_rng((number, int(whose)) if whose else number)
