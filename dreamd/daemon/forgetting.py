"""A performer takes a recording out of its voice, and what was learned with it.

The dispatcher hands over ``/dream/forget``. It is written down in the home first, as an errand:
what cannot be written down would be back at the next start.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from dreamd.audio.no_audio import shown
from dreamd.corpus.recording import Recording
from dreamd.corpus.voice_names import voice_called
from dreamd.daemon.clients import Clients
from dreamd.daemon.errands import Errands
from dreamd.daemon.state import State
from dreamd.daemon.supervisor import Supervisor
from dreamd.dreaming.seeds import numbered
from dreamd.errors import BadRequest, SetupError
from dreamd.osc.addresses import Address
from dreamd.osc.replies import Forgotten
from dreamd.training.messages import RecordingForgotten

Fail = Callable[[Exception], None]


class Forgetting:
    """:param home: errands to the home's disk."""

    def __init__(
        self, state: State, clients: Clients, supervisor: Supervisor, home: Errands
    ) -> None:
        self._state, self._clients, self._supervisor = state, clients, supervisor
        self._home = home

    def forget(self, words: str, id: int, asker: Address, fail: Fail) -> None:
        """The recording that ``words`` name goes; ``asker`` hears of it under ``id``, or ``fail``
        is called.

        Raises :class:`BadRequest` where there is no such recording.
        """
        recording = self._named(words)
        self._home.run(
            partial(self._state.corpus.forgetful.forget, recording),
            partial(self._on_written, recording, id, asker, fail),
        )

    def _named(self, words: str) -> Recording:
        """Numbers do not wrap round here: nobody loses what they did not name."""
        voices = self._state.voices()
        name, number = numbered(words)
        if number is not None and (there := voices.get(voice := voice_called(name, voices))):
            if 0 <= number < len(there):
                return there[number]
            raise BadRequest(
                f"{voice} has {len(there)} recordings, the last is {voice}:{len(there) - 1}"
            )
        recording = self._state.corpus.of(self._state.folder / Path(words).expanduser())
        if recording is None:
            raise BadRequest(
                f"no recording is called {words!r}: say voice:number, or its file's path"
            )
        return recording

    def _on_written(
        self, recording: Recording, id: int, asker: Address, fail: Fail,
        outcome: Exception | None,
    ) -> None:  # fmt: skip
        if isinstance(outcome, OSError):
            outcome = SetupError(f"{recording.name} cannot be forgotten: {outcome.strerror}")
        if isinstance(outcome, Exception):
            fail(outcome)
            return
        source, corpus = Path(recording.source), self._state.corpus
        if corpus.of(source) == recording:
            corpus.remove(source)
        self._state.voices_changed()
        self._supervisor.tell_training(RecordingForgotten(recording))
        self._state.say(f"{recording.voice} has forgotten {recording.name}; its file stays")
        told = Forgotten(id, recording.voice, shown(source))
        self._clients.tell(told, asker, id)
