"""Words and numbers as the screen says them, and the characters that a terminal can show."""

import math
import os
import re
import textwrap
import time
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from dreamd.terminal.view import DreamState, DreamView, ModelView, VoiceView

SLOWLY = "learning slowly: the machine is busy"


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


def time_of_day(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


def by_state(dreams: Sequence[DreamView]) -> str:
    """``1 running, 2 asked, 7 done``: only what there is."""
    states: tuple[DreamState, ...] = ("running", "asked", "done", "failed")
    numbers = ((sum(dream.state == state for dream in dreams), state) for state in states)
    return ", ".join(f"{number} {state}" for number, state in numbers if number)


def recent_first(voices: Sequence[VoiceView]) -> list[VoiceView]:
    return sorted(voices, key=lambda voice: (-voice.active, voice.name))


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


def file_of(path: str) -> str:
    """The last part of a path of any system; the whole of what is no path."""
    return re.split(r"[/\\]", path)[-1] or path


def tilde(path: str) -> str:
    """``path`` as its owner would write it.

    >>> tilde(str(Path.home() / "takes")).replace(os.sep, "/"), tilde("/srv/takes")
    ('~/takes', '/srv/takes')
    """
    home = str(Path.home())
    inside = path == home or path.startswith(home + os.sep)
    return "~" + path[len(home) :] if inside and home != os.sep else path


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most ``width`` cells; long paths are cut where they must be."""
    characters = width if cell_len(text) == len(text) else width // 2  # some are two cells wide
    return textwrap.wrap(text, max(8, characters), break_on_hyphens=False) or [""]
