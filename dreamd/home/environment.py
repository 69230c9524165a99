"""Other people's machines: locales without our letters, folders that cannot be written, disks that
sleep.

The command line asks before it does anything.
"""

import contextlib
import os
import platform
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

import platformdirs

from dreamd.errors import NoAnswer, SetupError

Given = TypeVar("Given")

DISK_ASLEEP = 3.0
"""Seconds for a disk that may be asleep, while nothing runs yet."""


def answered(work: Callable[[], Given], patience: float = DISK_ASLEEP) -> Given:
    """What ``work`` gives, done in a thread that is left behind where a disk does not answer it:
    then raises :class:`NoAnswer`; else what it raises itself."""
    outcome: Future[Given] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except Exception as error:  # noqa: BLE001  # whoever waits for it hears of it
            outcome.set_exception(error)

    threading.Thread(target=run, name="disk", daemon=True).start()
    try:
        return outcome.result(patience)
    except TimeoutError:
        raise NoAnswer("the disk does not answer") from None


def before_all(home: Path) -> None:
    """Before anything else that turns to the home."""
    _wait_for(home)
    keep_compiled(home)


def _wait_for(home: Path) -> None:
    """Until the home's disk answers, as nothing goes without it; says so once where that takes
    longer than a look. Ctrl-C ends it."""
    with contextlib.suppress(NoAnswer):
        answered(home.exists)
        return
    text = f"dreamd: the disk of {home} does not answer; waiting for it (or give another --home)"
    print(text, file=sys.stderr, flush=True)
    answered(home.exists, threading.TIMEOUT_MAX)


def real_folder(folder: Path) -> Path:
    """A folder of recordings without links; a sleeping disk may hold it. Raises
    :class:`SetupError` where there is none."""
    with contextlib.suppress(NoAnswer):  # what is remembered of it is enough to begin
        if not answered(folder.is_dir):
            raise SetupError(f"no such folder: {folder}; make it first, or give another")
    return real_path(folder)


def real_path(folder: Path) -> Path:
    """Without links, or as it is spelt where its disk does not answer."""
    try:
        return answered(folder.resolve)
    except NoAnswer:
        return folder.absolute()


def processor() -> str:
    """Its name, and how many cores there are."""
    cpuinfo = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows a name
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = named[0] if named else platform.processor() or platform.machine()
    return f"{name}, {os.cpu_count()} cores"


def speak_utf8() -> None:
    """Starts the program again, with Python's UTF-8 mode, where the locale says otherwise: paths in
    messages would be other paths, or none. What is printed stays in the terminal's own letters."""
    if sys.flags.utf8_mode or sys.getfilesystemencoding() == "utf-8":
        return
    letters = {"PYTHONUTF8": "1", "PYTHONIOENCODING": f"{sys.stdout.encoding}:replace"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], {**os.environ, **letters})


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


def check_folder(folder: Path | None) -> None:
    """Raises :class:`SetupError` before the work of which nothing could be kept."""
    if folder is not None and not is_writable(folder):
        raise SetupError(f"cannot write in {folder}: give another folder")


def check_place(file: Path | None) -> None:
    """The same for a file; its folder must be there."""
    folder = file.absolute().parent if file else Path()
    if not folder.is_dir():
        raise SetupError(f"cannot write {file}: there is no folder {folder}")
    if file is not None and (file.is_dir() or not is_writable(folder)):
        raise SetupError(f"cannot write {file}: give another place")


def write_page(page: Path, content: str | bytes) -> None:
    """HTML, or a picture. Raises :class:`SetupError` where that is not possible."""
    try:
        page.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    except OSError as error:
        raise SetupError(f"cannot write {page}: {error.strerror}") from None
