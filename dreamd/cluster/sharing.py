"""Voices that performers of a cluster share, in a thread of the process that learns.

What they say to each other goes by topics of the scheduler: offers by one that all hear, wishes and
what comes of them by one of each performer. A scheduler that is gone and comes back has forgotten
nothing, for it knows nothing.
"""

import contextlib
import logging
import pickle
import queue
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from distributed import Client

from dreamd.cluster import engine
from dreamd.cluster.borrower import Borrower
from dreamd.cluster.lender import Lender
from dreamd.cluster.loans import Loan, Offer, Piece, Wish
from dreamd.corpus.recording import Recording
from dreamd.errors import DreamError
from dreamd.settings import Settings
from dreamd.training.messages import VoiceWanted

OFFERS = "dreamd-voices"
"""The topic that all hear."""
OFFERED_EVERY = 3.0  # seconds
TURNS_EVERY = 0.5  # seconds


class Sharing:
    """:param performer: whose process this is, in the cluster; :param client: of the cluster, None
    while it is gone; :param recordings_of: a voice's own, now; :param tell: takes what the
    :class:`Borrower` tells.
    """

    def __init__(
        self, settings: Settings, performer: str, client: Callable[[], Client | None],
        recordings_of: Callable[[str], Sequence[Recording]], tell: Callable[[Any], None],
    ) -> None:  # fmt: skip
        self._topic, self._client = f"{performer}-voices", client
        self._heard = queue.SimpleQueue[bytes | VoiceWanted | None]()
        self._lender = Lender(settings, self._topic, recordings_of)
        self._borrower = Borrower(settings, self._topic, self._send, tell)
        self._offered_at = 0.0

    def begin(self) -> None:
        threading.Thread(target=self._go_on, name="sharing", daemon=True).start()

    def listen(self, client: Client) -> None:
        """To a cluster that is there, or there again."""
        self._heard.put(None)
        for topic in (OFFERS, self._topic):
            client.subscribe_topic(topic, lambda event: self._heard.put(event[1]))

    def want(self, voice: str) -> None:
        """Somebody asks for a dream with a voice of another performer."""
        self._heard.put(VoiceWanted(voice))

    def _go_on(self) -> None:
        while True:
            try:
                self._turn()
            except DreamError as error:  # a checkpoint that was thinned meanwhile
                logging.info("while sharing: %s", error)
            except OSError as error:
                logging.warning("while sharing: %s", error)
            except Exception:
                logging.exception("while sharing")

    def _turn(self) -> None:
        with contextlib.suppress(queue.Empty):
            heard = self._heard.get(timeout=TURNS_EVERY)
            self._on_message(pickle.loads(heard) if isinstance(heard, bytes) else heard)
        if self._client() is not None:
            self._borrower.tick(time.monotonic())
            self._offer()

    def _offer(self) -> None:
        """If it is time."""
        if time.monotonic() - self._offered_at > OFFERED_EVERY:
            self._offered_at = time.monotonic()
            if offer := self._lender.offer():
                self._send(OFFERS, offer)

    def _on_message(self, message: Any) -> None:
        now = time.monotonic()
        match message:
            case None:
                self._borrower.heard_again(now)
            case VoiceWanted(voice):
                self._borrower.want(voice, now)
            case Offer() as offer:
                self._borrower.on_offer(offer, now)
            case Wish() as wish:
                for each in self._lender.answer(wish):
                    self._send(wish.topic, each)
                    self._offer()  # else who waits longer than usual would hear nothing of us
            case Loan() as loan:
                self._borrower.on_loan(loan, now)
            case Piece() as piece:
                self._borrower.on_piece(piece, now)

    def _send(self, topic: str, message: Any) -> None:
        if client := self._client():
            with contextlib.suppress(*engine.LOST):  # it is said, or asked for, again
                client.log_event(topic, pickle.dumps(message))
