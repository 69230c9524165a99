"""The dreaming process: one job after another.

The daemon starts :func:`main` once for each dream that may be made at a time and sends it jobs.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from dreamd.dreaming.helm import Hear
from dreamd.dreaming.job import Finished, Job, JobFailed, Reseeded, Said, Steered, Stop
from dreamd.dreaming.render import prepare, render
from dreamd.errors import Diverged, DreamError, TooLong
from dreamd.settings import Settings
from dreamd.workers.messages import End, Ready

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


Make = Callable[[Job, Settings, Callable[[Any], None], Hear], int]
"""A way to make a dream: :func:`dreamd.dreaming.render.render`, or another's."""


def main(pipe: Connection, settings: Settings) -> None:
    """The process."""
    serve(pipe, settings, render)


def serve(pipe: Connection, settings: Settings, make: Make) -> None:
    """One job after another, until the pipe closes or the daemon sends :class:`End`."""
    prepare()
    pipe.send(Ready())

    def hear(job: Job, patience: float) -> Iterator[Said]:
        while pipe.poll(patience):
            match pipe.recv():
                case Stop() | Steered() | Reseeded() as said if said.serial == job.serial:
                    yield said
                case End():
                    raise SystemExit
            patience = 0.0

    while True:
        match pipe.recv():
            case Job() as job:
                began = time.monotonic()
                try:
                    made = make(job, settings, pipe.send, partial(hear, job))
                    pipe.send(Finished(job.serial, time.monotonic() - began, made))
                except Exception as error:  # noqa: BLE001  # its asker waits for a word
                    pipe.send(JobFailed(job.serial, *_in_words(error, job)))
            case End():
                return


def _in_words(error: Exception, job: Job) -> tuple[str, str]:
    """Code and text of what went wrong; the process goes on."""
    if isinstance(error, DreamError):
        return error.code, str(error)
    if isinstance(error, BrokenPipeError):
        raise error  # the daemon is gone
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return TooLong.code, f"no room for the dream in {job.path.parent}: {error.strerror}"
    logging.error("dream %s of %s broke", job.path.name, job.voice, exc_info=error)
    return Diverged.code, f"an error inside dreamd ({error}); see its log"
