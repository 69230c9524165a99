"""A process that decodes as ours does, but for some files, which do to it what broken ones do to
libraries in C: they are told by their names. ``tests/test_reading.py`` starts it."""

import os
import signal
import threading
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from dreamd.corpus import decoding
from dreamd.corpus.found import Found
from dreamd.reading import worker
from dreamd.settings import Settings

pour = decoding.pour


def harmed(found: Found, cache: Path, *given: Any) -> decoding.Poured:
    cache.write_bytes(b"half")
    first = found.path.with_suffix(".tried")
    again = first.exists()
    first.touch()
    match found.path.stem:
        case "crash":
            signal.pthread_kill(threading.get_ident(), signal.SIGSEGV)
        case "hang":
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # before it goes on
        case "bad luck" if not again:
            os.kill(os.getpid(), signal.SIGKILL)
        case "odd":
            raise ZeroDivisionError("of some kind")
        case "full":
            raise OSError(28, "No space left on device")
    return pour(found, cache, *given)


def main(pipe: Connection, settings: Settings) -> None:
    worker.pour = harmed
    worker.main(pipe, settings)
