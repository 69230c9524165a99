"""From the stage into a voice: takes that are learned while they are recorded, and forgotten."""

import os
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import RATE, Daemon, pitch, tone
from test_supercollider import SuperCollider, jack, supercollider  # noqa: F401 - fixtures
from wire import Desk

from dreamd.approaches import registry
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import files
from dreamd.commands.home_check import examine_home
from dreamd.corpus import forgotten
from dreamd.corpus.cache import Corpus
from dreamd.corpus.folder import look_into
from dreamd.corpus.found import Found, Gone, Growing
from dreamd.corpus.recording import Recording
from dreamd.corpus.takes import Takes
from dreamd.daemon.router import Router
from dreamd.errors import BadRecording, BadRequest
from dreamd.home import checkpoints
from dreamd.home.going_back import go_back
from dreamd.home.header import Header
from dreamd.settings import Settings
from dreamd.training.messages import Progress, RecordingForgotten
from dreamd.training.scheduler import TrainingScheduler

Start = Callable[..., Daemon]


def is_smooth(samples: np.ndarray, hertz: float) -> None:
    """A sine of level 0.3 that fades in and out: no step in it is larger than a sine's."""
    steepest = 0.3 * 2 * np.pi * hertz / 48000
    assert np.abs(np.diff(samples, prepend=0, append=0)).max() < 1.3 * steepest
    middle = samples[1000:-1000]
    assert abs(pitch(middle, 48000) - hertz) < 2
    t = np.arange(len(middle)) * 2 * np.pi * hertz / 48000
    waves = np.stack([np.sin(t), np.cos(t)])
    fitted = np.linalg.lstsq(waves.T, middle, rcond=None)[0] @ waves
    assert np.abs(middle - fitted).max() < 1e-3, "nothing is missing in between"


@pytest.mark.supercollider
def test_takes_of_the_real_server_for_the_real_daemon(
    supercollider: SuperCollider,  # noqa: F811
    daemon: Start,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    one = daemon(folder)
    told = supercollider.well("takes.scd", one.port, folder)

    fixed, rate = soundfile.read(told["fixed"])
    assert (rate, soundfile.info(told["fixed"]).subtype) == (48000, "FLOAT")
    assert 0 <= len(fixed) - 2 * 48000 < 64
    is_smooth(fixed, 441)
    opened, _ = soundfile.read(told["open"])
    assert opened.shape[1] == 2
    assert 0.3 < len(opened) / 48000 < 10
    for channel, hertz in enumerate((441, 882)):
        is_smooth(opened[:, channel], hertz)
    assert told["kept"] == "true"
    event, _ = soundfile.read(told["tidal"])
    assert 0 <= len(event) - 1.5 * 48000 < 64
    is_smooth(event, 500)
    assert told["gone"] == "true"
    period, _ = soundfile.read(told["period"])
    assert 0.3 < len(period) / 48000 < 30
    assert told["growing"] == told["meanwhile"] == "true"
    assert soundfile.info(told["long"]).duration > 10
    assert soundfile.info(told["quit"]).duration > 0.3

    assert sorted(path.parent.name for path in map(Path, (told["fixed"], told["open"]))) == [
        "guitar", "rain",
    ]  # fmt: skip
    assert not list(folder.rglob("*.recording"))
    assert told["said"].split() == [
        "quiet:not-learned", "early:bad-request", "nine:bad-request", "far:no-daemon",
        *["misuse:ERROR:"] * 5,
        "quit:no-server",
    ]  # fmt: skip

    assert told["forgotten"] == told["fixed"]
    assert Path(told["fixed"]).exists(), "the performer's file stays"
    for path in (told["fixed"], told["long"]):
        assert path in (one.home / "forgotten.txt").read_text()
    one.until(lambda: one.status()["voices"]["guitar"]["recordings"] == 2)
    assert one.status()["voices"].get("long", {"recordings": 0})["recordings"] == 0


# ---------------------------------------------------------------- growing takes


class Recorder:
    """Writes a WAV file as the audio server does: a header that says nothing of the length."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(exist_ok=True)
        self.whole, self.path = path, path.with_name(f"{path.name}.recording")
        self.file = self.path.open("wb")
        form = struct.pack("<HHIIHH", 3, 1, RATE, 4 * RATE, 4, 32)
        self.file.write(b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<I", 16) + form + b"data\0\0\0\0")

    def go_on(self, seconds: float) -> None:
        self.file.write(tone(330, seconds).tobytes())
        self.file.flush()

    def end(self) -> None:
        self.file.close()
        self.path.rename(self.whole)


@pytest.fixture
def watched(tmp_path: Path) -> tuple[Path, Takes, list[Growing | Gone], list[str]]:
    told: list[Growing | Gone] = []
    complaints: list[str] = []
    (tmp_path / "rec").mkdir()
    return tmp_path / "rec", Takes(told.append, complaints.append), told, complaints


def test_a_take_is_told_of_each_time_it_has_doubled(watched: Any) -> None:
    root, takes, told, _ = watched
    recorder, read = Recorder(root / "guitar" / "a.wav"), 0.0
    for _ in range(150):
        recorder.go_on(2)
        told.clear()
        takes.look(look_into(root), frozenset)
        read += sum((each.found.size - 44) / 4 / RATE for each in told)
    assert read == 10 + 20 + 40 + 80 + 160  # of 300 seconds, at most twice as many
    told.clear()
    takes.look(look_into(root), frozenset)
    assert told == []
    recorder.end()
    takes.look(look_into(root), frozenset)
    assert told == [Gone(recorder.path)]  # and the whole one is there


def test_a_take_that_is_thrown_away_takes_with_it_what_was_learned(watched: Any) -> None:
    root, takes, told, _ = watched
    recorder = Recorder(root / "guitar" / "a.wav")
    recorder.go_on(12)
    takes.look(look_into(root), frozenset)
    recorder.path.unlink()
    takes.look(look_into(root), frozenset)
    assert told[1:] == [Gone(recorder.path), Gone(recorder.whole)]


def test_a_take_whose_recorder_has_ended_is_kept(watched: Any) -> None:
    root, takes, _, complaints = watched
    recorder = Recorder(root / "guitar" / "a.wav")
    recorder.go_on(1)
    long_ago = time.time() - 60
    os.utime(recorder.path, (long_ago, long_ago))
    takes.look(look_into(root), lambda: frozenset([os.path.realpath(recorder.path)]))
    assert recorder.path.exists(), "somebody writes it, however long they pause"
    again = Takes(lambda event: None, complaints.append)  # a daemon that was started later
    again.look(look_into(root), frozenset)
    assert (recorder.whole.exists(), recorder.path.exists()) == (True, False)
    assert "its recorder has ended" in complaints[0]


def test_a_part_becomes_the_whole(tmp_path: Path) -> None:
    """As one recording, that has been there since its first part was."""
    (tmp_path / "home").mkdir()
    corpus, recorder = Corpus(tmp_path / "home", RATE), Recorder(tmp_path / "rec" / "a.wav")
    recorder.go_on(10)
    parts = []
    for _ in range(2):
        found = Found.at(recorder.path, "default")
        assert found is not None
        parts.append(corpus.ingest_part(found, recorder.whole))
        assert corpus.add(parts[-1])
        recorder.go_on(10)
    assert [round(each.seconds) for each in parts] == [10, 20]
    with pytest.raises(BadRequest, match="still being recorded"):
        corpus.forgetful.forget(parts[-1])
    recorder.end()
    found = Found.at(recorder.whole, "default")
    assert found is not None
    whole = corpus.ingest(found)
    assert corpus.add(whole)
    assert corpus.recordings() == (whole,)
    assert round(whole.seconds) == 30
    assert whole.joined == parts[0].joined
    corpus._left.clear()  # ten seconds later
    corpus.tidy(frozenset())
    assert len(list((tmp_path / "home" / "corpus").glob("*.f32"))) == 1, "no part stays"
    assert Corpus(tmp_path / "home", RATE)._memory.of(recorder.whole).joined == whole.joined


# ---------------------------------------------------------------- what is told of learning


def test_trained_is_told_of_turns_with_the_newest_recording(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has recorded it waits for it: a turn from before it came is not told, the first one
    after it at once."""
    nobody: Any = None
    router = Router(desk.parts, nobody, nobody, nobody)
    client = ("127.0.0.1", 40001)
    desk.register(client)
    (recording,) = desk.state.corpus.recordings()
    config = config_of("vector", desk.state.settings)

    def trained(newest: float) -> int:
        router._on_progress(Progress("guitar", config, 9, 0.5, 1.0, 3.0, (), newest))
        return len(desk.told(client, "/dream/trained"))

    assert trained(recording.joined) == 1
    assert trained(recording.joined) == 0  # too soon after the first
    later = replace(recording, source=f"{recording.source}2.wav", joined=recording.joined + 9)
    desk.state.corpus.add(later)
    desk.state.voices_changed()
    assert trained(later.joined) == 1
    monkeypatch.setattr("dreamd.daemon.router.TRAINED_EVERY", 0)
    assert trained(recording.joined) == 0


# ---------------------------------------------------------------- forgetting


def test_what_is_forgotten_is_named_by_number_or_file(desk: Desk) -> None:
    client = ("127.0.0.1", 40001)
    desk.register(client)
    (recording,) = desk.state.corpus.recordings()
    Path(recording.source).parent.mkdir(parents=True)
    files.write(Path(recording.source), tone(220, 1.0), RATE)
    for words, why in (
        ("guitar:1", "guitar has 1 recordings, the last is guitar:0"),
        ("guitar:-1", "guitar has 1 recordings, the last is guitar:0"),
        ("rain:0", "no recording is called 'rain:0': say voice:number, or its file's path"),
        ("guitar", "no recording is called 'guitar': say voice:number, or its file's path"),
    ):
        desk.hear(client, "/dream/forget", words, 7)
        assert desk.told(client, "/dream/failed") == [("/dream/failed", [7, "bad-request", why])]
    assert desk.worker.told == []
    desk.hear(client, "/dream/forget", recording.source, 8)
    assert desk.told(client) == [("/dream/forgotten", [8, "guitar", recording.source])]
    assert desk.worker.told == [RecordingForgotten(recording)]
    assert desk.state.voices() == {}
    (line,) = forgotten.lines(desk.state.settings.home)
    assert (line.voice, line.file, line.joined) == (
        "guitar", recording.source, round(recording.joined, 3),
    )  # fmt: skip


def test_a_home_that_cannot_be_written_forgets_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = ("127.0.0.1", 40001)
    desk.register(client)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(desk.state.corpus.forgetful, "forget", full)
    desk.hear(client, "/dream/forget", "guitar:0", 7)
    ((_, said),) = desk.told(client)
    assert said == [7, "bad-request", "a.wav cannot be forgotten: No space left on device"]
    assert desk.state.voices()["guitar"]


def test_the_content_is_forgotten_in_its_voice_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    for voice in ("guitar", "rain"):
        (tmp_path / voice).mkdir()
    path = tmp_path / "guitar" / "a.wav"
    files.write(path, tone(220, 1.0), RATE)

    def found(path: Path, voice: str) -> Found:
        there = Found.at(path, voice)
        assert there is not None
        return there

    corpus = Corpus(tmp_path / "home", RATE)
    recording = corpus.ingest(found(path, "guitar"))
    corpus.add(recording)
    corpus.forgetful.forget(recording)
    for name in ("a.wav", "b.wav"):
        path = path.rename(path.with_name(name))
        with pytest.raises(BadRecording, match="was forgotten; to have it back, delete its line"):
            corpus.ingest(found(path, "guitar"))
    copied = tmp_path / "rain" / "a.wav"
    copied.write_bytes(path.read_bytes())
    assert corpus.ingest(found(copied, "rain")).voice == "rain"
    anew = Corpus(tmp_path / "home", RATE)
    anew.recall([(path, "guitar"), (copied, "rain")])
    assert [each.voice for each in anew.recordings()] == ["rain"]
    lines = forgotten.path_in(tmp_path / "home")
    lines.write_text("".join(line for line in lines.open() if line.startswith("#")))
    assert anew.ingest(found(path, "guitar")).voice == "guitar"


def saved(home: Path, config: ModelConfig, steps: int, at: float) -> Path:
    """A checkpoint that was saved at that moment."""
    weights = {name: np.zeros(shape, np.float32) for name, shape in registry.shapes(config).items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints.time, "time", lambda: at)
        return checkpoints.save(
            home, Header(config, 1.0, "guitar", steps=steps), weights, {"a": np.zeros(1)}, [500.0]
        )


def test_weights_go_back_to_before_the_take(small: Settings) -> None:
    config, home = config_of("vector", small), small.home
    paths = [saved(home, config, steps, at) for steps, at in ((70, 100), (90, 400), (120, 600))]
    late = saved(home, config, 127, 900)
    os.utime(paths[1])  # as a copy of the home has it: each says itself when it was saved
    assert paths[1].exists(), "one may want to go back to it"
    model = paths[0].parent
    assert go_back(home, "guitar", 500, 1000) == {config.name}
    assert checkpoints.checkpoints(model) == paths[:2]
    assert checkpoints.newest(model) == paths[1]
    aside = sorted(path.name for path in model.glob("*.forgotten"))
    assert aside == [
        "adam-000000000127.safetensors.forgotten", f"{paths[2].name}.forgotten",
        f"{late.name}.forgotten",
    ]  # fmt: skip
    assert go_back(home, "guitar", 500, 1000) == set()
    assert go_back(home, "guitar", 50, 1000) == {config.name}
    assert checkpoints.newest(model) is None
    assert all(example.mark == "ok" for example in examine_home(home) if "did not" in example.text)


def test_the_learner_goes_back_and_begins_from_there(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    """Also one that is started after the daemon ended before it could say so."""
    told: list[Any] = []
    first = replace(recorded(tone(220, 1.0), "guitar"), joined=time.time() - 50)
    take = replace(recorded(tone(330, 1.0), "guitar", "b.wav"), joined=time.time())
    scheduler = TrainingScheduler(small, told.append)
    scheduler.set_recordings((first,))
    for _ in APPROACHES:
        scheduler.turn(0.05)
    scheduler.save()
    before = {each: checkpoints.newest(folder_of(small, each)) for each in APPROACHES}
    assert all(before.values())
    take = replace(take, joined=time.time())
    scheduler.join(take)
    for _ in range(2 * len(APPROACHES)):
        scheduler.turn(0.05)
    scheduler.save()
    learned = {each: checkpoints.newest(folder_of(small, each)) for each in APPROACHES}
    assert not set(before.values()) & set(learned.values())
    told.clear()
    scheduler.forget(take, unlearn=True)
    assert {each: checkpoints.newest(folder_of(small, each)) for each in APPROACHES} == before
    there = [scheduler._at_work.get(("guitar", each)) for each in APPROACHES]
    assert there == [None] * 4, "what is in memory has learned from it, too"
    standing = {each.config.approach: each.steps for each in told if isinstance(each, Progress)}
    assert standing == {each: checkpoints.steps_of(path) for each, path in before.items() if path}
    assert "guitar goes back to before b.wav: " in told[-1].text
    told.clear()
    scheduler.turn(0.05)
    (progress,) = told
    assert progress.newest == first.joined
    assert progress.steps > standing[progress.config.approach]

    scheduler.save()
    forgotten.add(small.home, "ab", "guitar", first.joined, "a.wav")
    TrainingScheduler(small, told.append).set_recordings(())
    assert not any(checkpoints.newest(folder_of(small, each)) for each in APPROACHES)


def folder_of(settings: Settings, approach: str) -> Path:
    return checkpoints.folder(settings.home, "guitar", config_of(approach, settings))


def test_a_daemon_keeps_it_forgotten_and_has_it_back(daemon: Start, recordings: Path) -> None:
    one = daemon(recordings)
    for name in ("a.wav", "b.wav"):
        one.wait("/dream/ingested", "guitar", str(recordings / "guitar" / name))
    one.until(lambda: any((one.home / "models" / "guitar").glob("*/weights-*.safetensors")))
    one.send("/dream/forget", "guitar:0", 5)
    assert one.wait("/dream/forgotten", 5) == [5, "guitar", str(recordings / "guitar" / "a.wav")]
    one.until(lambda: "guitar goes back to before a.wav" in one.said())
    assert list((one.home / "models" / "guitar").glob("*/*.forgotten"))
    one.ask(id=6, approach="vector", seed="guitar:0", secs=0.1)
    one.wait("/dream/done", 6)
    assert one.stop() == 0
    one.start()
    path = str(recordings / "guitar" / "a.wav")
    one.until(lambda: f"forgotten.txt and touch it: {path}" in one.said())
    one.until(lambda: one.status()["voices"]["guitar"]["recordings"] == 1)
    (one.home / "forgotten.txt").unlink()
    os.utime(recordings / "guitar" / "a.wav")
    one.wait("/dream/ingested", "guitar", path)
    assert one.stop() == 0
    assert "Traceback" not in one.said()


def test_a_growing_take_is_dreamt_from_before_it_ends(daemon: Start, tmp_path: Path) -> None:
    (tmp_path / "rec").mkdir()
    one = daemon(tmp_path / "rec")
    recorder = Recorder(tmp_path / "rec" / "guitar" / "a.wav")
    recorder.go_on(11)
    voice, path, seconds = one.wait("/dream/ingested")
    assert (voice, path, round(seconds)) == ("guitar", str(recorder.whole), 11)
    one.wait("/dream/trained", "guitar")
    one.ask(id=1, approach="column", seed="guitar:0", secs=0.1)
    one.wait("/dream/done", 1)
    assert one.status()["folder"] == str(tmp_path / "rec")
    recorder.go_on(1)
    recorder.end()
    assert round(one.wait("/dream/ingested", "guitar", path)[2]) == 12
    assert one.status()["voices"]["guitar"]["recordings"] == 1
    recorder.whole.unlink()
    one.until(lambda: "no longer has a.wav" in one.said())
