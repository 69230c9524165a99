"""The terminal view of ``dreamd run``: is it alive, what has it learned, is my dream coming?

The daemon's main loop fills a :class:`View`, plain values only, about four times a second and
calls :meth:`Screen.show`. :func:`make_screen` returns either a :class:`RichScreen`, which redraws
the whole terminal, or a :class:`PlainScreen`, which prints lines. This module knows nothing of the
daemon, and is the only one that imports rich.
"""

import math
import os
import re
import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Protocol, Self

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

# ---------------------------------------------------------------- what the daemon fills in

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


# ---------------------------------------------------------------- words and numbers


def clock(seconds: float) -> str:
    """A length of audio.

    >>> clock(74.2), clock(3 * 3600 + 125)
    ('1:14', '3:02:05')
    """
    whole = int(seconds)
    minutes, hours = whole // 60, whole // 3600
    return f"{hours}:{minutes % 60:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


def left(seconds: float | None) -> str:
    """An estimate of the time left, no more exact than it is.

    >>> left(3.2), left(44), left(200), left(9000), left(None)
    ('4 s left', '45 s left', '3 min left', '2.5 h left', '')
    """
    if seconds is None or not math.isfinite(seconds):
        return ""
    if seconds < 20:
        return f"{max(1, math.ceil(seconds))} s left"
    if seconds < 90:
        return f"{5 * round(seconds / 5)} s left"
    if seconds < 5400:
        return f"{round(seconds / 60)} min left"
    return f"{seconds / 3600:.1f} h left"


def counted(number: int, thing: str) -> str:
    """
    >>> counted(1, "recording"), counted(2, "recording")
    ('1 recording', '2 recordings')
    """
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def short(number: float) -> str:
    """
    >>> short(950), short(12400), short(3.1e6)
    ('950', '12.4k', '3.1M')
    """
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.1f}{letter}"
    return f"{number:.0f}"


def exact(error: float) -> str:
    """
    >>> exact(0.314), exact(12345.6), exact(math.nan)
    ('0.31', '99+', '?')
    """
    return "?" if math.isnan(error) else f"{error:.2f}" if error < 99 else "99+"


def percent(progress: float) -> str:
    """Rounded down: 100% is only said when it is done."""
    return f"{int(100 * _unit(progress))}%"


def learned(model: ModelView) -> str:
    """How far a model is, in words, once its first course of training is over."""
    if model.error is None or model.progress < 1:
        return ""
    return "learned" if model.error < 0.5 else "still rough"


def _unit(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def _time_of_day(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def _queue(dreams: Sequence[DreamView]) -> str:
    """``1 running, 2 asked, 7 done``: only what there is."""
    states: tuple[DreamState, ...] = ("running", "asked", "done", "failed")
    numbers = ((sum(dream.state == state for dream in dreams), state) for state in states)
    return ", ".join(f"{number} {state}" for number, state in numbers if number)


def _recent_first(voices: Sequence[VoiceView]) -> list[VoiceView]:
    return sorted(voices, key=lambda voice: (-voice.active, voice.name))


# ---------------------------------------------------------------- characters


@dataclass(frozen=True)
class Glyphs:
    """The characters a terminal can show: all of these are one cell wide, but ``more``."""

    encoding: str
    spark: str = "▁▂▃▄▅▆▇"
    full: str = "━"
    rest: str = "─"
    rule: str = "─"
    more: str = "…"
    dot: str = "·"
    asked: str = "·"
    running: str = "▸"
    done: str = "✓"
    failed: str = "✗"

    @classmethod
    def of(cls, encoding: str | None) -> "Glyphs":
        """The glyphs for an output of that encoding: ASCII where it is not Unicode."""
        if (encoding or "").lower().replace("_", "-").startswith("utf"):
            return cls(encoding or "utf-8")
        return cls(encoding or "ascii", "_.:-=+#", "#", ".", "-", "...", "|", ".", ">", "*", "x")

    def clean(self, text: str) -> str:
        """One line that is safe to show: names come from files and from the network.

        Control characters could move the cursor or worse; other invisible ones, and halves of
        surrogate pairs from undecodable file names, would spoil the layout or the output.
        """
        if not (text.isascii() and text.isprintable()):
            text = "".join(_visible(character) for character in text)
            text = text.encode(self.encoding, "replace").decode(self.encoding, "replace")
        return text

    def fit(self, text: str, width: int) -> str:
        """``text``, cleaned, in exactly so many cells."""
        text = self.clean(text)
        if cell_len(text) > width:
            more = self.more if width > 2 * len(self.more) else ""
            return set_cell_size(text, width - len(more)) + more
        return set_cell_size(text, max(0, width))

    def sparkline(self, errors: Sequence[float], width: int) -> str:
        """The history of an error, on the same scale for all: full is silence, empty is perfect.

        >>> Glyphs.of("ascii").sparkline([1.2, 1.0, 0.5, 0.3, 0.1, 0.0], 6)
        '##-:._'
        """
        columns = min(width, len(errors))
        edges = [len(errors) * i // columns for i in range(columns + 1)] if columns else [0]
        parts = [errors[a:b] for a, b in pairwise(edges)]
        return "".join(self._level(sum(part) / len(part)) for part in parts)

    def _level(self, error: float) -> str:
        if not math.isfinite(error):
            return self.spark[-1]
        return self.spark[round(_unit(error) * (len(self.spark) - 1))]

    def bar(self, progress: float, width: int) -> tuple[str, str]:
        """The part that is done, and the rest."""
        done = int(_unit(progress) * width)
        return self.full * done, self.rest * (width - done)


def _visible(character: str) -> str:
    if character.isspace() and character != " ":
        return " "
    return "?" if unicodedata.category(character)[0] == "C" else character


# ---------------------------------------------------------------- the page

Row = list[tuple[str, str]]
"""A line: pieces of text, each with a style."""


def page(view: View, width: int, height: int, glyphs: Glyphs, now: float) -> list[Text]:
    """The lines of the whole view, at most ``height`` of them, none wider than ``width``."""
    return _Page(view, width, height, glyphs, now).lines()


class _Page:
    """Lays out one view. Sections share the height; each says what it had to leave out."""

    def __init__(self, view: View, width: int, height: int, glyphs: Glyphs, now: float) -> None:
        self.view, self.width, self.height, self.glyphs, self.now = view, width, height, glyphs, now

    def lines(self) -> list[Text]:
        header = self.header()[: 2 if self.height > 8 else 1]
        room = self.height - len(header)
        rows = header + self.sections(room)
        return [self.text(row) for row in rows[: self.height]]

    def sections(self, room: int) -> list[Row]:
        """Voices, dreams and messages, each with a title; a low terminal loses the last first.

        Each has some lines for certain, and may use all that those after it do not need.
        """
        dreams = _queue(self.view.dreams)
        rows: list[Row] = []
        for title, note, body, certain, later in (
            ("voices", "", self.voices, 7, 9),
            ("dreams", dreams, self.dreams, 5, 4 if self.view.log else 0),
            ("messages", "", self.messages, 0, 0),
        ):
            free = room - len(rows)
            lines = body(max(min(free, certain), free - later) - 1) if free > 1 else []
            rows += [self.rule(title, note), *lines] if lines else []
        return rows

    # ------------------------------------------------------------ lines

    def text(self, row: Row) -> Text:
        """``row`` as rich's text, cut to the width. Never markup: names may hold brackets."""
        line, room = Text(no_wrap=True, end=""), self.width
        for content, style in row:
            content = self.glyphs.clean(content)
            if cell_len(content) > room:
                content = self.glyphs.fit(content, room)
            line.append(content, style)
            room -= cell_len(content)
        return line

    def rule(self, title: str, note: str) -> Row:
        said = f"{self.glyphs.rule} {title}{': ' + note if note else ''} "
        return [(said + self.glyphs.rule * (self.width - len(said)), "dim")]

    def bar(self, progress: float, width: int, style: str = "cyan") -> Row:
        done, rest = self.glyphs.bar(progress, width)
        return [(done, style), (rest, "dim")]

    # ------------------------------------------------------------ header

    def header(self) -> list[Row]:
        view, dot = self.view, f" {self.glyphs.dot} "
        state = ("learning", "green") if any(m.speed for m in view.models) else ("ready", "green")
        if any(dream.state == "running" for dream in view.dreams):
            state = ("learning waits", "green")
        state = state if view.training else ("learning paused", "bold yellow")
        head: Row = [(" DreamRNN  ", "bold"), state, (f"{dot}listening on {view.address}", "")]
        head += [(f"{dot}{view.rate} Hz", "dim")]
        spare = self.width - sum(len(content) for content, _ in head) - 9
        if spare > 0:  # a clock that moves: it is alive
            head += [(" " * spare + _time_of_day(self.now), "dim")]
        places = f" recordings {_tilde(view.folder)}{dot}home {_tilde(view.home)}"
        return [head, [(places, "dim")]]

    # ------------------------------------------------------------ voices

    def models(self, voice: VoiceView) -> list[ModelView]:
        return [model for model in self.view.models if model.voice == voice.name]

    def voice_rows(self, full: int) -> int:
        """How many lines all voices take, so many of them with a line for each model."""
        voices = _recent_first(self.view.voices)
        return sum(1 + len(self.models(v)) for v in voices[:full]) + len(voices[full:])

    def voices(self, room: int) -> list[Row]:
        """Recordings on their way in; then the voices, the latest at length, others in a line."""
        coming = self.limited([self.ingest(item) for item in self.view.ingests], 3, "recording")
        voices, room = _recent_first(self.view.voices), room - len(coming)
        if not voices and not coming:
            return [[(f" no recordings yet: put some into {_tilde(self.view.folder)}", "")]]
        full = max((n for n in range(len(voices) + 1) if self.voice_rows(n) <= room), default=0)
        if voices and not full and room > 1 + len(self.models(voices[0])):
            full = 1
        rows = [row for voice in voices[:full] for row in self.voice_at_length(voice)]
        others = [self.voice_in_a_line(voice) for voice in voices[full:]]
        return coming + rows + self.limited(others, room - len(rows), "voice")

    def limited(self, rows: list[Row], room: int, thing: str) -> list[Row]:
        """As many as there is room for; the last line counts the others."""
        if len(rows) <= room:
            return rows
        kept = rows[: max(0, room - 1)]
        return [*kept, [(f" and {counted(len(rows) - len(kept), 'more ' + thing)}", "dim")]]

    def ingest(self, item: IngestView) -> Row:
        what = self.glyphs.clean(f" {item.voice}: reading {_file(item.file)}")
        width = min(max(16, self.width - 36), max(40, cell_len(what)))
        row: Row = [(self.glyphs.fit(what, width) + "  ", "")]
        row += self.bar(item.progress, 14)
        return [*row, (f" {percent(item.progress):>4}  {left(item.left)}", "")]

    def voice_at_length(self, voice: VoiceView) -> list[Row]:
        heard = f"  {counted(voice.recordings, 'recording')}, {clock(voice.seconds)}"
        return [[(f" {voice.name}", "bold"), (heard, "dim")]] + [
            self.model(model) for model in self.models(voice)
        ]

    def voice_in_a_line(self, voice: VoiceView) -> Row:
        row: Row = [(" " + self.glyphs.fit(voice.name, 11), "bold")]
        if self.width > 72:
            row += [(f" {clock(voice.seconds):>7}", "dim")]
        for model in self.models(voice):
            row += [(f"  {model.approach} ", "dim"), self.error(model)]
        return row

    def error(self, model: ModelView) -> tuple[str, str]:
        """The error, coloured by how much of the sound it has caught."""
        if model.error is None:
            return "-", "dim"
        style = "green" if model.error < 0.2 else "" if model.error < 0.5 else "yellow"
        return exact(model.error), style

    def model(self, model: ModelView) -> Row:
        """Name, history, error, progress, steps; a narrow terminal gets fewer of them."""
        spare = max(0, self.width - 80)
        spark = 0 if self.width < 56 else 8 + min(24, spare // 2)
        bar = 0 if self.width < 46 else 8 + min(12, spare - spare // 2)
        history = self.glyphs.sparkline(model.history, spark)
        row: Row = [(f"   {self.glyphs.fit(model.approach, 9)}  ", "")]
        row += [(self.glyphs.fit(history, spark), "dim cyan"), ("  " if spark else "", "")]
        row += self.state(model, bar)
        if self.width >= 75 and model.steps:
            row += [(f"  {short(model.steps):>5} steps", "dim")]
        if self.width >= 80 and model.speed:
            row += [(f" {short(model.speed)}/s", "dim")]
        return row

    def state(self, model: ModelView, bar: int) -> Row:
        """Error, then the way through the first course of training or what came of it."""
        if model.error is None:
            return [("waiting to learn", "dim")]
        row: Row = [("error ", "dim"), self.error(model), ("  ", "")]
        if model.progress >= 1:
            return [*row, (f"{learned(model):<{bar + 18}}", self.error(model)[1])]
        row += self.bar(model.progress, bar)
        wait = left(model.left) if self.view.training else "paused"
        return [*row, (f" {percent(model.progress):>4}  {wait:<11}", "")]

    # ------------------------------------------------------------ dreams

    def dreams(self, room: int) -> list[Row]:
        """Running, asked, then finished, the latest first; the latest finished always shows."""
        dreams = self.view.dreams
        running = [d for d in dreams if d.state == "running"]
        asked = [d for d in dreams if d.state == "asked"]
        over = [d for d in reversed(dreams) if d.state in ("done", "failed")]
        if not dreams:
            return [[(" none asked for yet", "dim")]]
        most = max(12, self.width - (47 if self.width > 70 else 37))
        longest = max(cell_len(self.glyphs.clean(_what(d))) for d in dreams[-20:])
        width = min(most, max(28, longest))
        waiting = [self.dream(d, width) for d in running + asked]
        rows = self.limited(waiting, room - 1 if over else room, "dream")
        return rows + [self.dream(d, width) for d in over[: max(0, min(8, room) - len(rows))]]

    def dream(self, dream: DreamView, width: int) -> Row:
        sign, style, outcome = self.outcome(dream)
        name = f"dream:{dream.index}" if dream.index is not None else f"#{dream.id}"
        name = name if len(name) <= 9 else ""  # a number that some program chose says nothing
        head = f" {sign} {self.glyphs.fit(name, 9)} "
        return [(head, style), (self.glyphs.fit(_what(dream), width) + "  ", ""), *outcome]

    def outcome(self, dream: DreamView) -> tuple[str, str, Row]:
        glyphs, wait = self.glyphs, left(dream.left)
        if dream.state == "running":
            row = self.bar(dream.progress, 14 if self.width > 70 else 4, "green")
            said = (f" {percent(dream.progress):>4}  {wait}", "bold")
            return glyphs.running, "bold", [*row, said]
        if dream.state == "asked":
            return glyphs.asked, "", [("waiting" + (f", {wait}" if wait else ""), "dim")]
        if dream.state == "failed":
            return glyphs.failed, "red", [(f"failed: {dream.reason}", "red")]
        took = "" if dream.took is None else f", took {dream.took:.1f} s"
        return glyphs.done, "green", [("done", "green"), (took, "dim")]

    # ------------------------------------------------------------ messages

    def messages(self, room: int) -> list[Row]:
        """As many of the last messages as fit, each whole; at least the start of the newest."""
        rows: list[Row] = []
        for line in reversed(self.view.log[-room:] if room > 0 else ()):
            message = self.message(line)
            if len(rows) + len(message) > room:
                return rows or message[:room]
            rows = message + rows
        return rows

    def message(self, line: LogLine) -> list[Row]:
        """Over several lines where it is long: a problem is to be read in full."""
        sign, style = (" !", "yellow") if line.warning else ("  ", "")
        first, *more = _wrap(self.glyphs.clean(line.text), self.width - 12)
        blank = " " * 12
        return [
            [(f" {_time_of_day(line.time)}", "dim"), (f"{sign} {first}", style)],
            *([(blank + part, style)] for part in more),
        ]


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells; long paths are cut where they must be."""
    characters = width if cell_len(text) == len(text) else width // 2  # some are two cells wide
    return textwrap.wrap(text, max(8, characters), break_on_hyphens=False) or [""]


def _file(path: str) -> str:
    """The last part of a path of any system; the whole of what is no path."""
    return re.split(r"[/\\]", path)[-1] or path


def _what(dream: DreamView) -> str:
    return f"{dream.approach} from {_file(dream.seed)}, {dream.secs:.4g} s"


def _tilde(path: str) -> str:
    """``path`` as its owner would write it.

    >>> _tilde(str(Path.home() / "takes")).replace(os.sep, "/"), _tilde("/srv/takes")
    ('~/takes', '/srv/takes')
    """
    home = str(Path.home())
    inside = path == home or path.startswith(home + os.sep)
    return "~" + path[len(home) :] if inside and home != os.sep else path


# ---------------------------------------------------------------- the two screens


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
        lines = page(view, width, height, self._glyphs, self._now())
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
            line = f"{_time_of_day(when)} {mark} {self._glyphs.clean(text)}"
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
        _joined(f"reading {_file(item.file)} into {item.voice}: {percent(item.progress)}",
                left(item.left))
        for item in view.ingests[:3]
    ]  # fmt: skip


def _voice_lines(view: View, most: int) -> list[str]:
    """A line for each of the latest voices: how well each approach has been learned."""
    voices = [v for v in _recent_first(view.voices) if any(m.voice == v.name for m in view.models)]
    lines = []
    for voice in voices[:most]:
        said = "; ".join(_model_words(m) for m in view.models if m.voice == voice.name)
        lines.append(f"{voice.name}: {said}" + ("" if view.training else " (learning paused)"))
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
        _joined(f"{d.approach} from {_file(d.seed)} {percent(d.progress)}", left(d.left))
        for d in view.dreams
        if d.state == "running"
    ]
    queue = _queue(view.dreams)
    return ["dreams: " + "; ".join([queue, *running])] if queue else []


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
