"""The process that decodes: it holds what strangers' files may do to libsndfile and FFmpeg.

:class:`dreamd.reading.apart.Apart` starts :func:`main` when a recording comes, and ends it when
none has come for a while. It loads neither PyTorch nor numba.
"""

import logging
import threading
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from dreamd.corpus.decoding import Poured, pour
from dreamd.errors import DreamError
from dreamd.reading.messages import PouredSoFar, PourFile, PouringEnded
from dreamd.settings import Settings
from dreamd.workers.messages import End, Ready


def main(pipe: Connection, settings: Settings) -> None:
    """The process: a thread for each file, until its pipe closes or it hears :class:`End`."""
    tell = partial(_tell, pipe, threading.Lock())
    tell(Ready())
    while not isinstance(asked := pipe.recv(), End):
        threading.Thread(target=_pour, args=(asked, tell), daemon=True).start()


def _tell(pipe: Connection, lock: threading.Lock, message: Any) -> None:
    with lock:
        pipe.send(message)


def _pour(asked: PourFile, tell: Any) -> None:
    remarks: list[str] = []

    def progress(fraction: float) -> None:
        tell(PouredSoFar(asked.number, fraction))

    outcome: Poured | Exception
    try:
        outcome = pour(asked.found, asked.cache, asked.form, progress, remarks.append)
    except (DreamError, OSError) as error:
        outcome = error
    except Exception as error:  # of one file; it goes to whoever asked as plain words
        logging.exception("while decoding %r", asked.found.path)
        outcome = RuntimeError(str(error))
    tell(PouringEnded(asked.number, outcome, tuple(remarks)))
