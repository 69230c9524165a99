"""What runs on a worker: a dream, or a slice of training. Loaded as the worker starts.

Both get values and give values. A dream in a process lets the training in it wait.
"""

import logging
import os
import pickle
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from distributed import Worker, get_worker

from dreamd import __version__
from dreamd.cluster.engine import configure
from dreamd.cluster.making import make_apart
from dreamd.cluster.parcels import (
    Cargo,
    DreamMade,
    DreamParcel,
    Failure,
    Missing,
    Outcome,
    SliceOver,
    SliceParcel,
    moved,
)
from dreamd.cluster.shelf import DEVICE, FOLDER, Shelf
from dreamd.cluster.slices import learn_slice
from dreamd.dreaming.job import Said, Stop
from dreamd.dreaming.render import prepare
from dreamd.errors import Cancelled, Diverged, DreamError

_dreaming = threading.Event()
"""A dream is being made in this process."""


def dask_setup(worker: Worker) -> None:
    """Called by Dask in each new worker: no dream waits for what could be ready."""
    configure()
    prepare()


def dream_task(parcel: DreamParcel) -> Outcome:
    """Makes a dream; all that is said of it goes to the parcel's topic."""
    worker, job = get_worker(), parcel.job
    run = secrets.token_hex(4)

    def say(said: Any, samples: bytes = b"") -> None:
        worker.log_event(parcel.topic, (parcel.key, run, pickle.dumps(said), samples))

    def hear(patience: float) -> Iterable[Said]:
        return [Stop(job.serial)] if is_cancelled(worker, parcel.key) else []

    try:
        with at_work():
            if missing := _received(parcel.cargo):
                return Missing(missing)
            say(worker.name)
            with torch.no_grad():
                make_apart(moved(job, _shelf().path), parcel.settings, say, hear)
            return DreamMade()
    except Exception as error:  # noqa: BLE001  # its asker waits for a word
        return _failure(error)
    finally:
        if parcel.cargo.carried:
            _shelf().make_room()


def train_task(parcel: SliceParcel) -> Outcome:
    """A slice of training; it waits while a dream is made in this process."""
    worker = get_worker()

    def cancelled() -> bool:
        return is_cancelled(worker, parcel.key)

    try:
        if missing := _received(parcel.cargo):
            return Missing(missing)
        settings = replace(parcel.settings, device=os.environ.get(DEVICE, "cpu"), threads=1)
        with torch.enable_grad():
            return learn_slice(
                replace(parcel, settings=settings), _shelf(), _dreaming.is_set, cancelled
            )
    except Cancelled:
        return SliceOver({}, None)
    except Exception as error:  # noqa: BLE001  # its asker waits for a word
        return _failure(error)
    finally:
        _shelf().make_room()  # also of what it has read by address


@contextmanager
def at_work() -> Iterator[None]:
    """A dream is being made."""
    _dreaming.set()
    try:
        yield
    finally:
        _dreaming.clear()


def is_cancelled(worker: Worker, key: str) -> bool:
    """Whether nobody wants this task's result any more: Dask has told the worker so."""
    task = worker.state.tasks.get(key)
    return task is None or task.state == "cancelled"


def _shelf() -> Shelf:
    return Shelf(Path(os.environ[FOLDER]))


def _received(cargo: Cargo) -> tuple[str, ...]:
    """Puts on the shelf what came along; gives what is missing."""
    if cargo.version != __version__:
        raise DreamError(f"the worker has dreamd {__version__}, who asks has {cargo.version}")
    return _shelf().take(cargo.needed, cargo.carried)


def _failure(error: Exception) -> Failure:
    if isinstance(error, DreamError):
        return Failure(error.code, str(error))
    logging.error("a task broke", exc_info=error)
    return Failure(Diverged.code, f"an error on a worker ({type(error).__name__}: {error})")
