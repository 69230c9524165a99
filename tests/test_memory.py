"""What is kept of recordings: known by content, movable, mended when damaged, cleared when lost."""

import json
import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from broken_files import broken
from conftest import RATE, pitch, tone
from test_corpus import count_decodes, found

from dreamd.audio import files
from dreamd.corpus import cache, events, single_notes
from dreamd.corpus.cache import Corpus
from dreamd.corpus.recording import Recording, cut, loop
from dreamd.corpus.single_notes import SingleNote
from dreamd.errors import BadRecording


def write(path: Path, hertz: float, seconds: float = 1.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, tone(hertz, seconds), RATE)
    return path


def dated(path: Path, like: os.stat_result) -> Path:
    os.utime(path, ns=(like.st_atime_ns, like.st_mtime_ns))
    return path


def kept(home: Path, kind: str = ".f32") -> list[str]:
    return sorted(path.name for path in (home / "corpus").iterdir() if path.suffix == kind)


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "home", RATE)


# ---------------------------------------------------------------- one file, or another


def test_another_take_of_the_same_size_and_time_is_another_take(
    tmp_path: Path, corpus: Corpus
) -> None:
    """unzip and rsync -a set times: guitar's take is deleted, piano's looks the same."""
    take = write(tmp_path / "guitar" / "a.wav", 440)
    was = take.stat()
    first = corpus.ingest(found(take, "guitar"))
    take.unlink()
    other = dated(write(tmp_path / "piano" / "b.wav", 880), was)
    assert other.stat().st_mtime_ns == was.st_mtime_ns
    second = corpus.ingest(found(other, "piano"))
    assert (pitch(cut(first, 0, RATE)), pitch(cut(second, 0, RATE))) == (440, 880)


@pytest.mark.parametrize("how", ["written", "moved over"])
def test_nor_where_it_lies_at_the_very_place(tmp_path: Path, corpus: Corpus, how: str) -> None:
    """Not in faults.md: rewritten or replaced, and dated back."""
    take = write(tmp_path / "a.wav", 440)
    was = take.stat()
    corpus.ingest(found(take))
    if how == "written":
        write(take, 880)
    else:
        write(tmp_path / "new.wav", 880).replace(take)
    second = corpus.ingest(found(dated(take, was)))
    assert pitch(cut(second, 0, RATE)) == 880


def test_a_copy_is_not_decoded_again(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decodes(monkeypatch)
    take = write(tmp_path / "guitar" / "a.wav", 440)
    corpus.add(corpus.ingest(found(take, "guitar")))
    (tmp_path / "piano").mkdir()
    copy = Path(shutil.copy(take, tmp_path / "piano" / "other.wav"))
    corpus.add(corpus.ingest(found(copy, "piano")))
    assert len(decoded) == 1
    assert {voice: [r.name for r in all] for voice, all in corpus.voices().items()} == {
        "guitar": ["a.wav"], "piano": ["other.wav"],
    }  # fmt: skip
    copy.unlink()
    corpus.remove(copy)
    corpus.tidy(set())
    assert pitch(cut(corpus.recordings()[0], 0, RATE)) == 440


def test_names_go_back_and_forth(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md: renamed, and renamed back, and two files that change places."""
    decoded = count_decodes(monkeypatch)
    a, b = write(tmp_path / "a.wav", 300), tmp_path / "b.wav"
    other = write(tmp_path / "other.wav", 400)
    for path in (a, other):
        corpus.ingest(found(path))
    for here, there in ((a, b), (b, a), (a, b), (other, a), (b, other)):
        here.rename(there)
        recording = corpus.ingest(found(there))
        hertz = 400 if there == a and here == other else 300
        assert pitch(cut(recording, 0, RATE)) == hertz
        assert recording.source == str(there)
    assert len(decoded) == 2
    again = Corpus(tmp_path / "home", RATE)
    again.recall([(a, "v"), (other, "v"), (b, "v")])
    assert {r.name: pitch(cut(r, 0, RATE)) for r in again.recordings()} == {
        "a.wav": 400, "other.wav": 300,
    }  # fmt: skip


# ---------------------------------------------------------------- homes that move


@pytest.mark.parametrize("original", ["stays", "goes"])
def test_a_home_may_be_copied_with_its_recordings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, original: str
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for k in range(3):
        take = write(here / "rec" / f"{k}.wav", 300 + 100 * k)
        Corpus(here / "home", RATE).ingest(found(take))
    assert str(here / "home") not in "".join(
        path.read_text() for path in (here / "home" / "corpus").glob("*.json")
    )
    shutil.copytree(here, there)
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    if original == "goes":
        shutil.rmtree(here)
    decoded = count_decodes(monkeypatch)
    corpus = Corpus(there / "home", RATE)
    assert corpus.sweep() == []
    corpus.tidy(set())
    for k in range(3):
        recording = corpus.ingest(found(there / "rec" / f"{k}.wav"))
        corpus.add(recording)
        assert Path(recording.cache).is_relative_to(there)
        assert pitch(cut(recording, 0, RATE)) == pytest.approx(300 + 100 * k, abs=1)
    corpus.tidy(set())
    assert not decoded
    assert len(kept(there / "home")) == 3
    if original == "stays":
        assert before == {path: path.read_bytes() for path in before}


# ---------------------------------------------------------------- what is cleared away


def test_a_rewritten_take_leaves_nothing_behind(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "RETIRED", -1.0)
    for k in range(5):
        recording = corpus.ingest(found(write(tmp_path / "a.wav", 300 + 50 * k)))
        corpus.add(recording)
        single_notes.keep(recording, [])
        corpus.tidy(set())
    assert kept(tmp_path / "home") == [f"{recording.key}.f32"]
    assert len(list((tmp_path / "home" / "corpus").iterdir())) == 3  # and its note, its notes


def test_what_somebody_still_looks_into_stays(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = corpus.ingest(found(write(tmp_path / "a.wav", 300)))
    corpus.add(first)
    corpus.add(corpus.ingest(found(write(tmp_path / "a.wav", 400))))
    corpus.tidy(set())
    assert pitch(cut(first, 0, RATE)) == 300  # the learner may not have heard of the other yet
    monkeypatch.setattr(cache, "RETIRED", -1.0)
    corpus.tidy({first.key})
    assert pitch(cut(first, 0, RATE)) == 300  # a dream is being made from it
    corpus.tidy(set())
    assert not first.is_whole()


def test_nothing_is_cleared_away_while_the_recordings_disk_is_gone(
    tmp_path: Path, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md."""
    monkeypatch.setattr(cache, "RETIRED", -1.0)
    take = write(tmp_path / "disk" / "a.wav", 300)
    corpus.add(corpus.ingest(found(take)))
    (tmp_path / "disk").rename(tmp_path / "away")
    corpus.remove(take)
    corpus.tidy(set())
    (tmp_path / "away").rename(tmp_path / "disk")
    decoded = count_decodes(monkeypatch)
    corpus.ingest(found(take))
    assert not decoded


# ---------------------------------------------------------------- damage


def harmed(note: dict[str, object], **values: object) -> str:
    return json.dumps(note | values)


HARM: dict[str, Callable[[dict[str, object]], str]] = {
    "half": lambda note: json.dumps(note)[:50],
    "empty": lambda note: "",
    "bytes": lambda note: "\0\0\0",
    "a list": lambda note: "[1, 2]",
    "null": lambda note: "null",
    "peak null": lambda note: harmed(note, peak=None),
    "peak a word": lambda note: harmed(note, peak="loud"),
    "peak nan": lambda note: harmed(note, peak=float("nan")),
    "loudest infinite": lambda note: harmed(note, loudest=float("inf")),
    "no length": lambda note: harmed(note, frames=0),
    "half a frame": lambda note: harmed(note, frames=0.5),
    "places null": lambda note: harmed(note, places=None),
    "a place nowhere": lambda note: harmed(note, places=[{}]),
    "a place of numbers": lambda note: harmed(
        note, places=[{"path": "/x", "voice": 3, "size": 1, "mtime_ns": 1, "ctime_ns": 1}]
    ),
    "a time of words": lambda note: harmed(
        note, places=[{"path": "/x", "voice": "v", "size": "1", "mtime_ns": 1, "ctime_ns": 1}]
    ),
    "joined null": lambda note: harmed(note, joined=None),
    "more than there is": lambda note: harmed(note, surprise=1),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_damaged_note_is_set_aside_with_one_line(tmp_path: Path, harm: str) -> None:
    home = tmp_path / "home"
    take = write(tmp_path / "a.wav", 440)
    recording = Corpus(home, RATE).ingest(found(take))
    path = home / "corpus" / f"{recording.key}.json"
    path.write_text(HARM[harm](json.loads(path.read_text())))
    corpus = Corpus(home, RATE)
    (line,) = corpus.sweep()
    assert "damaged" in line
    assert path.name in line
    again = corpus.ingest(found(take))
    assert (again.peak, again.frames) == (recording.peak, recording.frames)
    assert Corpus(home, RATE).sweep() == []


def test_an_older_home_s_note_over_full_scale_is_made_anew_in_silence(tmp_path: Path) -> None:
    home, take = tmp_path / "home", write(tmp_path / "a.wav", 440)
    recording = Corpus(home, RATE).ingest(found(take))
    path = home / "corpus" / f"{recording.key}.json"
    path.write_text(harmed(json.loads(path.read_text()), peak=4.0))
    corpus = Corpus(home, RATE)
    assert corpus.sweep() == []
    assert corpus.ingest(found(take)).peak == recording.peak


def test_files_of_others_are_named_once_and_left(tmp_path: Path) -> None:
    home = tmp_path / "home"
    recording = Corpus(home, RATE).ingest(found(write(tmp_path / "a.wav", 440)))
    odd = home / "corpus" / f"{recording.key} (conflicted copy).json"
    odd.write_text("{")
    (home / "corpus" / f"{'0' * 20}.json").mkdir()
    corpus = Corpus(home, RATE)
    (line,) = corpus.sweep()
    assert "(conflicted copy).json" in line
    assert odd.exists()
    corpus.recall_all()
    assert len(corpus.recordings()) == 1


def truncated(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(1000)


def not_a_number(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4 * 500)
        file.write(np.full(4, np.nan, "<f4").tobytes())


@pytest.mark.parametrize("harm", [truncated, not_a_number, Path.unlink])
def test_a_damaged_cache_is_told_and_made_again(
    tmp_path: Path, corpus: Corpus, harm: Callable[[Path], None]
) -> None:
    """Truncated while it was mapped, it ended the process before."""
    take = write(tmp_path / "a.wav", 440)
    recording = corpus.ingest(found(take))
    corpus.add(recording)
    assert corpus.damaged() == []
    assert cut(recording, 0, 4000).any()
    harm(Path(recording.cache))
    for look in (cut, loop):
        with pytest.raises(BadRecording, match=r"what was kept of a\.wav"):
            look(recording, 0, 4000)
    assert corpus.damaged() == [found(take)]
    again = corpus.ingest(corpus.damaged()[0])
    assert pitch(cut(again, 0, RATE)) == 440
    assert corpus.damaged() == []


def test_what_was_found_in_a_recording_is_looked_for_again_where_it_is_damaged(
    recorded: Callable[..., Recording],
) -> None:
    recording = recorded(tone(440, 3.0))
    for _ in events.scan(recording):
        pass
    single_notes.keep(recording, [SingleNote(69.0, 0, 5000)])
    whole = Path(events._path(recording)).read_bytes()
    for harm in (b"", whole[:30], whole[:-1], bytes(len(whole)), whole[:-4] + b"\xff\xff\xff\xff"):
        Path(events._path(recording)).write_bytes(harm)
        assert events.known(recording) is None
        assert not events.exist(recording)
    for text in ("", "[", "null", '[{"note": null, "start": 0, "frames": 9}]', "[3]", "\0",
                 '[{"note": 60, "start": -5, "frames": 9}]',
                 '[{"note": 60, "start": 0, "frames": 99999999}]'):  # fmt: skip
        single_notes._path(recording).write_text(text)
        single_notes._read.cache_clear()
        assert single_notes.known(recording) is None, text
        assert single_notes.of(recording, 60) == []


# ---------------------------------------------------------------- libraries of realistic size


def test_no_descriptor_is_held_for_a_recording(recorded: Callable[..., Recording]) -> None:
    """macOS allows 256; the dreamer died at the 202nd recording."""
    recordings = [recorded(tone(200 + k, 0.2), "v", f"{k}.wav") for k in range(60)]
    for recording in recordings:
        for _ in events.scan(recording):
            pass
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = max(map(int, os.listdir("/dev/fd"))) + 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (held + 20, hard))
    try:
        looked_into = [(cut(each, 0, 500), events.known(each)) for each in recordings]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert all(found is not None for _, found in looked_into)


def test_a_look_costs_as_much_as_is_looked_at(recorded: Callable[..., Recording]) -> None:
    """Not in faults.md: the end and the beginning of an hour, not the hour."""
    recording = recorded(np.arange(50_000, dtype=np.float32))
    read: list[int] = []
    pread = os.pread

    def counting(file: int, size: int, at: int) -> bytes:
        read.append(size)
        return pread(file, size, at)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "pread", counting)
        wrapped = loop(recording, 49_990, 30)
    np.testing.assert_array_equal(wrapped, [*range(49_990, 50_000), *range(20)])
    assert sum(read) == 4 * 30


def test_a_file_name_that_is_no_text_is_a_recording_like_others(
    tmp_path: Path, corpus: Corpus
) -> None:
    take = write(tmp_path / "caf\udce9.wav", 440)
    recording = corpus.ingest(found(take))
    assert recording.name == "caf\\xe9.wav"
    corpus.add(recording)
    assert corpus.remove(take) == recording
    again = Corpus(tmp_path / "home", RATE)
    again.recall([(take, "v")])
    assert again.recordings() == (recording,)
    Path(take).write_bytes(b"RIFF is not enough")
    with pytest.raises(BadRecording, match=r"caf\\xe9\.wav") as raised:
        corpus.ingest(found(take))
    str(raised.value).encode()


def test_a_file_that_changes_while_it_is_read_is_read_again(tmp_path: Path, corpus: Corpus) -> None:
    take = write(tmp_path / "a.wav", 440, 20.0)
    there = found(take)

    def meanwhile(fraction: float) -> None:
        time.sleep(0.001)
        with take.open("ab") as file:
            file.write(b"more")

    with pytest.raises(BadRecording, match="changed while it was read"):
        corpus.ingest(there, meanwhile)
    assert kept(tmp_path / "home") == []
    assert not list((tmp_path / "home" / "corpus").iterdir())


def test_broken_files_are_read_or_named(tmp_path: Path, corpus: Corpus) -> None:
    """However they are broken: no crash, nothing that is no sound, no litter."""
    joined = named = 0
    for path in broken(tmp_path, 120, seed=7):
        try:
            recording = corpus.ingest(found(path))
        except BadRecording as error:
            named += str(path) in str(error)
            continue
        joined += 1
        samples = cut(recording, 0, recording.frames)
        assert np.abs(samples).max() <= 1, path
        assert recording.seconds < 30, path
    assert joined + named == 120
    assert joined > 40
    assert named > 10
    assert {path.suffix for path in (tmp_path / "home" / "corpus").iterdir()} == {".f32", ".json"}
