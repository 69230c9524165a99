"""Pieces of Markdown, for the commands that print reports."""

from collections.abc import Iterable
from dataclasses import dataclass

Cells = list[str]
"""One line of a table."""


@dataclass(frozen=True)
class Part:
    """A section of a report: a title, what the figures are, and a table of them.

    >>> print(Part("Speed", "Times real time.", ["a", "b"], [["1", "2"]]))
    ### Speed
    <BLANKLINE>
    Times real time.
    <BLANKLINE>
    | a | b |
    |---|---|
    | 1 | 2 |
    <BLANKLINE>
    """

    title: str
    text: str
    head: Cells
    rows: list[Cells]

    def __str__(self) -> str:
        return f"### {self.title}\n\n{self.text}\n\n{table(self.head, self.rows)}\n"


def table(head: Cells, rows: Iterable[Cells]) -> str:
    """
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- ", "|---").replace("--- |", "---|")
