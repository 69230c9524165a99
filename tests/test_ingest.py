"""The threads that read recordings: nothing ends them, a full disk makes them wait."""

import resource
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import RATE, tone, until
from test_corpus import found

from dreamd.audio import files
from dreamd.corpus import decoding, ingest, memory
from dreamd.corpus.cache import Corpus
from dreamd.corpus.found import Found
from dreamd.corpus.ingest import Ingester, Ingesting, Joined, News, Refused
from dreamd.corpus.recording import Recording
from dreamd.corpus.watcher import Gone
from dreamd.daemon.recordings import Library
from dreamd.training.messages import RecordingGone, RecordingJoined


class Told:
    """What an ingester told, but for its progress."""

    def __init__(self) -> None:
        self.news: list[Joined | Refused] = []

    def __call__(self, news: News) -> None:
        if not isinstance(news, Ingesting):
            self.news.append(news)

    def until(self, count: int) -> list[Joined | Refused]:
        until(lambda: len(self.news) >= count, lambda: self.news)
        return self.news


@pytest.fixture
def takes(tmp_path: Path) -> list[Found]:
    for k in range(4):
        files.write(tmp_path / f"{k}.wav", tone(300 + k, 0.5 + 0.1 * k), RATE)
    return [found(tmp_path / f"{k}.wav") for k in range(4)]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "home", RATE)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "ROOM_EVERY", 0.05)


@pytest.fixture
def written_at_most() -> Iterator[Callable[[int], None]]:
    """Files larger than this many bytes cannot be written: to a writer it is a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_unexpected_error_costs_one_file(
    corpus: Corpus, takes: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More of them than there are threads."""
    learn = corpus.ingest

    def failing(each: Found, *given: object) -> Recording:
        if each is not takes[-1]:
            raise UnicodeEncodeError("utf-8", "caf\udce9", 3, 4, "surrogates not allowed")
        return learn(each, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(corpus, "ingest", failing)
    told = Told()
    reader = Ingester(corpus, told)
    for take in takes:
        reader.take(take)
    news = told.until(4)
    (joined,) = [each for each in news if isinstance(each, Joined)]
    assert joined.found is takes[-1]
    refused = [each.reason for each in news if isinstance(each, Refused)]
    assert all(why is not None and "an error inside dreamd" in why for why in refused)
    assert all(f"{k}.wav" in "".join(map(str, refused)) for k in range(3))


@pytest.mark.parametrize("kind", ["counted", "met"])
def test_a_full_disk_is_told_once_and_waited_for(
    corpus: Corpus, takes: list[Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    written_at_most: Callable[[int], None], kind: str,
) -> None:  # fmt: skip
    """Before a byte is written where that can be told; otherwise in the middle of it."""
    if kind == "counted":
        none = SimpleNamespace(free=0)
        monkeypatch.setattr(decoding.shutil, "disk_usage", lambda path: none)
    else:
        written_at_most(5000)
    told = Told()
    reader = Ingester(corpus, told)
    for take in takes:
        reader.take(take)
    (full, *_) = told.until(1)
    assert isinstance(full, Refused)
    assert full.reason is not None
    assert "cannot be kept" in full.reason
    assert str(full.found.path) in full.reason
    time.sleep(0.3)  # some tries
    assert told.news == [full]
    monkeypatch.undo()
    written_at_most(resource.RLIM_INFINITY)
    joined = [each.found for each in told.until(5)[1:]]
    assert {each.path for each in joined} == {each.path for each in takes}
    kept = {path.suffix for path in (tmp_path / "home" / "corpus").iterdir()}
    assert kept == {".f32", ".json"}


def test_nothing_half_made_stays_on_a_full_disk(
    corpus: Corpus, takes: list[Found], tmp_path: Path, written_at_most: Callable[[int], None]
) -> None:
    for size in (0, 100, 5000):  # nothing fits, the note alone does, half of the cache
        written_at_most(size)
        with pytest.raises(decoding.NoRoom, match=r"read as soon as it can be: .*0\.wav"):
            corpus.ingest(takes[0])
        assert list((tmp_path / "home" / "corpus").iterdir()) == []


def test_a_note_that_cannot_be_written_leaves_no_cache(
    corpus: Corpus, takes: list[Found], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md: the disk is full just then. The next try is a whole one."""

    def full(*given: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(memory, "write_note", full)
        with pytest.raises(decoding.NoRoom, match=r"No space left on device.*0\.wav"):
            corpus.ingest(takes[0])
    assert list((tmp_path / "home" / "corpus").iterdir()) == []
    corpus.ingest(takes[0])
    again = Corpus(tmp_path / "home", RATE)
    again.recall_all()
    assert len(again.recordings()) == 1


def test_a_home_that_vanishes_and_comes_back(
    corpus: Corpus, takes: list[Found], tmp_path: Path
) -> None:
    """Not in faults.md: on a disk that somebody pulled out."""
    (tmp_path / "home").rename(tmp_path / "away")
    (tmp_path / "home").write_text("in the way")
    told = Told()
    Ingester(corpus, told).take(takes[0])
    assert isinstance(told.until(1)[0], Refused)
    (tmp_path / "home").unlink()
    (tmp_path / "away").rename(tmp_path / "home")
    assert isinstance(told.until(2)[1], Joined)


def test_a_file_that_goes_while_it_is_read_is_no_fault(
    corpus: Corpus, takes: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    decode = files.decode

    def slow(path: Path, *given: object, **more: object):  # type: ignore[no-untyped-def]
        yield from decode(path, *given, **more)  # type: ignore[arg-type]
        path.unlink()

    monkeypatch.setattr(files, "decode", slow)
    told = Told()
    Ingester(corpus, told).take(takes[0])
    assert told.until(1) == [Refused(takes[0], None)]


def test_what_was_damaged_is_read_again_and_told(
    corpus: Corpus, takes: list[Found], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "TIDY_EVERY", 0.0)
    told = Told()
    reader = Ingester(corpus, told)
    reader.take(takes[0])
    (joined,) = told.until(1)
    assert isinstance(joined, Joined)
    assert joined.remarks == ()
    corpus.add(joined.recording)
    Path(joined.recording.cache).unlink()
    reader.tidy(set)
    again = told.until(2)[1]
    assert isinstance(again, Joined)
    assert "damaged" in again.remarks[0]
    assert again.recording.is_whole()


# ---------------------------------------------------------------- thousands of them


class Parts:
    """What a library talks to, which counts."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.ingests = corpus, dict[Path, Ingesting]()
        self.unread: dict[Path, str] = {}
        self.queue = SimpleNamespace(running={}, waiting=[])
        self.said: list[str] = []
        self.learner: list[object] = []

    def say(self, text: str, warning: bool = False) -> None:
        self.said.append(text)

    def touch(self, voice: str) -> None: ...

    def broadcast(self, reply: object) -> None: ...

    def voices_changed(self) -> None: ...

    def tell_training(self, message: object) -> None:
        self.learner.append(message)

    def take(self, found: Found) -> None: ...

    def tidy(self, in_use: Callable[[], set[str]]) -> None:
        assert in_use() == set()


def test_the_learner_hears_of_each_take_once(corpus: Corpus, tmp_path: Path) -> None:
    """Every recording that joined sent all recordings to the learner: 217 folders were too many.
    One that comes back in the folder of another voice has gone from the first."""
    parts = Parts(corpus)
    library = Library(parts, parts, parts, parts)  # type: ignore[arg-type]

    def join(name: str, voice: str) -> Recording:
        each = Recording(voice, str(tmp_path / name), "x", 100, RATE, 0.5, 0.2, 0.0)
        for event in (there := Found(tmp_path / name, voice, 1, 1), Joined(there, each)):
            library.on_event(event)
        return each

    takes = [join(f"{k}.wav", f"v{k % 30}") for k in range(400)]
    assert parts.learner == [RecordingJoined(each) for each in takes]
    moved = join("7.wav", "elsewhere")
    assert parts.learner[400:] == [RecordingGone(takes[7]), RecordingJoined(moved)]


def test_remarks_are_said_and_what_is_known_already_is_not(corpus: Corpus, tmp_path: Path) -> None:
    parts = Parts(corpus)
    library = Library(parts, parts, parts, parts)  # type: ignore[arg-type]
    each = Recording("v", str(tmp_path / "a.wav"), "x", RATE, RATE, 0.5, 0.2, 0.0)
    there = Found(tmp_path / "a.wav", "v", 1, 1)
    library.on_event(there)
    library.on_event(Joined(there, each, ("is odd",)))
    library.on_event(Joined(there, each))
    library.on_event(Gone(there.path))
    library.on_event(Ingesting(there, 0.5, None))
    library.on_event(Joined(there, each))  # it went while it was read
    assert [line.split("/")[-1] for line in parts.said] == [
        "a.wav: is odd", "v learns from a.wav (1.0 s)", "v no longer has a.wav",
    ]  # fmt: skip
    assert not parts.ingests


def test_two_threads_may_read_the_same_sound(corpus: Corpus, takes: list[Found]) -> None:
    """Not in faults.md: copies that come at once."""
    copies = [
        found(Path(shutil.copy(takes[3].path, takes[3].path.with_name(f"c{k}.wav"))))
        for k in range(6)
    ]
    got: list[Recording] = []
    threads = [
        threading.Thread(target=lambda each=each: got.append(corpus.ingest(each)))  # type: ignore[misc]
        for each in copies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.key for each in got}) == 1
    assert got[0].is_whole()
    assert len({each.source for each in got}) == 6
    assert len(list(Path(got[0].cache).parent.iterdir())) == 2
