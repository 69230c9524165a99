"""The terminal view of ``dreamd run``: is it alive, what has it learned, is my dream coming?

The daemon's main loop fills a :class:`View`, plain values only, about four times a second and
calls :meth:`Screen.show`. :func:`make_screen` returns either a :class:`RichScreen`, which redraws
the whole terminal, or a :class:`PlainScreen`, which prints lines. This module knows nothing of the
daemon; only this room imports rich.
"""

import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import IO, Protocol, Self

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dreamd.terminal.page import lay_out
from dreamd.terminal.text import (
    SLOWLY,
    Glyphs,
    by_state,
    counted,
    exact,
    file_of,
    learned,
    left,
    percent,
    recent_first,
    time_of_day,
)
from dreamd.terminal.view import LogLine, ModelView, View


class Screen(Protocol):
    """Shows views between ``__enter__`` and ``__exit__``, which gives the terminal back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, view: View) -> None:
        """Show this view; cheap, and never raises because of the terminal."""


def make_screen(plain: bool, out: IO[str] | None = None) -> Screen:
    """Lines when asked for or where ``out`` (standard output) is no terminal to draw on."""
    out = out or sys.stdout
    if plain or not out.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        return PlainScreen(out)
    return RichScreen(Terminal(file=out))


class Terminal(Console):
    """A console that tells its caller when the terminal is gone, rather than end the program."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class RichScreen:
    """Redraws the whole terminal, on its alternate screen, so that the shell's lines come back.

    It draws when it is called and has no thread of its own. Views that come faster than eyes
    can follow are skipped: the processor belongs to the audio server.
    """

    shortest = 0.2  # seconds between two redraws
    longest = 1.0  # even if nothing changed: the clock moves, and stray output is painted over

    def __init__(self, console: Console, now: Callable[[], float] = time.time) -> None:
        self._console, self._now = console, now
        self._glyphs = Glyphs.of(console.encoding)
        self._live = Live(console=console, screen=True, auto_refresh=False)
        self._drawn_at = -math.inf
        self._drawn: View | None = None
        self._latest: View | None = None

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._live.stop()
        except OSError:  # the terminal is gone
            return
        PlainScreen(self._console.file).last_words(self._latest)

    def show(self, view: View) -> None:
        self._latest = view
        now = time.monotonic()
        since = now - self._drawn_at
        if since < self.shortest or (view == self._drawn and since < self.longest):
            return
        self._drawn_at, self._drawn = now, view
        width, height = self._console.size
        lines = lay_out(view, width, height, self._glyphs, self._now())
        try:
            self._live.update(Text("\n", no_wrap=True, end="").join(lines), refresh=True)
        except OSError:
            self._drawn_at = math.inf  # the terminal is gone, the performance goes on


class PlainScreen:
    """Prints each message as it comes, and now and then how ingest, training and dreams stand."""

    every = 10.0  # seconds between two summaries
    voices = 3  # how many of the voices a summary names

    def __init__(self, out: IO[str], now: Callable[[], float] = time.time) -> None:
        self._out, self._now = out, now
        self._glyphs = Glyphs.of(getattr(out, "encoding", None))
        self._last_number = 0
        self._summary_at: float | None = None
        self._said: set[str] = set()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to give back."""

    def show(self, view: View) -> None:
        now = self._now()
        if self._summary_at is None:
            self._summary_at = now
            self._say(now, f"DreamRNN at {view.address}, {view.rate} Hz, home {view.home}")
        self._show_log(view.log)
        if now - self._summary_at >= self.every:
            self._summary_at = now
            self._show_summary(view, now)

    def last_words(self, view: View | None) -> None:
        """The last messages, for a terminal whose view has just been closed."""
        self._show_log(view.log[-5:] if view else ())

    def _say(self, when: float, text: str, mark: str = " ") -> None:
        if self._closed:
            return
        try:
            line = f"{time_of_day(when)} {mark} {self._glyphs.clean(text)}"
            print(line, file=self._out, flush=True)
        except (OSError, ValueError):  # a closed pipe must not end the performance
            self._closed = True

    def _show_log(self, log: Sequence[LogLine]) -> None:
        for line in log:
            if line.number > self._last_number:
                self._last_number = line.number
                self._say(line.time, line.text, "!" if line.warning else " ")

    def _show_summary(self, view: View, now: float) -> None:
        """The lines of the summary that differ from those of the last one."""
        lines = [*_ingest_lines(view), *_voice_lines(view, self.voices), *_dream_lines(view)]
        for line in lines:
            if line not in self._said:
                self._say(now, line)
        self._said = set(lines)


def _ingest_lines(view: View) -> list[str]:
    return [
        _joined(f"reading {file_of(item.file)} into {item.voice}: {percent(item.progress)}",
                left(item.left))
        for item in view.ingests[:3]
    ]  # fmt: skip


def _voice_lines(view: View, most: int) -> list[str]:
    """A line for each of the latest voices: how well each approach has been learned."""
    voices = [v for v in recent_first(view.voices) if any(m.voice == v.name for m in view.models)]
    lines = []
    for voice in voices[:most]:
        said = "; ".join(_model_words(m) for m in view.models if m.voice == voice.name)
        slowly = f" ({SLOWLY})" if view.slowly else ""
        lines.append(f"{voice.name}: {said}" + (slowly if view.training else " (learning paused)"))
    if len(voices) > most:
        lines.append(f"and {counted(len(voices) - most, 'more voice')}")
    return lines


def _model_words(model: ModelView) -> str:
    if model.error is None:
        return f"{model.approach} waiting to learn"
    way = learned(model) or _joined(percent(model.progress), left(model.left))
    return f"{model.approach} error {exact(model.error)}, {way}"


def _dream_lines(view: View) -> list[str]:
    running = [
        _joined(f"{d.approach} from {file_of(d.seed)} {percent(d.progress)}", left(d.left))
        for d in view.dreams
        if d.state == "running"
    ]
    queue = by_state(view.dreams)
    return ["dreams: " + "; ".join([queue, *running])] if queue else []


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
