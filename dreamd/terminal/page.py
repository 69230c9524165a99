"""The full-screen view, laid out: from a view to lines of text.

Sections share the height; each says what it had to leave out. :class:`RichScreen` calls
:func:`lay_out`.
"""

import math

from rich.cells import cell_len
from rich.text import Text

from dreamd.terminal.text import (
    SLOWLY,
    Glyphs,
    by_state,
    clock,
    counted,
    exact,
    file_of,
    learned,
    left,
    percent,
    recent_first,
    short,
    tilde,
    time_of_day,
    wrapped,
)
from dreamd.terminal.view import DreamView, IngestView, LogLine, ModelView, View, VoiceView

Line = list[tuple[str, str]]
"""A line: pieces of text, each with a style."""


def lay_out(view: View, width: int, height: int, glyphs: Glyphs, now: float) -> list[Text]:
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

    def sections(self, room: int) -> list[Line]:
        """Voices, dreams and messages, each with a title; a low terminal loses the last first.

        Each has some lines for certain, and may use all that those after it do not need.
        """
        dreams = by_state(self.view.dreams)
        rows: list[Line] = []
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

    def text(self, row: Line) -> Text:
        """``row`` as rich's text, cut to the width. Never markup: names may hold brackets."""
        line, room = Text(no_wrap=True, end=""), self.width
        for content, style in row:
            content = self.glyphs.clean(content)
            if cell_len(content) > room:
                content = self.glyphs.fit(content, room)
            line.append(content, style)
            room -= cell_len(content)
        return line

    def rule(self, title: str, note: str) -> Line:
        said = f"{self.glyphs.rule} {title}{': ' + note if note else ''} "
        return [(said + self.glyphs.rule * (self.width - len(said)), "dim")]

    def bar(self, progress: float, width: int, style: str = "cyan") -> Line:
        done, rest = self.glyphs.bar(progress, width)
        return [(done, style), (rest, "dim")]

    # ------------------------------------------------------------ header

    def header(self) -> list[Line]:
        view, dot = self.view, f" {self.glyphs.dot} "
        state = ("learning", "green") if any(m.speed for m in view.models) else ("ready", "green")
        if view.slowly:
            state = (SLOWLY, "yellow")
        state = state if view.training else ("learning paused", "bold yellow")
        head: Line = [(" DreamRNN  ", "bold"), state, (f"{dot}listening on {view.address}", "")]
        head += [(f"{dot}{view.rate} Hz", "dim")]
        spare = self.width - sum(len(content) for content, _ in head) - 9
        if spare > 0:  # a clock that moves: it is alive
            head += [(" " * spare + time_of_day(self.now), "dim")]
        places = f" recordings {tilde(view.folder)}{dot}home {tilde(view.home)}"
        return [head, [(places, "dim")]]

    # ------------------------------------------------------------ voices

    def models(self, voice: VoiceView) -> list[ModelView]:
        return [model for model in self.view.models if model.voice == voice.name]

    def voice_rows(self, full: int) -> int:
        """How many lines all voices take, so many of them with a line for each model."""
        voices = recent_first(self.view.voices)
        return sum(1 + len(self.models(v)) for v in voices[:full]) + len(voices[full:])

    def voices(self, room: int) -> list[Line]:
        """Recordings on their way in; then the voices, the latest at length, others in a line."""
        coming = self.limited([self.ingest(item) for item in self.view.ingests], 3, "recording")
        voices, room = recent_first(self.view.voices), room - len(coming)
        if not voices and not coming:
            return [[(f" no recordings yet: put some into {tilde(self.view.folder)}", "")]]
        full = max((n for n in range(len(voices) + 1) if self.voice_rows(n) <= room), default=0)
        if voices and not full and room > 1 + len(self.models(voices[0])):
            full = 1
        rows = [row for voice in voices[:full] for row in self.voice_at_length(voice)]
        others = [self.voice_in_a_line(voice) for voice in voices[full:]]
        return coming + rows + self.limited(others, room - len(rows), "voice")

    def limited(self, rows: list[Line], room: int, thing: str) -> list[Line]:
        """As many as there is room for; the last line counts the others."""
        if len(rows) <= room:
            return rows
        kept = rows[: max(0, room - 1)]
        return [*kept, [(f" and {counted(len(rows) - len(kept), 'more ' + thing)}", "dim")]]

    def ingest(self, item: IngestView) -> Line:
        what = self.glyphs.clean(f" {item.voice}: reading {file_of(item.file)}")
        width = min(max(16, self.width - 36), max(40, cell_len(what)))
        row: Line = [(self.glyphs.fit(what, width) + "  ", "")]
        row += self.bar(item.progress, 14)
        return [*row, (f" {percent(item.progress):>4}  {left(item.left)}", "")]

    def voice_at_length(self, voice: VoiceView) -> list[Line]:
        heard = f"  {counted(voice.recordings, 'recording')}, {clock(voice.seconds)}"
        return [[(f" {voice.name}", "bold"), (heard, "dim")]] + [
            self.model(model) for model in self.models(voice)
        ]

    def voice_in_a_line(self, voice: VoiceView) -> Line:
        row: Line = [(" " + self.glyphs.fit(voice.name, 11), "bold")]
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

    def model(self, model: ModelView) -> Line:
        """Name, history, error, progress, steps; a narrow terminal gets fewer of them."""
        spare = max(0, self.width - 80)
        spark = 0 if self.width < 56 else 8 + min(24, spare // 2)
        bar = 0 if self.width < 46 else 8 + min(12, spare - spare // 2)
        history = self.glyphs.sparkline(model.history, spark)
        row: Line = [(f"   {self.glyphs.fit(model.approach, 9)}  ", "")]
        row += [(self.glyphs.fit(history, spark), "dim cyan"), ("  " if spark else "", "")]
        row += self.state(model, bar)
        if self.width >= 75 and model.steps:
            row += [(f"  {short(model.steps):>5} steps", "dim")]
        if self.width >= 80 and model.speed:
            row += [(f" {short(model.speed)}/s", "dim")]
        return row

    def state(self, model: ModelView, bar: int) -> Line:
        """Error, then the way through the first course of training or what came of it."""
        if model.error is None:
            return [("waiting to learn", "dim")]
        row: Line = [("error ", "dim"), self.error(model), ("  ", "")]
        if model.progress >= 1:
            return [*row, (f"{learned(model):<{bar + 18}}", self.error(model)[1])]
        row += self.bar(model.progress, bar)
        wait = left(model.left) if self.view.training else "paused"
        return [*row, (f" {percent(model.progress):>4}  {wait:<11}", "")]

    # ------------------------------------------------------------ dreams

    def dreams(self, room: int) -> list[Line]:
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

    def dream(self, dream: DreamView, width: int) -> Line:
        sign, style, outcome = self.outcome(dream)
        name = f"dream:{dream.index}" if dream.index is not None else f"#{dream.id}"
        name = name if len(name) <= 9 else ""  # a number that some program chose says nothing
        head = f" {sign} {self.glyphs.fit(name, 9)} "
        return [(head, style), (self.glyphs.fit(_what(dream), width) + "  ", ""), *outcome]

    def outcome(self, dream: DreamView) -> tuple[str, str, Line]:
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

    def messages(self, room: int) -> list[Line]:
        """As many of the last messages as fit, each whole; at least the start of the newest."""
        rows: list[Line] = []
        for line in reversed(self.view.log[-room:] if room > 0 else ()):
            message = self.message(line)
            if len(rows) + len(message) > room:
                return rows or message[:room]
            rows = message + rows
        return rows

    def message(self, line: LogLine) -> list[Line]:
        """Over several lines where it is long: a problem is to be read in full."""
        sign, style = (" !", "yellow") if line.warning else ("  ", "")
        first, *more = wrapped(self.glyphs.clean(line.text), self.width - 12)
        blank = " " * 12
        return [
            [(f" {time_of_day(line.time)}", "dim"), (f"{sign} {first}", style)],
            *([(blank + part, style)] for part in more),
        ]


def _what(dream: DreamView) -> str:
    length = "endless" if math.isinf(dream.secs) else f"{dream.secs:.4g} s"
    return f"{dream.approach} from {file_of(dream.seed)}, {length}"
