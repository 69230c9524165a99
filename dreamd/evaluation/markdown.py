"""Pieces of Markdown, for the commands that print reports."""

from collections.abc import Iterable

Row = list[str]


def table(head: Row, rows: Iterable[Row]) -> str:
    """
    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [head, ["---"] * len(head), *rows]
    text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    return text.replace("| --- ", "|---").replace("--- |", "---|")


def part(title: str, text: str, body: str) -> str:
    """A section."""
    return f"### {title}\n\n{text}\n\n{body}\n"
