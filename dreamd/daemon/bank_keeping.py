"""What the bank holds: dreams that are made come in, old ones go where that is wished, and a new
set begins with none.

:mod:`dreamd.daemon.dreams` hands over each dream that is whole, :mod:`dreamd.daemon.endless`
``/dream/newset``; the server calls :meth:`BankKeeping.tick` by the clock. All are errands to the
home's disk. A dream that waits as the seed of another is never touched.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from dreamd.daemon.clients import Clients, NotTooOften
from dreamd.daemon.errands import Errands
from dreamd.daemon.queue import Dream
from dreamd.daemon.state import State
from dreamd.daemon.words import in_words
from dreamd.home import credits
from dreamd.home.bank import told
from dreamd.osc.replies import Done, Failed
from dreamd.settings import bank_limit

AGED_EVERY = 60.0  # seconds between looks for dreams that have become too old


class BankKeeping:
    """:param home: errands to the home's disk."""

    def __init__(self, state: State, clients: Clients, home: Errands) -> None:
        self._state, self._clients, self._home = state, clients, home
        self._limit, self._is_time = bank_limit(state.settings.keep_dreams), NotTooOften()

    def begin(self) -> None:
        """The daemon starts: how much there is is told as soon as it is known."""
        self._home.run(partial(told, self._state.settings.home), self._on_known)

    def _on_known(self, outcome: str | Exception | None) -> None:
        if isinstance(outcome, str):
            self._state.say(outcome)

    def tick(self) -> None:
        """What is due by the clock: dreams become too old without another being made."""
        if self._is_time("aged", AGED_EVERY):
            self.thin()

    # ------------------------------------------------------------ one more

    def add(self, dream: Dream, seconds: float) -> None:
        """A dream is whole, after so many seconds: into the bank with it, then everyone hears."""
        on_kept = partial(self._on_kept, dream, seconds)
        self._home.run(partial(self._keep, dream), on_kept, partial(self._on_late_kept, dream))

    def _keep(self, dream: Dream) -> str | None:
        """In the home's thread. Gives one line if there is no room for the credits."""
        job, index = dream.settled()
        self._state.bank.finish(index)
        try:
            credits.keep(job.path, job.credits(dream.leaps, dream.made), job.voice)
        except OSError as error:  # a full disk: the dream is there all the same
            return f"cannot keep the credits of dream:{index}: {error.strerror}"
        return None

    def _on_kept(self, dream: Dream, seconds: float, outcome: str | Exception | None) -> None:
        job, index = dream.settled()
        asker = dream.client.sender
        if isinstance(outcome, Exception):
            text = f"dream:{index} is made, but is not in the bank: {in_words(outcome)[1]}"
            self._clients.tell(Failed(dream.id, "diverged", text), asker, dream.number)
            self._state.say(text, warning=True)
            return
        if outcome:
            self._state.say(outcome, warning=True)
        path, rate = str(job.path), job.rate
        done = Done(dream.id, path, job.frames, rate, seconds, index, job.channels)
        self._clients.tell(done, asker, dream.number)
        self.thin()
        self._clients.tell_tidal(self._state.bank.count, self._state.bank.newest)
        self._state.say(
            f"dream:{index} is there: {job.config.approach} of {job.voice}, "
            f"{dream.secs:.1f} s {'of' if dream.endless else 'in'} {seconds:.1f} s "
            f"(rand {job.rand}){job.remarks()}"
        )

    def _on_late_kept(self, dream: Dream, outcome: str | Exception | None) -> None:
        if not isinstance(outcome, Exception):
            self._state.say(f"dream:{dream.index} is in the bank after all")

    # ------------------------------------------------------------ some less

    def thin(self) -> None:
        """Where only so many are kept, or those of so many hours, the others go."""
        if any(self._limit):
            self._home.run(partial(self._thin, self._seeds()), self._on_thinned)

    def _thin(self, seeds: frozenset[Path]) -> int:
        bank = self._state.bank
        gone = bank.thin(self._limit, seeds)
        for index in gone:
            credits.beside(bank.path(index)).unlink(missing_ok=True)
        return len(gone)

    def _on_thinned(self, outcome: int | Exception) -> None:
        if isinstance(outcome, Exception):
            self._state.say(f"cannot delete old dreams: {outcome}", warning=True)
        elif outcome > 1:  # the first time: later on it is one for one
            self._state.say(f"{outcome} old dreams are deleted: --keep-dreams")

    def new_set(self, then: Callable[[], None]) -> None:
        """The bank begins anew; ``then`` is called when it has."""
        name = time.strftime("set %Y-%m-%d %H.%M.%S")
        self._home.run(
            partial(self._move, name, self._seeds()), partial(self._on_moved, name, then)
        )

    def _move(self, name: str, seeds: frozenset[Path]) -> int:
        bank = self._state.bank
        moved = bank.new_set(name, seeds)
        for path in map(bank.path, moved):
            if (said := credits.beside(path)).exists():
                said.rename(credits.beside(bank.folder.parent / name / path.name))
        return len(moved)

    def _on_moved(self, name: str, then: Callable[[], None], outcome: int | Exception) -> None:
        bank = self._state.bank
        if isinstance(outcome, Exception):
            self._state.say(f"no new set: {outcome}", warning=True)
        else:
            where = bank.folder.parent / name
            self._state.say(f"a new set: the bank is empty, {outcome} dreams went to {where}")
        self._clients.tell_tidal(bank.count, bank.newest)
        then()

    def _seeds(self) -> frozenset[Path]:
        """What the dreams that wait or are made begin from."""
        queue = self._state.queue
        jobs = [dream.job for dream in (*queue.running.values(), *queue.waiting) if dream.job]
        return frozenset(job.seed.path for job in jobs if job.seed.path)
