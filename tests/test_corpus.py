"""Files become recordings: what is kept, what is refused, what is remembered."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, pitch, tone

from dreamd.audio import files
from dreamd.corpus.cache import Corpus
from dreamd.corpus.found import Found
from dreamd.corpus.recording import cut
from dreamd.corpus.voice_names import voice_name
from dreamd.errors import BadRecording


def found(path: Path, voice: str = "v") -> Found:
    there = Found.at(path, voice)
    assert there is not None
    return there


def test_a_recording_is_resampled_free_of_dc_and_mapped(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", tone(440, 1.0, 48000) + 0.2, 48000, subtype="FLOAT")
    recording = Corpus(tmp_path / "home", RATE).ingest(found(tmp_path / "a.wav"))
    samples = cut(recording, 0, recording.frames)
    assert recording.seconds == pytest.approx(1.0, abs=0.001)
    assert abs(samples.mean()) < 1e-5
    assert pitch(samples) == pytest.approx(440, abs=2)
    assert recording.peak == pytest.approx(0.5, abs=0.02)
    assert recording.loudest == pytest.approx(0.5 / np.sqrt(2), abs=0.01)


@pytest.mark.parametrize(
    ("samples", "why"), [(np.zeros(5000), "silent"), (np.zeros(0), "no samples")]
)
def test_nothing_to_learn_from_is_refused_by_name(
    tmp_path: Path, samples: np.ndarray, why: str
) -> None:
    soundfile.write(tmp_path / "x.wav", samples, RATE)
    corpus = Corpus(tmp_path / "home", RATE)
    with pytest.raises(BadRecording, match=rf"{why}.*x\.wav"):
        corpus.ingest(found(tmp_path / "x.wav"))
    assert list((tmp_path / "home" / "corpus").iterdir()) == []


def count_decodes(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    decoded: list[Path] = []
    decode = files.decode

    def counting(path: Path, rate: int, **given):  # type: ignore[no-untyped-def]
        decoded.append(path)
        return decode(path, rate, **given)

    monkeypatch.setattr(files, "decode", counting)
    return decoded


def test_the_next_start_remembers_and_follows_a_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decodes(monkeypatch)
    files.write(tmp_path / "a.wav", tone(440, 1.0), RATE)
    Corpus(tmp_path / "home", RATE).ingest(found(tmp_path / "a.wav"))
    again = Corpus(tmp_path / "home", RATE)
    again.sweep()
    again.ingest(found(tmp_path / "a.wav"))
    os.rename(tmp_path / "a.wav", tmp_path / "b.wav")
    renamed = again.ingest(found(tmp_path / "b.wav", "other"))
    assert (renamed.name, renamed.voice) == ("b.wav", "other")
    assert len(decoded) == 1


def test_a_replaced_file_is_read_again_and_another_rate_too(tmp_path: Path) -> None:
    files.write(tmp_path / "a.wav", tone(440, 1.0), RATE)
    corpus = Corpus(tmp_path / "home", RATE)
    first = corpus.ingest(found(tmp_path / "a.wav"))
    files.write(tmp_path / "a.wav", tone(880, 2.0), RATE)
    second = corpus.ingest(found(tmp_path / "a.wav"))
    assert second.seconds == pytest.approx(2.0)
    assert second.cache != first.cache
    other = Corpus(tmp_path / "home", 22050).ingest(found(tmp_path / "a.wav"))
    assert other.frames == 2 * second.frames


def test_a_cache_that_is_half_made_is_swept_and_a_broken_note_ignored(tmp_path: Path) -> None:
    home = tmp_path / "home"
    files.write(tmp_path / "a.wav", tone(440, 1.0), RATE)
    recording = Corpus(home, RATE).ingest(found(tmp_path / "a.wav"))
    key = Path(recording.cache).stem
    (home / "corpus" / f"{'a' * 20}.f32").write_bytes(b"1234")
    (home / "corpus" / f"{'b' * 20}.json").write_text("{")
    shutil.copy(Path(recording.cache).with_suffix(".json"), home / "corpus" / f"{key}.json.tmp")
    again = Corpus(home, RATE)
    again.sweep()
    left = {path.suffix for path in (home / "corpus").iterdir()}
    assert left == {".f32", ".json"}
    again.recall_all()
    assert [r.name for r in again.recordings()] == ["a.wav"]


def test_what_is_remembered_of_a_folder_is_present_at_once(tmp_path: Path) -> None:
    home, takes = tmp_path / "home", [tmp_path / f"{name}.wav" for name in "abc"]
    for take in takes:
        files.write(take, tone(440, 0.2), RATE)
        Corpus(home, RATE).ingest(found(take, "guitar"))
    files.write(takes[1], tone(440, 0.4), RATE)  # changed since
    again = Corpus(home, RATE)
    again.recall([(takes[0], "guitar"), (takes[1], "guitar"), (takes[2], "rain")])
    assert [r.name for r in again.recordings()] == ["a.wav"]


def test_voices_are_sorted_by_name(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path / "home", RATE)
    for name in ("b.wav", "a.wav", "c.wav"):
        files.write(tmp_path / name, tone(440, 0.2), RATE)
        corpus.add(corpus.ingest(found(tmp_path / name, "guitar")))
    assert [r.name for r in corpus.voices()["guitar"]] == ["a.wav", "b.wav", "c.wav"]
    assert corpus.remove(tmp_path / "b.wav") is not None
    assert [r.name for r in corpus.voices()["guitar"]] == ["a.wav", "c.wav"]
    assert corpus.remove(tmp_path / "b.wav") is None


def test_progress_is_told_while_a_long_file_is_read(tmp_path: Path) -> None:
    files.write(tmp_path / "long.wav", tone(100, 30.0, 44100), 44100)
    heard: list[float] = []
    Corpus(tmp_path / "home", RATE).ingest(found(tmp_path / "long.wav"), heard.append)
    assert heard == sorted(heard)
    assert heard[0] < 0.5
    assert heard[-1] == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(
    ("folder", "voice"), [("drums 2", "drums-2"), ("Gitarre (süß)", "Gitarre-süß"), (".x-", "x")]
)
def test_voice_names_fit_the_mini_notation(folder: str, voice: str) -> None:
    assert voice_name(folder) == voice


def test_short_recordings_are_looped(recorded) -> None:  # type: ignore[no-untyped-def]
    recording = recorded(np.arange(5, dtype=np.float32))
    np.testing.assert_array_equal(cut(recording, 0, 12), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1])
    np.testing.assert_array_equal(cut(recording, 2, 6), [2, 3, 4, 0, 1, 2])
    np.testing.assert_array_equal(cut(recording, 4, 3), [2, 3, 4])
