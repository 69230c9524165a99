"""Where what the program ships besides code lies: classes, the Tidal helper, starter models; and
where what numba has compiled is kept."""

import os
from pathlib import Path

import platformdirs

from dreamd.errors import SetupError


def resource_path(name: str) -> Path:
    """Where ``sc_classes``, ``tidal`` or ``models`` lies: in the installed package, or in the
    checkout.

    Raises :class:`SetupError` if neither has it.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "share" / name, package.parent / name):
        if place.is_dir():
            return place
    raise SetupError(f"this installation has no {name}: install from a checkout of the project")


def keep_compiled(home: Path) -> None:
    """Where neither the package's folder nor the user's cache may be written, numba keeps what it
    compiled in the home; before numba is imported, and for all children."""
    usual = (Path(__file__).parent.parent, platformdirs.user_cache_path("numba", appauthor=False))
    if not any(map(is_writable, usual)):
        os.environ.setdefault("NUMBA_CACHE_DIR", str(home / "compiled"))


def is_writable(folder: Path) -> bool:
    """Whether files may be made there, or the folder itself where it is not there yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)
