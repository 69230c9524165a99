"""Slices of training at work in a cluster: handed out, counted, and taken home.

The learner of a performer and ``dreamd farm`` each have one :class:`Slicer`. A model has one slice
at a time, and is whole at home between two: what a slice had learned is all that can be lost.
"""

import queue
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from distributed import Client, Future

from dreamd.approaches.config import ModelConfig
from dreamd.cluster import engine
from dreamd.cluster.parcels import (
    Failure,
    Missing,
    Outcome,
    Packer,
    SliceOver,
    SliceParcel,
    moved_recording,
)
from dreamd.cluster.slices import newest_files
from dreamd.cluster.sources import Remote
from dreamd.corpus.recording import Recording
from dreamd.home import checkpoints
from dreamd.settings import Settings
from dreamd.training.trainer import KEPT_BEFORE

HANDED_OUT_AT_MOST = 4
"""Times that one slice is handed out: a worker may lack what another has."""

Model = tuple[str, ModelConfig]
"""A voice and what its network is like."""


@dataclass
class Slice:
    """One that is at work."""

    model: Model
    future: Future[Any]
    parcel: SliceParcel
    packer: Packer
    tries: int = 1
    carried: set[str] = field(default_factory=set)

    @property
    def joined(self) -> tuple[float, ...]:
        return tuple(sorted(each.joined for each in self.parcel.recordings)[-KEPT_BEFORE:])


@dataclass(frozen=True)
class Back:
    """A slice that is over."""

    model: Model
    outcome: SliceOver | Failure
    joined: tuple[float, ...]  # when its newest recordings did


class Slicer:
    """:param performer: whose they are, in the cluster."""

    def __init__(self, settings: Settings, performer: str) -> None:
        self._settings, self._performer = settings, performer
        self._at_work: dict[str, Slice] = {}  # by their keys
        self._done = queue.SimpleQueue[str]()
        self._sent: set[str] = set()

    @property
    def at_work(self) -> set[Model]:
        return {each.model for each in self._at_work.values()}

    def slots(self, client: Client) -> int:
        """How many slices the cluster can have at work."""
        return len(client.nthreads())

    def submit(
        self, client: Client, model: Model, recordings: Sequence[Recording | Remote],
        seconds: float,
    ) -> None:  # fmt: skip
        """From the newest checkpoint at home on."""
        voice, config = model
        packer = Packer()
        packed = tuple(
            each if isinstance(each, Remote) else moved_recording(each, packer.move)
            for each in recordings
        )
        files = newest_files(checkpoints.folder(self._settings.home, voice, config))
        carried = {key for key in packer.bundles if key not in self._sent}
        parcel = SliceParcel(
            "", voice, config, self._settings, packed, files, seconds, packer.cargo(carried)
        )
        self._hand_out(client, model, parcel, packer, carried, 1)

    def _hand_out(
        self, client: Client, model: Model, parcel: SliceParcel, packer: Packer,
        carried: set[str], tries: int,
    ) -> None:  # fmt: skip
        key = f"train-{self._performer}-{secrets.token_hex(6)}"
        parcel = replace(parcel, key=key, cargo=packer.cargo(carried))
        future = engine.submit(
            client, "train_task", parcel, key, place=engine.TRAINING, priority=-len(self._at_work)
        )
        self._at_work[key] = Slice(model, future, parcel, packer, tries, carried)
        self._sent |= carried
        future.add_done_callback(lambda _: self._done.put(key))

    def back(self, client: Client, patience: float) -> Back | None:
        """The next slice that is over, if one is within so many seconds."""
        try:
            key = self._done.get(timeout=patience)
        except queue.Empty:
            return None
        slice = self._at_work.pop(key, None)
        if slice is None:  # it was let go
            return None
        outcome = _outcome(slice.future)
        if isinstance(outcome, Missing) and slice.tries < HANDED_OUT_AT_MOST:
            carried = slice.carried | set(outcome.keys)
            self._hand_out(
                client, slice.model, slice.parcel, slice.packer, carried, slice.tries + 1
            )
            return None
        if not isinstance(outcome, SliceOver | Failure):
            outcome = Failure("diverged", "the cluster could not make it")
        return Back(slice.model, outcome, slice.joined)

    def drop(self, voice: str) -> None:
        """What is learned of this voice now is not wanted any more."""
        for key in [key for key, each in self._at_work.items() if each.model[0] == voice]:
            self._at_work.pop(key).future.release()

    def let_go(self, client: Client | None) -> None:
        """Nothing is at work any more: what the slices have learned is lost."""
        futures = [each.future for each in self._at_work.values()]
        self._at_work.clear()
        if client is not None:
            client.cancel(futures)


def _outcome(future: Future[Any]) -> Outcome | Any:
    if future.status == "finished":
        return future.result(timeout=engine.SILENT)
    error = future.exception(timeout=engine.SILENT) if future.status == "error" else None
    return Failure("diverged", f"its workers went ({future.status}{f': {error}' if error else ''})")
