"""What a dream's cursor walked, as takes and legs: whatever the recordings are. Its looks and sound
are test_page's."""

import json
import re
from base64 import b64decode
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, tone

from dreamd.audio import files
from dreamd.evaluation.takes import EDGE, Take, Walk
from dreamd.evaluation.walk import GONE, trace, walk_page
from dreamd.home.credits import Credit


@pytest.fixture
def noise(tmp_path: Path) -> Path:
    path = tmp_path / "noise.wav"
    files.write(path, np.random.default_rng(1).uniform(-0.5, 0.5, 2 * RATE).astype("f4"), RATE)
    return path


def pieces(path: Path, first: float, last: float) -> list[float]:
    credit = Credit(0.0, 1.0, str(path), first, last)
    found = Take(str(path), "", [credit], RATE).pieces(credit)
    return [round(each, 3) for piece in found for each in piece]


def test_past_its_end_a_recording_goes_on_at_its_beginning(noise: Path) -> None:
    assert pieces(noise, 0.5, 1.5) == [0.5, 1.5]
    assert pieces(noise, 0.5, 2.0) == [0.5, 2.0]
    assert pieces(noise, 1.5, 2.5) == [1.5, 2.0, 0.0, 0.5]
    assert pieces(noise, 2.0, 2.5) == [0.0, 0.5]
    assert pieces(noise, 1.5, 5.0) == [1.5, 2.0, 0.0, 2.0, 0.0, 1.0]
    assert pieces(noise, 1.0, 1.0) == [1.0, 1.001]  # something to be seen


def test_what_is_heard_are_the_passages_and_a_little_around_them(noise: Path) -> None:
    walked = ((0.2, 0.4), (0.3, 0.6), (1.0, 1.1), (1.7, 2.3))
    credits = [Credit(k, k + 1, str(noise), *span) for k, span in enumerate(walked)]
    walk = Walk(credits, 4.0, RATE)
    reel = walk.reel(0)
    assert reel is not None
    assert [round(each, 3) for span in reel.spans for each in span] == [
        0.0, 0.62, 1 - EDGE, 1.1 + EDGE, 1.7 - EDGE, 2.0,
    ]  # fmt: skip
    whole = np.concatenate(list(files.decode(noise, RATE)))
    for leg in walk.legs:
        for first, last in leg.pieces:
            at, begin = round(reel.place(first) * RATE), round(first * RATE)
            length = round((last - first) * RATE) - 2
            differ = [
                np.abs(reel.samples[at + k :][:length] - whole[begin:][:length]).max()
                for k in (-1, 0, 1)
            ]
            assert min(differ) == 0  # to a sample


@pytest.mark.parametrize("peak", [0.5, 4.0])
def test_what_is_heard_is_never_clipped(tmp_path: Path, peak: float) -> None:
    files.write(tmp_path / "a.wav", tone(440, 2.0, level=peak), RATE)
    reel = Walk([Credit(0, 1, str(tmp_path / "a.wav"), 0, 1)], 1.0, RATE).reel(0)
    assert reel is not None
    assert np.abs(reel.samples).max() == pytest.approx(min(peak, 1.0), abs=0.01)


def test_a_page_grows_with_its_dream_not_with_the_recordings(tmp_path: Path) -> None:
    """Fifteen minutes of noise, which nothing makes smaller."""
    long, rng = tmp_path / "long.wav", np.random.default_rng(2)
    files.write(long, rng.uniform(-0.5, 0.5, 900 * RATE).astype("f4"), RATE)
    files.write(tmp_path / "dream.wav", tone(440, 4.0), RATE)
    scattered = [Credit(k, k + 1, str(long), 200 * k + 100, 200 * k + 101) for k in range(4)]
    html = walk_page(tmp_path / "dream.wav", scattered)
    assert len(html) < 1.5e6
    assert "15:00.0 long, shown from 1:10.0 to 12:11.0" in re.sub("<[^>]*>", "", html)
    together = [Credit(k, k + 1, str(long), k + 600, k + 601) for k in range(4)]
    html = walk_page(tmp_path / "dream.wav", together)
    assert "15:00.0 long, shown from 9:57.0 to 10:07.0" in re.sub("<[^>]*>", "", html)
    past_its_end = [Credit(0, 4, str(long), 898, 902)]
    assert "15:00.0 long" in (html := walk_page(tmp_path / "dream.wav", past_its_end))
    assert "shown from" not in html


def test_of_many_recordings_each_is_shown(tmp_path: Path) -> None:
    credits = []
    for k in range(40):
        files.write(tmp_path / f"{k}.wav", tone(300 + 10 * k, 2.0), RATE)
        credits.append(Credit(k / 10, (k + 1) / 10, str(tmp_path / f"{k}.wav"), 1.0, 1.1))
    walk = Walk(credits, 4.0, RATE)
    assert [take.name for take in walk.takes].count("7.wav") == 1
    assert len(trace(credits, 4.0, RATE, "k").below.split("<svg")) == 1 + 40
    hues = {leg.hue for leg in walk.legs}
    assert len(hues) == 40  # each has a colour of its own


@pytest.mark.parametrize("broken", ["gone", "empty", "text", "cut", "inf"])
def test_a_recording_that_cannot_be_read_is_said(tmp_path: Path, broken: str) -> None:
    """Whatever became of it since: the page is there, and says it."""
    path = tmp_path / "a.wav"
    if broken == "cut":
        files.write(path, tone(440, 0.0), RATE)
    elif broken == "inf":
        files.write(path, np.full(RATE, np.inf, np.float32), RATE)
    elif broken != "gone":
        path.write_text({"empty": "", "text": "no audio"}[broken])
    files.write(tmp_path / "dream.wav", tone(440, 2.0), RATE)
    html = walk_page(tmp_path / "dream.wav", [Credit(0, 2, str(path), 5.0, 7.0)])
    assert GONE in html
    assert "5.00–7.00 s of" in html
    assert '"reel": null' in html


def test_a_recording_that_became_shorter_is_shown_as_it_is(tmp_path: Path, noise: Path) -> None:
    files.write(tmp_path / "dream.wav", tone(440, 2.0), RATE)
    html = walk_page(tmp_path / "dream.wav", [Credit(0, 2, str(noise), 50.5, 52.5)])
    assert "0:02.0 long" in html
    data = json.loads(re.findall(r"json>(.*?)</script>", html)[0])
    assert [round(each, 3) for piece in data["legs"][0]["pieces"] for each in piece[:2]] == [
        0.5, 2.0, 0.0, 0.5,
    ]  # fmt: skip
    flac = BytesIO(b64decode(data["takes"][0]["reel"].split(",")[1]))
    assert soundfile.info(flac).duration == pytest.approx(2.0, abs=0.001)


def test_a_header_that_promises_too_much_is_not_believed(
    tmp_path: Path, noise: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of some MP3s do."""
    monkeypatch.setattr(files, "info", lambda path: files.Info(1000 * RATE, RATE, 1))
    credits = [Credit(0, 2, str(noise), 900.5, 902.5), Credit(2, 3, str(noise), 500.0, 501.0)]
    walk = Walk(credits, 3.0, RATE)
    assert (walk.takes[0].start, walk.takes[0].end) == (0.0, pytest.approx(2.0, abs=0.001))
    reel = walk.reel(0)
    assert reel is not None
    assert len(reel.samples) == pytest.approx(2.0 * RATE, abs=2)
    assert all(0 <= each <= 2.001 for leg in walk.legs for piece in leg.pieces for each in piece)


def test_only_what_is_shown_of_a_dream_is_walked(noise: Path) -> None:
    credits = [Credit(0, 50, str(noise), 0, 1), Credit(50, 70, str(noise), 1, 1.4),
               Credit(70, 80, str(noise), 0, 1)]  # fmt: skip
    walk = Walk(credits, 60.0, RATE)
    assert [leg.credit.end for leg in walk.legs] == [50, 60]
    assert walk.legs[-1].credit.last == pytest.approx(1.2)
    assert trace([], 60.0, RATE, "k").over == ""
