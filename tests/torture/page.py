"""``docs/reliability.md``: what is promised, written by hand, and below it what the torture found.

``record`` writes the section of one part and leaves the rest of the page as it is.
"""

import argparse
import re
from pathlib import Path

from dreamd.evaluation.markdown import Part

PAGE = "reliability.md"


def with_section(page: str, part: Part) -> str:
    """The page with this section in place of the one of the same title, or at its end.

    >>> page = "# Promises\\n\\n### Kills\\n\\nold\\n\\n### Soak\\n\\nstays\\n"
    >>> print(with_section(page, Part("Kills", "new", ["a"], [["1"]])))
    # Promises
    <BLANKLINE>
    ### Kills
    <BLANKLINE>
    new
    <BLANKLINE>
    | a |
    |---|
    | 1 |
    <BLANKLINE>
    ### Soak
    <BLANKLINE>
    stays
    <BLANKLINE>
    """
    section = re.compile(rf"^### {re.escape(part.title)}\n.*?(?=^##|\Z)", re.DOTALL | re.MULTILINE)
    if section.search(page):
        return section.sub(lambda _: f"{part}\n", page).rstrip("\n") + "\n"
    return f"{page.rstrip()}\n\n{part}"


def folder(given: str) -> Path:
    """An argument of the command line: looked at before an hour has passed."""
    if not (Path(given) / PAGE).is_file():
        raise argparse.ArgumentTypeError(f"there is no {PAGE} in {given}")
    return Path(given)


def record(folder: Path, part: Part) -> None:
    path = folder / PAGE
    path.write_text(with_section(path.read_text(encoding="utf-8"), part), encoding="utf-8")
