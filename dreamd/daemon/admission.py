"""A dream's way into the queue: asked for, looked up, accepted.

The dispatcher hands over requests. Opening the seed's file and finding the model, the recordings
and a place in the bank are errands, done by threads; each ``_on`` method hears what came of one.
"""

import itertools
import time
from dataclasses import replace
from functools import partial

from dreamd.corpus.recording import Voices
from dreamd.daemon.clients import Clients
from dreamd.daemon.dreams import Dreams
from dreamd.daemon.errands import Errands
from dreamd.daemon.queue import Client, Dream
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.dreaming import seeds
from dreamd.dreaming.job import Job
from dreamd.dreaming.resolve import resolve
from dreamd.errors import NoAnswer, NoSuchSeed, TooLong
from dreamd.osc.replies import Accepted
from dreamd.osc.requests import Request

MOST_OPENED = 64
"""Files of clients that are being opened at a time."""


class Admission:
    """:param home: errands to the home's disk; :param paths: to the paths that clients name."""

    def __init__(
        self,
        state: State,
        clients: Clients,
        supervisor: Supervisor,
        dreams: Dreams,
        home: Errands,
        paths: Errands,
    ) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._dreams, self._home, self._paths = dreams, home, paths
        self._serials = itertools.count()

    def ask(self, request: Request, client: Client) -> None:
        """A request: into the queue; its seed and its model are looked up. Raises :class:`Busy`."""
        queue = self._state.queue
        queue.check_room(client)
        if old := queue.replaceable(client):
            self._dreams.replace(old, client)
        id = self._dreams.new_id() if request.id is None else request.id
        rate = self._state.settings.rate
        frames = max(round(request.secs * rate), 1)
        dream = Dream(id, client, next(self._serials), request, frames, rate)
        queue.add(dream)
        voices = self._state.voices()
        if words := seeds.file_named(request, voices):
            check = partial(seeds.check_file, words)
            self._paths.run(check, partial(self._on_checked, dream, voices))
        else:
            self._prepare(dream, voices)

    def _on_checked(self, dream: Dream, voices: Voices, outcome: Exception | None) -> None:
        """The file that is its seed was opened, or could not be."""
        if dream.state != "asked":  # cancelled meanwhile
            return
        if isinstance(outcome, NoAnswer):
            where = dream.request.seed
            outcome = NoSuchSeed(f"seed: cannot be opened, its disk does not answer: {where}")
        if outcome is None:
            self._prepare(dream, voices)
        else:
            self._dreams.reject(dream, outcome)

    def _prepare(self, dream: Dream, voices: Voices) -> None:
        make = partial(self._make_job, dream, voices)
        self._home.run(make, partial(self._on_job, dream), partial(self._on_late_job, dream))

    def _make_job(self, dream: Dream, voices: Voices) -> tuple[Job, int] | None:
        """In the home's thread: the job, and its number in the bank, where its file lies now."""
        if dream.state != "asked":
            return None
        dream.in_hand = True
        bank = self._state.bank
        job = resolve(self._state.settings, dream.request, voices, bank.finished, dream.serial)
        try:
            index = bank.begin(job.frames, job.config.rate)
        except OSError as error:
            raise TooLong(f"no room for the dream in {bank.folder}: {error.strerror}") from None
        return replace(job, path=bank.path(index)), index

    def _on_job(self, dream: Dream, outcome: tuple[Job, int] | Exception | None) -> None:
        dream.in_hand = False
        if dream.state != "asked":
            self._on_late_job(dream, outcome)
        elif isinstance(outcome, tuple):
            dream.ready = time.monotonic()
            job, _ = dream.job, dream.index = outcome
            self._state.touch(job.voice)
            eta = self._state.estimates.eta(dream, self._state.queue, self._supervisor.dreamers)
            accepted = Accepted(dream.id, str(job.path), job.frames, job.config.rate, eta)
            self._clients.broadcast(accepted)
            self._dreams.assign()
        elif outcome is not None:
            self._dreams.reject(dream, outcome)

    def _on_late_job(self, dream: Dream, outcome: tuple[Job, int] | Exception | None) -> None:
        """Nobody waits for it any more."""
        dream.in_hand = False
        if isinstance(outcome, tuple):
            self._home.run(partial(self._state.bank.drop, outcome[1]))
