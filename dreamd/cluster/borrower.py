"""Who dreams with others' voices: hears what is offered, wishes for it, keeps what comes.

What comes lies in ``HOME/shared`` (:mod:`dreamd.home.loans`): recordings on a shelf, checkpoints as
models lie in a home. Nothing is learned with it. Who offers and falls silent shares no more.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from typing import Any

from dreamd.cluster.loans import Loan, Offer, Piece, Pieces, Wish
from dreamd.cluster.parcels import moved_recording
from dreamd.cluster.shelf import Shelf
from dreamd.corpus.voice_names import performer_name, voice_name
from dreamd.errors import SetupError
from dreamd.home import checkpoints, loans
from dreamd.settings import Settings
from dreamd.training.messages import SharedVoice, VoiceLent, VoicesShared
from dreamd.workers.messages import Note

FALLS_SILENT = 10.0  # seconds after which what somebody offered is shared no more
ASKED_AGAIN = 5.0  # seconds without a piece after which a voice is wished for again
OLDER_KEPT = 1
"""Checkpoints of a model that stay, beside the newest: a dream may be about to load one."""


@dataclass
class _Coming:
    """A voice that was wished for."""

    heard: float  # when something of it came last
    loan: Loan | None = None


class Borrower:
    """:param topic: where what it wishes for comes; :param send: a message to a topic; :param tell:
    takes :class:`VoicesShared`, :class:`VoiceLent` and :class:`Note`."""

    def __init__(
        self, settings: Settings, topic: str, send: Callable[[str, Any], None],
        tell: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._settings, self._topic, self._send, self._tell = settings, topic, send, tell
        self._folder = loans.lent_to(settings.home)
        self._offers: dict[str, tuple[Offer, float]] = {}  # by names, and when they were heard
        self._coming: dict[str, _Coming] = {}
        self._here: dict[str, Loan] = {}
        self._pieces = Pieces()
        self._told: VoicesShared | None = None
        self._named: set[str] = set()  # topics of whom something was said that is wrong

    # ------------------------------------------------------------ what is offered

    def on_offer(self, offer: Offer, now: float) -> None:
        """Somebody shares; of two with one name the first counts."""
        if offer.topic == self._topic or performer_name(offer.name) != offer.name:
            return
        known = self._offers.get(offer.name)
        if wrong := self._wrong_with(offer, known and known[0]):
            if offer.topic not in self._named:
                self._named.add(offer.topic)
                self._tell(Note(wrong, problem=True))
            return
        self._offers[offer.name] = offer, now
        self._tell_all()

    def _wrong_with(self, offer: Offer, known: Offer | None) -> str | None:
        if wrong := _other_form(offer, self._settings):
            return wrong
        if offer.name == self._settings.name or (known and known.topic != offer.topic):
            return f"two performers are called {offer.name}: one should have another --name"
        return None

    def tick(self, now: float) -> None:
        """By the clock: who fell silent shares no more; what does not come is wished for again."""
        for name, (_, heard) in list(self._offers.items()):
            if now - heard > FALLS_SILENT:
                del self._offers[name]
        self._tell_all()
        for voice, coming in list(self._coming.items()):
            if self._offered(voice) is None:
                del self._coming[voice]
                self._pieces.clear()
            elif now - coming.heard > ASKED_AGAIN:
                coming.heard = now
                self._wish(voice)

    def heard_again(self, now: float) -> None:
        """The cluster was gone: who offered has until now had no chance to say so again."""
        self._offers = {name: (offer, now) for name, (offer, _) in self._offers.items()}

    def _offered(self, voice: str) -> Offer | None:
        """Who shares it."""
        owner, _, name = voice.partition("/")
        offer = self._offers.get(owner, (None, 0.0))[0]
        return offer if offer and name in offer.voices else None

    def _tell_all(self) -> None:
        said = VoicesShared(tuple(
            SharedVoice(f"{name}/{voice}", of.recordings, of.seconds, of.steps)
            for name, (offer, _) in sorted(self._offers.items())
            for voice, of in sorted(offer.voices.items()) if voice_name(voice) == voice
        ))  # fmt: skip
        if said != self._told and (said.voices or self._told):
            self._told = said
            self._tell(said)

    # ------------------------------------------------------------ what comes

    def want(self, voice: str, now: float) -> None:
        """It comes, where it is not here as it is with who shares it."""
        offer = self._offered(voice)
        if offer is None or voice in self._coming:
            return
        here, version = self._here.get(voice), offer.voices[voice.partition("/")[2]].version
        if here and here.version == version and not self._missing(here):
            return
        self._coming[voice] = _Coming(now)
        self._wish(voice)

    def _wish(self, voice: str) -> None:
        if offer := self._offered(voice):
            has = frozenset(entry.name for entry in self._shelf().folder.iterdir())
            self._send(offer.topic, Wish(voice.partition("/")[2], self._topic, has))

    def on_loan(self, loan: Loan, now: float) -> None:
        if coming := self._coming.get(loan.voice):
            coming.loan, coming.heard = loan, now
            self._keep_whole()

    def on_piece(self, piece: Piece, now: float) -> None:
        for coming in self._coming.values():
            if coming.loan and piece.key in coming.loan.keys:
                coming.heard = now
        if (files := self._pieces.add(piece)) is None:
            return
        try:
            self._shelf().take((), {piece.key: files})
            self._shelf().make_room()
        except (SetupError, OSError) as error:  # it changed as it was read, or there is no room
            self._tell(Note(f"what is shared cannot be kept: {error}", problem=True))
        self._keep_whole()

    def _keep_whole(self) -> None:
        """Voices of which everything is there."""
        for voice, coming in list(self._coming.items()):
            if coming.loan and not self._missing(coming.loan):
                del self._coming[voice]
                self._keep(coming.loan)

    def _keep(self, loan: Loan) -> None:
        shelf = self._shelf()
        try:
            for place in loan.checkpoints:
                self._place(loan.voice, shelf.path(Path(place)))
        except OSError as error:
            self._tell(Note(f"{loan.voice} cannot be kept: {error.strerror}", problem=True))
            return
        self._here[loan.voice] = loan
        recordings = tuple(moved_recording(each, shelf.path) for each in loan.recordings)
        self._tell(VoiceLent(loan.voice, recordings))

    def _place(self, voice: str, path: Path) -> None:
        """A checkpoint into its model's folder; older ones go, and any that are newer: whose it is
        has gone back before those."""
        model = self._folder / "models" / voice / path.parent.name
        model.mkdir(parents=True, exist_ok=True)
        half_made = model / f"{path.name}.tmp"
        shutil.copyfile(path, half_made)
        os.replace(half_made, model / path.name)
        there = checkpoints.checkpoints(model)
        older = [each for each in there if each.name < path.name]
        for each in there:
            if each.name != path.name and each not in older[-OLDER_KEPT:]:
                each.unlink(missing_ok=True)

    def _missing(self, loan: Loan) -> list[str]:
        return list(filterfalse(self._shelf().has, loan.keys))

    def _shelf(self) -> Shelf:
        return Shelf(self._folder)


def _other_form(offer: Offer, settings: Settings) -> str | None:
    for name, unit in (("rate", "Hz"), ("channels", "channels")):
        theirs, ours = getattr(offer, name), getattr(settings, name)
        if theirs != ours:
            return (
                f"{offer.name} shares voices of {theirs} {unit}, and here is {ours}: they cannot "
                f"be dreamt with (--{name})"
            )
    return None
