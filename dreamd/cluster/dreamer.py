"""The dreaming process of a performer who has a cluster: the same messages, the dream elsewhere.

The daemon starts :func:`main` in place of :mod:`dreamd.dreaming.worker`'s. A job becomes a parcel
and one task; what the worker says of the dream comes by a topic. While the scheduler is gone the
dream is made here, and so is one that is larger than may travel.
"""

import multiprocessing
import os
import pickle
import queue
import secrets
import socket
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from distributed import Client, Future

from dreamd.cluster import engine
from dreamd.cluster.address import cluster_at
from dreamd.cluster.link import Link
from dreamd.cluster.making import make_apart
from dreamd.cluster.parcels import (
    LARGEST,
    DreamMade,
    DreamParcel,
    Failure,
    Missing,
    Packer,
    moved,
    trimmed,
)
from dreamd.cluster.receiver import Receiver
from dreamd.dreaming import worker
from dreamd.dreaming.helm import Hear
from dreamd.dreaming.job import Job, Remarked, Stop
from dreamd.dreaming.networks import present
from dreamd.dreaming.render import render
from dreamd.errors import Cancelled, DreamError
from dreamd.settings import Settings
from dreamd.workers.messages import Here, Note

LOOKS_EVERY = 0.02  # seconds between two looks whether the dream was cancelled
WORD_EVERY = 2.0  # seconds between words that it still waits
SENT_AT_MOST = 4  # times that one dream is sent
UNSTEERED = "a dream that the cluster makes is not steered: one without end is, it is made here"

Tell = Callable[[Any], None]


def main(pipe: Connection, settings: Settings) -> None:
    """The process: one job after another."""
    elsewhere = Elsewhere(settings, pipe.send)
    worker.serve(pipe, settings, elsewhere.make)


class Lost(Exception):
    """The cluster, in the middle of a dream; what is to be said of it."""


class _Making:
    """What is said of a task by the worker that makes its dream now; a second one begins anew."""

    def __init__(self, key: str, receiver: Receiver, say: Tell) -> None:
        self._key, self._receiver, self._say = key, receiver, say
        self._run = self._at = ""

    def hear(self, key: str, run: str, said: Any, samples: bytes) -> None:
        if key != self._key:  # of a dream that was given up
            return
        if run != self._run and isinstance(said, str):
            if self._run:
                line = f"{self._at} went, the dream begins again at {said}"
                self._say(Note(line, problem=True))
            self._run, self._at = run, said
            self._receiver.begins()
        elif run == self._run:
            self._receiver.hear(said, samples)


class Elsewhere:
    """:param say: takes :class:`Note`."""

    def __init__(self, settings: Settings, say: Tell) -> None:
        self._say, self._number = say, number_in(multiprocessing.current_process().name)
        self._heard = queue.SimpleQueue[tuple[str, str, Any, bytes] | None]()
        self._topic = f"{performer()}-{os.getpid()}"
        self._sent: set[str] = set()  # keys of bundles that the cluster has had from here
        self._address = cluster_at(settings.cluster, settings.tls)
        self._link = Link(self._address, self._topic, self._on_change, self._listen)

    def make(self, job: Job, settings: Settings, tell: Tell, hear: Hear) -> int:
        """As :func:`dreamd.dreaming.render.render`, on a worker if there is a cluster. An endless
        dream is made here, where it hears at once what it is told."""
        if job.endless:
            return render(job, settings, tell, hear)
        job = present(trimmed(job))
        receiver = Receiver(job, tell)
        if client := self._link.client():
            packer = Packer()
            packed = moved(job, packer.move)
            if packer.size <= LARGEST:
                try:
                    return self._make(client, packed, packer, settings, receiver, hear)
                except Lost as lost:
                    self._say(Note(f"{lost}: this dream goes on here", problem=True))
        if receiver.begun:
            receiver.begins()
            return make_apart(job, settings, receiver.hear, hear)
        return render(job, settings, tell, hear)

    def close(self) -> None:
        self._link.close()

    # ------------------------------------------------------------ elsewhere

    def _make(
        self, client: Client, job: Job, packer: Packer, settings: Settings, receiver: Receiver,
        hear: Hear,
    ) -> int:  # fmt: skip
        carried = {key for key in packer.bundles if key not in self._sent}
        for _ in range(SENT_AT_MOST):
            key = f"dream-{self._topic}-{job.serial}-{secrets.token_hex(3)}"
            parcel = DreamParcel(key, self._topic, job, settings, packer.cargo(carried))
            future = engine.submit(
                client, "dream_task", parcel, key,
                place=engine.DREAM, priority=engine.DREAMS_FIRST - self._number,
            )  # fmt: skip
            self._sent |= carried
            try:
                outcome = self._wait(future, receiver, hear)
            finally:
                if self._link.client() is client:  # else it is gone, and would keep us waiting
                    future.cancel()
            if isinstance(outcome, DreamMade) and receiver.whole:
                return job.frames
            if isinstance(outcome, Failure):
                raise failed(outcome)
            if isinstance(outcome, Missing):
                carried |= set(outcome.keys)
        raise Lost("the cluster has not made this dream")

    def _wait(self, future: Future[Any], receiver: Receiver, hear: Hear) -> Any:
        """What came of it. Raises :class:`Cancelled`, :class:`Lost`."""
        future.add_done_callback(lambda _: self._heard.put(None))
        making, told = _Making(str(future.key), receiver, self._say), time.monotonic()
        while True:
            for said in hear(0.0):
                if isinstance(said, Stop):
                    raise Cancelled("cancelled")
                receiver.hear(Remarked(said.serial, UNSTEERED), b"")
            if self._link.client() is None:
                raise Lost(f"the cluster at {self._address} is gone")
            if time.monotonic() - told > WORD_EVERY:
                told = time.monotonic()
                self._say(Here())
            try:
                heard = self._heard.get(timeout=LOOKS_EVERY)
            except queue.Empty:
                continue
            if heard is not None:
                making.hear(*heard)
            elif future.done():
                return _result(future)

    def _listen(self, client: Client) -> None:
        client.subscribe_topic(self._topic, self._on_event)

    def _on_event(self, event: tuple[float, Any]) -> None:
        key, run, said, samples = event[1]
        self._heard.put((key, run, pickle.loads(said), samples))

    def _on_change(self, there: bool) -> None:
        if self._number == 0:  # one of the dreamers says it
            where = f"the cluster at {self._address}"
            line = (
                f"dreams go to {where}"
                if there
                else f"{where} does not answer: dreams are made here"
            )
            self._say(Note(line, problem=not there))


def failed(outcome: Failure) -> DreamError:
    """What a worker's words were, before they were words."""
    error = DreamError(outcome.text)
    error.code = outcome.code  # type: ignore[misc]  # of this one
    return error


def _result(future: Future[Any]) -> Any:
    if future.status == "finished":
        return future.result(timeout=engine.SILENT)
    raise Lost(f"the cluster could not make it ({future.status})")


def performer() -> str:
    """Who asks: every performer has a queue of its own in the cluster."""
    return f"{socket.gethostname()}-{os.getppid()}"


def number_in(name: str) -> int:
    """
    >>> number_in("dreamer-3"), number_in("learner")
    (3, 0)
    """
    number = name.rpartition("-")[2]
    return int(number) if number.isdigit() else 0
