"""Voices that others of a cluster share: where what they lend lies in the home.

``HOME/shared`` is a shelf of recordings (:mod:`dreamd.cluster.shelf`) and, below ``models``, their
checkpoints, laid out as in a home. The daemon clears them away as it starts. A file of any other
name or place is somebody else's.
"""

import contextlib
import os
import re
from pathlib import Path

from dreamd.corpus.memory import CACHE_FILES
from dreamd.corpus.voice_names import is_shared
from dreamd.home.checkpoints import CHECKPOINT

_RECORDING = "recording(" + "|".join(map(re.escape, CACHE_FILES)) + ")"
_LENT = re.compile(
    rf"[0-9a-f]{{32}}(\.[0-9a-f]{{8}}\.tmp)?/({_RECORDING}|[^/]+/{CHECKPOINT.pattern})"
    rf"|models/[^/]+/[^/]+/[^/]+/{CHECKPOINT.pattern}(\.tmp)?"
)
"""Files of a bundle, and checkpoints in their models' folders, from ``HOME/shared`` on."""


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
    folder = lent_to(home)
    for place, _, names in os.walk(folder, topdown=False):
        for path in (Path(place, name) for name in names):
            if _LENT.fullmatch(path.relative_to(folder).as_posix()):
                with contextlib.suppress(OSError):
                    path.unlink()
        with contextlib.suppress(OSError):  # something of others is in it
            os.rmdir(place)
