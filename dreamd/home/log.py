"""The log file ``HOME/dreamd.log``: what a performer need not read on stage, and tracebacks.

Every process of the daemon appends to it.
"""

import logging
from pathlib import Path

LARGEST_LOG = 4 << 20
"""Bytes over which the log begins anew when the daemon starts (the older one is kept)."""


def path(home: Path) -> Path:
    return home / "dreamd.log"


def to_file(home: Path) -> None:
    """From now on this process logs there."""
    logging.basicConfig(
        filename=path(home),
        level=logging.INFO,
        format="%(asctime)s %(processName)s %(levelname)s %(message)s",
        encoding="utf-8",
        force=True,
    )


def start_log(home: Path) -> None:
    """Called once, as the daemon starts: puts a log that grew too large aside."""
    current = path(home)
    if current.exists() and current.stat().st_size > LARGEST_LOG:
        current.replace(current.with_suffix(".old.log"))
    to_file(home)
