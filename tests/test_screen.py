"""The terminal view: what it says, that it fits, and that no name can harm the terminal."""

import io
import math
import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from rich.cells import cell_len

from dreamd.terminal.page import lay_out
from dreamd.terminal.screens import PlainScreen, RichScreen, Terminal, make_screen
from dreamd.terminal.text import Glyphs
from dreamd.terminal.view import DreamView, IngestView, LogLine, ModelView, View, VoiceView

NOON = time.mktime((2024, 5, 1, 12, 0, 0, 0, 0, -1))
EMPTY = View("127.0.0.1:57130", "/srv/home", "/srv/takes", training=True, rate=11025)
APPROACHES = ("vector", "spectrum", "transpose", "column")


def models(voice: str, **values: object) -> tuple[ModelView, ...]:
    known = ModelView(
        voice, "", 12400, 0.314, (1.0, 0.8, 0.5, 0.314), speed=85.0, progress=0.62, left=200.0
    )
    return tuple(replace(known, approach=name, **values) for name in APPROACHES)  # type: ignore[arg-type]


BUSY = replace(
    EMPTY,
    voices=(VoiceView("guitar", 3, 74.2, active=2.0), VoiceView("rain", 1, 48.0, active=1.0)),
    ingests=(IngestView("guitar", "/srv/takes/guitar/take 4.wav", 0.4, 4.0),),
    models=models("guitar") + models("rain", error=0.12, progress=1.0, speed=0.0, left=None),
    dreams=(
        DreamView(1, "transpose", "guitar:2", 2.0, "done", 1.0, index=7, took=1.3),
        DreamView(2, "vector", "dream:99", 4.0, "failed", reason="no such seed"),
        DreamView(3, "column", "rain", 30.0, "running", 0.35, left=9.0),
        DreamView(4, "spectrum", "/srv/some/long/way/to/a take.wav", 12.5, left=35.0),
    ),
    log=(
        LogLine(1, NOON, "guitar: take 1.wav joined, 1:14"),
        LogLine(2, NOON + 1, "skipped /srv/takes/broken.wav: not audio", warning=True),
    ),
)


def drawn(view: View, width: int = 80, height: int = 24, encoding: str = "utf-8") -> str:
    return "\n".join(line.plain for line in lay_out(view, width, height, Glyphs.of(encoding), NOON))


def many_voices(number: int) -> View:
    names = [f"voice{i}" for i in range(number)]
    return replace(
        BUSY,
        voices=tuple(VoiceView(name, 1, 60.0, active=i) for i, name in enumerate(names)),
        models=tuple(model for name in names for model in models(name)),
    )


# ---------------------------------------------------------------- what the page says


def test_it_says_where_it_listens_and_that_it_is_alive() -> None:
    header = drawn(BUSY).splitlines()[0]
    for fact in ("127.0.0.1:57130", "11025 Hz", "learning", "12:00:00"):
        assert fact in header
    assert "/srv/home" in drawn(BUSY)
    assert "/srv/takes" in drawn(BUSY)


def test_it_says_whether_it_learns() -> None:
    assert "learning paused" in drawn(replace(BUSY, training=False)).splitlines()[0]
    slowly = drawn(replace(BUSY, slowly=True)).splitlines()[0]
    assert "learning slowly: the machine is busy" in slowly
    paused = drawn(replace(BUSY, slowly=True, training=False)).splitlines()[0]
    assert "slowly" not in paused
    assert "ready" in drawn(EMPTY).splitlines()[0]
    assert "3 min left" not in drawn(replace(BUSY, training=False))


def test_a_voice_shows_its_recordings_and_how_well_each_model_learned() -> None:
    text = drawn(BUSY)
    assert re.search(r"guitar +3 recordings, 1:14", text)
    assert re.search(r"rain +1 recording, 0:48", text)
    learning = r"transpose +▇▆▄▃ +error 0.31 +━+─+ +62% +3 min left +12.4k steps 85/s"
    assert re.search(learning, text)
    assert re.search(r"transpose .* error 0.12 +learned", text)


def test_a_model_that_could_not_learn_is_not_called_learned() -> None:
    text = drawn(replace(BUSY, models=models("guitar", error=0.9, progress=1.0)))
    assert "still rough" in text
    assert "learned" not in text


def test_a_recording_on_its_way_in_shows_how_far_it_is() -> None:
    assert re.search(r"guitar: reading take 4.wav +━+─+ +40% +4 s left", drawn(BUSY))


def test_dreams_show_whether_they_come() -> None:
    text = drawn(BUSY)
    assert re.search(r"▸ #3 +column from rain, 30 s +━+─+ +35% +9 s left", text)
    assert re.search(r"· #4 +spectrum from a take.wav, 12.5 s +waiting, 35 s left", text)
    assert re.search(r"✗ #2 +vector from dream:99, 4 s +failed: no such seed", text)
    assert re.search(r"✓ dream:7 +transpose from guitar:2, 2 s +done, took 1.3 s", text)
    assert "dreams: 1 running, 1 asked, 1 done, 1 failed" in text


def test_a_long_id_that_a_program_chose_is_left_out() -> None:
    dreams = (DreamView(1073741825, "vector", "noise", 4.0, "running"),)
    assert re.search(r"▸ +vector from noise", drawn(replace(BUSY, dreams=dreams)))


def test_messages_show_and_problems_are_marked() -> None:
    text = drawn(BUSY)
    assert "12:00:00   guitar: take 1.wav joined, 1:14" in text
    assert "12:00:01 ! skipped /srv/takes/broken.wav: not audio" in text


def test_a_long_message_is_wrapped_and_a_message_is_never_shown_from_its_middle() -> None:
    words = " ".join(f"word{i}" for i in range(20))
    log = (LogLine(1, NOON, words, warning=True), LogLine(2, NOON, "the newest"))
    wide = drawn(replace(EMPTY, log=log))
    assert all(f"word{i}" in wide for i in range(20))
    low = drawn(replace(EMPTY, log=log), height=9)
    assert "the newest" in low
    assert "word" not in low
    newest = drawn(replace(EMPTY, log=log[:1]), height=8)
    assert "word0 " in newest


def test_without_recordings_it_says_where_to_put_them() -> None:
    text = drawn(EMPTY)
    assert "no recordings yet: put some into /srv/takes" in text
    assert "none asked for yet" in text


def test_before_its_first_step_a_model_waits() -> None:
    waiting = (ModelView("guitar", "vector"),)
    assert re.search(r"vector +waiting to learn", drawn(replace(BUSY, models=waiting)))


# ---------------------------------------------------------------- room


def test_the_latest_voice_is_shown_at_length_and_the_others_are_counted() -> None:
    lines = drawn(many_voices(12)).splitlines()
    names = [line.split()[0] for line in lines if re.match(r" voice\d", line)]
    assert names[:3] == ["voice11", "voice10", "voice9"]
    assert any("voice11  1 recording" in line for line in lines)
    assert any(re.match(r" voice10 .*1:00 +vector 0.31 .*column 0.31", line) for line in lines)
    assert f" and {12 - len(names)} more voices" in lines


def test_all_voices_are_shown_at_length_where_there_is_room() -> None:
    assert drawn(many_voices(4), 120, 60).count("1 recording, 1:00") == 4


def test_the_running_and_the_latest_finished_dream_show_whatever_waits() -> None:
    asked = tuple(DreamView(10 + i, "vector", "noise", 4.0) for i in range(30))
    text = drawn(replace(many_voices(12), dreams=BUSY.dreams + asked))
    assert "▸ #3" in text
    assert "✗ #2" in text
    assert re.search(r"and \d+ more dreams", text)


@pytest.mark.parametrize("view", [EMPTY, BUSY, many_voices(12)], ids=["empty", "busy", "many"])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_it_fits_any_terminal(view: View, encoding: str) -> None:
    for width in (1, 2, 5, 12, 20, 39, 40, 46, 56, 60, 72, 75, 79, 80, 100, 200):
        for height in (1, 2, 3, 5, 8, 9, 10, 16, 24, 40, 80):
            lines = lay_out(view, width, height, Glyphs.of(encoding), NOON)
            assert len(lines) <= height
            assert max(cell_len(line.plain) for line in lines) <= width


def test_at_the_usual_size_nothing_of_a_busy_voice_is_cut() -> None:
    assert "…" not in drawn(BUSY)


# ---------------------------------------------------------------- safety


EVIL = "ev\x1b[2J\x07il\r\n[bold red]\u202egnp.\x9b\udcff[/nonsense]"


def named(name: str) -> View:
    return replace(
        BUSY,
        home=name,
        folder=name,
        voices=(VoiceView(name, 1, 1.0),),
        ingests=(IngestView(name, name, 0.5),),
        models=models(name),
        dreams=(
            DreamView(1, "vector", name, 1.0, "running"),
            DreamView(2, "vector", name, 1.0, "failed", reason=name),
        ),
        log=(LogLine(1, NOON, name, warning=True),),
    )


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_names_cannot_steer_the_terminal(encoding: str) -> None:
    text = drawn(named(EVIL), 300, 60, encoding)
    assert text.count("[bold red]") >= 5, "brackets are text, not markup"
    assert all(character.isprintable() for character in text.replace("\n", ""))
    text.encode(encoding)


def test_names_cannot_steer_the_drawn_or_the_printed_terminal() -> None:
    out = io.StringIO()
    screen = rich_screen(out)
    with screen:
        screen.show(named(EVIL))
    printed = io.StringIO()
    PlainScreen(printed).show(named(EVIL))
    for text in (out.getvalue(), printed.getvalue()):
        assert "[bold red]" in text
        assert "\x1b[2J" not in text
        assert not set(text) & {"\x07", "\x9b", "\u202e", "\udcff"}


def test_names_of_wide_characters_keep_the_columns() -> None:
    lines = lay_out(named("雨の音" * 40), 80, 24, Glyphs.of("utf-8"), NOON)
    assert max(cell_len(line.plain) for line in lines) <= 80


def test_where_the_output_is_not_unicode_everything_is_ascii() -> None:
    for encoding in ("ascii", "ANSI_X3.4-1968", "latin-1"):
        text = drawn(replace(BUSY, folder="/srv/雨"), encoding=encoding)
        assert text.isascii()
        assert re.search(r"transpose +#\+-: +error 0.31 +#+\.+ +62%", text)
        assert "> #3" in text
    assert "/srv/?" in text


def test_odd_numbers_are_shown_not_raised() -> None:
    odd = models("guitar", error=math.nan, history=(math.nan, math.inf, -1.0), left=math.inf)
    endless = models("rain", error=math.inf, progress=math.nan, left=-5.0, speed=1e9)
    text = drawn(replace(BUSY, models=odd + endless))
    assert "error ?" in text
    assert "error 99+" in text


# ---------------------------------------------------------------- the full screen


def rich_screen(out: io.StringIO) -> RichScreen:
    console = Terminal(file=out, force_terminal=True, width=100, height=30, _environ={})
    return RichScreen(console, now=lambda: NOON)


def test_the_terminal_is_given_back_and_the_last_messages_stay() -> None:
    out = io.StringIO()
    screen = rich_screen(out)

    def interrupted() -> None:
        with screen:
            screen.show(BUSY)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    opened, rest = out.getvalue().split("\x1b[?1049h")
    shown, after = rest.split("\x1b[?1049l")
    assert "dreams: 1 running" in shown
    assert "\x1b[?25l" in opened + shown, "no cursor while drawing"
    assert out.getvalue().rindex("\x1b[?25h") > out.getvalue().rindex("\x1b[?25l")
    assert "12:00:01 ! skipped /srv/takes/broken.wav" in after


def test_it_draws_no_oftener_than_eyes_can_follow() -> None:
    out = io.StringIO()
    with rich_screen(out) as screen:
        screen.show(BUSY)
        length = len(out.getvalue())
        for step in range(20):
            screen.show(replace(BUSY, rate=step))
        assert len(out.getvalue()) == length
        screen.shortest = 0.0
        screen.show(BUSY)
        assert len(out.getvalue()) == length, "nothing has changed"
        screen.show(EMPTY)
        assert "no recordings yet" in out.getvalue()[length:]


class Gone(io.StringIO):
    """A pipe whose reader has left, or a terminal that was closed."""

    open = True

    def write(self, text: str) -> int:
        if not self.open:
            raise BrokenPipeError
        return super().write(text)


@pytest.mark.parametrize("make", [PlainScreen, rich_screen])
def test_a_lost_terminal_does_not_end_the_performance(make: Callable[..., PlainScreen]) -> None:
    out = Gone()
    with make(out) as screen:
        screen.show(EMPTY)
        out.open = False
        screen.shortest = 0.0  # type: ignore[attr-defined]
        screen.show(BUSY)
        screen.show(EMPTY)


def test_the_full_screen_is_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(make_screen(False, Tty()), RichScreen)
    assert isinstance(make_screen(True, Tty()), PlainScreen)
    assert isinstance(make_screen(False, io.StringIO()), PlainScreen)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_screen(False, Tty()), PlainScreen)


# ---------------------------------------------------------------- lines


class Lines:
    """A plain screen with a clock of its own."""

    def __init__(self, encoding: str = "utf-8") -> None:
        self.raw = io.BytesIO()
        self.out = io.TextIOWrapper(self.raw, encoding=encoding)
        self.now = NOON
        self.screen = PlainScreen(self.out, lambda: self.now)

    def show(self, view: View, seconds: float = 0.0) -> list[str]:
        """The lines that this view, so many seconds later, adds."""
        self.now += seconds
        before = len(self.raw.getvalue())
        self.screen.show(view)
        return self.raw.getvalue()[before:].decode(self.out.encoding).splitlines()


def test_each_message_is_printed_once_as_it_comes() -> None:
    lines = Lines()
    first = lines.show(BUSY)
    assert "127.0.0.1:57130" in first[0]
    assert first[1:] == [
        "12:00:00   guitar: take 1.wav joined, 1:14",
        "12:00:01 ! skipped /srv/takes/broken.wav: not audio",
    ]
    assert lines.show(BUSY) == []
    later = (*BUSY.log[1:], LogLine(3, NOON + 2, "dream:7 is ready"))
    assert lines.show(replace(BUSY, log=later)) == ["12:00:02   dream:7 is ready"]


def test_now_and_then_a_summary_says_how_far_things_are() -> None:
    lines = Lines()
    lines.show(BUSY)
    assert lines.show(BUSY, 9.0) == []
    summary = "\n".join(lines.show(BUSY, 1.5))
    assert "reading take 4.wav into guitar: 40%, 4 s left" in summary
    assert "guitar: vector error 0.31, 62%, 3 min left; spectrum error 0.31" in summary
    assert "rain: vector error 0.12, learned" in summary
    assert "dreams: 1 running, 1 asked, 1 done, 1 failed; column from rain 35%, 9 s left" in summary


def test_a_summary_only_says_what_changed() -> None:
    lines = Lines()
    lines.show(BUSY)
    lines.show(BUSY, 11.0)
    assert lines.show(BUSY, 11.0) == []
    further = replace(BUSY, models=models("guitar", progress=0.8) + BUSY.models[4:])
    (line,) = lines.show(further, 11.0)
    assert "guitar: vector error 0.31, 80%" in line
    assert "learning paused" in lines.show(replace(further, training=False), 11.0)[0]
    slowly = lines.show(replace(further, slowly=True), 11.0)[0]
    assert slowly.endswith("(learning slowly: the machine is busy)")


def test_a_summary_of_many_voices_is_short() -> None:
    lines = Lines()
    lines.show(EMPTY)
    summary = lines.show(many_voices(12), 11.0)
    assert "and 9 more voices" in summary[-2]
    assert len(summary) < 12


def test_plain_lines_suit_the_encoding_of_the_output() -> None:
    lines = Lines("ascii")
    log = (LogLine(1, NOON, "雨: a.wav joined"),)
    assert lines.show(replace(EMPTY, log=log))[-1] == "12:00:00   ?: a.wav joined"
