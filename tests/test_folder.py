"""What lies in the watched folder: voices by their own names, and what is passed over is told."""

import os
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import RATE, Daemon, tone
from test_watcher import Ears, write

from dreamd.audio import files
from dreamd.corpus import folder, watcher
from dreamd.corpus.folder import listing, look_into
from dreamd.corpus.recording import Recording
from dreamd.corpus.voice_names import voice_called, voice_name, voice_names
from dreamd.corpus.watcher import Gone, Watcher
from dreamd.dreaming import seeds
from dreamd.osc.requests import Request


def voices(root: Path) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for path, voice in listing(root):
        named.setdefault(voice, []).append(str(path.relative_to(root)))
    return named


# ---------------------------------------------------------------- names


@pytest.mark.parametrize(
    ("folder", "voice"),
    [
        ("ギター", "ギター"), ("ピアノ 2", "ピアノ-2"), ("e\u0301tude", "étude"), ("_x_", "x"),
        ("808's (dry)", "808-s-dry"), ("бас", "бас"), ("…", "voice"), ("🎸", "voice"),
        ("a.b_c-d", "a.b_c-d"), ("x:y/z\\w", "x-y-z-w"), ("caf\udce9", "caf"),
    ],
)  # fmt: skip
def test_a_voice_is_called_like_its_folder(folder: str, voice: str) -> None:
    assert voice_name(folder) == voice
    assert voice_name(voice) == voice


def test_two_folders_are_never_one_voice(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "étude")
    for name in ("ギター", "ピアノ", "-voice", "voice", "🎸", "étude", decomposed, "my guitar",
                 "my-guitar", "my-guitar-2", "default"):  # fmt: skip
        write(tmp_path / name / "a.wav")
    write(tmp_path / "loose.wav")
    named = voices(tmp_path)
    assert [len(paths) for paths in named.values()] == [1] * 12
    assert named["voice"] == ["voice/a.wav"]
    assert named["default"] == ["loose.wav"]
    assert named["default-2"] == ["default/a.wav"]
    assert named["étude"] == ["étude/a.wav"]
    assert named["étude-2"] == [f"{decomposed}/a.wav"]
    assert named["my-guitar-3"] == ["my guitar/a.wav"]
    told = look_into(tmp_path).troubles
    assert len(told) == 5
    assert any("-voice is called voice-2: there is another voice" in line for line in told)


def test_the_same_names_come_out_in_any_order() -> None:
    names = ["b!", "b", "b?", "a b", "a-b", "c"]
    assert voice_names(names) == voice_names(reversed(names))
    assert voice_names(["default"]) == {"default": "default"}


def test_a_voice_is_found_by_what_clients_make_of_its_name(
    recorded: Callable[..., Recording],
) -> None:
    known = {name: [recorded(tone(300, 1.0), name)] for name in ("ギター", "süß", "guitar")}
    tidal = bytes(ord(letter) & 0xFF for letter in "ギター").decode("utf-8", "surrogateescape")
    for words, meant in (
        ("ギター:0", "ギター:0"), (unicodedata.normalize("NFD", "ギター"), "ギター"),
        (f"{tidal}:3", "ギター:3"), ("s\udcfc\udcdf", "süß"), ("guitar:2", "guitar:2"),
        ("nobody", "nobody"), ("/a/path:3", "/a/path:3"), ("noise", "noise"),
    ):  # fmt: skip
        asked = seeds.with_voices(Request("vector", seed=words, voice=words, follow=words), known)
        assert (asked.seed, asked.voice, asked.follow) == (meant,) * 3
    assert voice_called("guitar", known) == "guitar"


def test_a_voice_of_any_letters_is_asked_for_over_osc(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    for name, hertz in (("ギター", 220), ("-voice", 330), ("voice", 440)):
        (tmp_path / "recordings" / name).mkdir(parents=True)
        files.write(tmp_path / "recordings" / name / "a.wav", tone(hertz, 1.0), RATE)
    one = daemon(tmp_path / "recordings")
    one.until(lambda: {"ギター", "voice", "voice-2"} <= one.status()["voices"].keys())
    one.ask(id=1, approach="vector", seed="ギター:0", follow="ギター", secs=0.3)
    assert one.wait("/dream/done", 1)
    one.ask(id=2, approach="vector", seed="ギダー:0", secs=0.3)
    assert one.wait("/dream/failed", 2)[1] == "no-such-seed"


# ---------------------------------------------------------------- what is passed over


def refused(monkeypatch: pytest.MonkeyPatch, *locked: Path) -> None:
    """These folders may not be looked into: root, who runs tests, may always."""
    scan = os.scandir

    def scandir(path: Path) -> object:
        if Path(path) in locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(folder.os, "scandir", scandir)


def test_one_locked_folder_does_not_hide_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("guitar", "lost+found", "zither"):
        write(tmp_path / name / "a.wav")
    refused(monkeypatch, tmp_path / "lost+found")
    now = look_into(tmp_path)
    assert [voice for _, voice in now.recordings] == ["guitar", "zither"]
    assert now.troubles == [f"cannot look into {tmp_path / 'lost+found'}: Permission denied"]


def test_what_lies_in_a_folder_that_is_locked_for_a_while_is_not_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md."""
    monkeypatch.setattr(watcher, "LONG_AGO", -1e9)
    take = tmp_path / "guitar" / "a.wav"
    write(take)
    ears = Ears()
    watching = Watcher(tmp_path, ears.told.append, ears.complaints.append)
    watching.look()
    with pytest.MonkeyPatch.context() as locked:
        refused(locked, tmp_path / "guitar")
        for _ in range(3):
            watching.look()
    assert len(ears.complaints) == 1
    watching.look()
    assert ears.names() == ["a.wav"]
    take.unlink()
    watching.look()
    assert ears.names(Gone) == ["a.wav"]


def test_recordings_that_lie_too_deep_are_told(tmp_path: Path) -> None:
    """Not in faults.md."""
    write(tmp_path / "guitar" / "a.wav")
    (tmp_path / "guitar" / "session").mkdir()
    (tmp_path / "guitar" / "session" / "notes.txt").touch()
    assert look_into(tmp_path).troubles == []
    write(tmp_path / "guitar" / "session" / "b.wav")
    (line,) = look_into(tmp_path).troubles
    assert "session are not learned: move them up" in line
    assert voices(tmp_path) == {"guitar": ["guitar/a.wav"]}


def test_what_is_called_a_recording_is_found_whatever_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it says what is wrong with it."""
    monkeypatch.setattr(watcher, "LONG_AGO", -1e9)
    (tmp_path / "guitar" / "folder.wav").mkdir(parents=True)
    (tmp_path / "alone.wav").mkdir()
    (tmp_path / "guitar" / "link.wav").symlink_to("nowhere")
    (tmp_path / "guitar" / "circle.wav").symlink_to("circle.wav")
    (tmp_path / "guitar" / "empty.wav").touch()
    os.mkfifo(tmp_path / "guitar" / "pipe.wav")
    ears = Ears()
    watching = Watcher(tmp_path, ears.told.append, ears.complaints.append)
    watching.look()
    watching.look()
    assert sorted(ears.names()) == [
        "alone.wav", "circle.wav", "empty.wav", "folder.wav", "link.wav", "pipe.wav",
    ]  # fmt: skip


def test_an_empty_file_may_still_become_a_recording(tmp_path: Path) -> None:
    """Not in faults.md: a recorder that has been armed."""
    ears = Ears()
    watching = Watcher(tmp_path, ears.told.append, ears.complaints.append)
    take = tmp_path / "take.wav"
    take.touch()
    watching._closed.add(take)
    watching.look()
    watching.look()
    assert ears.told == []
    write(take)
    watching._closed.add(take)
    watching.look()
    assert ears.names() == ["take.wav"]


def test_a_take_in_a_linked_voice_is_complete_when_its_recorder_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it pauses, and by whatever path the folder is reached."""
    monkeypatch.setattr(watcher, "SETTLED", 0.0)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "guitar").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "root" / "linked.wav").symlink_to(tmp_path / "elsewhere" / "take.wav")
    ears = Ears()
    watching = Watcher(tmp_path / "root", ears.told.append, ears.complaints.append)
    with (tmp_path / "elsewhere" / "take.wav").open("wb") as recorder:
        recorder.write(b"x" * 1000)
        recorder.flush()
        for _ in range(4):
            watching.look()
            time.sleep(0.01)
        assert ears.told == []
    watching.look()
    assert sorted(ears.names()) == ["linked.wav", "take.wav"]


def test_a_file_becomes_readable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in faults.md: chmod changes neither its size nor its time."""
    monkeypatch.setattr(watcher, "LONG_AGO", -1e9)
    ears = Ears()
    watching = Watcher(tmp_path, ears.told.append, ears.complaints.append)
    write(tmp_path / "a.wav")
    watching.look()
    (tmp_path / "a.wav").chmod(0o600)
    monkeypatch.setattr(watcher, "SETTLED", 0.0)
    watching.look()
    watching.look()
    assert ears.names() == ["a.wav", "a.wav"]


def test_an_error_in_a_look_does_not_end_the_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look, failures = watcher.look_into, [ValueError("odd"), UnicodeEncodeError("a", "b", 0, 1, "c")]

    def failing(root: Path) -> folder.Listing:
        if failures:
            raise failures.pop()
        return look(root)

    monkeypatch.setattr(watcher, "look_into", failing)
    monkeypatch.setattr(watcher, "LOOK_EVERY", 0.05)
    ears = Ears()
    watching = Watcher(tmp_path, ears.told.append, ears.complaints.append)
    watching.start()
    write(tmp_path / "a.wav")
    ears.until(lambda: ears.names() == ["a.wav"])
    watching.stop()
    assert len(ears.complaints) == 2
    assert all("an error inside dreamd" in line for line in ears.complaints)
