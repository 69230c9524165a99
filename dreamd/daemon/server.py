"""``dreamd run``: start-up, loop, shutdown. One thread owns the state and handles every event.

Everything that happens (a packet, a file, a worker's report) comes through one inbox, from
threads that only wait for it; see :mod:`dreamd.daemon.router` for the list. Nothing on this
thread touches a disk, waits for a pipe or a terminal, or walks through thousands of files.
"""

import logging
import signal
import threading
import time
from pathlib import Path

from dreamd.corpus.cache import Corpus
from dreamd.corpus.folder import listing
from dreamd.corpus.ingest import Ingester
from dreamd.corpus.watcher import Watcher
from dreamd.daemon.admission import MOST_OPENED, Admission
from dreamd.daemon.bank_keeping import BankKeeping
from dreamd.daemon.clients import Clients, NotTooOften
from dreamd.daemon.dispatcher import Dispatcher
from dreamd.daemon.dreams import Dreams
from dreamd.daemon.endless import Endless
from dreamd.daemon.errands import Errands
from dreamd.daemon.estimates import Estimates
from dreamd.daemon.events import ErrandDone, Leave, Packet
from dreamd.daemon.forgetting import Forgetting
from dreamd.daemon.inbox import Inbox
from dreamd.daemon.parts import Parts
from dreamd.daemon.queue import Queue
from dreamd.daemon.recordings import Library
from dreamd.daemon.router import Router
from dreamd.daemon.snapshot import view
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.daemon.trust import Trust
from dreamd.dreaming.live_speed import speeds_in_words, that_keep_time
from dreamd.dreaming.resolve import trained_voices
from dreamd.errors import NoAnswer
from dreamd.home import log
from dreamd.home.bank import Bank
from dreamd.home.environment import answered
from dreamd.home.lock import lock_home
from dreamd.osc.transport import OscSocket
from dreamd.reading.apart import Apart
from dreamd.settings import Settings
from dreamd.terminal.screens import Screen
from dreamd.workers.messages import Note

SHOW_EVERY = 0.25  # seconds between drawings of the screen
TIDAL_EVERY = 2.0  # seconds between words to Tidal, which may have been started after us
LOOK_EVERY_HOME = 2.0  # seconds between looks into the home, where others delete and add
CLIENTS_EVERY = 5.0  # seconds between looks for clients that are gone
COUNT_EVERY = 10.0  # seconds between lines about what was too much
DISK_PATIENCE = 2.0  # seconds for what is still to be written when the daemon ends


class Server:
    """:param folder: of recordings; :param screen: shows what goes on; :param fits: whether the
    models are as large as this machine can dream with live: nobody chose it."""

    def __init__(self, settings: Settings, folder: Path, screen: Screen, fits: bool) -> None:
        self._lock = lock_home(settings.home, folder)
        self._socket = OscSocket(settings.host, settings.port)
        settings, speeds = that_keep_time(settings) if fits else (settings, {})
        self._settings, self._screen = settings, screen
        self._inbox, self._is_time = Inbox(), NotTooOften()
        self._leaving: str | None = None
        self._decoding = Apart(settings)
        self._state = State(
            settings=settings,
            folder=folder,
            corpus=Corpus(settings.home, settings.rate, self._decoding.pour, settings.channels),
            bank=Bank(settings.home),
            queue=Queue(settings.queue),
            estimates=Estimates.begin(settings, speeds),
        )
        if speeds:
            self._state.say(speeds_in_words(speeds, settings))
        self._trust = Trust(settings.trust, folder, settings.home)
        self._clients = Clients(self._socket, settings.tidal, self._trust, self._state.say)

    def run(self) -> None:
        """Until a client, a signal or Ctrl-C ends it."""
        self._startup()
        with self._screen:
            try:
                self._main_loop()
            finally:
                self._shutdown()
                self._screen.show(view(self._state))

    def _startup(self) -> None:
        tell, state = self._inbox.put, self._state
        for line in state.corpus.sweep():
            state.say(line, warning=True)
        unseen = _recall(state.corpus, state.folder)
        state.bank.sweep()
        self._on_trained(frozenset(trained_voices(self._settings)))
        self._watcher = Watcher(
            state.folder, tell, lambda line: tell(Note(line, True)), expected=unseen
        )
        self._supervisor = Supervisor(self._settings, tell)
        self._home, self._paths = Errands("home", 1, tell), Errands("seed", MOST_OPENED, tell)
        self._keeping = keeping = BankKeeping(state, self._clients, self._home)
        keeping.begin()
        self._dreams = Dreams(state, self._clients, self._supervisor, self._home, keeping)
        ingester = Ingester(state.corpus, tell)
        self._library = Library(state, self._clients, self._supervisor, ingester)
        parts = Parts(state, self._clients, self._supervisor, self._dreams)
        self._admission = admission = Admission(parts, self._home, self._paths)
        forgetting = Forgetting(state, self._clients, self._supervisor, self._home)
        self._endless = endless = Endless(parts, keeping)
        dispatcher = Dispatcher(parts, admission, self._trust, endless, forgetting, self._leave)
        self._router = Router(parts, self._library, dispatcher, self._leave)
        threading.Thread(target=self._receive, name="osc", daemon=True).start()
        state.coming = lambda: self._watcher.coming
        self._watcher.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda n, _: tell(Leave(f"got {signal.Signals(n).name}")))
        where = (self._settings.host, self._settings.port, state.folder)
        logging.info("listening at %s:%d, watching %s", *where)

    def _main_loop(self) -> None:
        shown = 0.0
        while self._leaving is None:
            if (event := self._inbox.take(SHOW_EVERY)) is not None:
                self._router.survive(event)
            if time.monotonic() - shown >= SHOW_EVERY:
                shown = time.monotonic()
                self._router.survive(ErrandDone(self._tick))  # as what an event asks for

    def _tick(self) -> None:
        """What is due by the clock."""
        parts = self._supervisor, self._library, self._admission, self._endless, self._keeping
        for part in parts:
            part.tick()
        for errands in (self._watcher, self._home, self._paths):
            errands.overdue()
        if self._is_time("home", LOOK_EVERY_HOME):
            self._home.run(self._look_into_home, self._on_trained)
        if self._is_time("counts", COUNT_EVERY) and (line := self._inbox.passed_over()):
            self._state.say(line, warning=True)
        self._state.say_counted()
        if self._is_time("tidal", TIDAL_EVERY):
            self._clients.tell_tidal(self._state.bank.count, self._state.bank.newest)
        if self._is_time("clients", CLIENTS_EVERY):
            self._clients.retire()
        self._screen.show(view(self._state))

    def _shutdown(self) -> None:
        state, why = self._state, self._leaving or "an error, see the log"
        state.say(f"ending: {why}; saving what was learned")
        self._watcher.stop()
        self._endless.finish(self._inbox, self._router.survive)
        self._supervisor.end_dreaming()
        self._decoding.end()
        for dream in (*state.queue.running.values(), *state.queue.waiting):
            self._dreams.fail(dream, "cancelled", "the daemon ended")
        self._finish_errands()
        self._supervisor.end()
        self._socket.close()
        self._lock.release()
        log.finish()

    def _finish_errands(self) -> None:
        """What was to be written is written, and told; a disk that does not answer is not waited
        for: the next start clears away what was half made."""
        self._home.finish(DISK_PATIENCE)
        while (event := self._inbox.take(0.0)) is not None:
            if isinstance(event, ErrandDone):
                self._router.survive(event)
        self._home.give_up()  # whoever still waits hears so

    def _leave(self, why: str) -> None:
        self._leaving = why

    # ------------------------------------------------------------ in threads

    def _receive(self) -> None:
        while True:
            try:
                if (received := self._socket.receive()) is None:
                    return
                self._inbox.put_packet(Packet(*received))
            except Exception as error:
                logging.exception("while receiving")
                self._inbox.put(Note(f"an error inside dreamd ({error}); it goes on", True))
                time.sleep(SHOW_EVERY)

    def _look_into_home(self) -> frozenset[str]:
        self._state.bank.look()
        return frozenset(trained_voices(self._settings))

    def _on_trained(self, outcome: frozenset[str] | Exception) -> None:
        if isinstance(outcome, frozenset) and outcome != self._state.trained:
            self._state.trained = outcome
            self._state.voices_changed()


def _recall(corpus: Corpus, folder: Path) -> list[Path]:
    """Who asks as soon as the daemon answers finds the recordings. Gives those at which nobody
    could look, because their disk does not answer."""
    try:
        for recording in answered(lambda: corpus.unchanged(listing(folder))):
            corpus.add(recording)
    except NoAnswer:
        return corpus.recall_under(folder)
    except OSError:  # the watcher says what is wrong with the folder
        logging.info("cannot look into %s yet", folder)
    return []
