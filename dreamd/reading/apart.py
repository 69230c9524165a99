"""Decoding apart: a file that crashes its decoder, or never comes out of it, costs a child alone.

The daemon makes one :class:`Apart` and gives its :meth:`Apart.pour` to the corpus, whose threads
wait there. One child decodes for all of them; it is started when a file comes and ended when none
has come for a while. What a child was decoding when it was lost is tried once more, each file in a
child of its own: only who ends that one too is to blame.
"""

import itertools
import logging
import queue
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from dreamd.audio.files import Remark
from dreamd.audio.no_audio import shown
from dreamd.corpus.decoding import Form, NoRoom, OnProgress, Poured
from dreamd.corpus.found import Found
from dreamd.errors import BadRecording
from dreamd.reading.messages import PouredSoFar, PourFile, PouringEnded
from dreamd.settings import Settings
from dreamd.workers.messages import End, Ready
from dreamd.workers.process import KILLING_PATIENCE, Worker, WorkerExited, WorkerMessage

IDLE = 60.0
"""Seconds without a file after which the child leaves: it holds memory that others may need."""
SILENCE, EACH_MB = 60.0, 1.0
"""Seconds for which nothing may be heard of a file, and as many more for each MB of it: the passes
over all of an hour say nothing on their way."""
UP_WITHIN = 120.0  # seconds in which a child must be up
WATCHED_EVERY = 0.5  # seconds


@dataclass
class _Call:
    """A thread that waits, and what it hears."""

    asked: PourFile
    words: queue.SimpleQueue[PouredSoFar | PouringEnded] = field(default_factory=queue.SimpleQueue)
    silent: float = 0.0  # seconds
    lost: bool = False  # a child was, that decoded it among others

    @property
    def patience(self) -> float:
        return SILENCE + EACH_MB * self.asked.found.size / 1e6

    def fail(self, error: Exception) -> None:
        self.words.put(PouringEnded(self.asked.number, error))


@dataclass
class _Child:
    """A process, and what it decodes."""

    worker: Worker
    calls: dict[int, _Call] = field(default_factory=dict)
    ready: bool = False
    rested: float = 0.0  # seconds without anything to decode, or without being up

    def pass_(self, seconds: float) -> None:
        self.rested = 0.0 if self.ready and self.calls else self.rested + seconds
        for call in self.calls.values():
            call.silent = call.silent + seconds if self.ready else 0.0


class Apart:
    """Its own thread starts the children, which Linux ends with the thread that started them."""

    def __init__(self, settings: Settings, module: str = "dreamd.reading.worker") -> None:
        self._settings, self._module = settings, module
        self._numbers, self._names = itertools.count(), itertools.count()
        self._inbox: queue.SimpleQueue[_Call | WorkerMessage | WorkerExited | End] = (
            queue.SimpleQueue()
        )
        self._children: dict[str, _Child] = {}
        self._shared: _Child | None = None
        self._ticked = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="decoding", daemon=True)
        self._thread.start()

    def pour(
        self, found: Found, cache: Path, form: Form, progress: OnProgress, remark: Remark
    ) -> Poured:
        """As :func:`dreamd.corpus.decoding.pour`, in a child. From any thread.

        Raises :class:`BadRecording` also for a file that crashes its decoder or takes too long,
        :class:`NoRoom` where no child can be had.
        """
        call = _Call(PourFile(next(self._numbers), found, cache, form))
        self._inbox.put(call)
        while isinstance(word := call.words.get(), PouredSoFar):
            progress(word.fraction)
        if isinstance(word.outcome, Exception):
            raise word.outcome
        for line in word.remarks:
            remark(line)
        return word.outcome

    def end(self) -> None:
        """Every child is killed; nothing is decoded any more."""
        self._inbox.put(End())
        self._thread.join(KILLING_PATIENCE)

    # ------------------------------------------------------------ its thread

    def _work(self) -> None:
        while True:
            try:
                event = self._inbox.get(timeout=WATCHED_EVERY if self._children else None)
            except queue.Empty:
                event = None
            if isinstance(event, End):
                for child in self._children.values():
                    child.worker.abandon("was ended")
                return
            try:
                self._handle(event)
                self._tick()
            except Exception as error:
                logging.exception("while decoding apart: %r", event)
                if isinstance(event, _Call):
                    event.fail(error)

    def _handle(self, event: _Call | WorkerMessage | WorkerExited | None) -> None:
        match event:
            case _Call():
                self._give(event)
            case WorkerMessage(name, _, message) if name in self._children:
                self._hear(self._children[name], message)
            case WorkerExited(name, _, why) if name in self._children:
                self._on_lost(self._children[name], f"crashes the decoder, which {why}", why)

    def _give(self, call: _Call) -> None:
        """To the child that decodes for all, or to one of its own where a child was lost."""
        try:
            child = self._shared if self._shared and not call.lost else self._start()
        except OSError as error:  # too many processes, no memory
            call.fail(NoRoom(f"no process can be started: {error.strerror}"))
            return
        if not call.lost:
            self._shared = child
        call.silent = 0.0
        child.calls[call.asked.number] = call
        child.worker.send(call.asked)

    def _start(self) -> _Child:
        name = f"decoder-{next(self._names)}"
        child = _Child(Worker(name, self._module, self._settings, self._inbox.put))
        self._children[name] = child
        return child

    def _hear(self, child: _Child, message: object) -> None:
        match message:
            case Ready():
                child.ready = True
            case PouredSoFar(number) if number in child.calls:
                child.calls[number].silent = 0.0
                child.calls[number].words.put(message)
            case PouringEnded(number) if number in child.calls:
                child.calls.pop(number).words.put(message)
                if child is not self._shared:
                    self._let_go(child)

    def _let_go(self, child: _Child) -> None:
        """It leaves, and nobody waits for that."""
        self._forget(child)
        child.worker.end()

    def _forget(self, child: _Child) -> None:
        del self._children[child.worker.name]
        if child is self._shared:
            self._shared = None

    def _on_lost(self, child: _Child, blame: str, why: str) -> None:
        """A child is gone: what it was decoding is tried once more, or is to blame."""
        self._forget(child)
        logging.warning("%s is gone with %d files: %s", child.worker.name, len(child.calls), why)
        for call in child.calls.values():
            if not child.ready:
                call.fail(NoRoom(f"the process that decodes {why}"))
            elif call.lost:
                where = shown(call.asked.found.path)
                call.fail(BadRecording(f"{blame}; it is broken: export it anew: {where}"))
            else:
                call.lost = True
                self._give(call)

    def _tick(self) -> None:
        """Who is silent for too long is killed, who has nothing to do leaves."""
        now = time.monotonic()
        # A daemon that stood still itself (Ctrl-Z, a sleeping laptop) blames nobody.
        passed, self._ticked = min(now - self._ticked, 2 * WATCHED_EVERY), now
        for child in list(self._children.values()):
            child.pass_(passed)
            if any(call.silent > call.patience for call in child.calls.values()):
                self._kill(child, "takes too long to decode")
            elif not child.ready and child.rested > UP_WITHIN:
                self._kill(child, "did not start")
            elif child.ready and child.rested > IDLE:
                self._let_go(child)

    def _kill(self, child: _Child, why: str) -> None:
        child.worker.abandon(why)
        self._on_lost(child, why, why)
