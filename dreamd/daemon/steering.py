"""What clients change of dreams that wait or are being made: ``/dream/set`` and ``/dream/seed``.

The dispatcher hands both over. What cannot be done is told to who said it in one line that ends no
dream (``/dream/warning``).
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from dreamd.corpus.recording import Voices
from dreamd.daemon.admission import Admission
from dreamd.daemon.clients import NotTooOften
from dreamd.daemon.parts import Parts
from dreamd.daemon.queue import Dream
from dreamd.daemon.words import in_words
from dreamd.dreaming import seeds
from dreamd.dreaming.job import Reseeded, Steered
from dreamd.dreaming.resolve import steered
from dreamd.dreaming.seeds import Seed
from dreamd.errors import BadRequest, DreamError, NoSuchSeed
from dreamd.osc.addresses import Address
from dreamd.osc.requests import Request
from dreamd.osc.steering import SEEDED, Steer

UNKNOWN_EVERY = 60.0  # seconds between lines about the same unknown key


class Steering:
    """:param admission: knows which dreams are meant, and makes errands."""

    def __init__(self, parts: Parts, admission: Admission) -> None:
        self._state, self._clients, self._supervisor, self._dreams = parts
        self._admission, self._home, self._paths = admission, admission.home, admission.paths
        self._is_time = NotTooOften()

    def steer(self, said: Steer, sender: Address) -> None:
        """Raises a :class:`DreamError` where the dream is not there, or cannot be so."""
        called = self._admission.meant(sender, said.dream)
        if not called:
            raise BadRequest(f"no dream {said.dream} is being made, or waits")
        dream = called[-1]
        if dream.job is None:
            dream.later.append(partial(self._steer_later, dream, said, sender))
        else:
            self._steer(dream, said, sender)

    def _steer_later(self, dream: Dream, said: Steer, sender: Address) -> None:
        try:
            self._steer(dream, said, sender)
        except DreamError as error:
            self._warn(dream, sender, str(error))

    def _steer(self, dream: Dream, said: Steer, sender: Address) -> None:
        for line in said.unknown:
            if self._is_time((sender, line), UNKNOWN_EVERY):
                self._warn(dream, sender, line)
        self._turn(dream, said.turned)
        if said.seed:
            self._seed(dream, said, sender)

    def _turn(self, dream: Dream, asked: Mapping[str, Any]) -> None:
        """Everything but the seed: at once."""
        before, (job, _) = dream.request, dream.settled()
        turned = {key: value for key, value in asked.items() if getattr(before, key) != value}
        if not turned:
            return
        if "follow" in turned and "followat" not in asked:
            turned["followat"] = None  # it said where in other recordings
        if turned.get("learn"):
            turned["sampling"] = "concurrent"
        dream.request = replace(before, **turned)
        try:
            self._check_here(dream.request)
            dream.job = steered(job, replace(job.request, **turned), self._state.voices_to_ask())
        except DreamError:
            dream.request = before
            raise
        moved = bool({"follow", "followat"} & turned.keys())
        self._supervisor.tell(dream, Steered(dream.serial, dream.job, moved))

    def _check_here(self, asked: Request) -> None:
        """Raises :class:`NoSuchSeed` where it names a voice of another performer that is not here
        yet; it comes."""
        self._state.shared.fetch(asked, self._supervisor.tell_training)
        if away := self._state.shared.away(asked):
            raise NoSuchSeed(f"{away} is on its way: say it again in a moment")

    # ------------------------------------------------------------ another seed

    def _seed(self, dream: Dream, said: Steer, sender: Address) -> None:
        """Its file is opened, and what it means looked up, by threads."""
        asked = replace(dream.request, **dict(NO_SEED, **said.seed))
        if asked == dream.request and not said.anew:
            return
        self._check_here(asked)
        dream.request, voices = asked, self._state.voices_to_ask()
        asked = seeds.with_voices(asked, voices)
        look = partial(self._look_up, dream, asked, voices, sender)
        if words := seeds.file_named(asked, voices):
            opened = partial(self._on_opened, dream, sender, look)
            self._paths.run(partial(seeds.check_file, words), opened)
        else:
            look()

    def _on_opened(
        self, dream: Dream, sender: Address, look: partial[None], outcome: Exception | None
    ) -> None:
        if outcome is None:
            look()
        else:
            self._warn(dream, sender, in_words(outcome)[1])

    def _look_up(self, dream: Dream, asked: Request, voices: Voices, sender: Address) -> None:
        settle = partial(
            seeds.settle, asked, voices, self._state.bank.finished, np.random.default_rng()
        )
        self._home.run(settle, partial(self._on_seed, dream, sender))

    def _on_seed(
        self, dream: Dream, sender: Address, outcome: tuple[Seed, str | None] | Exception
    ) -> None:
        if isinstance(outcome, Exception):
            self._warn(dream, sender, in_words(outcome)[1])
            return
        job, _ = dream.settled()
        dream.job = replace(job, seed=outcome[0])
        self._supervisor.tell(dream, Reseeded(dream.serial, outcome[0]))

    def _warn(self, dream: Dream, sender: Address, text: str) -> None:
        id = self._clients.id_for(sender, dream.client.sender, dream.id, dream.number)
        self._clients.warn(id, text, sender)
        self._state.say(f"request {dream.id}: {text}", warning=True)


NO_SEED = {key: getattr(Request(""), key) for key in SEEDED}
"""A request's seed where nothing is said of it."""
