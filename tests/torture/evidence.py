"""What no SIGKILL may cost: recordings, finished dreams, checkpoints. See :mod:`torture.kills`."""

from pathlib import Path

import numpy as np
import soundfile

from dreamd.errors import NoModel
from dreamd.home import checkpoints
from dreamd.home.header import Damaged
from torture.driven import Driven, Sandbox, hash_of
from torture.outcome import Outcome

MOST_LOST = 30.0
"""Seconds of training that a kill may cost."""

Model = tuple[str, str]
"""Voice and approach."""


class Evidence:
    """Takes down what there is, and compares it the next time."""

    def __init__(self, sandbox: Sandbox, outcome: Outcome) -> None:
        self._home, self._sandbox, self._outcome = sandbox.home, sandbox, outcome
        self._dreams: dict[Path, str] = {}  # by their hashes
        self._steps: dict[Path, int] = {}  # of the newest checkpoint in each model's folder
        self.lost = 0.0  # seconds of training, at most

    @property
    def dreams(self) -> int:
        return len(self._dreams)

    def look(self, daemon: Driven, when: str) -> None:
        """Compares; ``when`` is told with what is found."""
        for path in self._sandbox.changes():
            self._outcome.need(False, f"{when}: {path} is not as it was")
        self._look_at_dreams(daemon, when)
        for folder in sorted({*self._folders(), *self._steps}):
            self._look_at_model(folder, when)

    def _look_at_dreams(self, daemon: Driven, when: str) -> None:
        for path in list(daemon.heard_all.done):
            if not path.exists():
                self._outcome.need(False, f"{when}: the finished dream {path} is gone")
            elif path not in self._dreams:
                self._dreams[path] = hash_of(path)
                self._outcome.need(
                    is_whole(path), f"{when}: the finished dream {path} is not whole"
                )
            else:
                same = hash_of(path) == self._dreams[path]
                self._outcome.need(same, f"{when}: the finished dream {path} is another")

    def _look_at_model(self, folder: Path, when: str) -> None:
        before = self._steps.get(folder, 0)
        for path in reversed(checkpoints.checkpoints(folder)):
            try:
                head, _ = checkpoints.load(path)
            except NoModel as error:
                # Old ones are cleared away while we look; what is damaged was set aside by us.
                cleared = not path.exists() and not isinstance(error, Damaged)
                self._outcome.need(cleared, f"{when}: {error}")
                continue
            back = f"{when}: {folder} is back at step {head.steps} from {before}"
            self._outcome.need(head.steps >= before, back)
            self._steps[folder] = head.steps
            return
        self._outcome.need(not before, f"{when}: {folder} has no checkpoint any more")

    def _folders(self) -> list[Path]:
        return sorted(self._home.glob("models/*/*/"))

    def saved(self) -> dict[Model, float]:
        """Seconds of training in the newest checkpoint of each model."""
        found = {}
        for folder in self._folders():
            if path := checkpoints.newest(folder):
                head = checkpoints.header(path)
                found[head.voice, head.config.approach] = head.seconds
        return found

    def cost(self, told: dict[Model, tuple[int, float]], when: str) -> float:
        """Seconds of training that were told of and are in no checkpoint; of the one model that
        lost most."""
        saved = self.saved()
        lost = max((secs - saved.get(model, 0.0) for model, (_, secs) in told.items()), default=0.0)
        self.lost = max(self.lost, lost)
        self._outcome.limit(f"{when}: seconds of training lost", lost, MOST_LOST)
        return max(lost, 0.0)

    def nothing_half_made(self, daemon: Driven, when: str) -> None:
        """Once nothing is being made: each file in the bank is a whole dream."""
        unfinished = [path.name for path in (self._home / "dreams" / "unfinished").iterdir()]
        self._outcome.need(not unfinished, f"{when}: {unfinished} are still marked as unfinished")
        for path in sorted((self._home / "dreams" / "dream").glob("*.wav")):
            known = path in daemon.heard_all.done
            self._outcome.need(known or is_whole(path), f"{when}: {path} is half made")


def is_whole(path: Path) -> bool:
    """Whether something sounds in a dream's last tenth: it is silent until it is made."""
    samples, _ = soundfile.read(path)
    return len(samples) > 0 and bool(np.abs(samples[-max(len(samples) // 10, 1) :]).max() > 0)
