"""The training process of a performer with a cluster: the same messages, learning elsewhere.

The daemon starts :func:`main` in place of :mod:`dreamd.training.worker`'s. As many models learn at
a time as the cluster has slots, each a slice of up to a minute, and come home as checkpoints. While
the scheduler is gone this machine learns, as it would without a cluster. Voices are shared by this
process, too (:mod:`dreamd.cluster.sharing`).
"""

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Any

from distributed import Client

from dreamd.approaches.registry import config_of
from dreamd.cluster import engine
from dreamd.cluster.address import cluster_at
from dreamd.cluster.dreamer import performer
from dreamd.cluster.link import Link
from dreamd.cluster.parcels import Failure, SliceOver, newest_first
from dreamd.cluster.sharing import Sharing
from dreamd.cluster.shelf import Files
from dreamd.cluster.slicer import Model, Slicer
from dreamd.cluster.slices import keep
from dreamd.corpus.recording import Recording
from dreamd.errors import DreamError
from dreamd.home import checkpoints
from dreamd.settings import Settings
from dreamd.training import worker
from dreamd.training.at_work import Key
from dreamd.training.messages import Pace
from dreamd.training.scheduler import SLICE, TrainingScheduler
from dreamd.workers.messages import Note

FIRST, LONGEST = 4.0, 60.0
"""Seconds of a model's first slice, and of any: in between, as long as it has learned already."""
WAIT = 0.25  # seconds in which a turn waits for a slice to be over


def main(pipe: Connection, settings: Settings) -> None:
    """The process: until its pipe closes, or the daemon sends ``End``."""
    worker.serve(pipe, settings, ClusterScheduler)


class ClusterScheduler(TrainingScheduler):
    """Its turns are spent in the cluster, while that is there."""

    def __init__(self, settings: Settings, tell: Callable[[Any], None]) -> None:
        super().__init__(settings, tell)
        name = performer()
        self._slicer = Slicer(settings, name)
        self._away = False  # the last turn was spent in the cluster
        address = cluster_at(settings.cluster, settings.tls)
        self._sharing = Sharing(
            settings, name, lambda: self._link.client(), self._recordings_of, tell
        )
        changed = partial(self._on_change, str(address))
        self._link = Link(address, f"{name}-learner", changed, self._sharing.listen)
        self._sharing.begin()
        self.want = self._sharing.want

    def _recordings_of(self, voice: str) -> list[Recording]:
        return list(self._voices.get(voice, {}).values())

    def forget(self, recording: Recording, unlearn: bool = False) -> None:
        self._slicer.drop(recording.voice)  # it is being learned there
        super().forget(recording, unlearn)

    def turn(self, seconds: float = SLICE, interrupted: Callable[[], bool] = lambda: False) -> None:
        client = self._link.client()
        if (client is not None) != self._away:
            self._away = client is not None
            self._slicer.let_go(None)
            self._at_work.dismiss_all()  # each goes on from its newest checkpoint, whoever wrote it
            self.pace = None
        if client is None:
            super().turn(seconds, interrupted)
            return
        self._settle()
        self._wake()
        with contextlib.suppress(*engine.LOST):  # the next turn is spent here
            self._hand_out(client)
            self.pace = Pace(float(len(self._slicer.at_work)), slow=False)
            until = time.monotonic() + WAIT
            while time.monotonic() < until and not interrupted():
                self._take_home(client)

    # ------------------------------------------------------------ slices

    def _hand_out(self, client: Client) -> None:
        slots = self._slicer.slots(client)
        for _ in range(len(self._line)):
            if len(self._slicer.at_work) >= slots:
                return
            key = self._line.popleft()
            self._line.append(key)
            model = (key[0], config_of(key[1], self._settings))
            if model in self._slicer.at_work or key[0] not in self._voices:
                continue
            recordings = newest_first(list(self._voices[key[0]].values()))
            try:
                self._slicer.submit(client, model, recordings, self._seconds(model))
            except FileNotFoundError as error:  # a cache that is made again
                self._rest(key, f"waits: {error}")

    def _seconds(self, model: Model) -> float:
        newest = checkpoints.newest(checkpoints.folder(self._settings.home, *model))
        learned = checkpoints.header(newest).seconds if newest else 0.0
        return min(max(learned, FIRST), LONGEST)

    def _take_home(self, client: Client) -> None:
        back = self._slicer.back(client, WAIT / 8)
        if back is None:
            return
        voice, config = back.model
        key: Key = (voice, config.approach)
        match back.outcome:
            case Failure(_, text):
                self._rest(key, f"waits: {text}")
            case SliceOver(files, progress, given_up, lines):
                for line in lines:
                    self._at_work.say(Note(line))
                if progress:
                    self._tell(progress)
                self._keep(back.model, files, back.joined)
                if given_up:
                    self._rest(key)

    def _keep(self, model: Model, files: Files, joined: Sequence[float]) -> None:
        try:
            keep(self._settings.home, *model, files, joined)
        except DreamError as error:
            logging.warning("what was learned cannot be kept: %s", error)
            self._at_work.say(Note(f"what was learned cannot be kept: {error}", problem=True))

    def _on_change(self, address: str, there: bool) -> None:
        line = f"learning goes to the cluster at {address}"
        self._tell(Note(line if there else "this machine learns while the cluster is gone"))
