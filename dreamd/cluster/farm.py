"""``dreamd farm``: every voice's models trained by a cluster, and brought home.

Each voice, approach and vector length is a job of so many minutes, in slices of one; a job whose
worker goes is handed out again, from what is at home. What is at home already counts: a farm that
was ended goes on where it was.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from distributed import Client

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import config_of
from dreamd.cluster import engine
from dreamd.cluster.address import ClusterAddress
from dreamd.cluster.link import Link
from dreamd.cluster.parcels import Failure, SliceOver, newest_first
from dreamd.cluster.slicer import Back, Model, Slicer
from dreamd.cluster.slices import keep
from dreamd.cluster.sources import Remote, listed
from dreamd.commands import offline
from dreamd.corpus.recording import Recording
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.settings import Settings

SLICE_SECONDS = 60.0
LEFT_AFTER = 5
"""Slices of a model that come to nothing in a row, and it is left as it is."""
LOOKS = 0.25  # seconds

Recordings = Mapping[str, Sequence[Recording] | Sequence[Remote]]


def recordings_of(settings: Settings, source: Path | str, say: Callable[[str], None]) -> Recordings:
    """Each voice's: of a folder here, decoded, or of an address that workers read themselves.

    Raises :class:`SetupError` where there is nothing to learn from.
    """
    return offline.ingest(settings, source, say) if isinstance(source, Path) else listed(source)


class Shown(Protocol):
    """Who watches a farm."""

    def say(self, line: str) -> None: ...

    def model(self, name: str, seconds: float, of: float, error: float) -> None:
        """How far a model is."""


@dataclass
class Plot:
    """A model that is to be trained."""

    model: Model
    seconds: float = 0.0  # learned already
    error: float = 1.0
    failed: int = 0  # slices in a row
    left: str = ""  # why it is left as it is

    @property
    def name(self) -> str:
        return f"{self.model[0]} {self.model[1].name}"


def configs(
    settings: Settings, approaches: Iterable[str], vectors: Sequence[int]
) -> list[ModelConfig]:
    """What networks are asked for: each approach at each length, or at its usual one."""
    return [
        config_of(approach, settings, vector)
        for approach in approaches
        for vector in (vectors or (None,))
    ]


class Farm:
    """:param wanted: seconds of training for each model."""

    def __init__(
        self, settings: Settings, voices: Recordings, shapes: Sequence[ModelConfig],
        wanted: float, shown: Shown,
    ) -> None:  # fmt: skip
        self._settings, self._voices, self._wanted, self._shown = settings, voices, wanted, shown
        self._plots = {(v, c): Plot((v, c)) for c in shapes for v in voices}
        self._slicer = Slicer(settings, f"farm-{time.time_ns():x}")
        for plot in self._plots.values():
            self._look_at(plot)
        self._line = deque(plot for plot in self._plots.values() if not self._is_done(plot))

    def run(self, address: ClusterAddress) -> None:
        """Until all are trained. Raises :class:`SetupError` where one could not be."""
        link = Link(address, "farm", self._on_change)
        try:
            while self._line or self._slicer.at_work:
                self._turn(link)
        finally:
            self._slicer.let_go(link.client())
            link.close()
        left = [plot for plot in self._plots.values() if plot.left]
        for plot in left:
            self._shown.say(f"{plot.name} stays as it is: {plot.left}")
        if left:
            raise SetupError(f"{len(left)} of {len(self._plots)} models are not trained, see above")

    def _turn(self, link: Link) -> None:
        client = link.client()
        try:
            if client is not None:
                self._work(client)
                return
        except engine.LOST:  # while it was asked
            pass
        # What was at work is handed out again.
        self._line.extend(self._plots[model] for model in self._slicer.at_work)
        self._slicer.let_go(None)
        time.sleep(LOOKS)

    def _work(self, client: Client) -> None:
        slots = self._slicer.slots(client)
        while self._line and len(self._slicer.at_work) < slots:
            plot = self._line[0]
            seconds = min(SLICE_SECONDS, self._wanted - plot.seconds)
            self._slicer.submit(client, plot.model, self._recordings(plot), seconds)
            self._line.popleft()
        if back := self._slicer.back(client, LOOKS):
            self._take_home(back)

    def _recordings(self, plot: Plot) -> Sequence[Recording | Remote]:
        there = self._voices[plot.model[0]]
        return newest_first([r for r in there if isinstance(r, Recording)]) or list(there)

    def _take_home(self, back: Back) -> None:
        plot, before = self._plots[back.model], self._plots[back.model].seconds
        match back.outcome:
            case Failure(_, text):
                plot.left = text
            case SliceOver(files, _, given_up, lines):
                for line in lines:
                    self._shown.say(f"{plot.name}: {line}")
                keep(self._settings.home, *back.model, files, back.joined)
                self._look_at(plot)
                plot.left = lines[-1] if given_up and lines else ""
                plot.failed += LEFT_AFTER if given_up else 0
        plot.failed = plot.failed + 1 if plot.seconds <= before else 0
        if self._is_done(plot):
            self._shown.say(f"{plot.name}: {plot.seconds:.0f} s, error {plot.error:.3f}")
            plot.left = ""
        elif plot.failed < LEFT_AFTER:
            self._line.append(plot)

    def _look_at(self, plot: Plot) -> None:
        """How far it is at home."""
        newest = checkpoints.newest(checkpoints.folder(self._settings.home, *plot.model))
        if newest:
            head = checkpoints.header(newest)
            plot.seconds, plot.error = head.seconds, head.error
        self._shown.model(plot.name, plot.seconds, self._wanted, plot.error)

    def _is_done(self, plot: Plot) -> bool:
        return plot.seconds >= self._wanted * 0.98  # a slice ends a step before its time

    def _on_change(self, there: bool) -> None:
        self._shown.say("the cluster is there" if there else "the cluster does not answer: waiting")
