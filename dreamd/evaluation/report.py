"""Dreams beside their recording as one HTML page: to look at, to listen to, with their scores.

The page needs nothing but itself: pictures and sound are in it. ``dreamd judge --html`` and
``dreamd table1`` call :func:`page`; the numbers are :mod:`dreamd.evaluation.judge`'s.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from dreamd.audio.files import Samples
from dreamd.evaluation import artifacts, copying, walk
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.document import SHOWN, data_url, document, minutes, share, shown_of, sound
from dreamd.evaluation.judge import Judgement, word
from dreamd.evaluation.pictures import PICTURE_DEPTH, levels, waveform
from dreamd.home.credits import Credit

LISTED = 12
"""Passages of a dream that are listed, the longest."""

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
    credits: tuple[Credit, ...] = ()  # what its cursor walked, where that is known

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
    parts = [f"<h1>{escape(title)}</h1><p>{escape(intro)}</p>", _summary(exhibits), READING]
    walked = any(each.credits for each in exhibits)
    parts += [walk.HOW_TO_READ] if walked else []
    for number, each in enumerate(exhibits):
        parts += [f'<section id="e{number}"><h2>{escape(each.title)}</h2>', _facts(each)]
        parts.append(_sound(each, peak, loudest, f"e{number}"))
        parts += [_scores(each, sources, own), "</section>"]
    return document(title, parts, walk.SCRIPT if walked else "")


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
    facts = [shown_of(exhibit.seconds), *(f"{name}: {value}" for name, value in exhibit.facts)]
    return f"<p class=soft>{escape(' · '.join(facts))}</p>"


def _sound(exhibit: Entry, peak: float, loudest: float, key: str) -> str:
    """Waveform with what is copied, spectrogram, player, and what the cursor walked."""
    samples, rate, name = exhibit.shown, exhibit.rate, escape(exhibit.title)
    seconds = len(samples) / rate
    copied = _copied(exhibit.judgement)[0] if exhibit.judgement else []
    marks = "".join(
        f'<span class=copy style="left:{share(each.at, seconds)};'
        f'width:{share(min(each.seconds, seconds - each.at), seconds)}">{number}</span>'
        for number, each in enumerate(copied, 1)
        if each.at < seconds
    )
    walked = walk.trace(exhibit.credits, seconds, rate, key)
    wave = data_url("image/png", waveform(samples, peak))
    return (
        f'<figure><div class=wave><img src="{wave}" alt="Waveform of {name}">{marks}</div>'
        f"{sound(exhibit.title, samples, rate, loudest, walked.over)}{walked.below}</figure>"
    )


def _scores(exhibit: Entry, sources: Sequence[str], own: Artifacts | None) -> str:
    if not exhibit.judgement:
        return ""
    judged = exhibit.judgement
    scores = (judged.c1, judged.c2, judged.c3)
    about = (_faults(judged.artifacts, own), "", _copies(judged, sources) + _order(judged))
    cards = [
        f"<div><h3>{name}</h3><p class=score>{_number(score)}</p>"
        f'<div class="bar {word(score)}"><i style="width:{share(score, 1)}"></i></div>'
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
        f"{each.seconds:.1f} s from {minutes(each.at)} of the dream are {minutes(each.source)} of "
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


# ---------------------------------------------------------------- the page's own words

READING = f"""<p class=soft>Scores go from 0 to 1 and are of the whole dream; <i>low</i>,
<i>medium</i> and <i>high</i> are thirds. × is what a kind of artifact leaves of its score. What
resembles the recordings has their colours and moves as they do. Orange spans are in the
recordings as well, perhaps higher or lower, faster or slower; up to {copying.COPY_SHORT:g} s that
counts for nothing, because notes are alike. <i>In the recordings' own order</i> is how the best
10 s correlate with the best place: the recordings themselves have 1, and what has nothing to do
with their order 0.3 to 0.55.
All waveforms have one scale. Spectrograms show time against frequency, and level as brightness,
from {PICTURE_DEPTH:g} dB under the loudest of all <i class=scale></i> up to it.</p>"""
