"""What a performer would trip over: seeds and voices that are not there yet, whose voice answers,
slips of the pen."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import RATE, Daemon, tone
from wire import Desk

from dreamd.audio import files, plucked_string
from dreamd.audio.resampling import resample
from dreamd.commands.offline import listen
from dreamd.corpus.recording import Recording
from dreamd.corpus.watcher import Watcher
from dreamd.daemon import patience
from dreamd.dreaming import render
from dreamd.dreaming.resolve import resolve
from dreamd.home import credits
from dreamd.osc.requests import Request, request
from dreamd.settings import Settings

A, B = ("127.0.0.1", 40001), ("127.0.0.1", 40002)
ADD = "/dream/accepted"


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets seconds pass."""

    def wait(seconds: float) -> None:
        now = time.monotonic() + seconds
        monkeypatch.setattr(patience.time, "monotonic", lambda: now)

    return wait


def voice_made(desk: Desk) -> str:
    assert desk.worker.dream is not None
    voice = desk.worker.dream.settled()[0].voice
    desk.make()
    return voice


@pytest.fixture
def second(recorded: Callable[..., Recording], tmp_path: Path) -> Recording:
    source = tmp_path / "recordings" / "alto" / "a.wav"
    return replace(recorded(tone(330, 1.0), "alto"), source=str(source))


def join(desk: Desk, recording: Recording) -> None:
    desk.state.corpus.add(recording)
    desk.state.touch(recording.voice)
    desk.state.voices_changed()


# ---------------------------------------------------------------- whose voice answers


def test_a_new_folder_does_not_move_running_music(desk: Desk, second: Recording) -> None:
    desk.ask(A)
    assert voice_made(desk) == "guitar"
    join(desk, second)
    desk.ask(B, seed="noise")
    assert voice_made(desk) == "alto", "who comes later has what was last active"
    desk.ask(A)
    assert voice_made(desk) == "guitar", "its client keeps its voice"
    desk.ask(A, voice="alto")
    assert voice_made(desk) == "alto"
    desk.ask(A)
    assert voice_made(desk) == "alto", "until told otherwise"


def test_a_voice_without_recordings_answers_only_by_name(desk: Desk) -> None:
    desk.state.trained = frozenset({"alone", "default"})
    desk.state.voices_changed()
    desk.ask(A)
    assert voice_made(desk) == "guitar"
    desk.ask(A, voice="alone")
    assert voice_made(desk) == "alone"
    desk.ask(A)
    assert voice_made(desk) == "guitar"


@pytest.mark.parametrize("by_path", [False, True])
def test_a_dream_as_seed_keeps_the_voice_that_dreamt_it(
    desk: Desk, second: Recording, by_path: bool
) -> None:
    join(desk, second)
    desk.register(A)
    desk.ask(A, id=1, voice="guitar")
    assert voice_made(desk) == "guitar"
    path = desk.told(A, "/dream/done")[0][1][1]
    assert credits.dreamer_of(Path(path)) == "guitar"
    desk.ask(A, id=2, voice="alto")
    assert voice_made(desk) == "alto"
    desk.ask(A, id=3, seed=path if by_path else "dream:0")
    if by_path:
        while not desk.checked:
            time.sleep(0.01)
        desk.checked.pop().deliver()
    assert voice_made(desk) == "guitar"


# ---------------------------------------------------------------- what is not there yet


@pytest.mark.parametrize("by_path", [False, True])
def test_a_seed_that_is_still_being_dreamt_is_waited_for(
    desk: Desk, late: Callable[[float], None], by_path: bool
) -> None:
    desk.register(A)
    desk.ask(A, id=1)
    path = desk.told(A, ADD)[0][1][1]
    for id in (2, 3):
        desk.ask(A, id=id, seed=path if by_path else "dream:0")
    line = "it waits: dream:0, its seed, is still being made"
    assert desk.told(A) == [("/dream/warning", [id, line]) for id in (2, 3)]
    desk.admission.tick()
    assert desk.told(A) == []
    desk.hear(A, "/dream/cancel", 3)
    desk.make()
    desk.admission.tick()
    while by_path and not desk.checked:
        time.sleep(0.01)
    if by_path:
        desk.checked.pop().deliver()
    assert [args[0] for where, args in desk.told(A) if where == ADD] == [2]
    desk.ask(A, id=4, seed="dream:1")
    late(patience.LONGEST_WAIT)
    desk.admission.tick()
    ((_, (id, code, text)),) = desk.told(A, "/dream/failed")
    assert (id, code) == (4, "no-such-seed")
    assert text == "dream:1, its seed, is still being made, after 30 s"


@pytest.mark.parametrize(
    "keys", [{"seed": "alto:0"}, {"seed": "alto"}, {"voice": "alto"}, {"follow": "alto:1"}]
)
def test_a_voice_that_is_being_read_is_waited_for(
    desk: Desk, second: Recording, late: Callable[[float], None], keys: dict[str, Any]
) -> None:
    desk.register(A)
    desk.state.unread[Path(second.source)] = "alto"
    desk.ask(A, id=1, **keys)
    line = "it waits: the recordings of alto have not been read yet"
    assert desk.told(A) == [("/dream/warning", [1, line])]
    join(desk, second)
    desk.state.unread.clear()
    desk.admission.tick()
    assert [args[0] for _, args in desk.told(A, ADD)] == [1]
    desk.state.unread[Path("/b.wav")] = "bass"
    desk.ask(A, id=2, seed="bass:0")
    desk.told(A)
    late(patience.LONGEST_WAIT)
    desk.admission.tick()
    ((_, said),) = desk.told(A, "/dream/failed")
    assert said[:2] == [2, "no-such-seed"]
    assert "no voice or file is called 'bass:0'; voices: alto, guitar" in said[2]


def test_what_nobody_awaits_fails_at_once(desk: Desk) -> None:
    desk.register(A)
    desk.state.unread[Path("/b.wav")] = "bass"
    desk.ask(A, id=1, seed="nobody:0")
    assert [args[1] for _, args in desk.told(A, "/dream/failed")] == ["no-such-seed"]
    desk.state.coming = lambda: None  # nobody has looked into the folder yet
    desk.ask(A, id=2, seed="nobody:0")
    assert desk.told(A, "/dream/warning")
    desk.ask(A, id=3, seed="guitar:0")
    assert [args[0] for _, args in desk.told(A, ADD)] == [3]


def test_the_watcher_says_what_is_coming(tmp_path: Path) -> None:
    watcher = Watcher(tmp_path, lambda news: None, lambda line: None)
    assert watcher.coming is None
    (tmp_path / "guitar").mkdir()
    files.write(tmp_path / "guitar" / "a.wav", tone(220, 0.1), 11025)
    watcher.look()
    assert watcher.coming == {"guitar"}
    watcher._closed.add(tmp_path / "guitar" / "a.wav")
    watcher.look()
    assert watcher.coming == {"guitar"}, "told now, and not read yet"
    watcher.look()
    assert watcher.coming == frozenset()


def test_the_first_request_after_a_start_waits(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    one = daemon(recordings)
    one.ask(id=1, approach="vector", seed="guitar:1", secs=0.1)
    one.wait("/dream/done", 1)


# ---------------------------------------------------------------- slips of the pen


def test_an_unknown_key_is_named_once_with_the_nearest_known(desk: Desk) -> None:
    for client in (A, B):
        desk.register(client)
    for id in (1, 2):
        desk.ask(A, id=id, temprature=2, xyzzy=1)
    said = desk.told(A, "/dream/warning")
    start = "no request has a key '%s': it changes nothing"
    assert [args for _, args in said] == [
        [1, start % "temprature" + "; did you mean 'temperature'?"], [1, start % "xyzzy"]
    ]  # fmt: skip
    assert desk.told(B, "/dream/warning") == [], "nobody else's affair"
    assert sum("temprature" in line.text for line in desk.state.log) == 1
    desk.ask(B, id=1, temprature=2)
    assert len(desk.told(B, "/dream/warning")) == 1


def test_a_pattern_s_own_keys_are_not_named(desk: Desk) -> None:
    desk.register(A)
    desk.ask(A, id=1, _id_="1", cps=0.5, cycle=1.0, pan=0.2, speed=2, legato=1, seeed="guitar")
    assert [args[1] for _, args in desk.told(A, "/dream/warning")] == [
        "no request has a key 'seeed': it changes nothing; did you mean 'seed'?"
    ]


def test_a_number_as_seed_is_a_note() -> None:
    assert request({"approach": "column", "seed": 60}).notes == (60.0,)
    assert request({"approach": "column", "seed": 60.5}).seed is None
    assert request({"approach": "column", "seed": 60, "notes": "64"}).notes == (64.0,)


def test_what_is_too_short_to_be_heard_is_refused(desk: Desk) -> None:
    desk.register(A)
    desk.ask(A, id=1, secs=0.009)
    ((_, said),) = desk.told(A, "/dream/failed")
    assert said == [1, "bad-request", "secs must be 0.01 or more, got 0.009"]
    desk.ask(A, id=2, secs=0.01)
    assert desk.told(A, ADD)


def test_many_that_are_too_many_are_one_line_with_a_count(desk: Desk) -> None:
    for id in range(74):
        desk.ask(A, id=id)
    desk.state.say_counted()
    assert 1 <= sum("dreams are waiting" in line.text for line in desk.state.log) < 6


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_random_starts_begin_at_an_event(
    approach: str, small: Settings, recorded: Callable[..., Recording], tmp_path: Path
) -> None:
    """And not in what is dying away: eight of them are about as loud, of the shipped models."""
    phrase = resample(plucked_string.phrase(), plucked_string.MODEL_RATE, RATE)
    recording = recorded(phrase, "pluck")
    listen(recording)
    levels = []
    for rand in range(8):
        asked = Request(approach, secs=0.3, rand=rand)
        settings = Settings(home=small.home)
        job = resolve(settings, asked, {"pluck": [recording]}, lambda number: tmp_path)
        assert job.starter
        job = replace(job, path=tmp_path / "dream.wav")
        job.file.create(job.frames)
        with torch.no_grad():
            render.render(job, settings, lambda news: None)
        first = files.excerpt(job.path, RATE)[: RATE // 4]
        levels.append(20 * np.log10(np.sqrt(np.mean(first**2))))
    assert max(levels) - min(levels) < 6
