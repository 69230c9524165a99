"""``dreamd run``: start-up, loop, shutdown. One thread owns the state and handles every event.

Everything that happens (a packet, a file, a worker's report) comes through one inbox, from
threads that only wait for it; see :mod:`dreamd.daemon.router` for the list. Nothing on this
thread opens a client's path, waits for a pipe or walks through thousands of files.
"""

import contextlib
import logging
import queue
import signal
import threading
import time
from pathlib import Path
from typing import Any

from dreamd.corpus.cache import Corpus
from dreamd.corpus.folder import listing
from dreamd.corpus.ingest import Ingester
from dreamd.corpus.watcher import Watcher
from dreamd.daemon.clients import Clients, NotTooOften
from dreamd.daemon.dispatcher import Dispatcher
from dreamd.daemon.dreams import Dreams
from dreamd.daemon.events import BankListed, Leave, Packet
from dreamd.daemon.path_check import PathCheck
from dreamd.daemon.queue import Queue
from dreamd.daemon.recordings import Library
from dreamd.daemon.router import Router
from dreamd.daemon.snapshot import view
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.home.bank import Bank
from dreamd.home.lock import lock_home
from dreamd.osc.transport import OscSocket
from dreamd.settings import Settings
from dreamd.terminal.screens import Screen
from dreamd.workers.messages import Note

SHOW_EVERY = 0.25  # seconds between drawings of the screen
TIDAL_EVERY = 2.0  # seconds between words to Tidal, which may have been started after us
BANK_EVERY = 2.0  # seconds between looks into the bank's folder, where others delete and add


class Server:
    """:param folder: of recordings; :param screen: shows what goes on."""

    def __init__(self, settings: Settings, folder: Path, screen: Screen) -> None:
        self._settings, self._screen = settings, screen
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._leaving: str | None = None
        self._is_time = NotTooOften()
        self._lock = lock_home(settings.home, folder)
        self._socket = OscSocket(settings.host, settings.port)
        self._clients = Clients(self._socket, settings.tidal)
        self._state = State(
            settings=settings,
            folder=folder,
            corpus=Corpus(settings.home, settings.rate),
            bank=Bank(settings.home),
            queue=Queue(settings.queue),
        )

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
        with contextlib.suppress(OSError):  # the watcher says what is wrong with the folder
            state.corpus.recall(listing(state.folder))
        state.bank.sweep()
        self._watcher = Watcher(state.folder, tell, lambda line: tell(Note(line, True)))
        self._supervisor = Supervisor(self._settings, tell)
        self._paths = PathCheck(tell)
        self._dreams = Dreams(state, self._clients, self._supervisor)
        self._library = Library(
            state, self._clients, self._supervisor, Ingester(state.corpus, tell)
        )
        parts = (state, self._clients, self._supervisor, self._dreams)
        self._dispatcher = Dispatcher(*parts, self._paths, self._leave)
        self._router = Router(*parts, self._library, self._dispatcher, self._leave)
        for name, work in (("osc", self._receive), ("bank", self._look_into_bank)):
            threading.Thread(target=work, name=name, daemon=True).start()
        self._watcher.start()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda n, _: tell(Leave(f"got {signal.Signals(n).name}")))
        where = (self._settings.host, self._settings.port, state.folder)
        logging.info("listening at %s:%d, watching %s", *where)

    def _main_loop(self) -> None:
        shown = 0.0
        while self._leaving is None:
            with contextlib.suppress(queue.Empty):
                self._router.survive(self._inbox.get(timeout=SHOW_EVERY))
            if time.monotonic() - shown >= SHOW_EVERY:
                shown = time.monotonic()
                self._tick()

    def _tick(self) -> None:
        """What is due by the clock."""
        self._supervisor.restart_due()
        self._library.tick()
        for answer in self._paths.overdue():
            self._dispatcher.on_path_checked(answer)
        if self._is_time("tidal", TIDAL_EVERY):
            self._clients.tell_tidal(self._state.bank.count, self._state.bank.newest)
        self._screen.show(view(self._state))

    def _shutdown(self) -> None:
        state, why = self._state, self._leaving or "an error, see the log"
        state.say(f"ending: {why}; saving what was learned")
        self._watcher.stop()
        self._supervisor.end()
        for dream in (*state.queue.running.values(), *state.queue.waiting):
            self._dreams.fail(dream, "cancelled", "the daemon ended")
        self._socket.close()
        self._lock.release()

    def _leave(self, why: str) -> None:
        self._leaving = why

    # ------------------------------------------------------------ threads that only wait

    def _receive(self) -> None:
        while (received := self._socket.receive()) is not None:
            self._inbox.put(Packet(*received))

    def _look_into_bank(self) -> None:
        while self._leaving is None:
            moment = time.monotonic()
            numbers = self._state.bank.look()
            if numbers is not None:
                self._inbox.put(BankListed(numbers, moment))
            time.sleep(BANK_EVERY)
