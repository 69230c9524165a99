"""``dreamd run``: start-up, loop, shutdown. One thread owns the state and handles every event.

Everything that happens (a packet, a file, a child's report) comes through one inbox, from
threads that only wait for it; see :meth:`Daemon.handle` for the list. A dream runs from
:meth:`Daemon.ask` over a dreamer's reports to :meth:`Daemon.finish`.
"""

import contextlib
import itertools
import logging
import os
import queue
import signal
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dreamd.corpus.cache import Corpus, Found
from dreamd.corpus.ingest import Ingester, Ingesting, Joined, Refused
from dreamd.corpus.watcher import Gone, Watcher, listing
from dreamd.daemon.queue import NEWEST, Client, Dream, Queue
from dreamd.daemon.state import State
from dreamd.dreaming.job import ChunkWritten, Finished, Job, JobFailed, Stop
from dreamd.dreaming.resolve import refresh, resolve
from dreamd.errors import BadRequest, DreamError, SetupError, TooLong
from dreamd.home.bank import Bank
from dreamd.home.lock import lock_home
from dreamd.osc import replies, requests, transport
from dreamd.osc.replies import Accepted, Chunk, Done, Failed, Ingested, Skipped, Trained
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.terminal.screens import Screen
from dreamd.training.messages import PauseTraining, Progress, SetRecordings, YieldCPU
from dreamd.workers.messages import Note, Ready
from dreamd.workers.process import Worker, WorkerExited, WorkerMessage

SHOW_EVERY = 0.25  # seconds between drawings of the screen
TRAINED_EVERY = 5.0  # seconds between /dream/trained of one model
STALE_EVERY = 30.0  # seconds between lines about one pattern that asks too often
TIDAL_EVERY = 2.0  # seconds between words to Tidal, which may have been started after us
CLIENTS = 32  # registered at most; one more replaces the oldest
OWN_IDS = 1 << 30  # the daemon numbers requests without an id from here on
SHORTEST_LIFE = 5.0  # seconds; a child that dies sooner is replaced after a pause
PAUSES = (0.0, 1.0, 5.0, 30.0)  # seconds before the first, second … replacement in a row


@dataclass(frozen=True)
class Packet:
    """What came in at the socket."""

    data: bytes
    sender: transport.Address


@dataclass(frozen=True)
class Leave:
    """Somebody wants the daemon to end."""

    why: str


class Daemon:
    """:param folder: of recordings; :param screen: shows what goes on."""

    def __init__(self, settings: Settings, folder: Path, screen: Screen) -> None:
        self._settings, self._screen = settings, screen
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._leaving: str | None = None
        self._clients: dict[transport.Address, None] = {}  # registered, oldest first
        self._serials, self._ids = itertools.count(), itertools.count(OWN_IDS)
        self._said_at: dict[object, float] = {}  # what must not be said too often, and when it was
        self._tidal = address_of(settings.tidal)
        self._lock = lock_home(settings.home, folder)
        self._socket = transport.OscSocket(settings.host, settings.port)
        self._state = State(
            settings=settings,
            folder=folder,
            corpus=Corpus(settings.home, settings.rate),
            bank=Bank(settings.home),
            queue=Queue(settings.queue),
        )

    def run(self) -> None:
        """Until a client, a signal or Ctrl-C ends it."""
        self.startup()
        with self._screen:
            try:
                self.main_loop()
            finally:
                self.shutdown()
                self._screen.show(self._state.view())

    def startup(self) -> None:
        tell, settings = self._inbox.put, self._settings
        self._state.corpus.sweep()
        with contextlib.suppress(OSError):  # the watcher says what is wrong with the folder
            self._state.corpus.recall(listing(self._state.folder))
        self._state.bank.sweep()
        self._watcher = Watcher(self._state.folder, tell, lambda line: tell(Note(line, True)))
        self._ingester = Ingester(self._state.corpus, tell)
        count = settings.dreamers or os.cpu_count() or 1
        self._learner = Worker("learner", "dreamd.training.worker", settings, tell, humble=True)
        self._dreamers = [
            Worker(f"dreamer-{k}", "dreamd.dreaming.worker", settings, tell) for k in range(count)
        ]
        self._workers = {child.name: child for child in (self._learner, *self._dreamers)}
        self._free: dict[str, bool] = {child.name: False for child in self._dreamers}
        self._making: dict[str, Dream] = {}  # by dreamer
        self._yielding = False  # what the learner was told last
        self._exits: dict[str, tuple[float, int]] = {  # started, deaths in a row
            name: (time.monotonic(), 0) for name in self._workers
        }
        self._restarts: list[tuple[float, Worker]] = []
        threading.Thread(target=self._hear, name="osc", daemon=True).start()
        self._watcher.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda n, _: tell(Leave(f"got {signal.Signals(n).name}")))
        logging.info("listening at %s:%d, watching %s", settings.host, settings.port,
                     self._state.folder)  # fmt: skip

    def main_loop(self) -> None:
        shown = 0.0
        while self._leaving is None:
            with contextlib.suppress(queue.Empty):
                event = self._inbox.get(timeout=SHOW_EVERY)
                self._survive(event)
            if time.monotonic() - shown >= SHOW_EVERY:
                shown = time.monotonic()
                self._restart_due()
                if self._is_time("tidal", TIDAL_EVERY):
                    self._tell_tidal()
                self._screen.show(self._state.view())

    def shutdown(self) -> None:
        self.say(f"ending: {self._leaving or 'an error, see the log'}; saving what was learned")
        self._watcher.stop()
        for child in self._workers.values():
            child.end()
        for child in self._workers.values():
            child.join()
        for dream in (*self._state.queue.running.values(), *self._state.queue.waiting):
            self.fail(dream, "cancelled", "the daemon ended")
        self._socket.close()
        self._lock.release()

    # ------------------------------------------------------------ events

    def handle(self, event: Any) -> None:
        """Every kind of event there is, and who answers it."""
        match event:
            case Packet(data, sender):
                self.hear(data, sender)
            case Found() as found:
                self._ingester.take(found)
            case Gone(path):
                self.forget(path)
            case Ingesting(found) as news:
                self._state.ingests[found.path] = news
            case Joined() as news:
                self.join(news)
            case Refused(found, reason):
                self._state.ingests.pop(found.path, None)
                self.forget(found.path)
                self.reply(Skipped(str(found.path), reason))
                self.say(f"passed over: {reason}", warning=True)
            case WorkerMessage(name, generation, message):
                if generation == self._workers[name].generation:
                    self.report(name, message)
            case WorkerExited() as death:
                self.on_worker_exited(death)
            case Note(text, problem):
                self.say(text, problem)
            case Leave(why):
                self._leaving = why

    def _survive(self, event: Any) -> None:
        """On stage one event that goes wrong must not take the others with it."""
        try:
            self.handle(event)
        except Exception as error:
            logging.exception("while handling %r", event)
            self._state.say(f"an error inside dreamd ({error}); it goes on, see the log", True)

    def report(self, name: str, message: Any) -> None:
        """What a child says."""
        match message:
            case Ready() if name == self._learner.name:
                self._teach()
                self._learner.send(PauseTraining(self._state.resting))
                self._learner.send(YieldCPU(self._yielding))
            case Ready():
                self._free[name] = True
                self.assign()
            case Progress() as progress:
                self.trained(progress)
            case Note(text, problem):
                self.say(text, problem)
            case ChunkWritten(_, start, frames):
                dream = self._making[name]
                dream.advance(start + frames)
                self.reply(Chunk(dream.id, start, frames))
            case Finished(_, seconds):
                self.finish(name, seconds)
            case JobFailed(_, code, text):
                self._free[name] = True
                self.fail(self._making.pop(name), code, text)
                self.assign()

    def say(self, text: str, warning: bool = False) -> None:
        """A line for the performer, and for the log."""
        self._state.say(text, warning)
        logging.log(logging.WARNING if warning else logging.INFO, "%s", text)

    # ------------------------------------------------------------ OSC

    def _hear(self) -> None:
        while (heard := self._socket.receive()) is not None:
            self._inbox.put(Packet(*heard))

    def hear(self, data: bytes, sender: transport.Address) -> None:
        """A packet: each of its messages is answered, or failed with one line."""
        try:
            heard = transport.decode(data)
        except BadRequest as error:
            self.refuse(next(self._ids), error, sender)
            return
        for address, args in heard:
            try:
                message = requests.parse(address, args)
                if message is not None:
                    self.answer(message, sender)
            except DreamError as error:
                id = requests.request_id(args)
                self.refuse(next(self._ids) if id is None else id, error, sender)

    def answer(self, message: requests.Message, sender: transport.Address) -> None:
        match message:
            case Request() as request:
                self.ask(request, Client(sender, request.pattern))
            case requests.Cancel(id):
                self.cancel(id)
            case requests.Notify(on):
                self.register(sender, on)
            case requests.AskStatus():
                if sender in self._clients:  # to nobody else: see protocol, /dream/notify
                    self._send(replies.Status(self._state.status()), sender)
            case requests.Pause() | requests.Resume():
                self._state.resting = isinstance(message, requests.Pause)
                self._learner.send(PauseTraining(self._state.resting))
                self.say("training paused" if self._state.resting else "training goes on")
            case requests.Quit():
                self._leaving = "a client asked for it"

    def register(self, client: transport.Address, on: bool) -> None:
        """Replies go to this client from now on (and first of all the status), or no more."""
        if client == self._tidal:  # its listener would end at the first reply
            self.say("Tidal's control port asked for replies, and gets none", warning=True)
            return
        known = self._clients.pop(client, self) is None
        if not on:
            return
        self._clients[client] = None
        if len(self._clients) > CLIENTS:
            self._clients.pop(next(iter(self._clients)))
        if not known:
            self.say(f"a client listens at {client[0]}:{client[1]}")
            self._send(replies.Status(self._state.status()), client)

    def reply(self, reply: replies.Reply) -> None:
        """To everyone who is registered."""
        for client in self._clients:
            self._send(reply, client)

    def refuse(self, id: int, error: DreamError, sender: transport.Address) -> None:
        self.reply(Failed(id, error.code, str(error)))
        self.say(f"from {sender[0]}:{sender[1]}: {error}", warning=True)

    def _is_time(self, key: object, every: float) -> bool:
        """Whether ``key`` was last said ``every`` seconds ago; then it is said now."""
        now = time.monotonic()
        due = now - self._said_at.get(key, -every) >= every
        if due:
            self._said_at[key] = now
        return due

    def _send(self, reply: replies.Reply, client: transport.Address) -> None:
        if complaint := self._socket.send(*reply.osc(), client):
            logging.warning("%s", complaint)

    def _tell_tidal(self) -> None:
        """Two messages and never another: anything else ends Tidal's control listener."""
        if self._tidal is None:
            return
        whole = self._state.bank.whole()
        self._socket.send("/ctrl", ["dreams", len(whole)], self._tidal)
        if whole:
            self._socket.send("/ctrl", ["dreamlast", f"dream:{whole[-1]}"], self._tidal)

    # ------------------------------------------------------------ recordings

    def join(self, news: Joined) -> None:
        self._state.ingests.pop(news.found.path, None)
        if not news.found.path.exists():  # it went while it was read
            return
        recording = news.recording
        self._state.corpus.add(recording)
        self._state.active[recording.voice] = time.time()
        self._teach()
        self.reply(Ingested(recording.voice, recording.source, recording.seconds))
        self.say(f"{recording.voice} learns from {recording.name} ({recording.seconds:.1f} s)")

    def forget(self, path: Path) -> None:
        self._state.ingests.pop(path, None)
        recording = self._state.corpus.remove(path)
        if recording is not None:
            self._teach()
            self.say(f"{recording.voice} no longer has {recording.name}")

    def _teach(self) -> None:
        self._learner.send(SetRecordings(self._state.corpus.recordings()))

    def trained(self, progress: Progress) -> None:
        key = (progress.voice, progress.shape.approach)
        self._state.models[key] = progress
        if self._is_time(key, TRAINED_EVERY):
            self.reply(Trained(*key, progress.steps, progress.error, progress.seconds))

    # ------------------------------------------------------------ dreams

    def ask(self, request: Request, client: Client) -> None:
        """A request: checked, put into the queue, accepted. Raises :class:`DreamError`."""
        self._state.queue.check_room(client)
        job, index = self._prepare(request)
        if stale := self._state.queue.replaceable(client):
            self.supersede(stale)
        id = next(self._ids) if request.id is None else request.id
        dream = Dream(id=id, client=client, job=job, index=index)
        self._state.queue.add(dream)
        self._state.active[job.voice] = time.time()
        eta = self._state.queue.eta(dream, len(self._dreamers))
        self.reply(Accepted(id, str(job.path), job.frames, job.shape.rate, eta))
        self.assign()

    def _prepare(self, request: Request) -> tuple[Job, int]:
        """The job, and its number in the bank, where its file lies now, silent."""
        state, bank = self._state, self._state.bank
        job = resolve(self._settings, request, state.voices(), bank.finished, next(self._serials))
        try:
            index = bank.begin(job.frames, job.shape.rate)
        except OSError as error:
            raise TooLong(f"no room for the dream in {bank.folder}: {error.strerror}") from None
        return replace(job, path=bank.path(index)), index

    def assign(self) -> None:
        """Work for every free dreamer; training yields while there is any."""
        for child in self._dreamers:
            while self._free[child.name] and (dream := self._state.queue.next()):
                self._begin(child, dream)
        making = bool(self._making)
        if making != self._yielding:
            self._yielding = making
            self._learner.send(YieldCPU(making))

    def _begin(self, child: Worker, dream: Dream) -> None:
        try:
            dream.job = refresh(self._settings, dream.job)
        except DreamError as error:  # its model went while it waited
            self.fail(dream, error.code, str(error))
            return
        self._free[child.name] = False
        self._making[child.name] = dream
        child.send(dream.job)

    def finish(self, name: str, seconds: float) -> None:
        """A dream is whole: into the bank with it, and everyone hears."""
        dream = self._making.pop(name)
        self._free[name] = True
        job, state = dream.job, self._state
        state.bank.finish(dream.index)
        state.queue.done(dream, seconds)
        self.reply(Done(dream.id, str(job.path), job.frames, job.shape.rate, seconds, dream.index))
        self._tell_tidal()
        self.say(
            f"dream:{dream.index} is there: {job.shape.approach} of {job.voice}, "
            f"{dream.secs:.1f} s in {seconds:.1f} s (rand {job.rand}){job.remarks()}"
        )
        self.assign()

    def fail(self, dream: Dream, code: str, text: str) -> None:
        """A dream came to nothing, and leaves nothing."""
        self._state.bank.drop(dream.index)
        self._state.queue.failed(dream, text)
        self.reply(Failed(dream.id, code, text))
        self.say(f"no dream for request {dream.id}: {text}", warning=code != "cancelled")

    def supersede(self, dream: Dream) -> None:
        """A pattern has asked again and again: its oldest request makes room, in few words."""
        self._state.bank.drop(dream.index)
        self._state.queue.drop(dream)
        self.reply(Failed(dream.id, "cancelled", "its pattern has newer requests"))
        if self._is_time(dream.client, STALE_EVERY):
            self.say(
                f"{dream.client.pattern} asks faster than it can be answered: "
                f"its newest {NEWEST} requests wait, older ones are cancelled"
            )

    def cancel(self, id: int) -> None:
        """Stops what a client asked for under this number."""
        for dream in self._state.queue.with_id(id):
            if dream.state == "asked":
                self.fail(dream, "cancelled", "cancelled before it began")
            for name, making in self._making.items():
                if making is dream:
                    self._workers[name].send(Stop(dream.serial))

    # ------------------------------------------------------------ children

    def on_worker_exited(self, death: WorkerExited) -> None:
        """A child died: its dream failed, a successor comes, after a pause if that repeats."""
        child = self._workers[death.name]
        if self._leaving is not None or death.generation != child.generation:
            return
        started, deaths = self._exits[death.name]
        deaths = deaths + 1 if time.monotonic() - started < SHORTEST_LIFE else 0
        pause = PAUSES[min(deaths, len(PAUSES) - 1)]
        self._exits[death.name] = (time.monotonic() + pause, deaths)
        self._restarts.append((time.monotonic() + pause, child))
        self.say(f"the {death.name} process {death.why}: starting a new one", warning=True)
        if child is not self._learner:
            self._free[death.name] = False
        dream = self._making.pop(death.name, None)
        if dream is not None:
            self.fail(dream, "diverged", f"the process dreaming it {death.why}: ask again")
            self.assign()

    def _restart_due(self) -> None:
        now = time.monotonic()
        for when, child in [revival for revival in self._restarts if revival[0] <= now]:
            self._restarts.remove((when, child))
            child.start()


def address_of(text: str) -> transport.Address | None:
    """
    >>> address_of("localhost:6010"), address_of("")
    (('127.0.0.1', 6010), None)
    """
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise SetupError(f"--tidal takes host:port, got {text}")
    return transport.resolve(host, int(port))
