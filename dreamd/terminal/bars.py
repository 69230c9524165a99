"""How far many models are: a bar for each in a terminal, else lines. ``dreamd farm`` has one."""

import sys
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn


class Bars:
    """:param plain: lines, also in a terminal."""

    def __init__(self, plain: bool) -> None:
        self._bars = None if plain or not sys.stdout.isatty() else _bars()
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        if self._bars:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bars:
            self._bars.stop()

    def say(self, line: str) -> None:
        if self._bars:
            self._bars.console.print(line, markup=False, highlight=False)
        else:
            print(line, flush=True)

    def model(self, name: str, seconds: float, of: float, error: float) -> None:
        """How far a model is: seconds learned, of so many, and its error."""
        if self._bars is None:
            print(f"{name}: {seconds:.0f} of {of:.0f} s, error {error:.3f}", flush=True)
            return
        if name not in self._rows:
            self._rows[name] = self._bars.add_task(name, total=of)
        self._bars.update(self._rows[name], completed=seconds, description=f"{name} {error:.3f}")


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %")
    )
