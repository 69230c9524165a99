"""The training error as it stands, and whether training has exploded. Each trainer has one."""

import numpy as np

MEMORY = 0.98  # of the running error, per step: a window of some fifty steps
DIVERGED = 4.0  # times the best running error, and worse than silence: training has exploded


class RunningError:
    """The training error over the last fifty steps or so."""

    def __init__(self) -> None:
        self._squares = self._power = self._weight = 0.0
        self.best = float("inf")  # since the last checkpoint was loaded

    def add(self, squares: float, power: float) -> None:
        """A step's mean squared error, and the mean square of its labels."""
        self._squares = MEMORY * self._squares + squares
        self._power = MEMORY * self._power + power
        self._weight = MEMORY * self._weight + 1

    @property
    def ratio(self) -> float:
        """Mean squared error over the labels' mean square; 1.0 predicts silence."""
        return self._squares / max(self._power, 1e-12)

    @property
    def deviation(self) -> float:
        """Root mean squared error, in the model's scale."""
        return float(np.sqrt(self._squares / max(self._weight, 1e-12)))

    def diverged(self) -> str | None:
        """Why training has exploded, if it has."""
        if not np.isfinite(self.ratio):
            return "its error is not finite"
        if self.ratio > 1.0 and self.ratio > DIVERGED * self.best:
            return f"its error rose to {self.ratio:.1f}"
        self.best = min(self.best, self.ratio)
        return None
