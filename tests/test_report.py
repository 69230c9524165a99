"""The page needs nothing but itself, and what it shows and says is what was measured."""

import re
from base64 import b64decode
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
import soundfile
from conftest import RATE, tone
from PIL import Image

from dreamd.audio.files import Samples
from dreamd.evaluation import pictures, report
from dreamd.evaluation.artifacts import Artifacts
from dreamd.evaluation.copying import Passage
from dreamd.evaluation.judge import Judgement
from dreamd.evaluation.report import Entry, page

CLEAN = Artifacts(noise=-30.0, clicks=0.5, warble=0.5, clipped=0.0, dropouts=0.0, constant=0.0)
FAULTY = Artifacts(noise=-23.8, clicks=12.5, warble=0.3, clipped=0.0, dropouts=0.0, constant=0.0)
PASSAGES = (Passage(1.0, 2.0, 0, 41.0), Passage(2.0, 1.2, 0, 7.0), Passage(62.0, 4.0, 1, 0.25))


def dream(
    samples: Samples, title: str = "Dream", passages: tuple[Passage, ...] = (), **facts: str
) -> Entry:
    judgement = Judgement(0.2, 0.5, 0.9, FAULTY, passages)
    return Entry(title, samples, RATE, judgement, tuple(facts.items()))


def recording(samples: Samples, rate: int = RATE) -> Entry:
    return Entry("Recording", samples, rate, None)


class Elements(HTMLParser):
    """Every element with its attributes, and the text; fails where tags are not closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for each, attributes in self.found if each == tag]

    def contents(self, tag: str) -> list[bytes]:
        """What is embedded in the elements of a kind."""
        return [b64decode((each["src"] or "").split(",")[1]) for each in self.all(tag)]


def test_the_page_needs_nothing_but_itself() -> None:
    html = page("Dreams", "", [recording(tone(440, 3)), dream(tone(300, 3))], ["a.wav"])
    elements = Elements(html)
    assert not {"script", "link", "iframe"} & {tag for tag, _ in elements.found}
    addresses = [a[key] or "" for _, a in elements.found for key in ("src", "href") if key in a]
    assert len(addresses) == 8  # for each: a link in the table, two pictures, a player
    assert all(re.match(r"data:(image/png|audio/flac);base64,|#e\d$", each) for each in addresses)
    assert "url(" not in html
    assert "@import" not in html


def test_names_are_text_and_nothing_else() -> None:
    nasty = """<b class="x">&'"""
    each = dream(tone(440, 3), nasty, PASSAGES, **{nasty: nasty})
    elements = Elements(page(nasty, nasty, [each], [nasty, nasty]))
    assert elements.text.count(nasty) == 11
    assert {"class": "x"} not in elements.all("b")
    assert [each["alt"] for each in elements.all("img")] == [
        f"Waveform of {nasty}", f"Spectrogram of {nasty}",
    ]  # fmt: skip


def test_the_table_has_a_row_for_each_and_a_column_for_each_fact() -> None:
    dreams = [dream(tone(440, 3), trained="180 s"), dream(tone(440, 3), hop="56")]
    html = page("", "", [recording(tone(440, 3)), *dreams], [])
    rows = re.findall(r"<tr>(.*?)</tr>", html)
    cells = [[re.sub("<[^>]+>", "", c) for c in re.findall(r"<t[hd].*?</t[hd]>", r)] for r in rows]
    assert cells == [
        ["", *(name for name, _, _ in report.CRITERIA_SHOWN), "trained", "hop"],
        ["Recording", "–", "–", "–", "", ""],
        ["Dream", "0.20 low ●○○", "0.50 medium ●●○", "0.90 high ●●●", "180 s", ""],
        ["Dream", "0.20 low ●○○", "0.50 medium ●●○", "0.90 high ●●●", "", "56"],
    ]


@pytest.mark.parametrize("rate", [RATE, 44100])
def test_a_tone_is_a_line_at_its_frequency(rate: int) -> None:
    (_, picture) = Elements(page("", "", [recording(tone(2000, 2, rate), rate)], [])).contents(
        "img"
    )
    pixels = np.asarray(Image.open(BytesIO(picture)).convert("L"), float)
    row = int(pixels[:, 100:-100].mean(1).argmax())
    assert 1 - (row + 0.5) / len(pixels) == pytest.approx(2000 / (rate / 2), abs=0.01)
    assert np.median(pixels) < 20  # elsewhere it is dark


def test_a_gallery_shows_sounds_under_each_other() -> None:
    """At one scale, each up to half the rate under the line of its name."""
    loud, high = tone(2000, 2, 44100), 0.01 * tone(16000, 1, 44100)
    pixels = np.asarray(Image.open(BytesIO(pictures.gallery([("a", loud), ("b", high)], 44100))))
    each = pictures.LINE + pictures.TALL
    assert pixels.shape == (2 * each, pictures.WIDTH)
    for number, hertz in ((0, 2000), (1, 16000)):
        spectra = pixels[number * each + pictures.LINE : (number + 1) * each, 100:-100].astype(
            float
        )
        row = int(spectra.mean(1).argmax())
        assert 1 - (row + 0.5) / pictures.TALL == pytest.approx(hertz / 22050, abs=0.01)
        assert pixels[number * each : number * each + pictures.LINE].any(), "its name"
    loudest, softer = (pixels[at : at + pictures.TALL].max()
                       for at in (pictures.LINE, each + pictures.LINE))  # fmt: skip
    assert int(loudest) - int(softer) > 100, "they have one scale"


def test_all_pictures_have_one_scale() -> None:
    loud, soft = tone(1000, 2), 0.01 * tone(1000, 2)
    html = page("", "", [recording(loud), dream(soft)], [])
    wave, spectra, soft_wave, soft_spectra = (
        np.asarray(Image.open(BytesIO(each))) for each in Elements(html).contents("img")
    )
    assert spectra.max() > 240
    assert spectra.max() - soft_spectra.max() == pytest.approx(
        255 * 40 / pictures.PICTURE_DEPTH, abs=2
    )
    assert (wave[:, 600] > 0).mean() > 0.98  # from edge to edge
    assert 0 < (soft_wave[:, 600] > 0).mean() < 0.03


def test_louder_is_lighter_in_even_steps() -> None:
    rgb = pictures.colours() / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    lightness = 116 * np.cbrt(linear @ [0.2126, 0.7152, 0.0722]) - 16
    steps = np.diff(lightness[::15])  # CIE L*
    assert steps.min() > 0.7 * steps.mean()
    assert steps.max() < 1.3 * steps.mean()


def test_what_is_played_is_the_dream() -> None:
    (flac,) = Elements(page("", "", [dream(tone(440, 3))], [])).contents("audio")
    samples, rate = soundfile.read(BytesIO(flac), dtype="float32")
    assert rate == RATE
    np.testing.assert_allclose(samples, tone(440, 3), atol=2**-15)


def test_of_what_is_long_the_first_minute_is_there_and_that_is_said() -> None:
    elements = Elements(page("", "", [dream(tone(440, 70)), recording(tone(440, 3))], []))
    assert soundfile.info(BytesIO(elements.contents("audio")[0])).duration == report.SHOWN
    assert "70.0 s, of which the first 60 s are shown" in elements.text
    assert elements.text.count("of which") == 1


def test_copied_passages_are_listed_and_marked_where_they_are() -> None:
    html = page("", "", [dream(tone(440, 70), passages=PASSAGES)], ["guitar/a.wav", "guitar/b.wav"])
    elements = Elements(html)
    assert "2.0 s from 0:01.0 of the dream are 0:41.0 of guitar/a.wav" in elements.text
    assert "4.0 s from 1:02.0 of the dream are 0:00.2 of guitar/b.wav" in elements.text
    assert "shorter passages: 1" in elements.text
    marks = [each["style"] for each in elements.all("span") if each.get("class") == "copy"]
    assert marks == ["left:1.67%;width:3.33%"]  # the other lies after what is shown


def test_a_mark_ends_with_the_picture() -> None:
    html = page("", "", [dream(tone(440, 4), passages=(Passage(3.0, 2.0, 0, 0.0),))], ["a"])
    assert 'style="left:75.00%;width:25.00%"' in html


def test_of_many_passages_the_longest_are_listed() -> None:
    many = tuple(Passage(k, 1.6 + k / 10, 0, 0.0) for k in range(20))
    text = Elements(page("", "", [dream(tone(440, 25), passages=many)], ["a"])).text
    assert text.count("of the dream are") == report.LISTED
    assert "3.5 s from 0:19.0" in text
    assert "shorter passages: 8" in text


def test_artifacts_are_what_a_dream_has_beyond_the_recordings() -> None:
    text = Elements(page("", "", [dream(tone(440, 3))], [], own=CLEAN)).text
    assert (
        "noise between the partials 6.2 dB beyond the recordings: ×\N{NO-BREAK SPACE}0.65" in text
    )
    assert "clicks 12.0 a second beyond the recordings: ×\N{NO-BREAK SPACE}0.12" in text
    assert "no more warbling between spectra, clipping, dropouts, DC than they have" in text


def test_without_the_recordings_artifacts_are_what_there_is() -> None:
    text = Elements(page("", "", [dream(tone(440, 3))], [])).text
    assert "noise between the partials -23.8 dB" in text
    assert "clicks 12.5 a second" in text
    assert "no clipping, dropouts, DC" in text
    assert "beyond" not in text
