"""``dreamd install``: the SuperCollider classes and the Tidal helper to where they are looked for,
and beside the classes the way to ``dreamd`` itself, for ``DreamRNN.boot``.

Links where the system allows it, so that an update of the project is an update there; copies
elsewhere. Nothing that is not ours is ever replaced. Where the classes are a Quark already they are
left to it: SuperCollider compiles no class that it finds twice.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs
import yaml

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


def quark() -> Path | None:
    """The folder of the Quark DreamRNN, if SuperCollider has it installed."""
    conf = platformdirs.user_config_path("SuperCollider", appauthor=False) / "sclang_conf.yaml"
    return next((path for path in _included(conf) if _holds_classes(path)), None)


def _included(conf: Path) -> list[Path]:
    """The folders that sclang compiles besides its own; none where it has not been told of any."""
    try:
        told: Any = yaml.safe_load(conf.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, yaml.YAMLError):
        return []
    paths = told.get("includePaths") if isinstance(told, dict) else None
    return [Path(str(path)) for path in paths] if isinstance(paths, list) else []


def _holds_classes(folder: Path) -> bool:
    """Whether this is our repository, or the folder in it that once was the Quark."""
    inside = ("sc_classes/Classes/DreamRNN.sc", "Classes/DreamRNN.sc")
    return any((folder / name).is_file() for name in inside)


def tidal_folder() -> Path:
    """A fixed place for the Tidal helper; ghci itself looks nowhere, it is told a path."""
    return platformdirs.user_config_path("tidal", appauthor=False)


@dataclass(frozen=True)
class Placed:
    """One thing that was put in place."""

    how: str  # linked, copied, already there; or why not
    target: Path
    source: Path | None = None

    def __str__(self) -> str:
        return f"{self.how}: {self.target}" + (f" -> {self.source}" if self.source else "")


def install() -> list[Placed]:
    """Puts everything in place. Raises :class:`SetupError` where that is not possible."""
    tidal = resource_path("tidal")
    files = sorted(path for path in tidal.iterdir() if path.is_file())
    program = Path(sys.executable).with_name("dreamd")  # in the environment that this runs in
    return [
        _place_classes(),
        *([place(program, supercollider() / "dreamd")] if program.exists() else []),
        *(place(path, tidal_folder() / path.name) for path in files),
    ]


def _place_classes() -> Placed:
    taken, target = quark(), classes()
    if taken is None:
        return place(resource_path("sc_classes"), target)
    if target.is_symlink():
        target.unlink()
        return Placed(f"the classes are a Quark already, so {target} is removed", taken)
    if target.exists():
        raise SetupError(f"the classes are a Quark, in {taken}: remove {target}, or uninstall that")
    return Placed("the classes are a Quark already, so not linked", taken)


def place(source: Path, target: Path) -> Placed:
    """``target`` leads to ``source`` from now on."""
    try:
        if target.is_symlink() and target.resolve() == source.resolve():
            return Placed("already there", target, source)
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
        return Placed("linked", target, source)
    except OSError:
        if sys.platform != "win32":  # Windows lets only some users make links
            raise
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    return Placed("copied", target, source)
