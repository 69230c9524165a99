"""How the daemon looks from outside: the status for clients, the view for the screen."""

import math
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from dreamd.approaches.config import ModelConfig
from dreamd.corpus.recording import Recording
from dreamd.corpus.voice_names import DEFAULT
from dreamd.daemon.queue import Dream
from dreamd.daemon.state import State
from dreamd.home import pretrained
from dreamd.terminal.view import DreamView, IngestView, ModelView, View, VoiceView
from dreamd.training.messages import Progress

DREAMS_SHOWN = 12  # of those that are over
RECENT = 10  # finished dreams that the status tells of


def status(state: State, id_of: Callable[[Dream], int]) -> dict[str, Any]:
    """What ``/dream/status`` and ``dreamd status --json`` say.

    :param id_of: a dream's id as the one who asks knows it.
    """
    return {
        "voices": _voices(state),
        "queue": state.queue.crowd,
        "running": len(state.queue.running),
        "making": {str(id_of(d)): _making(state, d) for d in state.queue.running.values()},
        "recent": {str(d.settled()[1]): _what(d) for d in state.queue.newest(RECENT)},
        "dreams": state.bank.count,
        "bank": str(state.bank.folder),
        "folder": str(state.folder.absolute()),
        "pid": os.getpid(),
        "training": not state.training_paused,
        "learning_slowly": state.pace.slow,
        "learning_share": state.pace.share,
        "rate": state.settings.rate,
        **_sharing(state),
    }


def _voices(state: State) -> dict[str, Any]:
    models = _models(state)
    return {
        name: {
            "recordings": len(recordings),
            "seconds": round(state.seconds(name), 3),
            "models": models.get(name, {}),
            **_elsewhere(state, name, recordings),
        }
        for name, recordings in state.voices().items()
    }


def _sharing(state: State) -> dict[str, Any]:
    """What others of a cluster share, and what they know of this performer."""
    settings = state.settings
    if not settings.cluster:
        return {}
    return {"shared": state.shared.status(), "sharing": settings.share, "name": settings.name}


def _elsewhere(state: State, voice: str, recordings: Sequence[Recording]) -> dict[str, str]:
    """The folder of a voice that is not called like it, within the folder of recordings."""
    usual = "." if voice == DEFAULT else voice
    if not recordings:
        return {}
    where = os.path.relpath(Path(recordings[0].source).parent, state.folder)
    return {} if where == usual else {"folder": where}


def _making(state: State, dream: Dream) -> dict[str, Any]:
    if dream.endless:
        seconds = round(dream.made / dream.rate, 3)
        named = {"name": dream.request.name} if dream.request.name else {}
        return {**_what(dream), **named, "progress": 0.0, "eta": 0.0, "endless": True,
                "seconds": seconds}  # fmt: skip
    return {
        **_what(dream),
        "secs": round(dream.secs, 3),
        "progress": round(dream.progress, 4),
        "eta": round(state.estimates.left(dream), 3),
    }


def _what(dream: Dream) -> dict[str, Any]:
    """What kind of dream it is, once it has its job."""
    job, _ = dream.settled()
    starter = {"starter": job.starter_voice} if job.starter_voice else {}
    return {"approach": job.config.approach, "voice": job.voice, "seed": _seed(dream), **starter}


def _seed(dream: Dream) -> str:
    notes = " ".join(f"{note:g}" for note in dream.request.notes)
    return notes or dream.request.seed or "anywhere"


def _models(state: State) -> dict[str, dict[str, Any]]:
    """By voice and approach."""
    models: dict[str, dict[str, Any]] = {}
    for model in state.models.values():
        speed = state.estimates.speed(model.config.approach, model.config.vector)
        models.setdefault(model.voice, {})[model.config.approach] = {
            "steps": model.steps,
            "error": round(model.error, 5),
            "dream_speed": round(speed, 3),
            "steps_a_second": round(model.steps_a_second, 2),
            **_starter(model),
        }
    return models


def _starter(model: Progress) -> dict[str, str]:
    """What dreams in place of a model that has learned nothing."""
    name = None if model.steps else _starter_for(model.config, model.voice)
    return {"starter": name} if name else {}


@lru_cache(maxsize=1024)  # they do not change, and a status is asked for often
def _starter_for(config: ModelConfig, voice: str) -> str | None:
    return next(map(pretrained.starter_name, pretrained.all_of(config, voice)), None)


def view(state: State) -> View:
    """What the terminal shows."""
    settings = state.settings
    over = list(state.queue.over)[-DREAMS_SHOWN:]
    dreams = (*over, *state.queue.running.values(), *state.queue.waiting)
    return View(
        address=f"{settings.host}:{settings.port}",
        home=str(settings.home),
        folder=str(state.folder),
        training=not state.training_paused,
        slowly=state.pace.slow,
        rate=settings.rate,
        voices=tuple(
            VoiceView(name, len(recordings), state.seconds(name), state.active.get(name, 0.0))
            for name, recordings in state.voices().items()
        ),
        ingests=tuple(
            IngestView(i.found.voice, i.found.name, i.progress, i.left)
            for i in state.ingests.values()
        ),
        models=tuple(_model_view(state, model) for model in state.models.values()),
        dreams=tuple(_dream_view(state, dream) for dream in dreams),
        log=tuple(state.log),
    )


def _model_view(state: State, model: Progress) -> ModelView:
    missing = max(state.settings.course - model.seconds, 0.0)
    # Every model has its turn, and learning has its share of the machine.
    left = missing * max(len(state.models), 1) / state.pace.share if state.pace.share else None
    return ModelView(
        voice=model.voice,
        approach=model.config.approach,
        steps=model.steps,
        error=model.error if model.steps else None,
        history=model.history,
        speed=0.0 if state.training_paused else model.steps_a_second,
        progress=min(model.seconds / state.settings.course, 1.0),
        left=left,
    )


def _dream_view(state: State, dream: Dream) -> DreamView:
    request = dream.request
    return DreamView(
        id=dream.id,
        approach=request.approach,
        seed=_seed(dream),
        secs=math.inf if dream.endless and dream.state != "done" else dream.secs,
        state=dream.state,
        progress=dream.progress,
        left=None if dream.endless or dream.state != "running" else state.estimates.left(dream),
        index=dream.index if dream.state == "done" else None,
        took=dream.took,
        reason=dream.reason,
    )
