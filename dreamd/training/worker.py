"""The training process: listens to the daemon between turns, trains otherwise.

The daemon starts :func:`main` in a process of its own, at the lowest priority, and sends it the
recordings; it trains for ever, writes checkpoints that dreams are made from, and reports.
"""

import time
from dataclasses import replace
from multiprocessing.connection import Connection

import torch

from dreamd.errors import SetupError
from dreamd.settings import Settings
from dreamd.training.device import pick_device
from dreamd.training.messages import PauseTraining, SetRecordings, YieldCPU
from dreamd.training.scheduler import TrainingScheduler
from dreamd.training.throttle import Throttle, read
from dreamd.workers.messages import End, Note, Ready


def main(pipe: Connection, settings: Settings) -> None:
    """The process: until its pipe closes, or the daemon sends :class:`End`."""
    torch.set_num_threads(settings.threads)
    try:
        pick_device(settings.device)
    except SetupError as error:
        pipe.send(Note(f"{error} (training on the CPU)", problem=True))
        settings = replace(settings, device="cpu")
    scheduler = TrainingScheduler(settings, pipe.send)
    throttle = Throttle(settings.training_share, settings.threads)
    resting = yielding = False
    rest = 0.0
    pipe.send(Ready())
    while True:
        while pipe.poll(None if resting or yielding or scheduler.idle else rest):
            match pipe.recv():
                case SetRecordings(recordings):
                    scheduler.set_recordings(recordings)
                case PauseTraining(on):
                    resting = on
                    scheduler.save()
                case YieldCPU(on):
                    yielding = on
                case End():
                    scheduler.save()
                    return
        began = time.monotonic()
        scheduler.scan()
        scheduler.turn(interrupted=pipe.poll)
        rest = throttle.rest(time.monotonic() - began, read())
