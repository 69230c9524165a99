"""From a packet to what it asks for: each message is answered, or failed with one line.

The server hands over every packet; :meth:`Dispatcher.on_message` is the list of what clients may
say.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dreamd.daemon.admission import Admission
from dreamd.daemon.endless import Endless
from dreamd.daemon.events import Packet
from dreamd.daemon.forgetting import Forgetting
from dreamd.daemon.parts import Parts
from dreamd.daemon.queue import Client, Dream
from dreamd.daemon.snapshot import status
from dreamd.daemon.steering import Steering
from dreamd.daemon.trust import Trust
from dreamd.daemon.words import in_words
from dreamd.errors import BadRequest
from dreamd.osc import requests, steering, transport, unknown
from dreamd.osc.addresses import Address, spelt
from dreamd.osc.forget import Forget
from dreamd.osc.replies import Failed, Status
from dreamd.osc.requests import Request
from dreamd.osc.steering import Steer

UNNAMED = 0
"""The id of a warning about what has none."""

MOST_NAMED = 1000
"""Unknown keys of clients that are named, in a daemon's life: nobody fills its memory with them."""


class Dispatcher:
    """:param leave: called with the reason when a client wants the daemon to end."""

    def __init__(
        self,
        parts: Parts,
        admission: Admission,
        trust: Trust,
        endless: Endless,
        forgetting: Forgetting,
        leave: Callable[[str], None],
    ) -> None:
        self._state, self._clients, self._supervisor, self._dreams = parts
        self._admission, self._trust = admission, trust
        self._steering, self._endless = Steering(parts, admission), endless
        self._forgetting, self._leave = forgetting, leave
        self._named: set[tuple[Address, str]] = set()

    def on_packet(self, packet: Packet) -> None:
        try:
            messages = transport.decode(packet.data)
        except BadRequest as error:
            self.reject(None, error, packet.sender)
            return
        for address, args in messages:
            try:
                message = requests.parse(address, args)
                if message is not None:
                    self._trust.check(message, packet.sender, self._state.voices_to_ask)
                    self.on_message(message, packet.sender)
                if isinstance(message, Request):
                    self._name_unknown(address, args, packet.sender)
            except Exception as error:  # noqa: BLE001  # whatever it is, the asker waits for a word
                if address in steering.ADDRESSES:
                    self._warn(args, error, packet.sender)
                else:
                    self.reject(requests.request_id(args), error, packet.sender)

    def on_message(self, message: requests.Message, sender: Address) -> None:
        match message:
            case Request() as request:
                self._admission.ask(request, Client(sender, request.pattern))
            case Steer():
                self._steering.steer(message, sender)
            case requests.Cancel(id, pattern):
                self._admission.cancel(sender, id, pattern)
            case requests.Notify(True, cookie):
                if self._clients.register(sender, cookie):
                    self._send_status(sender)
                    self._admission.remind(sender)
            case requests.Notify(False):
                self._clients.unregister(sender)
            case requests.AskStatus():
                self._send_status(sender)
            case requests.Pause() | requests.Resume():
                paused = self._state.training_paused = isinstance(message, requests.Pause)
                self._supervisor.pause_training(paused)
                self._state.say("training paused" if paused else "training goes on")
            case requests.NewSet():
                self._endless.new_set(partial(self._send_status, sender))
            case requests.OutRate(rate):
                self._state.outrate = rate
            case Forget(words, id):
                self._forget(words, id, sender)
            case requests.Quit():
                self._leave("a client asked for it")

    def _forget(self, words: str, id: int | None, sender: Address) -> None:
        id = self._dreams.new_id() if id is None else id

        def fail(error: Exception) -> None:
            self.reject(id, error, sender)

        try:
            self._forgetting.forget(words, id, sender, fail)
        except BadRequest as error:
            fail(error)

    def _name_unknown(self, address: str, args: Sequence[Any], sender: Address) -> None:
        """Each key that means nothing, once to each client."""
        for key, line in unknown.remarks(address, args):
            if (sender, key) not in self._named and len(self._named) < MOST_NAMED:
                self._named.add((sender, key))
                self._clients.warn(requests.request_id(args) or UNNAMED, line, sender)
                self._state.say(f"from {spelt(sender)}: {line}", warning=True)

    def reject(self, id: int | None, error: Exception, sender: Address) -> None:
        """One word and one line to the clients, one line to the performer."""
        code, text = in_words(error)
        number = self._dreams.new_id()
        if sender in self._clients or not self._trust.is_stranger(sender):
            failed = Failed(number if id is None else id, code, text)
            self._clients.tell(failed, sender, number)
        self._state.say(f"from {spelt(sender)}: {text}", warning=True)

    def _warn(self, args: Sequence[Any], error: Exception, sender: Address) -> None:
        """What was said of a dream cannot be done: one line, and the dream goes on."""
        id = next((each for each in args[:1] if isinstance(each, int)), UNNAMED)
        text = in_words(error)[1]
        self._clients.warn(id, text, sender)
        self._state.say(f"from {spelt(sender)}: {text}", warning=True)

    def _send_status(self, client: Address) -> None:
        """To who has registered, and to nobody else: see protocol, /dream/notify."""

        def id_of(dream: Dream) -> int:
            return self._clients.id_for(client, dream.client.sender, dream.id, dream.number)

        if client in self._clients:
            self._clients.send_status(Status(status(self._state, id_of)), client)
