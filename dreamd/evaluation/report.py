"""Dreams beside their recording as one HTML page: to look at, to listen to, with their scores.

The page needs nothing but itself: pictures and sound are in it. ``dreamd judge --html`` and
``dreamd table1`` call :func:`page`; the numbers are :mod:`dreamd.evaluation.judge`'s.
"""

import math
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dreamd.audio import files
from dreamd.audio.files import Samples
from dreamd.evaluation import artifacts, copying
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.judge import Judgement, word
from dreamd.evaluation.mel import TINY, Levels, frames_of

SHOWN = 60.0
"""Seconds of a sound that are shown and can be heard."""
LISTED = 12
"""Passages of a dream that are listed, the longest."""

WIDTH, HEIGHT, TALL = 1200, 160, 256
"""Pixels: of pictures, of a waveform, of a spectrogram."""
PICTURE_FRAME = 0.093  # seconds of a spectrum, to the next power of two
PICTURE_DEPTH = 80.0  # dB from the darkest to the brightest
COLOURS = "07091e 371a57 791f76 bb2d71 ed5656 fe914c facb82 fcfbdf"
"""From soft to loud: the lightness (CIE L*) rises evenly, the hue goes from blue to yellow."""
WAVE = "000000 8db4d6 3f7cb4"  # nothing, up to the peak, up to the root mean square

CRITERIA_SHOWN = (
    ("free of artifacts", "faulty", "as clean as the recordings"),
    ("resembles the recordings", "pink noise, a sine", "the recordings themselves"),
    ("does not copy them", "a copy", "nothing copied"),
)
"""What each is called, and what 0 and 1 are."""
DOTS = {"low": "●○○", "medium": "●●○", "high": "●●●"}
KINDS = {
    "noise": ("noise between the partials", "{:.1f} dB"),
    "clicks": ("clicks", "{:.1f} a second"),
    "warble": ("warbling between spectra", "{:.1f} dB"),
    "clipped": ("clipping", "{:.1f} % of the samples"),
    "dropouts": ("dropouts", "{:.1f} a second"),
    "constant": ("DC", "{:.2f} of the level"),
}


@dataclass(frozen=True)
class Entry:
    """A sound on the page: mono ``samples`` at ``rate``. The recording itself is not judged."""

    title: str
    samples: Samples
    rate: int
    judgement: Judgement | None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate

    @property
    def shown(self) -> Samples:
        return self.samples[: round(SHOWN * self.rate)]


def page(
    title: str,
    intro: str,
    exhibits: Sequence[Entry],
    sources: Sequence[str],
    own: Artifacts | None = None,
) -> str:
    """A whole HTML document.

    :param sources: names of the recordings, as the passages number them.
    :param own: the recordings' artifacts, to say what a dream has beyond them.
    """
    peak = max(float(np.abs(each.shown).max()) for each in exhibits)
    loudest = max(float(levels(each.shown, each.rate).max()) for each in exhibits)
    parts = [HEAD, f"<title>{escape(title)}</title><style>{STYLE}</style><main>"]
    parts += [f"<h1>{escape(title)}</h1><p>{escape(intro)}</p>", _summary(exhibits), READING]
    for number, each in enumerate(exhibits):
        parts += [f'<section id="e{number}"><h2>{escape(each.title)}</h2>', _facts(each)]
        parts += [_sound(each, peak, loudest), _scores(each, sources, own), "</section>"]
    return "\n".join([*parts, "</main></html>\n"])


# ---------------------------------------------------------------- the table


def _summary(exhibits: Sequence[Entry]) -> str:
    names = list(dict.fromkeys(name for each in exhibits for name, _ in each.facts))
    heads = ["", *(name for name, _, _ in CRITERIA_SHOWN), *names]
    rows = ["".join(f"<th scope=col>{escape(name)}</th>" for name in heads)]
    for number, each in enumerate(exhibits):
        facts, judged = dict(each.facts), each.judgement
        scores = (judged.c1, judged.c2, judged.c3) if judged else ()
        rows.append(
            f'<th scope=row><a href="#e{number}">{escape(each.title)}</a></th>'
            + ("".join(map(_cell, scores)) or "<td>–</td>" * len(CRITERIA_SHOWN))
            + "".join(f"<td>{escape(facts.get(name, ''))}</td>" for name in names)
        )
    return f"<div class=wide><table>{''.join(f'<tr>{row}</tr>' for row in rows)}</table></div>"


def _cell(score: float) -> str:
    return f'<td class="score {word(score)}">{_number(score)}</td>'


def _number(score: float) -> str:
    said = word(score)
    return f"<b>{score:.2f}</b> <span>{said} <i aria-hidden=true>{DOTS[said]}</i></span>"


# ---------------------------------------------------------------- one sound


def _facts(exhibit: Entry) -> str:
    length = f"{exhibit.seconds:.1f} s"
    if len(exhibit.shown) < len(exhibit.samples):
        length += f", of which the first {SHOWN:g} s are shown and can be heard"
    facts = [length, *(f"{name}: {value}" for name, value in exhibit.facts)]
    return f"<p class=soft>{escape(' · '.join(facts))}</p>"


def _sound(exhibit: Entry, peak: float, loudest: float) -> str:
    """Waveform with what is copied, spectrogram, player."""
    samples, rate, name = exhibit.shown, exhibit.rate, escape(exhibit.title)
    seconds = len(samples) / rate
    copied = _copied(exhibit.judgement)[0] if exhibit.judgement else []
    marks = "".join(
        f'<span class=copy style="left:{_percent(each.at, seconds)};'
        f'width:{_percent(min(each.seconds, seconds - each.at), seconds)}">{number}</span>'
        for number, each in enumerate(copied, 1)
        if each.at < seconds
    )
    hertz = "".join(
        f'<span style="bottom:{_percent(each, rate / 2000)}">{each:g} kHz</span>'
        for each in _ticks(rate / 2000, 6)
    )
    times = "".join(
        f'<span style="left:{_percent(each, seconds)}">{each:g} s</span>'
        for each in _ticks(seconds, 8)
    )
    wave = _data("image/png", waveform(samples, peak))
    spectra = _data("image/png", spectrogram(samples, rate, loudest))
    return (
        f'<figure><div class=wave><img src="{wave}" alt="Waveform of {name}">{marks}</div>'
        f'<div class=spectra><img src="{spectra}" alt="Spectrogram of {name}">{hertz}</div>'
        f"<div class=times>{times}</div>"
        f'<audio controls src="{_data("audio/flac", files.flac(samples, rate))}"></audio></figure>'
    )


def _scores(exhibit: Entry, sources: Sequence[str], own: Artifacts | None) -> str:
    if not exhibit.judgement:
        return ""
    judged = exhibit.judgement
    scores = (judged.c1, judged.c2, judged.c3)
    about = (_faults(judged.artifacts, own), "", _copies(judged, sources) + _order(judged))
    cards = [
        f"<div><h3>{name}</h3><p class=score>{_number(score)}</p>"
        f'<div class="bar {word(score)}"><i style="width:{_percent(score, 1)}"></i></div>'
        f"<p class=ends><span>{worst}</span><span>{best}</span></p>{text}</div>"
        for (name, worst, best), score, text in zip(CRITERIA_SHOWN, scores, about, strict=True)
    ]
    return f"<div class=cards>{''.join(cards)}</div>"


def _faults(found: Artifacts, own: Artifacts | None) -> str:
    """What there is of each kind; with ``own``, what is more than that, and what it costs."""
    said, none = [], []
    for kind, (name, amount) in KINDS.items():
        much = getattr(found, kind)
        left = artifacts.factor(found, own, kind) if own else 1.0
        if own and left < 0.995:
            beyond = amount.format(much - getattr(own, kind))
            said.append(f"{name} {beyond} beyond the recordings: ×\N{NO-BREAK SPACE}{left:.2f}")
        elif own or not much:
            none.append(name)
        else:
            said.append(f"{name} {amount.format(much)}")
    more = "no more {} than they have" if own else "no {}"
    return _list("ul", [*said, *([more.format(", ".join(none))] if none else [])])


def _copies(judgement: Judgement, sources: Sequence[str]) -> str:
    copied, others = _copied(judgement)
    said = [
        f"{each.seconds:.1f} s from {_clock(each.at)} of the dream are {_clock(each.source)} of "
        f"{sources[each.number]}"
        for each in copied
    ]
    note = "" if copied else "no passage of several seconds"
    if others:
        note = f"shorter passages: {others}"
    return f"{_list('ol', said)}<p class=soft>{note}</p>"


def _order(judgement: Judgement) -> str:
    return f"<p class=soft>in the recordings' own order: {judgement.order:.2f}</p>"


def _copied(judgement: Judgement) -> tuple[list[Passage], int]:
    """The longest that count as copied, in order of time; how many others there are."""
    counting = [each for each in judgement.passages if each.seconds > copying.COPY_SHORT]
    longest = sorted(counting, key=lambda each: -each.seconds)[:LISTED]
    return sorted(longest, key=lambda each: each.at), len(judgement.passages) - len(longest)


def _list(kind: str, items: Iterable[str]) -> str:
    return f"<{kind}>{''.join(f'<li>{escape(item)}</li>' for item in items)}</{kind}>"


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%"


def _ticks(extent: float, most: int) -> list[float]:
    """
    >>> _ticks(5.5, 6), _ticks(60.0, 8)[-1]
    ([0, 1, 2, 3, 4, 5], 60)
    """
    steps = (digit * 10**power for power in range(-3, 6) for digit in (1, 2, 5))
    step = next(step for step in steps if extent <= most * step)
    return [k * step for k in range(int(extent / step) + 1)]


def _clock(seconds: float) -> str:
    """
    >>> _clock(72.34)
    '1:12.3'
    """
    minutes, tenths = divmod(round(10 * seconds), 600)
    return f"{minutes}:{tenths / 10:04.1f}"


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{b64encode(content).decode()}"


# ---------------------------------------------------------------- pictures


def levels(samples: Samples, rate: int) -> Levels:
    """The short-time spectra in dB ``(at most WIDTH + 1, bins)``, up to half the rate."""
    frame = 2 ** round(math.log2(PICTURE_FRAME * rate))
    window = np.blackman(frame).astype(np.float32) / frame
    spectra = np.fft.rfft(frames_of(samples, frame, math.ceil(len(samples) / WIDTH)) * window)
    return 10 * np.log10(np.square(np.abs(spectra), dtype=np.float32) + TINY)


def spectrogram(samples: Samples, rate: int, loudest: float) -> bytes:
    """PNG: time to the right, frequency up, brightness over :data:`PICTURE_DEPTH` dB up to
    ``loudest``."""
    bright = np.clip(1 + (levels(samples, rate).T[::-1] - loudest) / PICTURE_DEPTH, 0, 1)
    picture = Image.fromarray(np.round(255 * bright).astype(np.uint8))
    return _png(picture.resize((picture.width, TALL), Image.Resampling.BOX), colours())


def colours() -> NDArray[np.uint8]:
    """256 of them, ``(256, 3)``."""
    points = _rgb(COLOURS)
    places = np.linspace(0, len(points) - 1, 256)
    each = [np.interp(places, np.arange(len(points)), channel) for channel in points.T]
    return np.round(each).astype(np.uint8).T


def waveform(samples: Samples, peak: float) -> bytes:
    """PNG, transparent: from the lowest to the highest sample, darker up to the mean square."""
    edges = np.linspace(0, len(samples), WIDTH, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    count = np.maximum(np.diff(edges, append=len(samples)), 1)
    mean = np.sqrt(np.add.reduceat(samples**2, edges) / count)
    y = np.linspace(1, -1, HEIGHT)[:, None] * max(peak, 1e-6)
    line = max(peak, 1e-6) / HEIGHT  # silence is a line
    inside = (y <= high + line) & (y >= low - line)
    loud = inside & (np.abs(y) <= mean)
    return _png(Image.fromarray(inside.astype(np.uint8) + loud), _rgb(WAVE), transparency=0)


def _rgb(hexes: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(hexes), np.uint8).reshape(-1, 3)


def _png(picture: Image.Image, palette: NDArray[np.uint8], **more: int) -> bytes:
    picture.putpalette(palette.tobytes())
    file = BytesIO()
    picture.save(file, "PNG", optimize=True, **more)
    return file.getvalue()


# ---------------------------------------------------------------- the page's own words

HEAD = """<!doctype html>
<html lang=en>
<meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1">"""

READING = f"""<p class=soft>Scores go from 0 to 1 and are of the whole dream; <i>low</i>,
<i>medium</i> and <i>high</i> are thirds. × is what a kind of artifact leaves of its score. What
resembles the recordings has their colours and moves as they do. Orange spans are in the
recordings as well, perhaps higher or lower, faster or slower; up to {copying.COPY_SHORT:g} s that
counts for nothing, because notes are alike. <i>In the recordings' own order</i> is how the best
10 s correlate with the best place: the recordings themselves have 1, and what has nothing to do
with their order 0.3 to 0.55.
All waveforms have one scale. Spectrograms show time against frequency, and level as brightness,
from {PICTURE_DEPTH:g} dB under the loudest of all <i class=scale></i> up to it.</p>"""

STYLE = """
:root{color-scheme:light dark;--page:#fdfcfa;--ink:#23262b;--soft:#63676f;--line:#d8d5ce;
--high:#0072b2;--medium:#8a8f98;--low:#d55e00}
@media screen and (prefers-color-scheme:dark){:root{--page:#15171a;--ink:#e4e2dd;
--soft:#9ba0a9;--line:#383c43;--high:#3f9fd8;--low:#f0883e}}
*{box-sizing:border-box;print-color-adjust:exact;-webkit-print-color-adjust:exact}
body{margin:0;background:var(--page);color:var(--ink);font:1rem/1.5 system-ui,sans-serif;
font-variant-numeric:tabular-nums}
main{max-width:70rem;margin:auto;padding:1.5rem 1rem 4rem}
h1,h2{font-family:"Iowan Old Style",Palatino,Georgia,serif;font-weight:500;line-height:1.2}
h1{font-size:2rem;margin:.5rem 0}h2{font-size:1.4rem;margin:0}
h3{font-size:1rem;font-weight:600;margin:0}
p{margin:.25rem 0 1rem;max-width:56rem}a{color:inherit}
.soft,.ends,.times,.spectra span,.cards li{font-size:.85rem;color:var(--soft)}
.wide{overflow-x:auto;margin:1.5rem 0}table{border-collapse:collapse;min-width:100%}
th,td{padding:.4rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
td{white-space:nowrap}td.score{white-space:normal}
th{font-weight:500}tr:first-child th{font-size:.85rem;color:var(--soft);vertical-align:bottom}
th:first-child{position:sticky;left:0;background:var(--page);padding-left:0}
.score span{white-space:nowrap;font-size:.85rem}.score i{font-style:normal;font-size:.7rem}
td.high{background:color-mix(in srgb,var(--high) 14%,transparent)}
td.low{background:color-mix(in srgb,var(--low) 18%,transparent)}
section{margin-top:3rem;padding-top:1.5rem;border-top:1px solid var(--line)}
figure{margin:1rem 0 1.5rem;padding:0 .5rem 0 3rem}figure div{position:relative}
img{display:block;width:100%}.wave img{height:6.5rem}.spectra img{height:15rem}
.spectra span{position:absolute;right:100%;padding-right:.5rem;transform:translateY(50%);
white-space:nowrap}
.times{height:1.8rem;top:.3rem}
.times span{position:absolute;transform:translateX(-50%);white-space:nowrap}
audio{width:100%;height:2.5rem;margin-top:.5rem}
.copy{position:absolute;top:0;bottom:0;display:flex;padding-left:.2rem;font-size:.75rem;
background:color-mix(in srgb,var(--low) 22%,transparent);border-left:2px solid var(--low)}
.copy:nth-of-type(even){align-items:end}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));gap:1.5rem 2.5rem}
.cards p{margin:.1rem 0}.cards b{font-size:1.5rem;font-weight:500}
.bar{position:relative;height:.5rem;background:var(--line)}.bar i{display:block;height:100%}
.bar::after{content:"";position:absolute;inset:0 33.33%;border:solid var(--page);
border-width:0 2px}
.bar.high i{background:var(--high)}.bar.medium i{background:var(--medium)}
.bar.low i{background:var(--low)}
.ends{display:flex;justify-content:space-between}
ul,ol{margin:.5rem 0;padding-left:1.3rem}ol ::marker{color:var(--low);font-weight:600}
.scale{display:inline-block;width:5rem;height:.6rem;background:linear-gradient(90deg,COLOURS)}
@media(max-width:40rem){th,td{padding:.4rem .3rem}}
@media print{:root{--page:#fff;font-size:75%}audio{display:none}section{break-inside:avoid}}
""".replace("COLOURS", ",".join(f"#{each}" for each in COLOURS.split()))
