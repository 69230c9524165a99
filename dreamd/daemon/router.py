"""Which part of the daemon answers which event; see :meth:`Router.on_event` for the list.

The server takes events from its inbox, one after another, and hands each to :meth:`Router.survive`.
"""

import logging
from collections.abc import Callable
from typing import Any

from dreamd.corpus.found import Found, Gone, Growing
from dreamd.corpus.ingest import Ingesting, Joined, Refused
from dreamd.daemon.clients import NotTooOften
from dreamd.daemon.dispatcher import Dispatcher
from dreamd.daemon.events import ErrandDone, Leave, Packet
from dreamd.daemon.parts import Parts
from dreamd.daemon.recordings import Library
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Finished, JobFailed, Remarked
from dreamd.osc.replies import Trained
from dreamd.training.messages import Pace, Progress, VoiceLent, VoicesShared
from dreamd.workers.messages import Here, Note, Ready
from dreamd.workers.process import WorkerExited, WorkerMessage

TRAINED_EVERY = 5.0  # seconds between /dream/trained of one model


class Router:
    """:param leave: called with the reason when the daemon is to end."""

    def __init__(
        self, parts: Parts, library: Library, dispatcher: Dispatcher, leave: Callable[[str], None]
    ) -> None:
        self._state, self._clients, self._supervisor, self._dreams = parts
        self._library, self._dispatcher, self._leave = library, dispatcher, leave
        self._is_time = NotTooOften()
        self._newest: dict[tuple[str, str], float] = {}  # recording that was told to be learned

    def on_event(self, event: Any) -> None:
        """Every kind of event there is, and who answers it."""
        match event:
            case Packet() as packet:
                self._dispatcher.on_packet(packet)
            case ErrandDone(deliver):
                deliver()
            case Found() | Growing() | Gone() | Ingesting() | Joined() | Refused():
                self._library.on_event(event)
            case WorkerMessage(name, _, message) if self._supervisor.is_current(event):
                self._on_worker_message(name, message)
            case WorkerExited() if self._supervisor.is_current(event):
                self._on_worker_exited(event)
            case Note(text, problem):
                self._state.say(text, problem)
            case Leave(why):
                self._leave(why)

    def survive(self, event: Any) -> None:
        """On stage one event that goes wrong must not take the others with it."""
        try:
            self.on_event(event)
        except Exception as error:
            logging.exception("while handling %r", event)
            self._state.say(f"an error inside dreamd ({error}); it goes on, see the log", True)

    def _on_worker_message(self, name: str, message: Any) -> None:
        state = self._state
        self._supervisor.heard(name)
        match message:
            case Ready():
                recordings = state.corpus.recordings
                self._supervisor.on_ready(name, recordings, state.training_paused)
                self._dreams.assign()
            case Progress() as progress:
                self._on_progress(progress)
            case Pace() as pace:
                state.pace = pace
            case VoicesShared(voices):
                for line in state.shared.change(voices):
                    state.say(line)
            case VoiceLent(voice, recordings):
                state.shared.lend(voice, recordings)
            case Note(text, problem):
                state.say(text, problem)
            case Here():  # that it was heard is all there is to it
                pass
            case ChunkWritten() | CursorLeapt() | Remarked() | Finished() | JobFailed():
                self._dreams.on_worker_message(name, message)

    def _on_progress(self, progress: Progress) -> None:
        key = (progress.voice, progress.config.approach)
        self._state.models[key] = progress
        recordings = self._state.voices().get(progress.voice, ())
        newest = max((each.joined for each in recordings), default=0.0)
        if progress.newest < newest:
            return  # a turn from before its newest recording: that is waited for
        is_new = self._newest.get(key) != progress.newest
        if self._is_time(key, TRAINED_EVERY) or is_new:
            self._newest[key] = progress.newest
            self._clients.broadcast(Trained(*key, progress.steps, progress.error, progress.seconds))

    def _on_worker_exited(self, event: WorkerExited) -> None:
        """A successor comes, and its dream fails or begins anew."""
        lost = self._supervisor.on_exited(event)
        why = f"the {event.name} process {event.why}: starting a new one"
        self._state.say(why, warning=True)
        if lost is not None:
            self._dreams.lost(lost, event.why)
            self._dreams.assign()
