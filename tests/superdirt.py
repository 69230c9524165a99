"""SuperDirt itself, which is no package: where it is, or that a double stands for it.

``make superdirt`` gets it, where there is a network, into a cache that belongs to no checkout: its
code is none of ours. ``SUPERDIRT`` may name another folder that holds ``SuperDirt`` and ``Vowel``.
"""

import os
from pathlib import Path

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "dreamrnn", "superdirt")
FOLDER = Path(os.environ.get("SUPERDIRT") or CACHE)


def classes() -> list[Path]:
    """What sclang must compile besides; nothing where SuperDirt is not there.

    Raises ``AssertionError`` where SUPERDIRT names a folder without it.
    """
    folders = [FOLDER / "SuperDirt" / "classes", FOLDER / "Vowel"]
    there = all(folder.is_dir() for folder in folders)
    assert there or "SUPERDIRT" not in os.environ, f"SUPERDIRT must name a folder with {folders}"
    return [folder.resolve() for folder in folders] if there else []


def line() -> str:
    """What the tests of its relay were run with."""
    if classes():
        return f"SuperDirt itself was used, from {FOLDER}"
    return (
        f"SuperDirt itself is not here ({FOLDER}): a double of it was used alone; "
        "make superdirt gets it, where there is a network"
    )
