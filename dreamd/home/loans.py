"""Voices that others of a cluster share: where what they lend lies in the home.

``HOME/shared`` is a shelf of recordings (:mod:`dreamd.cluster.shelf`) and, below ``models``, their
checkpoints, laid out as in a home. It holds nothing of the performer's own: the daemon clears it
away as it starts.
"""

import shutil
from pathlib import Path

from dreamd.corpus.voice_names import is_shared


def lent_to(home: Path) -> Path:
    return home / "shared"


def home_of(home: Path, voice: str) -> Path:
    """Where a voice's models are: in the home, or among what others lend.

    >>> home_of(Path("/home"), "guitar").name, home_of(Path("/home"), "ada/guitar").name
    ('home', 'shared')
    """
    return lent_to(home) if is_shared(voice) else home


def clear(home: Path) -> None:
    """Nothing is lent any more."""
    shutil.rmtree(lent_to(home), ignore_errors=True)
