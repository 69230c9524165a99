"""The voices that others of the cluster share: who offers what, and what of it is here.

The process that learns tells of them (:mod:`dreamd.cluster.sharing`); a request that names one that
is not here yet waits for it. They are asked for by name alone: nothing is learned with them, and
nobody dreams with one who has not said so.
"""

from collections.abc import Callable, Sequence
from typing import Any

from dreamd.corpus.recording import Recording, Voices
from dreamd.corpus.voice_names import voice_called
from dreamd.daemon.clients import NotTooOften
from dreamd.dreaming.seeds import numbered
from dreamd.osc.requests import Request
from dreamd.training.messages import SharedVoice, VoiceWanted

FETCHED_EVERY = 2.0
"""Seconds between two looks whether one voice is here as it is with who shares it."""


class Shared:
    """Changed by the daemon's own thread alone."""

    def __init__(self) -> None:
        self._offered: dict[str, SharedVoice] = {}
        self._lent: dict[str, Sequence[Recording]] = {}
        self._is_time = NotTooOften()

    def change(self, offered: Sequence[SharedVoice]) -> list[str]:
        """From now on just these are shared; gives what is new of that in words."""
        before, self._offered = self._offered, {each.voice: each for each in offered}
        self._lent = {name: there for name, there in self._lent.items() if name in self._offered}
        new = [name for name in self._offered if name not in before]
        gone = [name for name in before if name not in self._offered]
        return [
            *(f"{name.partition('/')[0]} shares a voice: {name}" for name in new),
            *(f"{name} is shared no more" for name in gone),
        ]

    def lend(self, voice: str, recordings: Sequence[Recording]) -> None:
        """It is here."""
        if voice in self._offered:
            self._lent[voice] = recordings

    def voices(self) -> Voices:
        """All that are shared; those that are not here yet without recordings."""
        return {name: self._lent.get(name, ()) for name in self._offered}

    def named(self, request: Request) -> list[str]:
        """Those that a request names."""
        words = filter(None, (request.seed, request.voice, request.follow))
        names = (voice_called(numbered(each)[0], self._offered) for each in words)
        return [name for name in names if name in self._offered]

    def fetch(self, request: Request, tell: Callable[[VoiceWanted], None]) -> None:
        """Those come here, or what is new of them does."""
        for voice in self.named(request):
            if self._is_time(voice, FETCHED_EVERY):
                tell(VoiceWanted(voice))

    def away(self, request: Request) -> str | None:
        """One that a request names and that is not here yet."""
        return next((name for name in self.named(request) if name not in self._lent), None)

    def status(self) -> dict[str, Any]:
        """By their owners and own names."""
        said: dict[str, Any] = {}
        for name, offered in self._offered.items():
            owner, _, voice = name.partition("/")
            said.setdefault(owner, {})[voice] = {
                "recordings": offered.recordings,
                "seconds": round(offered.seconds, 3),
                "steps": dict(offered.steps),
                "here": name in self._lent,
            }
        return said
