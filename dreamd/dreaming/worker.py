"""The dreaming process: one job after another.

The daemon starts :func:`main` once for each dream that may be made at a time and sends it jobs.
"""

import time
from functools import partial
from multiprocessing.connection import Connection

from dreamd.dreaming.job import Finished, Job, JobFailed, Stop
from dreamd.dreaming.render import prepare, render
from dreamd.errors import DreamError
from dreamd.settings import Settings
from dreamd.workers.messages import End, Ready


def main(pipe: Connection, settings: Settings) -> None:
    """The process: one job after another."""
    prepare()
    pipe.send(Ready())

    def stopped(job: Job) -> bool:
        while pipe.poll():
            match pipe.recv():
                case Stop(serial) if serial == job.serial:
                    return True
                case End():
                    raise SystemExit
        return False

    while True:
        match pipe.recv():
            case Job() as job:
                began = time.monotonic()
                try:
                    render(job, settings, pipe.send, partial(stopped, job))
                    pipe.send(Finished(job.serial, time.monotonic() - began))
                except DreamError as error:
                    pipe.send(JobFailed(job.serial, error.code, str(error)))
            case End():
                return
