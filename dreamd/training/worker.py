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
from dreamd.training.messages import Rest, Study, Yield
from dreamd.training.throttle import Governor, read
from dreamd.training.trainer import Learner, pick_device
from dreamd.workers.messages import End, Note, Ready


def main(pipe: Connection, settings: Settings) -> None:
    """The process: until its pipe closes, or the daemon sends :class:`End`."""
    torch.set_num_threads(settings.threads)
    try:
        pick_device(settings.device)
    except SetupError as error:
        pipe.send(Note(f"{error} (training on the CPU)", problem=True))
        settings = replace(settings, device="cpu")
    learner = Learner(settings, pipe.send)
    governor = Governor(settings.training_share, settings.threads)
    resting = yielding = False
    rest = 0.0
    pipe.send(Ready())
    while True:
        while pipe.poll(None if resting or yielding or learner.idle else rest):
            match pipe.recv():
                case Study(recordings):
                    learner.study(recordings)
                case Rest(on):
                    resting = on
                    learner.save()
                case Yield(on):
                    yielding = on
                case End():
                    learner.save()
                    return
        began = time.monotonic()
        learner.listen()
        learner.turn(interrupted=pipe.poll)
        rest = governor.rest(time.monotonic() - began, read())
