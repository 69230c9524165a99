"""What lies in a home, for ``dreamd doctor``: how much it is, what is damaged, newer or not ours.

Nothing is changed here. What is not ours is left alone by all of dreamd; here it is named.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dreamd.corpus import forgotten
from dreamd.corpus.memory import OURS
from dreamd.dreaming import live_speed
from dreamd.errors import NoModel
from dreamd.home import bank, checkpoints
from dreamd.home.bank import number_of
from dreamd.home.lock import MARK, OLDER

LEAST_ROOM = 1 << 30  # bytes
NAMED = 3  # names in a line
ROOT = {MARK, *OLDER, "dreamd.old.log", "forgotten.txt", live_speed.FILE}
CLOUDS = ("dropbox", "onedrive", "google drive", "googledrive", "my drive", "mobile documents",
          "icloud drive", "nextcloud", "owncloud", "syncthing", "pcloud", "mega")  # fmt: skip
"""How cloud drives call their folders, in small letters."""


@dataclass(frozen=True)
class Finding:
    """One line of the report; ``mark`` is ``ok``, ``note`` or ``fault``."""

    mark: str
    text: str


def examine_home(home: Path) -> Iterator[Finding]:
    """Room, the bank, checkpoints, files of others."""
    room = shutil.disk_usage(home).free
    mark = "ok" if room > LEAST_ROOM else "note"
    yield Finding(mark, f"home is {home}, {room / 1e9:.1f} GB free")
    if cloud := next((p.name for p in (home, *home.parents) if p.name.lower() in CLOUDS), None):
        text = f"home lies in {cloud}: a cloud drive copies what changes all the time, and two "
        yield Finding("note", f"{text}machines at once spoil each other's; better choose a --home")
    if dreams := bank.told(home):
        yield Finding("ok", dreams)
    if gone := forgotten.lines(home):
        names = ", ".join(f"{each.voice}: {Path(each.file).name}" for each in gone[:NAMED])
        more = " …" if len(gone) > NAMED else ""
        where = f"a line each in {forgotten.path_in(home)}, which brings it back when it is deleted"
        yield Finding("ok", f"forgotten recordings, {where}: {names}{more}")
    yield from _checkpoints(home)
    if theirs := [path for path in _files(home) if not _is_ours(home, path)]:
        text = f"{_counted(theirs, 'file')} in the home that dreamd did not make, left alone: "
        yield Finding("note", text + _named(home, theirs))


def _checkpoints(home: Path) -> Iterator[Finding]:
    """Those that cannot be used, and why."""
    damaged = [path for path in _files(home / "models") if ".damaged" in path.suffix]
    if damaged:
        text = "dreamd used older ones; delete them if you like: "
        yield Finding("note", f"{_counted(damaged, 'damaged file')} of models, set aside; "
                      f"{text}{_named(home, damaged)}")  # fmt: skip
    for path in _files(home / "models"):
        if checkpoints.CHECKPOINT.fullmatch(path.name):
            try:
                checkpoints.header(path)
            except NoModel as error:
                yield Finding("note", f"passed over: {error}")


def _is_ours(home: Path, path: Path) -> bool:
    """Whether a file's place and name are those of files that dreamd makes."""
    match path.relative_to(home).parts:
        case (name,):
            return name in ROOT
        case ("corpus", name):
            return OURS.fullmatch(name) is not None
        case ("models", _, _, name):
            whole = name.partition(".damaged")[0].partition(".forgotten")[0]
            patterns = (checkpoints.CHECKPOINT, checkpoints.OURS_BESIDE)
            return any(pattern.fullmatch(whole) for pattern in patterns)
        case ("dreams", _, name):
            return number_of(name.partition(".")[0]) is not None
        case ("dreams" | "models" | "corpus", *_):
            return False
    return True  # what commands put there: example, table1, starters, …


def _files(folder: Path) -> list[Path]:
    """All files under a folder, by name; what nobody may look into is passed over."""
    return sorted(Path(place, name) for place, _, names in os.walk(folder) for name in names)


def _counted(paths: list[Path], thing: str) -> str:
    return f"{len(paths)} {thing}{'s' if len(paths) > 1 else ''}"


def _named(home: Path, paths: list[Path]) -> str:
    names = [str(path.relative_to(home)) for path in paths[:NAMED]]
    return ", ".join(names) + (" …" if len(paths) > NAMED else "")
