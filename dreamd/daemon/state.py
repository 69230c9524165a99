"""What the daemon knows at a moment, and how it looks from outside: screen and status."""

import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dreamd.corpus.cache import Corpus
from dreamd.corpus.ingest import Ingesting
from dreamd.corpus.recording import Voices
from dreamd.daemon.queue import Dream, Queue
from dreamd.dreaming.resolve import all_voices
from dreamd.home.bank import Bank
from dreamd.settings import Settings
from dreamd.terminal.view import DreamView, IngestView, LogLine, ModelView, View, VoiceView
from dreamd.training.messages import Progress

LOG_LINES = 200
DREAMS_SHOWN = 12  # of those that are over


@dataclass
class State:
    """Changed by the daemon's own thread alone."""

    settings: Settings
    folder: Path
    corpus: Corpus
    bank: Bank
    queue: Queue
    resting: bool = False  # training paused by a client
    ingests: dict[Path, Ingesting] = field(default_factory=dict)
    models: dict[tuple[str, str], Progress] = field(default_factory=dict)
    active: dict[str, float] = field(default_factory=dict)  # voice: when something happened
    log: deque[LogLine] = field(default_factory=lambda: deque(maxlen=LOG_LINES))
    said: int = 0

    def say(self, text: str, warning: bool = False) -> None:
        """A line for the performer."""
        self.said += 1
        self.log.append(LogLine(self.said, time.time(), text, warning))

    def voices(self) -> Voices:
        """Every voice that has recordings, or (then without any) models."""
        return all_voices(self.settings, self.corpus.voices())

    # ------------------------------------------------------------ as others see it

    def status(self) -> dict[str, Any]:
        """What ``/dream/status`` and ``dreamd status --json`` say."""
        voices = {
            name: {
                "recordings": len(recordings),
                "seconds": round(sum(r.seconds for r in recordings), 3),
                "models": self._models_of(name),
            }
            for name, recordings in self.voices().items()
        }
        return {
            "voices": voices,
            "queue": len(self.queue.waiting),
            "running": len(self.queue.running),
            "making": {
                str(dream.id): {
                    "approach": dream.job.request.approach,
                    "progress": round(dream.progress, 4),
                    "eta": round(self.queue.left(dream), 3),
                }
                for dream in self.queue.running.values()
            },
            "dreams": len(self.bank.whole()),
            "bank": str(self.bank.folder),
            "training": not self.resting,
            "rate": self.settings.rate,
        }

    def _models_of(self, voice: str) -> dict[str, Any]:
        return {
            model.shape.approach: {
                "steps": model.steps,
                "error": round(model.error, 5),
                "dream_speed": round(self.queue.speed(model.shape.approach, model.shape.vector), 3),
                "steps_a_second": round(model.steps_a_second, 2),
            }
            for model in self.models.values()
            if model.voice == voice
        }

    def view(self) -> View:
        """What the terminal shows."""
        settings = self.settings
        over = list(self.queue.over)[-DREAMS_SHOWN:]
        dreams = (*over, *self.queue.running.values(), *self.queue.waiting)
        return View(
            address=f"{settings.host}:{settings.port}",
            home=str(settings.home),
            folder=str(self.folder),
            training=not self.resting,
            rate=settings.rate,
            voices=tuple(
                VoiceView(
                    name,
                    len(recordings),
                    sum(r.seconds for r in recordings),
                    self.active.get(name, 0.0),
                )
                for name, recordings in self.voices().items()
            ),
            ingests=tuple(
                IngestView(i.found.voice, i.found.path.name, i.progress, i.left)
                for i in self.ingests.values()
            ),
            models=tuple(self._model_view(model) for model in self.models.values()),
            dreams=tuple(self._dream_view(dream) for dream in dreams),
            log=tuple(self.log),
        )

    def _model_view(self, model: Progress) -> ModelView:
        missing = max(self.settings.course - model.seconds, 0.0)
        return ModelView(
            voice=model.voice,
            approach=model.shape.approach,
            steps=model.steps,
            error=model.error if model.steps else None,
            history=model.history,
            speed=0.0 if self.resting else model.steps_a_second,
            progress=min(model.seconds / self.settings.course, 1.0),
            left=missing * max(len(self.models), 1),  # every model has its turn
        )

    def _dream_view(self, dream: Dream) -> DreamView:
        request = dream.job.request
        notes = " ".join(f"{note:g}" for note in request.notes)
        return DreamView(
            id=dream.id,
            approach=request.approach,
            seed=notes or request.seed or "anywhere",
            secs=dream.secs,
            state=dream.state,
            progress=dream.progress,
            left=self.queue.left(dream) if dream.state == "running" else None,
            index=dream.index if dream.state == "done" else None,
            took=dream.took,
            reason=dream.reason,
        )
