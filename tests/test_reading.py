"""Decoding apart: a file that crashes its decoder, or holds it for ever, costs a child alone."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from conftest import PATIENCE, RATE, Daemon, tone, until
from test_corpus import found
from test_ingest import Told

from dreamd.audio import files
from dreamd.corpus.cache import Corpus
from dreamd.corpus.decoding import NoRoom
from dreamd.corpus.ingest import Ingester, Joined, Refused
from dreamd.errors import BadRecording
from dreamd.reading import apart
from dreamd.reading.apart import Apart
from dreamd.settings import Settings

Start = Callable[..., Apart]


@pytest.fixture
def start(small: Settings) -> Iterator[Start]:
    started: list[Apart] = []

    def make(module: str = "lost_decoders") -> Apart:
        started.append(Apart(small, module))
        return started[-1]

    yield make
    for each in started:
        each.end()


def corpus(decoding: Apart, home: Path) -> Corpus:
    return Corpus(home, RATE, decoding.pour)


def take(folder: Path, name: str, seconds: float = 1.0) -> Path:
    files.write(folder / name, tone(440, seconds), RATE)
    return folder / name


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid)]


def pids(decoding: Apart) -> list[int]:
    return [child.worker.pid for child in decoding._children.values()]


def test_what_is_decoded_apart_is_what_is_decoded_here(start: Start, tmp_path: Path) -> None:
    path = take(tmp_path, "a.wav")
    path.write_bytes(path.read_bytes()[:-4])
    here, heard = Corpus(tmp_path / "one", RATE), ([], [])
    there = corpus(start("dreamd.reading.worker"), tmp_path / "other")
    (one, other) = (
        each.ingest(found(path), progress.append, remarks.append)
        for each, progress, remarks in zip((here, there), ([], []), heard, strict=True)
    )
    assert Path(one.cache).read_bytes() == Path(other.cache).read_bytes()
    assert (one.frames, one.peak, one.loudest) == (other.frames, other.peak, other.loudest)
    assert heard[0] == heard[1] != []
    files.write(tmp_path / "none.wav", 0 * tone(440, 1.0), RATE)
    with pytest.raises(BadRecording, match=r"is silent: .*none\.wav"):
        there.ingest(found(tmp_path / "none.wav"))


def test_a_file_that_crashes_its_decoder_is_named_and_costs_no_other(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    told = Told()
    reader = Ingester(corpus(start(), small.home), told)
    names = ["crash.wav", *(f"{k}.wav" for k in range(8)), "odd.wav"]
    for k, name in enumerate(names):
        reader.take(found(take(tmp_path, name, 1 + 0.1 * k)))
    news = told.until(len(names))
    refused = {each.found.name: each.reason or "" for each in news if isinstance(each, Refused)}
    assert refused.keys() == {"crash.wav", "odd.wav"}
    assert "crashes the decoder, which was ended by signal SIGSEGV" in refused["crash.wav"]
    assert "of some kind" in refused["odd.wav"]
    assert sum(isinstance(each, Joined) for each in news) == 8
    assert {path.suffix for path in (small.home / "corpus").iterdir()} == {".f32", ".json"}


def test_a_child_that_somebody_kills_is_no_fault_of_the_file(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    recording = corpus(start(), small.home).ingest(found(take(tmp_path, "bad luck.wav")))
    assert recording.is_whole()


def test_a_decoder_that_never_comes_back_is_ended(
    start: Start, small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that stands still: it does not even hear SIGTERM. Whoever was decoded beside it is
    decoded anew."""
    monkeypatch.setattr(apart, "SILENCE", 2.0)
    decoding = start()
    where = corpus(decoding, small.home)
    where.ingest(found(take(tmp_path, "first.wav", 0.5)))
    told = Told()
    reader = Ingester(where, told)
    reader.take(found(take(tmp_path, "hang.wav")))
    until((tmp_path / "hang.tried").exists)
    before = pids(decoding)
    reader.take(found(take(tmp_path, "other.wav", 2.0)))
    news = {each.found.name: each for each in told.until(2)}
    assert isinstance(news["other.wav"], Joined)
    assert isinstance(news["hang.wav"], Refused)
    assert "takes too long to decode" in str(news["hang.wav"].reason)
    until(lambda: not alive(before))


def test_a_slow_file_is_given_its_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who says how far it is, and who is large, is no slower than it must be."""
    call = apart._Call(apart.PourFile(1, found(take(tmp_path, "a.wav", 60.0)), tmp_path, RATE))
    assert call.patience > apart.SILENCE + 2
    child = apart._Child(worker=None, calls={1: call})  # type: ignore[arg-type]
    for _ in range(100):
        child.pass_(1.0)
    assert call.silent == 0.0, "a child that is not up has begun nothing"
    child.ready = True
    for _ in range(100):
        child.pass_(1.0)
    assert call.silent > call.patience


def test_the_child_leaves_when_nothing_comes_and_comes_back(
    start: Start, small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "IDLE", 1.0)
    decoding = start()
    assert not pids(decoding), "nothing is started before the first file"
    where = corpus(decoding, small.home)
    where.ingest(found(take(tmp_path, "a.wav")))
    before = pids(decoding)
    assert len(before) == 1
    until(lambda: not alive(before))
    assert where.ingest(found(take(tmp_path, "b.wav", 2.0))).is_whole()


def test_a_disk_that_is_full_is_no_fault_of_the_file(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    with pytest.raises(NoRoom, match=r"No space left on device"):
        corpus(start(), small.home).ingest(found(take(tmp_path, "full.wav")))


def test_a_child_that_cannot_start_is_no_fault_of_the_file(
    start: Start, small: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = take(tmp_path, "a.wav")
    with pytest.raises(NoRoom, match=r"the process that decodes ended with status 1"):
        corpus(start("no_such_module"), small.home).ingest(found(path))

    def none(*given: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(apart, "Worker", none)
    with pytest.raises(NoRoom, match=r"Resource temporarily unavailable"):
        corpus(start(), small.home).ingest(found(path))


def test_many_threads_are_answered_each_its_own(
    start: Start, small: Settings, tmp_path: Path
) -> None:
    where = corpus(start(), small.home)
    paths = [take(tmp_path, f"{k}.wav", 0.5 + 0.1 * k) for k in range(12)]
    got: dict[int, int] = {}

    def ingest(k: int) -> None:
        got[k] = where.ingest(found(paths[k])).frames

    threads = [threading.Thread(target=ingest, args=(k,)) for k in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {k: int((0.5 + 0.1 * k) * RATE) for k in range(12)}


# ---------------------------------------------------------------- the daemon


def decoders(one: Daemon) -> list[psutil.Process]:
    children = psutil.Process(one.process.pid).children()
    return [child for child in children if child.name().startswith("decoder-")]


def test_the_daemon_outlives_its_decoders_and_they_do_not_outlive_it(
    daemon: Callable[..., Daemon], recordings: Path
) -> None:
    """A long recording, killed in its midst as a crash would end it, twice: named once."""
    one = daemon(recordings, "--dreamers", "1")
    for _ in range(2):
        one.wait("/dream/ingested")
    long = recordings / "guitar" / "long.wav"
    aside = recordings / "long.tmp"
    files.write(aside, tone(300, 600.0, 44100), 44100)
    aside.rename(long)
    killed: set[int] = set()

    def kill() -> bool:
        for each in decoders(one):
            with contextlib.suppress(psutil.Error):
                if any(file.path.endswith(".tmp") for file in each.open_files()):
                    each.kill()
                    killed.add(each.pid)
        return len(killed) == 2

    until(kill)
    assert "crashes the decoder" in one.wait("/dream/skipped", str(long))[1]
    files.write(recordings / "guitar" / "c.wav", tone(400, 2.0, 44100), 44100)
    one.wait("/dream/ingested", "guitar", str(recordings / "guitar" / "c.wav"))
    left = decoders(one)
    assert left
    assert not killed & {each.pid for each in left}
    left[0].suspend()
    one.kill()
    assert not psutil.wait_procs(left, timeout=PATIENCE)[1]
