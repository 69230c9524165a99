"""A dream's way into the queue: asked for, looked up, accepted, or called off.

The dispatcher hands over requests. Opening the seed's file and finding the model, the recordings
and a place in the bank are errands, done by threads; each ``_on`` method hears what came of one.
"""

import time
from dataclasses import replace
from functools import partial

from dreamd.corpus.recording import Voices
from dreamd.daemon.endless import is_gone
from dreamd.daemon.errands import Errands
from dreamd.daemon.parts import Parts
from dreamd.daemon.patience import LONGEST_WAIT, Patience
from dreamd.daemon.queue import OWN_IDS, Client, Dream
from dreamd.dreaming import seeds
from dreamd.dreaming.job import Job
from dreamd.dreaming.resolve import length, resolve
from dreamd.errors import BadRequest, Busy, NoAnswer, NoModel, NoSuchSeed, TooLong
from dreamd.osc.addresses import Address
from dreamd.osc.replies import Accepted
from dreamd.osc.requests import Request
from dreamd.osc.steering import Called

MOST_OPENED = 64
"""Files of clients that are being opened at a time."""


class Admission:
    """:param home: errands to the home's disk; :param paths: to the paths that clients name."""

    def __init__(self, parts: Parts, home: Errands, paths: Errands) -> None:
        self._state, self._clients, self._supervisor, self._dreams = parts
        self.home, self.paths, self._patience = home, paths, Patience(self._state)

    def ask(self, request: Request, client: Client) -> None:
        """A request: into the queue; its seed and its model are looked up. Raises :class:`Busy`."""
        queue = self._state.queue
        queue.check_room(client)
        if request.endless:
            self._check_endless(request, client)
        if old := queue.replaceable(client):
            self._dreams.replace(old, client)
        serial, wanted = self._dreams.new_serial(), request.outrate or self._state.outrate
        request = replace(request, outrate=wanted)
        id = OWN_IDS + serial if request.id is None else request.id
        dream = Dream(id, client, serial, request, *length(self._state.settings, request))
        queue.add(dream)
        self._state.shared.fetch(request, self._supervisor.tell_training)
        if why := self._patience.holds(dream):
            self._dreams.warn(dream, f"it waits: {why}")
        else:
            self._begin(dream)

    def tick(self) -> None:
        """By the clock: what has waited for its seed or its voice goes on."""
        for dream, why in self._patience.over():
            if dream.state == "asked" and why and why.startswith("dream:"):
                self._dreams.reject(dream, NoSuchSeed(f"{why}, after {LONGEST_WAIT:g} s"))
            elif dream.state == "asked":
                self._begin(dream)

    def _begin(self, dream: Dream) -> None:
        """Its seed and its model are looked up."""
        state, sender, voices = self._state, dream.client.sender, self._state.voices_to_ask()
        if away := state.shared.away(dream.request):
            self._dreams.reject(dream, NoModel(f"{away} does not come: ask again"))
            return
        if dream.request.voice is not None and state.voices().get(dream.request.voice):
            state.set_usual(sender, dream.request.voice)
        request = dream.request = replace(dream.request, usual=state.usual_voice(sender))
        if words := seeds.file_named(request, voices):
            check = partial(seeds.check_file, words)
            self.paths.run(check, partial(self._on_checked, dream, voices))
        else:
            self._prepare(dream, voices)

    def _check_endless(self, request: Request, client: Client) -> None:
        """As many as there are workers for all dreams: one more makes the others. The successor of
        one (another of the same name) may begin before that ends, so that they crossfade: those
        of one name count once."""
        most = self._supervisor.dreamers
        if is_gone(client.sender, self._clients):
            raise BadRequest("an endless dream ends when its asker is gone: ask for replies first")
        going_on = {
            dream.request.name or dream.serial for dream in self._state.queue.under_way
            if dream.endless and not dream.stopping
        } - {request.name}  # fmt: skip
        if len(going_on) >= most:
            many = "one endless dream is" if most == 1 else f"{most} endless dreams are"
            raise Busy(f"{many} all that this machine makes at once: end one")

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
        self.home.run(make, partial(self._on_job, dream), partial(self._on_late_job, dream))

    def _make_job(self, dream: Dream, voices: Voices) -> tuple[Job, int] | None:
        """In the home's thread: the job, and its number in the bank, where its file lies now."""
        if dream.state != "asked":
            return None
        dream.in_hand = True
        bank = self._state.bank
        job = resolve(self._state.settings, dream.request, voices, bank.finished, dream.serial)
        try:
            index = bank.begin(job.frames, job.rate, job.channels)
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
            self._dreams.tell(dream, self._accepted(dream))
            while dream.later:
                dream.later.popleft()()
            self._dreams.assign()
        elif outcome is not None:
            self._dreams.reject(dream, outcome)

    def _accepted(self, dream: Dream) -> Accepted:
        job, _ = dream.settled()
        queue, dreamers = self._state.queue, self._supervisor.dreamers
        eta = self._state.estimates.eta(dream, queue, dreamers)
        return Accepted(dream.id, str(job.path), job.frames, job.rate, eta, job.channels)

    def remind(self, client: Address) -> None:
        """Who asked before it could hear the answer hears it now."""
        for dream in self._state.queue.under_way:
            if dream.client.sender == client and dream.job is not None:
                self._clients.send(self._accepted(dream), client)

    def _on_late_job(self, dream: Dream, outcome: tuple[Job, int] | Exception | None) -> None:
        """Nobody waits for it any more."""
        dream.in_hand = False
        if isinstance(outcome, tuple):
            self.home.run(partial(self._state.bank.drop, outcome[1]))

    def cancel(self, client: Address, called: Called | None, pattern: str | None) -> None:
        """Stops what a client knows by this number or name; None: all that it, or one pattern of
        its, has asked for."""
        for dream in self.meant(client, called):
            if pattern in (None, dream.client.pattern):
                self._dreams.stop(dream)

    def meant(self, client: Address, called: Called | None) -> list[Dream]:
        """The dreams under way that a client calls so, the newest last."""
        under_way = sorted(self._state.queue.under_way, key=lambda dream: dream.serial)
        return [dream for dream in under_way if self._is_meant(dream, client, called)]

    def _is_meant(self, dream: Dream, client: Address, called: Called | None) -> bool:
        asker = dream.client.sender
        if called is None or self._clients.is_stranger(client):
            return asker == client and called in (None, dream.id, dream.request.name)
        if isinstance(called, str):
            return called == dream.request.name
        return self._clients.id_for(client, asker, dream.id, dream.number) == called
