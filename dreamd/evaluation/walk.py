"""A dream beside the recordings that its cursor walked: the path drawn, each passage to be heard.

``dreamd credits --html`` makes a page of it (:func:`walk_page`); on the judge's page it stands
under each dream whose credits are known (:func:`trace`). ``walk.js`` plays the passages.

For every recording that was walked there is its spectrogram, time to the right, and over it the
cursor's path, the time of the dream going down.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from dreamd.audio import files
from dreamd.evaluation.document import (
    SHOWN,
    data_url,
    document,
    minutes,
    script_of,
    share,
    shown_of,
    sound,
    ticks,
    times,
)  # fmt: skip
from dreamd.evaluation.pictures import SLATE, spectrogram
from dreamd.evaluation.takes import Leg, Take, Walk
from dreamd.home.credits import PAUSED, Credit

SCRIPT = script_of("walk.js")
HOW_TO_READ = """<p class=soft>While a dream is made a cursor walks through the recordings, and the
dream leans on what it passes; where something begins, it leaps to what sounds most like the dream.
Each recording that was walked is shown grey, its time to the right; over it the path of the cursor,
with the dream’s time going down. A passage has one colour in the dream and in the recording, and
near places have near colours. Choose a passage and hear both: what was dreamt, then what it leant
on. With the keyboard, arrows move from passage to passage, Enter plays, Escape stops.</p>"""
STROKES = ("near", "edge", "line")
"""Of a passage: what the pointer meets, a dark edge, the line."""
GONE = "it cannot be read any more, so only the dream’s part can be heard"


@dataclass(frozen=True)
class Traced:
    """HTML: what lies over the dream's spectrogram, and what comes under its player."""

    over: str
    below: str
    told: str = ""  # how much there is


NOTHING = Traced("", "")


def walk_page(dream: Path, credits: Sequence[Credit]) -> str:
    """The page of one dream. Raises :class:`BadRecording` where its file cannot be read."""
    about = files.info(dream)
    rate, whole = about.rate, files.excerpt(dream, about.rate, channels=min(about.channels, 2))
    samples = whole[: round(SHOWN * rate)]
    traced = trace(credits, len(samples) / rate, rate, "take", listed=True)
    title = f"What {dream.name} leant on"
    body = [
        f"<h1>{escape(title)}</h1><p>{shown_of(len(whole) / rate)}{traced.told}</p>",
        HOW_TO_READ if traced.over else f"<p>Nothing: {PAUSED}.</p>",
        f"<figure>{sound(dream.name, samples, rate, over=traced.over)}{traced.below}</figure>",
    ]
    return document(title, body, SCRIPT)


def trace(
    credits: Sequence[Credit], seconds: float, rate: int, key: str, *, listed: bool = False
) -> Traced:
    """What a dream's cursor walked in the ``seconds`` that are shown of it.

    :param rate: at which the recordings are shown and heard, in Hz: the dream's.
    :param key: makes the names of places in the document unique.
    :param listed: whether the list of all passages is open at first.
    """
    walk = Walk(credits, seconds, rate)
    if not walk.legs:
        return NOTHING
    takes = "".join(_take(walk, number, key) for number in range(len(walk.takes)))
    now = "<p class=now aria-hidden=true></p>"
    told = f" · {how_many(walk.legs, 'passage')} of {how_many(walk.takes, 'recording')}"
    return Traced(_legs(walk), f"{now}{takes}{_list(walk, key, listed)}{_data(walk)}", told)


def how_many(things: Sequence[object], name: str) -> str:
    """
    >>> how_many(["a"], "passage"), how_many([], "passage")
    ('1 passage', '0 passages')
    """
    return f"{len(things)} {name}{'s' * (len(things) != 1)}"


# ---------------------------------------------------------------- in the dream


def _legs(walk: Walk) -> str:
    """Over the dream's spectrogram, a button for each passage."""
    buttons = "".join(
        f"<button type=button data-leg={number} tabindex={-(number > 0)} aria-pressed=false "
        f'style="left:{share(leg.credit.start, walk.seconds)};'
        f'width:{share(leg.credit.end - leg.credit.start, walk.seconds)};--h:{leg.hue}" '
        f'aria-label="Passage {number + 1}: {_span(leg.credit.start, leg.credit.end)} of the '
        f'dream, {_where(walk, leg)}"></button>'
        for number, leg in enumerate(walk.legs)
    )
    return (
        f'<div class=legs role=group aria-label="Passages of the dream">{buttons}</div>'
        "<i class=head hidden></i>"
    )


def _where(walk: Walk, leg: Leg, link: str = "") -> str:
    """From which second to which of the recording, which may be a link to where it is shown."""
    name, spans = escape(walk.takes[leg.take].name), [_span(*each) for each in leg.pieces]
    if len(spans) > 2:
        spans = [spans[0], f"{len(spans) - 2} × the whole", spans[-1]]
    named = f'<a href="#{link}">{name}</a>' if link else name
    return f"{', '.join(spans)} of {named}"


def _span(first: float, last: float) -> str:
    """
    >>> _span(2.5, 3.25), _span(119.5, 121)
    ('2.50–3.25 s', '1:59.5–2:01.0')
    """
    if last < 100:
        return f"{first:.2f}–{last:.2f} s"
    return f"{minutes(first)}–{minutes(last)}"


# ---------------------------------------------------------------- in the recordings


def _take(walk: Walk, number: int, key: str) -> str:
    """A recording: its name, its spectrogram, the path over it."""
    take, legs = walk.takes[number], walk.through(number)
    name = escape(take.name)
    title = f'<div class=take id="{key}-{number}"><h3>{name}</h3><p class=soft>'
    title += f"{how_many(legs, 'passage')}, {take.walked:.1f} s of the dream"
    if not len(take.samples):
        return f"{title} · {GONE}</p></div>"
    part = ""
    if take.end - take.start < take.seconds - 0.1:
        part = f", shown from {minutes(take.start)} to {minutes(take.end)}"
    picture = data_url("image/png", spectrogram(take.samples, take.rate, palette=SLATE))
    downward = "".join(
        f'<span style="bottom:{share(walk.seconds - each, walk.seconds)}">{each:g} s</span>'
        for each in ticks(walk.seconds, 5)
    )
    return (
        f"{title} · {minutes(take.seconds)} long{part}</p>"
        f'<div class="spectra path"><img src="{picture}" alt="Spectrogram of {name}">'
        f"{downward}{_path(walk, take, legs)}<i class=dot hidden></i></div>"
        f"{times(take.start, take.end)}</div>"
    )


def _path(walk: Walk, take: Take, legs: Sequence[tuple[int, Leg]]) -> str:
    """The path over a take: passages as lines, and the leaps between them."""
    drawn, before = [], (-1, 0.0)
    for number, leg in legs:
        x = leg.pieces[0][0] - take.start
        if before[0] == number - 1 and number:
            drawn.append(f'<path class=leap d="M{before[1]:.3f} {leg.credit.start:.3f}H{x:.3f}"/>')
        lines = _lines(leg, take.start)
        strokes = "".join(f'<path class={each} d="{lines}"/>' for each in STROKES)
        drawn.append(f'<g data-leg={number} style="--h:{leg.hue}">{strokes}</g>')
        before = number, leg.pieces[-1][1] - take.start
    return (
        f'<svg viewBox="0 0 {take.end - take.start:.3f} {walk.seconds:.3f}" '
        f"preserveAspectRatio=none aria-hidden=true>{''.join(drawn)}</svg>"
    )


def _lines(leg: Leg, origin: float) -> str:
    """A passage as an SVG path: seconds of the recording to the right, of the dream down."""
    lines, y = [], leg.credit.start
    pace = (leg.credit.end - y) / sum(last - first for first, last in leg.pieces)
    for first, last in leg.pieces:
        below = y + pace * (last - first)
        lines.append(f"M{first - origin:.3f} {y:.3f}L{last - origin:.3f} {below:.3f}")
        y = below
    return "".join(lines)


# ---------------------------------------------------------------- in words and numbers


def _list(walk: Walk, key: str, listed: bool) -> str:
    """Every passage in words."""
    items = "".join(
        f'<li data-leg={number} style="--h:{leg.hue}"><button type=button aria-pressed=false '
        f'aria-label="Play passage {number + 1}">'
        f"{_span(leg.credit.start, leg.credit.end)}</button> "
        f"<span>{_where(walk, leg, f'{key}-{leg.take}')}</span></li>"
        for number, leg in enumerate(walk.legs)
    )
    return (
        f"<details{' open' * listed}><summary>All passages ({len(walk.legs)})</summary>"
        f"<ol class=passages>{items}</ol></details>"
    )


def _data(walk: Walk) -> str:
    """What the script needs: numbers, and the sound of what was walked. No names."""
    reels = [walk.reel(number) for number in range(len(walk.takes))]
    takes = [
        {
            "start": take.start,
            "end": take.end,
            "reel": data_url("audio/flac", files.flac(reel.samples, take.rate)) if reel else None,
        }
        for take, reel in zip(walk.takes, reels, strict=True)
    ]
    legs = []
    for leg in walk.legs:
        reel = reels[leg.take]
        pieces = [[*each, reel.place(each[0]) if reel else 0.0] for each in leg.pieces]
        credit = leg.credit
        legs.append({"at": credit.start, "to": credit.end, "take": leg.take, "pieces": pieces})
    said = json.dumps({"seconds": walk.seconds, "legs": legs, "takes": takes})
    return f"<script type=application/json>{said}</script>"
