"""The pages in a real Chromium: they are looked at, listened to, and used without a mouse.

The pitch of the dream and of its recordings rises evenly, so that it says which second it is.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import Browser, Page
from conftest import RATE, tone

from dreamd.audio import files
from dreamd.evaluation import report
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.judge import Judgement
from dreamd.evaluation.report import Entry
from dreamd.evaluation.walk import walk_page
from dreamd.home.credits import Credit

pytestmark = pytest.mark.browser

DREAM, TAKE = (400.0, 200.0), (600.0, 40.0)
"""Hertz at the beginning, and how many more each second."""
NASTY = """<script>pwned=1</script><img src=x onerror=pwned=1>"'&lt;.wav""".replace("/", "\u2215")
TINY = 1.5  # seconds of a recording that the cursor walks round and round

HEAR = """
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when, offset, duration) {
  const samples = this.buffer.getChannelData(0), rate = this.buffer.sampleRate;
  const hertz = (second) => {  // by where the samples cross zero within 40 ms
    const at = Math.round((second - 0.02) * rate), crossings = [];
    for (let k = at; k < at + 0.04 * rate; k++)
      if (samples[k] < 0 && samples[k + 1] >= 0)
        crossings.push(k + samples[k] / (samples[k] - samples[k + 1]));
    return (crossings.length - 1) * rate / (crossings.at(-1) - crossings[0]);
  };
  const one = { when, duration, first: hertz(offset + 0.02),
                last: hertz(offset + duration - 0.02), ended: 0 };
  this.addEventListener("ended", () => (one.ended = this.context.currentTime));
  heard.push(one);
  return start.call(this, when, offset, duration);
};
"""
"""Notes every sound that is started, from what is in its buffer."""


def rising(first: float, more: float, seconds: float) -> files.Samples:
    t = np.arange(int(seconds * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * (first + more * t / 2) * t)).astype(np.float32)


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    one = Browser(tmp_path_factory.mktemp("chromium") / "profile")
    yield one
    one.close()


@pytest.fixture(scope="module")
def takes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("takes")
    files.write(folder / "a.wav", rising(*TAKE, 20.0), RATE)
    files.write(folder / NASTY, rising(*TAKE, 20.0), RATE)
    files.write(folder / "tiny.wav", rising(*TAKE, TINY), RATE)
    files.write(folder / "dream.wav", rising(*DREAM, 5.0), RATE)
    return folder


def credits_in(folder: Path) -> list[Credit]:
    """Which five passages there are."""
    a, nasty, tiny, gone = (str(folder / n) for n in ("a.wav", NASTY, "tiny.wav", "gone.wav"))
    return [
        Credit(0.0, 0.7, a, 12.5, 13.2),
        Credit(0.7, 1.3, nasty, 3.0, 3.3),  # at half the pace
        Credit(1.3, 2.2, a, 5.0, 5.9),
        Credit(2.2, 4.7, tiny, 1.0, 3.5),  # past the end, and once round
        Credit(4.7, 5.0, gone, 1.0, 1.3),
    ]


@pytest.fixture(scope="module")
def walked(takes: Path) -> Path:
    html = takes / "walked.html"
    html.write_text(walk_page(takes / "dream.wav", credits_in(takes)), encoding="utf-8")
    return html


@pytest.fixture(scope="module")
def judged(takes: Path) -> Path:
    """The judge's page: a recording, a dream whose credits are known, one whose are not."""
    clean = Artifacts(noise=-30.0, clicks=0.5, warble=0.5, clipped=0.0, dropouts=0.0, constant=0.0)
    judgement = Judgement(0.2, 0.5, 0.9, clean, ())
    known = tuple(credits_in(takes))
    entries = [
        Entry("a.wav", rising(*TAKE, 20.0), RATE, None),
        Entry("known", rising(*DREAM, 5.0), RATE, judgement, credits=known),
        Entry("again", rising(*DREAM, 5.0), RATE, judgement, credits=known),
        Entry(
            "unknown", tone(440, 3.0), RATE, judgement, tuple((f"fact {k}", "1") for k in range(9))
        ),
    ]
    html = takes / "judged.html"
    html.write_text(report.page("Dreams", "", entries, ["a.wav"]), encoding="utf-8")
    return html


def seconds_of(sound: dict[str, Any], first: float, more: float) -> tuple[float, float]:
    """From which second to which a sound went, by its pitch."""
    here = [(sound[key] - first) / more for key in ("first", "last")]
    return here[0] - 0.02, here[1] + 0.02


def played(page: Page, count: int) -> list[tuple[float, float]]:
    """When ``count`` sounds have come to their ends: which seconds of the dream, and then of a
    recording, they were."""
    page.until(f"heard.length === {count} && heard.every((each) => each.ended)")
    heard = page.ask("heard.splice(0)")
    for before, after in itertools.pairwise(heard):  # one after the other
        assert after["when"] >= before["when"] + before["duration"] - 1e-6
    for each in heard:
        assert each["ended"] >= each["when"] + each["duration"] - 0.05
    return [seconds_of(each, *(TAKE if k else DREAM)) for k, each in enumerate(heard)]


def near(*spans: tuple[float, float]) -> list[Any]:
    return [pytest.approx(span, abs=0.02) for span in spans]


PARTS = {
    1: near((0.0, 0.7), (12.5, 13.2)),
    2: near((0.7, 1.3), (3.0, 3.3)),
    3: near((1.3, 2.2), (5.0, 5.9)),
    4: near((2.2, 4.7), (1.0, 1.5), (0.0, 1.5), (0.0, 0.5)),
    5: near((4.7, 5.0)),
}
"""What each passage sounds like: the dream's part, then the recording's."""


@pytest.mark.parametrize("number", PARTS)
def test_a_click_on_a_passage_of_the_dream_plays_both(
    browser: Browser, walked: Path, number: int
) -> None:
    page = browser.open(walked, before=HEAR)
    page.click(f".legs button:nth-child({number})")
    assert played(page, len(PARTS[number])) == PARTS[number]
    page.until("!document.querySelector('[aria-pressed=true]')")
    assert not page.complaints()


def test_a_click_on_the_path_or_in_the_list_plays_the_same(browser: Browser, walked: Path) -> None:
    page = browser.open(walked, before=HEAR)
    page.click("g[data-leg='2'] .line")
    assert played(page, 2) == PARTS[3]
    page.click(".passages li:nth-child(2) button")
    assert played(page, 2) == PARTS[2]


def test_arrows_choose_enter_plays_escape_stops(browser: Browser, walked: Path) -> None:
    page = browser.open(walked, before=HEAR)
    page.ask("document.querySelector('.legs button').focus()")
    focus = "document.activeElement.dataset.leg"
    for key, there in (("ArrowRight", "1"), ("End", "4"), ("ArrowRight", "4"), ("ArrowLeft", "3"),
                       ("Home", "0"), ("ArrowLeft", "0"), ("ArrowRight", "1")):  # fmt: skip
        page.key(key)
        assert page.ask(focus) == there
    assert page.ask("document.querySelectorAll('.legs [tabindex=\"0\"]').length") == 1
    page.key("Enter")
    assert played(page, 2) == PARTS[2]
    page.key("End")
    page.key("ArrowLeft")
    page.key(" ")
    page.until("heard.length === 4 && document.querySelector('[aria-pressed=true]')")
    page.key("Escape")
    page.until("!document.querySelector('[aria-pressed=true]')")
    page.until("heard.every((each) => each.ended)")
    assert page.ask("heard.every((each) => each.ended < each.when + each.duration)")
    page.key("Tab")  # out of the passages, to the player
    assert page.ask("document.activeElement.tagName") == "AUDIO"


def test_the_same_passage_again_stops_another_takes_its_place(
    browser: Browser, walked: Path
) -> None:
    page = browser.open(walked, before=HEAR)
    long = ".legs button:nth-child(4)"
    page.click(long)
    page.until("heard.length === 4")
    page.click(long)
    page.until("heard.every((each) => each.ended)")
    assert page.ask("document.querySelectorAll('[aria-pressed=true]').length") == 0
    page.click(long)
    page.until("heard.length === 8")
    page.click(".legs button:nth-child(1)")
    page.until("heard.length === 10 && heard.every((each) => each.ended)")
    assert page.ask("heard.slice(4, 8).every((each) => each.ended < each.when + each.duration)")
    page.click(long)
    page.until("heard.length === 14")
    page.ask("document.querySelector('audio').play()")  # the whole dream
    page.until("heard.slice(10).every((each) => each.ended)")
    page.click(long)
    assert page.ask("document.querySelector('audio').paused")


def test_what_is_pointed_at_is_lit_in_dream_recording_and_words(
    browser: Browser, walked: Path
) -> None:
    page = browser.open(walked)
    page.point(".legs button:nth-child(3)")
    lit = "[...document.querySelectorAll('.on')].map((e) => `${e.tagName} ${e.dataset.leg}`)"
    assert sorted(page.ask(lit)) == ["BUTTON 2", "LI 2", "g 2"]
    said = page.ask("document.querySelector('.now').innerText").split("\n")
    assert [" ".join(each.split()) for each in said if each] in (
        ["1.30–2.20 s of the dream", "5.00–5.90 s of a.wav"],
        ["1.30–2.20 s of the dream 5.00–5.90 s of a.wav"],
    )
    page.point("h1")
    assert page.ask(lit) == []


@pytest.mark.parametrize("name", ["walked", "judged"])
def test_players_play(browser: Browser, request: pytest.FixtureRequest, name: str) -> None:
    page = browser.open(request.getfixturevalue(name))
    count = page.ask("document.querySelectorAll('audio').length")
    assert count == {"walked": 1, "judged": 4}[name]
    for k in range(count):
        player = f"document.querySelectorAll('audio')[{k}]"
        page.ask(f"{player}.play()")  # fails if it cannot
        page.until(f"{player}.currentTime > 0.2")
        assert page.ask(f"{player}.error") is None
        page.ask(f"{player}.pause()")
    assert not page.complaints()


def test_while_the_dream_plays_line_and_dot_go_along(browser: Browser, walked: Path) -> None:
    page = browser.open(walked)
    page.ask("document.querySelector('audio').currentTime = 1.8")
    page.ask("document.querySelector('audio').play()")
    page.until("document.querySelector('audio').currentTime > 1.85")
    where = page.ask(
        "(() => { document.querySelector('audio').pause();"
        "return [document.querySelector('audio').currentTime,"
        "  ...['.head', '.dot:not([hidden])'].map((e) =>"
        "     parseFloat(document.querySelector(e).style.left))] })()"
    )
    moment, line, dot = where
    assert line == pytest.approx(100 * moment / 5.0, abs=3)  # it is drawn 60 times a second
    assert dot == pytest.approx(100 * (5.0 + moment - 1.3) / 20.0, abs=1)
    assert page.ask("document.querySelectorAll('.dot:not([hidden])').length") == 1


def test_links_lead_where_they_should(browser: Browser, walked: Path, judged: Path) -> None:
    for html in (walked, judged):
        page = browser.open(html, 400)
        page.ask("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        links = page.ask("[...document.querySelectorAll('a')].map((a) => a.getAttribute('href'))")
        assert len(links) == {walked: 5, judged: 4 + 2 * 5}[html]
        for k, link in enumerate(links):
            named, there = page.ask(
                f"(() => {{ const a = document.querySelectorAll('a')[{k}]; a.click();"
                "const e = document.querySelector(location.hash);"
                "return [a.textContent, e.querySelector('h2,h3').textContent] })()"
            )
            assert named == there
            assert page.ask("location.hash") == link
            top = page.ask(f"document.querySelector('{link}').getBoundingClientRect().top")
            assert -1 <= top < 900
        assert not page.complaints()


def test_names_are_text_and_scripts_of_others_do_not_run(browser: Browser, walked: Path) -> None:
    page = browser.open(walked)
    names = page.ask("[...document.querySelectorAll('.take h3')].map((e) => e.textContent)")
    assert names == ["tiny.wav", "a.wav", NASTY, "gone.wav"]  # what most leans on comes first
    assert page.ask("document.images.length") == 1 + 3
    page.ask("document.body.append(Object.assign(document.createElement('script'),"
             "{textContent: 'pwned = 1'}))")  # fmt: skip
    page.ask("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=pwned=1>')")
    assert page.ask("typeof pwned") == "undefined"
    assert any("Content Security Policy" in each for each in page.complaints())


LOOK = """
(() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const over = (colours) => {  // from the bottom up
    canvas.clearRect(0, 0, 1, 1);
    for (const each of colours) { canvas.fillStyle = each; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((each) => each / 255);
  };
  const light = (rgb) => rgb.map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const under = [];
    for (let e = element; e; e = e.parentElement)
      under.unshift(getComputedStyle(e).backgroundColor);
    const [a, b] = [under, [...under, getComputedStyle(element).color]].map(over).map(light);
    found.push([(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), walker.currentNode.data]);
  }
  return found;
})()
"""
"""The contrast of every text with what is under it, as WCAG 2 has it."""


@pytest.mark.parametrize("name", ["walked", "judged"])
@pytest.mark.parametrize("width", [400, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_and_can_be_read(
    browser: Browser, request: pytest.FixtureRequest, name: str, width: int, dark: bool
) -> None:
    page = browser.open(request.getfixturevalue(name), width, dark=dark)
    page.ask("document.querySelectorAll('details').forEach((each) => (each.open = true))")
    page.point(".passages li:nth-child(1) button")  # lit
    assert page.ask("document.documentElement.scrollWidth") <= width
    assert page.ask("getComputedStyle(document.body).backgroundColor") == (
        "rgb(21, 23, 26)" if dark else "rgb(253, 252, 250)"
    )
    contrasts = page.ask(LOOK)
    assert len(contrasts) > 40
    assert not [text for contrast, text in contrasts if contrast < 4.5]
    assert not page.complaints()


def test_a_page_without_credits_has_no_script(browser: Browser, takes: Path) -> None:
    html = takes / "plain.html"
    html.write_text(walk_page(takes / "dream.wav", []), encoding="utf-8")
    page = browser.open(html)
    assert "Nothing: it was paused" in page.ask("document.body.innerText")
    assert page.ask("document.querySelectorAll('.legs, .take').length") == 0
    assert not page.complaints()
