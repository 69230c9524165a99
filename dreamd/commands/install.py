"""``dreamd install``: the SuperCollider classes and the Tidal helper to where they are looked for,
and beside the classes the way to ``dreamd`` itself, for ``DreamRNN.boot``.

Links where the system allows it, so that an update of the project is an update there; copies
elsewhere. Nothing that is not ours is ever replaced.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from dreamd.errors import SetupError
from dreamd.home.resources import resource_path


def supercollider() -> Path:
    """SuperCollider's folder for what is a user's (``Platform.userAppSupportDir``)."""
    if sys.platform == "linux":
        data = os.environ.get("XDG_DATA_HOME", "")
        base = Path(data) if data else Path.home() / ".local" / "share"
        return base / "SuperCollider"
    return platformdirs.user_data_path("SuperCollider", appauthor=False)


def classes() -> Path:
    """Where SuperCollider finds the classes."""
    return supercollider() / "Extensions" / "DreamRNN"


def tidal_folder() -> Path:
    """A fixed place for the Tidal helper; ghci itself looks nowhere, it is told a path."""
    return platformdirs.user_config_path("tidal", appauthor=False)


@dataclass(frozen=True)
class Placed:
    """One thing that was put in place."""

    source: Path
    target: Path
    how: str  # linked, copied, already there


def install() -> list[Placed]:
    """Puts everything in place. Raises :class:`SetupError` where that is not possible."""
    tidal = resource_path("tidal")
    files = sorted(path for path in tidal.iterdir() if path.is_file())
    program = Path(sys.executable).with_name("dreamd")  # in the environment that this runs in
    return [
        place(resource_path("sc_classes"), classes()),
        *([place(program, supercollider() / "dreamd")] if program.exists() else []),
        *(place(path, tidal_folder() / path.name) for path in files),
    ]


def place(source: Path, target: Path) -> Placed:
    """``target`` leads to ``source`` from now on."""
    try:
        if target.is_symlink() and target.resolve() == source.resolve():
            return Placed(source, target, "already there")
        if target.is_symlink():
            target.unlink()  # a link of an older checkout of ours
        elif target.exists():
            raise SetupError(f"{target} is in the way: move it elsewhere, then install again")
        target.parent.mkdir(parents=True, exist_ok=True)
        return _link_or_copy(source, target)
    except OSError as error:
        raise SetupError(f"cannot make {target}: {error.strerror}") from None


def _link_or_copy(source: Path, target: Path) -> Placed:
    try:
        target.symlink_to(source, target_is_directory=source.is_dir())
        return Placed(source, target, "linked")
    except OSError:
        if sys.platform != "win32":  # Windows lets only some users make links
            raise
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    return Placed(source, target, "copied")
