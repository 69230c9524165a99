"""A disk that neither answers nor fails: a network folder that sleeps, under the recordings."""

import os
import threading
import time
from pathlib import Path

import pytest
from conftest import PATIENCE, Daemon

from dreamd.corpus import watcher
from dreamd.corpus.cache import Corpus
from dreamd.corpus.folder import listing
from dreamd.corpus.found import Found
from dreamd.corpus.ingest import Ingester
from dreamd.corpus.watcher import Gone, Watcher
from dreamd.daemon.errands import Errands
from dreamd.errors import NoAnswer
from dreamd.home import environment
from dreamd.home.environment import answered, real_path

ASLEEP = """
import os, time
ASLEEP, AWAKE = {asleep!r}, {awake!r}
for name in ("stat", "lstat", "scandir", "listdir", "open"):
    def call(*args, _call=getattr(os, name), **keys):
        if args and isinstance(args[0], (str, os.PathLike)):
            while os.fspath(args[0]).startswith(ASLEEP) and not _exists(AWAKE):
                time.sleep(0.05)
        return _call(*args, **keys)
    if name == "lstat":
        def _exists(path, _call=os.lstat):
            try:
                _call(path)
            except OSError:
                return False
            return True
    globals()[name] = call
for name in ("stat", "lstat", "scandir", "listdir", "open"):
    setattr(os, name, globals()[name])
"""
"""What every Python process of a daemon does first: whoever turns to the folder waits."""


class AsleepDaemon(Daemon):
    """A disk of it sleeps from its second start on, until :meth:`wake`."""

    def sleep(self, folder: Path) -> None:
        self.awake = self.home.parent / "awake"
        place = self.home.parent / "asleep"
        place.mkdir()
        code = ASLEEP.format(asleep=str(folder), awake=str(self.awake))
        (place / "sitecustomize.py").write_text(code)
        paths = [str(place), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}

    def wake(self) -> None:
        self.awake.touch()


def test_the_home_s_disk_sleeps_as_it_starts(tmp_path: Path, recordings: Path) -> None:
    """Nothing goes without it: it says so, and waits."""
    one = AsleepDaemon(tmp_path / "home", recordings)
    try:
        one.until(lambda: one.status()["voices"].get("guitar", {}).get("recordings") == 2)
        assert one.stop() == 0
        one.sleep(one.home)
        start = threading.Thread(target=one.start)  # until it answers
        start.start()
        told = f"dreamd: the disk of {one.home} does not answer; waiting for it"
        one.until(lambda: told in one.said())
        one.wake()
        start.join()
        assert one.status()["voices"]["guitar"]["recordings"] == 2
        assert one.said().count(told) == 1
    finally:
        one.stop()


def test_the_recordings_disk_sleeps_as_it_starts(tmp_path: Path, recordings: Path) -> None:
    """It listens, tells its status, dreams from what it remembers, says so once; and goes on when
    the disk is back."""
    one = AsleepDaemon(tmp_path / "home", recordings)
    try:
        one.until(lambda: one.status()["voices"].get("guitar", {}).get("recordings") == 2)
        assert one.stop() == 0
        one.sleep(recordings)
        (recordings / "guitar" / "b.wav").unlink()
        one.start()
        assert one.status()["voices"]["guitar"]["recordings"] == 2
        one.ask(id=1, approach="vector", seed="guitar:0", secs=0.2)
        one.wait("/dream/done", 1)
        one.ask(id=2, approach="vector", seed=str(recordings / "guitar" / "a.wav"), secs=0.2)
        assert one.wait("/dream/failed", 2)[1] == "no-such-seed"
        one.until(lambda: "does not answer: dreamd goes on with what it remembers" in one.said())
        one.wake()
        one.until(lambda: one.status()["voices"]["guitar"]["recordings"] == 1)
        one.until(lambda: f"{recordings} is back" in one.said())
        assert one.said().count("does not answer: dreamd goes on") == 1
        one.awake.unlink()  # and sleeps again while it is looked at
        one.until(lambda: one.said().count("does not answer: dreamd goes on") == 2)
        assert one.stop() == 0
    finally:
        if one.process.poll() is None:
            one.stop()


# ---------------------------------------------------------------- its parts


@pytest.fixture
def awake() -> threading.Event:
    return threading.Event()


def test_what_is_asked_of_a_sleeping_disk_is_left_behind(
    awake: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert answered(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        answered(lambda: 1 // 0)
    with pytest.raises(NoAnswer):
        answered(awake.wait, 0.01)
    monkeypatch.setattr(environment.answered, "__defaults__", (0.01,))
    monkeypatch.setattr(Path, "resolve", lambda self: awake.wait() and self)
    assert real_path(tmp_path / "x") == tmp_path / "x"
    awake.set()


def test_a_watcher_starts_and_stops_on_a_sleeping_disk(
    awake: threading.Event, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And says once that it sleeps, and that it is back; what is not there any more is gone."""
    monkeypatch.setattr(watcher, "NO_ANSWER", 0.05)
    look = watcher.look_into
    monkeypatch.setattr(watcher, "look_into", lambda root: awake.wait() and look(root))
    monkeypatch.setattr(
        watcher.Watcher,
        "_observe",
        lambda self, observe=Watcher._observe: (awake.wait(), observe(self)),
    )
    (tmp_path / "a.wav").touch()
    told: list[Found | Gone] = []
    lines: list[str] = []
    watching = Watcher(
        tmp_path, told.append, lines.append, [tmp_path / "a.wav", tmp_path / "b.wav"]
    )
    watching.start()
    while not lines:
        time.sleep(0.01)
        watching.overdue()
    watching.overdue()
    assert lines == [f"{tmp_path} does not answer: dreamd goes on with what it remembers of it"]
    awake.set()
    while len(lines) < 2 or not told:
        time.sleep(0.01)
    assert lines[1] == f"{tmp_path} is back"
    assert told[0] == Gone(tmp_path / "b.wav")
    watching.stop()


def test_one_sleeping_disk_keeps_no_other_file_from_being_known(
    awake: threading.Event, monkeypatch: pytest.MonkeyPatch, recordings: Path, tmp_path: Path
) -> None:
    """Not in faults.md: what is kept is looked over in one thread, and holds no lock."""
    corpus = Corpus(tmp_path / "home", 11025)
    found = [each for each in (Found.at(*one) for one in listing(recordings)) if each]
    for each in found:
        corpus.add(corpus.ingest(each))
    corpus.remove(found[0].path)
    corpus._left.clear()
    looked = threading.Event()

    def asleep(self: Found) -> bool:
        looked.set()
        return not awake.wait()

    monkeypatch.setattr(Found, "unchanged", asleep)
    monkeypatch.setattr("dreamd.corpus.ingest.TIDY_EVERY", 0.0)
    ingester = Ingester(corpus, lambda _: None)
    before = set(threading.enumerate())
    while not looked.is_set():
        ingester.tidy(frozenset)
        time.sleep(0.01)
    for _ in range(20):
        ingester.tidy(frozenset)
    assert len(set(threading.enumerate()) - before) == 1
    reading = threading.Thread(target=corpus.ingest, args=(found[1],), daemon=True)
    reading.start()
    reading.join(PATIENCE)
    assert not reading.is_alive()
    awake.set()


def test_whoever_still_waits_when_it_ends_is_told() -> None:
    awake, heard = threading.Event(), []
    home = Errands("home", 1, lambda _: None)
    home.run(awake.wait, heard.append)
    home.finish(0.0)
    home.give_up()
    assert isinstance(heard[0], NoAnswer)
    awake.set()
