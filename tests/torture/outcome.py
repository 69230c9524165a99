"""What came of a part of the torture: its figures, and what was broken by them."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from dreamd.evaluation.markdown import Part

LARGEST_GROWTH = 64.0
"""MB of memory, of all processes together, from the second fifth of a part to its last."""
LARGEST_GROWTH_OF_FILES = 8
"""Open files, the same."""


@dataclass
class Outcome:
    """:param title: of its section in the page."""

    title: str
    text: str = ""
    head: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What must never be, however slow the machine is."""
    limits: list[str] = field(default_factory=list)
    """Figures over their limits; they say something on a machine with nothing else to do."""

    def need(self, true: bool, otherwise: str) -> None:
        """A fault, unless something holds."""
        if not true:
            self.faults.append(otherwise)

    def limit(self, what: str, value: float, most: float) -> None:
        if value > most:
            self.limits.append(f"{what}: {value:.1f}, at most {most:g} were promised")

    def part(self, how: str) -> Part:
        """The section. ``how``: the command, sizes and time."""
        wrong = [*self.faults, *self.limits]
        found = "Nothing was found broken." if not wrong else f"Broken: {'; '.join(wrong)}."
        return Part(self.title, f"{how}\n\n{self.text}\n\n{found}", self.head, self.rows)


def growth(samples: Sequence[float]) -> float:
    """From the second fifth of the samples to their last, by their medians.

    >>> growth([1, 5, 5, 5, 5, 5, 5, 5, 9, 9])
    4.0
    """
    fifth = max(len(samples) // 5, 1)
    begin = samples[fifth : 2 * fifth] or samples
    return float(statistics.median(samples[-fifth:]) - statistics.median(begin))
