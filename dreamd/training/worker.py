"""The training process: listens to the daemon between turns, trains otherwise.

The daemon starts :func:`main` in a process of its own and sends it the recordings; it trains for
ever, as much and as urgently as :mod:`dreamd.training.throttle` allows, writes checkpoints that
dreams are made from, and reports.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

import torch

from dreamd.errors import SetupError
from dreamd.settings import Settings
from dreamd.training.device import pick_device
from dreamd.training.messages import (
    Pace,
    PauseTraining,
    RecordingForgotten,
    RecordingGone,
    RecordingJoined,
    SetRecordings,
    VoiceWanted,
    YieldCPU,
)
from dreamd.training.scheduler import SLICE, TrainingScheduler
from dreamd.training.throttle import Throttle, read
from dreamd.training.urgency import Urgency
from dreamd.workers.messages import AreYouThere, End, Here, Note, Ready

URGENT_SLICE = 0.05
"""Seconds of a turn on a machine that others need: a step or a few, then they go on."""

HEARD_AT_MOST = 64
"""Messages between two turns that are due: whoever talks without pause stops no learning."""

TOLD_EVERY = 2.0  # seconds between words about the pace


def main(pipe: Connection, settings: Settings) -> None:
    """The process."""
    serve(pipe, settings, TrainingScheduler)


def serve(
    pipe: Connection,
    settings: Settings,
    make_scheduler: Callable[[Settings, Callable[[Any], None]], TrainingScheduler],
) -> None:
    """Trains until the pipe closes, or the daemon sends :class:`End`."""
    torch.set_num_threads(settings.threads)
    try:
        pick_device(settings.device)
    except SetupError as error:
        pipe.send(Note(f"{error} (training on the CPU)", problem=True))
        settings = replace(settings, device="cpu")
    tell = one_at_a_time(pipe.send)
    process = _Process(pipe, tell, settings, make_scheduler(settings, tell))
    tell(Ready())
    while process.listen():
        process.turn()


def one_at_a_time(send: Callable[[Any], None]) -> Callable[[Any], None]:
    """The same for several threads: a pipe would mix what they send."""
    lock = threading.Lock()

    def tell(said: Any) -> None:
        with lock:
            send(said)

    return tell


class _Process:
    """Between the daemon and the scheduler: when is a turn, how long, how urgent."""

    def __init__(
        self, pipe: Connection, tell: Callable[[Any], None], settings: Settings,
        scheduler: TrainingScheduler,
    ) -> None:  # fmt: skip
        self._pipe, self._tell, self._scheduler = pipe, tell, scheduler
        self._throttle = Throttle(settings.training_share, settings.threads)
        self._urgency = Urgency(settings.threads)
        # What a GPU computes is no time of this process: there the clock must do.
        on_cpu = pick_device(settings.device) == "cpu"
        self._clock = time.process_time if on_cpu else time.monotonic
        self._paused, self._told_at, self._told = False, 0.0, Pace(0.0, False)

    def listen(self) -> bool:
        """Hears what the daemon says until a turn is due; False where that was the last word."""
        heard = 0
        while heard < HEARD_AT_MOST and self._pipe.poll(wait := self._wait()):
            if isinstance(message := self._pipe.recv(), End):
                self._scheduler.save()
                return False
            self._hear(message)
            heard = 0 if wait is None else heard + 1
        return True

    def _wait(self) -> float | None:
        """Seconds until a turn is due; None: there is nothing to do."""
        scheduler = self._scheduler
        if self._paused or not (scheduler.learns or scheduler.listens):
            self._throttle.begin(read())
            if self._told.slow:  # it is not learning at all now
                self._tell_pace()
            return None if self._paused else scheduler.wakes_in
        return self._throttle.wait(read(), scheduler.learns)

    def _hear(self, message: object) -> None:
        match message:
            case SetRecordings(recordings):
                self._scheduler.set_recordings(recordings)
            case RecordingJoined(recording):
                self._scheduler.join(recording)
            case RecordingGone(recording):
                self._scheduler.forget(recording)
            case RecordingForgotten(recording):
                self._scheduler.forget(recording, unlearn=True)
            case PauseTraining(on):
                self._paused = on
                self._scheduler.save()
                self._tell_pace()
            case YieldCPU(on):
                self._throttle.yielding = on
            case VoiceWanted(voice):
                self._scheduler.want(voice)
            case AreYouThere():
                self._tell(Here())

    def turn(self) -> None:
        """One model's turn, and a part of a recording that nobody has listened to yet."""
        throttle, urgent = self._throttle, self._throttle.urgent
        work = partial(self._scheduler.turn, URGENT_SLICE if urgent else SLICE, self._pipe.poll)
        throttle.trained(self._computed(work, urgent))
        if throttle.may_listen:
            throttle.listened(self._computed(self._scheduler.scan, urgent))
        if time.monotonic() - self._told_at > TOLD_EVERY:
            self._tell_pace()

    def _computed(self, work: Callable[[], None], urgent: bool) -> float:
        """Has it done; gives the seconds of computing that it took."""
        before = self._clock()
        self._urgency.run(work, urgent, self._pipe.poll)
        return self._clock() - before

    def _tell_pace(self) -> None:
        now, self._told_at = read(), time.monotonic()
        here = Pace(round(self._throttle.share(now), 3), self._throttle.slow(now))
        pace = self._scheduler.pace or here
        if pace != self._told:
            self._tell(pace)
            self._told = pace
