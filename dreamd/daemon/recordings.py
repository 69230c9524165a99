"""Recordings come and go: the corpus, the training process and the clients are told.

The server hands over what the watcher and the ingesting threads tell.
"""

from pathlib import Path

from dreamd.corpus.cache import Found
from dreamd.corpus.ingest import Ingester, Ingesting, Joined, Refused
from dreamd.corpus.watcher import Gone
from dreamd.daemon.clients import Clients
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.osc.replies import Ingested, Skipped
from dreamd.training.messages import RecordingGone, RecordingJoined

Event = Found | Gone | Ingesting | Joined | Refused


class Library:
    """:param ingester: reads complete files in threads of its own."""

    def __init__(
        self, state: State, clients: Clients, supervisor: Supervisor, ingester: Ingester
    ) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._ingester = ingester
        self._reading: set[Path] = set()  # what went while it was read joins nothing

    def on_event(self, event: Event) -> None:
        match event:
            case Found() as found:
                self._reading.add(found.path)
                self._ingester.take(found)
            case Gone(path):
                self._forget(path)
            case Ingesting(found) as news if found.path in self._reading:
                self._state.ingests[found.path] = news
            case Joined() as news:
                self._join(news)
            case Refused(found, reason):
                self._forget(found.path)
                self._clients.broadcast(Skipped(str(found.path), reason))
                self._state.say(f"passed over: {reason}", warning=True)

    def _join(self, news: Joined) -> None:
        self._state.ingests.pop(news.found.path, None)
        if news.found.path not in self._reading:
            return
        self._reading.discard(news.found.path)
        recording = news.recording
        self._state.corpus.add(recording)
        self._state.touch(recording.voice)
        self._state.voices_changed()
        self._supervisor.tell_training(RecordingJoined(recording))
        self._clients.broadcast(Ingested(recording.voice, recording.source, recording.seconds))
        self._state.say(
            f"{recording.voice} learns from {recording.name} ({recording.seconds:.1f} s)"
        )

    def _forget(self, path: Path) -> None:
        self._reading.discard(path)
        self._state.ingests.pop(path, None)
        recording = self._state.corpus.remove(path)
        if recording is not None:
            self._state.voices_changed()
            self._supervisor.tell_training(RecordingGone(recording))
            self._state.say(f"{recording.voice} no longer has {recording.name}")
