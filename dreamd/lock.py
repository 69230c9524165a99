"""One home folder, one writer: the daemon and ``dreamd train`` lock it while they run."""

from pathlib import Path

import filelock

from dreamd import log
from dreamd.errors import SetupError


def lock_home(home: Path) -> filelock.FileLock:
    """The home folder, ours alone. Raises :class:`SetupError` when it is not to be had."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(home / "dreamd.lock")
        lock.acquire(timeout=0)
        log.begin(home)
    except filelock.Timeout:
        raise SetupError(
            f"another dreamd uses {home}: stop it, or give this one its own --home"
        ) from None
    except OSError as error:
        raise SetupError(
            f"cannot write in {home} ({error.strerror}): choose another --home"
        ) from None
    return lock
