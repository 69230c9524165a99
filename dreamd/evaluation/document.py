"""What the pages share: one HTML document that needs nothing but itself, and a sound in it.

:mod:`dreamd.evaluation.report` (dreams, judged) and :mod:`dreamd.evaluation.walk` (what a dream's
cursor walked) put their pages together from these. Pictures, sound, style and script are in the
document, and its content policy forbids everything else: nothing is fetched, and no name that
somebody gave a file can become a script.
"""

import math
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from html import escape
from pathlib import Path

from dreamd.audio import files
from dreamd.audio.channels import mono
from dreamd.audio.files import Samples
from dreamd.evaluation.pictures import COLOURS, spectrogram

SHOWN = 60.0
"""Seconds of a dream that are shown and can be heard."""


def document(title: str, body: Iterable[str], script: str = "") -> str:
    """A whole page. ``body`` is HTML, ``script`` JavaScript of ours."""
    style = _beside("page.css").replace("COLOURS", ",".join(f"#{e}" for e in COLOURS.split()))
    digest = b64encode(sha256(script.encode()).digest()).decode()
    allowed = f"'sha256-{digest}'" if script else "'none'"
    return "\n".join(
        [
            "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>",
            '<meta name=viewport content="width=device-width, initial-scale=1">',
            f'<meta http-equiv=Content-Security-Policy content="{POLICY} script-src {allowed}">',
            f"<title>{escape(title)}</title><style>{style}</style><main>",
            *body,
            "</main>" + (f"<script>{script}</script>" if script else "") + "</html>\n",
        ]
    )


POLICY = "default-src 'none'; img-src data:; media-src data:; style-src 'unsafe-inline';"


def script_of(name: str) -> str:
    """A script that lies beside this module."""
    return _beside(name)


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


# ---------------------------------------------------------------- a sound


def shown_of(seconds: float) -> str:
    """How long a sound is, and how much of it is shown.

    >>> shown_of(2.0), shown_of(70.0)
    ('2.0 s', '70.0 s, of which the first 60 s are shown and can be heard')
    """
    more = f", of which the first {SHOWN:g} s are shown and can be heard"
    return f"{seconds:.1f} s" + (more if seconds > SHOWN else "")


def sound(
    name: str, samples: Samples, rate: int, loudest: float | None = None, over: str = ""
) -> str:
    """Spectrogram with its axes, and a player, of samples ``(frames, …)``.

    ``over`` is HTML that lies over the spectrogram.
    """
    name, seconds = escape(name), len(samples) / rate
    spectra = data_url("image/png", spectrogram(mono(samples), rate, loudest))
    flac = data_url("audio/flac", files.flac(samples, rate))
    hertz = "".join(
        f'<span style="bottom:{share(each, rate / 2000)}">{each:g} kHz</span>'
        for each in ticks(rate / 2000, 6)
    )
    return (
        f'<div class=spectra><img src="{spectra}" alt="Spectrogram of {name}">{hertz}{over}</div>'
        f"{times(0, seconds)}"
        f'<audio controls src="{flac}" aria-label="Player of {name}"></audio>'
    )


def times(start: float, end: float) -> str:
    """The axis of time of a picture, in seconds or, if it is long, in minutes."""
    extent = end - start
    marks = ticks(extent, 6, start, MINUTES) if end > LONG else ticks(extent, 8, start)
    return "<div class=times>" + "".join(
        f'<span style="left:{share(each - start, extent)}">{moment(each, end)}</span>'
        for each in marks
    ) + "</div>"  # fmt: skip


def moment(seconds: float, longest: float) -> str:
    """A tick's label.

    >>> moment(2.5, 20), moment(90, 600)
    ('2.5 s', '1:30')
    """
    if longest <= LONG:
        return f"{seconds:g} s"
    return f"{int(seconds // 60)}:{seconds % 60:02.0f}"


def share(part: float, whole: float) -> str:
    """
    >>> share(1, 8)
    '12.50%'
    """
    return f"{100 * part / whole:.2f}%"


TENS = tuple(digit * 10**power for power in range(-3, 6) for digit in (1, 2, 5))
MINUTES = (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 36000)
"""Steps from tick to tick: round numbers, and round times."""
LONG = 100.0  # seconds: from there on, minutes and seconds


def ticks(
    extent: float, most: int, start: float = 0.0, steps: Sequence[float] = TENS
) -> list[float]:
    """Round numbers from ``start`` on over ``extent``, at most ``most`` steps.

    >>> ticks(5.5, 6), ticks(60.0, 8)[-1], ticks(4.0, 5, 11.5)
    ([0, 1, 2, 3, 4, 5], 60, [12, 13, 14, 15])
    """
    step = next((step for step in steps if extent <= most * step), extent)
    first, last = math.ceil(start / step), int((start + extent) / step)
    return [k * step for k in range(first, last + 1)]


def minutes(seconds: float) -> str:
    """Minutes, seconds and tenths.

    >>> minutes(72.34)
    '1:12.3'
    """
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


def data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"
