"""Recordings come and go: the corpus, the training process and the clients are told.

The server hands over what the watcher and the ingesting threads tell, and calls
:meth:`Library.tick` by the clock.
"""

from pathlib import Path

from dreamd.audio.no_audio import shown
from dreamd.corpus.found import Found, Gone, Growing
from dreamd.corpus.ingest import Ingester, Ingesting, Joined, Refused
from dreamd.daemon.clients import Clients
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.osc.replies import Ingested, Skipped
from dreamd.training.messages import RecordingGone, RecordingJoined

Event = Found | Growing | Gone | Ingesting | Joined | Refused


class Library:
    """:param ingester: reads complete files in threads of its own."""

    def __init__(
        self, state: State, clients: Clients, supervisor: Supervisor, ingester: Ingester
    ) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._ingester = ingester
        self._there: set[Path] = set()  # what went while it was read joins nothing

    def on_event(self, event: Event) -> None:
        match event:
            case Found() as found:
                self._there.add(found.path)
                self._state.unread[found.path] = found.voice
                self._ingester.take(found)
            case Growing(found):
                self._there.add(found.path)
                self._ingester.take_part(event)
            case Gone(path):
                self._there.discard(path)
                self._forget(path)
            case Ingesting(found) as news if found.path in self._there:
                self._state.ingests[found.path] = news
            case Joined() as news if news.found.path in self._there:
                self._state.unread.pop(news.found.path, None)
                self._state.ingests.pop(news.found.path, None)
                self._join(news)
            case Refused(found, reason):
                self._forget(found.path)
                if reason is not None:
                    self._clients.broadcast(Skipped(shown(found.path), reason))
                    self._state.say(f"passed over: {reason}", warning=True)
        self.tick()

    def tick(self) -> None:
        """The disk is looked over, when it is time."""
        self._ingester.tidy(self._in_use)

    def _join(self, news: Joined) -> None:
        recording = news.recording
        for line in news.remarks:
            self._state.say(f"{shown(news.found.path)}: {line}", warning=True)
        source = Path(recording.source)
        before = self._state.corpus.of(source)
        if not self._state.corpus.add(recording):
            return
        if before is not None and before.voice != recording.voice:
            self._supervisor.tell_training(RecordingGone(before))
        self._state.touch(recording.voice)
        self._state.voices_changed()
        self._supervisor.tell_training(RecordingJoined(recording))
        self._clients.broadcast(Ingested(recording.voice, shown(source), recording.seconds))
        more = "" if news.found.path == source else ", and is being recorded"
        self._state.say(
            f"{recording.voice} learns from {recording.name} ({recording.seconds:.1f} s{more})"
        )

    def _forget(self, path: Path) -> None:
        self._state.unread.pop(path, None)
        self._state.ingests.pop(path, None)
        recording = self._state.corpus.remove(path)
        if recording is not None:
            self._state.voices_changed()
            self._supervisor.tell_training(RecordingGone(recording))
            self._state.say(f"{recording.voice} no longer has {recording.name}")

    def _in_use(self) -> set[str]:
        """The keys of what the dreams that wait or are made look into."""
        queue = self._state.queue
        jobs = [dream.job for dream in (*queue.running.values(), *queue.waiting)]
        recordings = [
            each for job in jobs if job for each in (*job.among, job.follow, job.seed.recording)
        ]
        return {each.key for each in recordings if each is not None}
