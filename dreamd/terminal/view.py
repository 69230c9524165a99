"""What the screen shows at one moment: plain values, filled in by the daemon."""

from dataclasses import dataclass
from typing import Literal

DreamState = Literal["asked", "running", "done", "failed"]


@dataclass(frozen=True)
class VoiceView:
    """A voice and what it has been given to learn from."""

    name: str
    recordings: int
    seconds: float
    active: float = 0.0
    """When something last happened to it, by any clock: the latest is shown first."""


@dataclass(frozen=True)
class IngestView:
    """A recording on its way into a voice."""

    voice: str
    file: str
    progress: float
    """0…1"""
    left: float | None = None
    """Estimated seconds."""


@dataclass(frozen=True)
class ModelView:
    """One approach of one voice, and how far it has learned."""

    voice: str
    approach: str
    steps: int = 0
    error: float | None = None
    """1.0 predicts silence; None before the first step."""
    history: tuple[float, ...] = ()
    """Earlier errors, oldest first."""
    speed: float = 0.0
    """Steps a second; 0 while it is not being trained."""
    progress: float = 0.0
    """Through the first course of training, 0…1."""
    left: float | None = None
    """Estimated seconds to the end of that course."""


@dataclass(frozen=True)
class DreamView:
    """A dream, from the request to the file."""

    id: int
    approach: str
    seed: str
    """As it was asked for: ``guitar:2``."""
    secs: float
    """Infinite while an endless dream is being made."""
    state: DreamState = "asked"
    progress: float = 0.0
    """0…1"""
    left: float | None = None
    """Estimated seconds until it is done."""
    index: int | None = None
    """Its number in the bank ``dream``, once done."""
    took: float | None = None
    """Seconds from the start to the end of the dreaming."""
    reason: str = ""
    """Why it failed."""


@dataclass(frozen=True)
class LogLine:
    """A message to the performer."""

    number: int
    """Counts up, by one for each message: a line is printed once."""
    time: float
    """As ``time.time()`` gives it."""
    text: str
    warning: bool = False


@dataclass(frozen=True)
class View:
    """All that the screen shows at one moment. Sequences are oldest first."""

    address: str
    """``127.0.0.1:57130``"""
    home: str
    folder: str
    """The folder of recordings being watched."""
    training: bool
    rate: int
    """Samples a second."""
    voices: tuple[VoiceView, ...] = ()
    ingests: tuple[IngestView, ...] = ()
    models: tuple[ModelView, ...] = ()
    dreams: tuple[DreamView, ...] = ()
    log: tuple[LogLine, ...] = ()
    slowly: bool = False
    """It learns much less than it may: others need the machine."""
