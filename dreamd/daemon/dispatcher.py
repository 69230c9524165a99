"""From a packet to what it asks for: each message is answered, or failed with one line.

The server hands over every packet; :meth:`Dispatcher.on_message` is the list of what clients may
say.
"""

from collections.abc import Callable
from functools import partial

from dreamd.daemon.admission import Admission
from dreamd.daemon.bank_keeping import BankKeeping
from dreamd.daemon.clients import Clients
from dreamd.daemon.dreams import Dreams, in_words
from dreamd.daemon.events import Packet
from dreamd.daemon.queue import Client
from dreamd.daemon.snapshot import status
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.errors import BadRequest
from dreamd.osc import requests, transport
from dreamd.osc.replies import Failed, Status
from dreamd.osc.requests import Request
from dreamd.osc.transport import Address


class Dispatcher:
    """:param leave: called with the reason when a client wants the daemon to end."""

    def __init__(
        self,
        state: State,
        clients: Clients,
        supervisor: Supervisor,
        dreams: Dreams,
        admission: Admission,
        keeping: BankKeeping,
        leave: Callable[[str], None],
    ) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._dreams, self._admission, self._leave = dreams, admission, leave
        self._bank_keeping = keeping

    def on_packet(self, packet: Packet) -> None:
        try:
            messages = transport.decode(packet.data)
        except BadRequest as error:
            self.reject(self._dreams.new_id(), error, packet.sender)
            return
        for address, args in messages:
            try:
                message = requests.parse(address, args)
                if message is not None:
                    self.on_message(message, packet.sender)
            except Exception as error:  # noqa: BLE001  # whatever it is, the asker waits for a word
                id = requests.request_id(args)
                self.reject(self._dreams.new_id() if id is None else id, error, packet.sender)

    def on_message(self, message: requests.Message, sender: Address) -> None:
        match message:
            case Request() as request:
                self._admission.ask(request, Client(sender, request.pattern))
            case requests.Cancel(id):
                self._dreams.cancel(id)
            case requests.Notify(True):
                if line := self._clients.register(sender, self._status):
                    self._state.say(line)
            case requests.Notify(False):
                self._clients.unregister(sender)
            case requests.AskStatus():
                self._send_status(sender)
            case requests.Pause() | requests.Resume():
                paused = self._state.training_paused = isinstance(message, requests.Pause)
                self._supervisor.pause_training(paused)
                self._state.say("training paused" if paused else "training goes on")
            case requests.NewSet():
                self._bank_keeping.new_set(partial(self._send_status, sender))
            case requests.Quit():
                self._leave("a client asked for it")

    def reject(self, id: int, error: Exception, sender: Address) -> None:
        """One word and one line to the clients, one line to the performer."""
        said = in_words(error)
        self._clients.broadcast(Failed(id, said.code, str(said)))
        self._state.say(f"from {sender[0]}:{sender[1]}: {said}", warning=True)

    def _send_status(self, sender: Address) -> None:
        """To who has registered, and to nobody else: see protocol, /dream/notify."""
        if sender in self._clients:
            self._clients.send(self._status(), sender)

    def _status(self) -> Status:
        return Status(status(self._state))
