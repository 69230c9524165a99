"""One home folder, one writer, and nobody's but ours.

The daemon and the commands that learn lock the home while they run; whoever writes into one
first makes sure by :func:`claim` that it is a home: empty, or marked as ours. Recordings never
lie in a home, nor a home among recordings, so nothing that is cleared away here can be theirs.
"""

from pathlib import Path

import filelock

from dreamd.errors import SetupError
from dreamd.home import environment, log

MARK = "dreamd-home.txt"
TEXT = "This folder is the home of dreamd (DreamRNN): what it has learned and dreamt lies here.\n"
OLDER = ("dreamd.log", "dreamd.lock")
"""What homes hold that were made before there was a mark."""


def lock_home(home: Path, recordings: Path | None = None) -> filelock.FileLock:
    """The home folder, ours alone.

    :param recordings: what is to be learned from; it must lie elsewhere.

    Raises :class:`SetupError` when the home is not to be had.
    """
    if recordings is not None:
        _check_apart(home, recordings)
    claim(home)
    try:
        lock = filelock.FileLock(home / "dreamd.lock")
        lock.acquire(timeout=0)
        log.start_log(home)
    except filelock.Timeout:
        raise SetupError(
            f"another dreamd uses {home}: stop it, or give this one its own --home"
        ) from None
    except OSError as error:
        raise _unwritable(home, error) from None
    except NotImplementedError:  # filelock's word for it
        raise SetupError(
            f"the disk of {home} has no locks (a network's or a cloud's): choose another --home"
        ) from None
    return lock


def claim(home: Path) -> None:
    """Makes the home and marks it as ours.

    Raises :class:`SetupError` for a folder that holds files and bears no mark of ours.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        if not is_ours(home):
            raise SetupError(
                f"{home} is not a home of dreamd, it holds other files: "
                "give an empty or a new folder as --home"
            )
        mark = home / MARK
        if not mark.exists():
            mark.write_text(TEXT, encoding="utf-8")
    except OSError as error:
        raise _unwritable(home, error) from None


def is_ours(home: Path) -> bool:
    """Whether the folder is a home, or holds no file and may become one.

    Folders without a file and hidden files (``.DS_Store``) do not count.
    """
    if any((home / name).is_file() for name in (MARK, *OLDER)):
        return True
    return not any(entry.is_file() and not entry.name.startswith(".") for entry in home.rglob("*"))


def is_there(home: Path) -> bool:
    """Whether a home is still to be had: a disk that went leaves an empty folder in its place, and
    what is saved there is lost to the home when the disk comes back."""
    return (home / MARK).is_file()


def _check_apart(home: Path, recordings: Path) -> None:
    """The example that dreamd makes for itself is the only recording in a home."""
    ours, theirs = home.resolve(), environment.real_path(recordings.expanduser())
    if theirs == ours / "example":
        return
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise SetupError(
            f"the home {home} and the recordings {recordings} lie in one another: "
            "give a --home elsewhere"
        )


def _unwritable(home: Path, error: OSError) -> SetupError:
    return SetupError(f"cannot write in {home} ({error.strerror}): choose another --home")
