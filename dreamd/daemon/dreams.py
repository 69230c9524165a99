"""A dream's way through the daemon: asked, queued, made, done or failed; each step is told.

The dispatcher asks, the server hands over what the dreaming workers report.
"""

import itertools
from dataclasses import replace

from dreamd.daemon.clients import Clients, NotTooOften
from dreamd.daemon.queue import NEWEST_WAITING, Client, Dream
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Finished, Job, JobFailed
from dreamd.dreaming.resolve import refresh, resolve
from dreamd.errors import DreamError, TooLong
from dreamd.home import credits
from dreamd.osc.replies import Accepted, Chunk, Done, Failed, Leap
from dreamd.osc.requests import Request

REPLACED_EVERY = 30.0  # seconds between lines about one pattern that asks too often
OWN_IDS = 1 << 30  # the daemon numbers requests without an id from here on


class Dreams:
    """Changes the queue and the bank, and tells the clients."""

    def __init__(self, state: State, clients: Clients, supervisor: Supervisor) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._serials, self._ids = itertools.count(), itertools.count(OWN_IDS)
        self._is_time = NotTooOften()

    def new_id(self) -> int:
        """For a request that has none of its own."""
        return next(self._ids)

    def ask(self, request: Request, client: Client) -> None:
        """A request: checked, put into the queue, accepted. Raises :class:`DreamError`."""
        queue = self._state.queue
        queue.check_room(client)
        job, index = self._prepare(request)
        if old := queue.replaceable(client):
            self._replace(old)
        id = self.new_id() if request.id is None else request.id
        dream = Dream(id=id, client=client, job=job, index=index)
        queue.add(dream)
        self._state.touch(job.voice)
        eta = self._state.estimates.eta(dream, queue, self._supervisor.dreamers)
        self._clients.broadcast(Accepted(id, str(job.path), job.frames, job.config.rate, eta))
        self.assign()

    def _prepare(self, request: Request) -> tuple[Job, int]:
        """The job, and its number in the bank, where its file lies now, silent."""
        state, bank = self._state, self._state.bank
        job = resolve(state.settings, request, state.voices(), bank.finished, next(self._serials))
        try:
            index = bank.begin(job.frames, job.config.rate)
        except OSError as error:
            raise TooLong(f"no room for the dream in {bank.folder}: {error.strerror}") from None
        return replace(job, path=bank.path(index)), index

    def assign(self) -> None:
        """Work for every free worker; training yields while there is any."""
        while (name := self._supervisor.free()) and (dream := self._state.queue.next()):
            try:
                dream.job = refresh(self._state.settings, dream.job)
            except DreamError as error:  # its model went while it waited
                self.fail(dream, error.code, str(error))
                continue
            self._supervisor.begin(name, dream)
        self._supervisor.share_machine()

    def cancel(self, id: int) -> None:
        """Stops what a client asked for under this number."""
        for dream in self._state.queue.with_id(id):
            if dream.state == "asked":
                self.fail(dream, "cancelled", "cancelled before it began")
            else:
                self._supervisor.stop(dream)

    # ------------------------------------------------------------ what workers report

    def on_worker_message(
        self, name: str, message: ChunkWritten | CursorLeapt | Finished | JobFailed
    ) -> None:
        match message:
            case ChunkWritten(_, start, frames):
                dream = self._supervisor.making(name)
                dream.advance(start + frames)
                self._clients.broadcast(Chunk(dream.id, start, frames))
            case CursorLeapt(_, frame, source, second, _):
                dream = self._supervisor.making(name)
                dream.leaps.append(message)
                self._clients.broadcast(Leap(dream.id, frame, source, second))
            case Finished(_, seconds):
                self._finish(self._supervisor.release(name), seconds)
            case JobFailed(_, code, text):
                self.fail(self._supervisor.release(name), code, text)
                self.assign()

    def _finish(self, dream: Dream, seconds: float) -> None:
        """A dream is whole: into the bank with it, and everyone hears."""
        job, state = dream.job, self._state
        state.bank.finish(dream.index)
        try:
            credits.keep(job.path, job.credits(dream.leaps))
        except OSError as error:  # a full disk: the dream is there all the same
            state.say(f"cannot keep the credits of dream:{dream.index}: {error.strerror}", True)
        state.queue.done(dream, seconds)
        state.estimates.learn(dream, seconds)
        frames, rate = job.frames, job.config.rate
        self._clients.broadcast(Done(dream.id, str(job.path), frames, rate, seconds, dream.index))
        self._clients.tell_tidal(state.bank.count, state.bank.newest)
        state.say(
            f"dream:{dream.index} is there: {job.config.approach} of {job.voice}, "
            f"{dream.secs:.1f} s in {seconds:.1f} s (rand {job.rand}){job.remarks()}"
        )
        self.assign()

    def fail(self, dream: Dream, code: str, text: str) -> None:
        """A dream came to nothing, and leaves nothing."""
        self._state.bank.drop(dream.index)
        self._state.queue.failed(dream, text)
        self._clients.broadcast(Failed(dream.id, code, text))
        self._state.say(f"no dream for request {dream.id}: {text}", warning=code != "cancelled")

    def _replace(self, dream: Dream) -> None:
        """A pattern has asked again and again: its oldest request makes room, in few words."""
        self._state.bank.drop(dream.index)
        self._state.queue.drop(dream)
        self._clients.broadcast(Failed(dream.id, "cancelled", "its pattern has newer requests"))
        if self._is_time(dream.client, REPLACED_EVERY):
            self._state.say(
                f"{dream.client.pattern} asks faster than it can be answered: "
                f"its newest {NEWEST_WAITING} requests wait, older ones are cancelled"
            )
