"""Beyond one machine: real schedulers and workers as processes, on this one."""

import contextlib
import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.client import HTTPException
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from conftest import PATIENCE, SMALL_FLAGS, Daemon, free_port, tone, until
from distributed import Client

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import files
from dreamd.audio.dream_file import DreamFile
from dreamd.cli import main
from dreamd.cluster import engine, local, shelf, slices, sources, tasks
from dreamd.cluster.address import ClusterAddress, certificates_in, cluster_at
from dreamd.cluster.calls import call
from dreamd.cluster.certificates import make_certificates
from dreamd.cluster.dreamer import Elsewhere
from dreamd.cluster.farm import Farm, recordings_of
from dreamd.cluster.link import Link
from dreamd.cluster.parcels import (
    Cargo,
    DreamMade,
    DreamParcel,
    Failure,
    Packer,
    SliceOver,
    SliceParcel,
    moved,
    moved_recording,
    trimmed,
)
from dreamd.cluster.programs import STARTING
from dreamd.cluster.receiver import Receiver
from dreamd.cluster.slicer import Slicer
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job, Said, Stop
from dreamd.dreaming.resolve import resolve
from dreamd.errors import Cancelled, Diverged, DreamError, SetupError
from dreamd.experiments.cable import OtherMachine, other_machine
from dreamd.experiments.performers import ask_together
from dreamd.home import checkpoints
from dreamd.home.lock import claim
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

Make = Callable[..., Recording]


class Programs:
    """A scheduler and a worker of two slots, and what they print."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, ClusterAddress("127.0.0.1", free_port())
        self.words = f"127.0.0.1:{self.address.port}"
        self._client: Client | None = None
        self._out = (folder / "programs.out").open("a")
        self.start_scheduler()
        self.worker = self._start("worker", self.words, "--slots", "2", "--device", "cpu",
                                  "--shelf", str(folder / "shelf"))  # fmt: skip

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", self.words)

    def kill_scheduler(self) -> None:
        self.scheduler.kill()
        self.scheduler.wait()

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        return local.start(*command, out=self._out)

    def wait_for_workers(self, count: int = 2) -> None:
        until(lambda: len(self.ask(Client.nthreads)) >= count, self.said, STARTING)

    def ask(self, question: Callable[[Client], Any]) -> Any:
        """What a client hears; nothing while no scheduler answers."""
        try:
            if self._client is None or self._client.status != "running":
                self._client = engine.connect(self.address, "test")
            return question(self._client)
        except engine.LOST:
            self._client = None
            return {}

    def kill_who(self, doing: str) -> None:
        """The slot's process that has a task whose key begins so is killed; waits for one."""
        until(lambda: bool(self.busy(doing)), self.said)
        pids = self.ask(lambda client: client.run(os.getpid))
        os.kill(pids[self.busy(doing)[0]], signal.SIGKILL)

    def busy(self, doing: str) -> list[str]:
        """The slots that have tasks whose keys begin so."""
        return [worker for worker, keys in self.ask(Client.processing).items()
                if any(str(key).startswith(doing) for key in keys)]  # fmt: skip

    def tasks(self, doing: str) -> set[str]:
        """Those whose keys begin so, at work or waiting."""
        asked = f"""[ts.key for scheduler in __import__("distributed").Scheduler._instances
            for ts in scheduler.tasks.values()
            if ts.key.startswith({doing!r}) and ts.state in ("processing", "no-worker")]"""
        return set(self.ask(lambda client: client.run_on_scheduler(eval, asked)))

    def said(self) -> str:
        self._out.flush()
        return (self.folder / "programs.out").read_text()

    def end(self) -> None:
        if self._client is not None:
            self._client.close(timeout=1)
        for program in (self.worker, self.scheduler):
            local.end(program)
        self._out.close()


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    programs = Programs(tmp_path_factory.mktemp("cluster"))
    yield programs
    programs.end()


@pytest.fixture
def cluster(programs: Programs) -> Programs:
    programs.wait_for_workers()
    return programs


@pytest.fixture
def make_job(small: Settings, recorded: Make, tmp_path: Path) -> Callable[..., Job]:
    """A job of a trained model of a voice with two recordings, one of them unheard."""
    voice = [recorded(tone(h, 3.0), name=f"{h}.wav") for h in (300, 400)]
    torch.manual_seed(0)

    def make(approach: str = "transpose", secs: float = 1.0, **keys: Any) -> Job:
        config = config_of(approach, small)
        if not checkpoints.newest(checkpoints.folder(small.home, "sine", config)):
            trainer = Trainer(config, small, voice, lambda note: None)
            trainer.train(0.3)
            trainer.save()
        request = Request(approach, secs=secs, rand=5, **keys)
        job = resolve(small, request, {"sine": voice}, lambda n: tmp_path)
        return replace(job, path=new_file(tmp_path / "dream.wav", job))

    return make


def new_file(path: Path, job: Job) -> Path:
    DreamFile(path, job.rate).create(job.frames)
    return path


@pytest.fixture
def elsewhere(cluster: Programs, small: Settings) -> Iterator[Elsewhere]:
    notes: list[Any] = []
    made = Elsewhere(replace(small, cluster=cluster.words), notes.append)
    made.notes = notes  # type: ignore[attr-defined]
    until(lambda: made._link.client() is not None)
    yield made
    made.close()


def nothing(patience: float) -> list[Said]:
    """What is said of a dream that nobody stops."""
    return []


def when(true: Callable[[], bool]) -> Callable[[float], list[Said]]:
    """What is said of a dream that is to stop when this is so."""
    return lambda patience: [Stop(0)] if true() else []


def here(
    job: Job, settings: Settings, folder: Path, frames: int = 0
) -> tuple[np.ndarray, list[Any]]:
    """The dream as this process makes it, and what is said of it; its first ``frames``, or all."""
    apart = replace(job, path=new_file(folder / "here.wav", job))
    told: list[Any] = []
    frames = frames or job.frames
    with torch.no_grad(), contextlib.suppress(Cancelled):
        render.render(apart, settings, told.append, when(lambda: told_of(told) >= frames))
    return samples_of(apart)[:frames], told


def samples_of(job: Job) -> np.ndarray:
    return DreamFile(job.path, job.rate).read(0, job.frames)


def told_of(told: list[Any]) -> int:
    """Frames of the dream that were told, part after part, once each."""
    frames = 0
    for part in parts(told):
        assert part.start == frames
        frames += part.frames
    return frames


def parts(told: list[Any]) -> list[ChunkWritten]:
    return [each for each in told if isinstance(each, ChunkWritten)]


def leaps(told: list[Any]) -> list[CursorLeapt]:
    return [each for each in told if isinstance(each, CursorLeapt)]


# ---------------------------------------------------------------- dreams


@pytest.mark.parametrize("keys", [
    {"approach": "transpose"}, {"approach": "spectrum", "outrate": 44100},
    {"approach": "vector", "sampling": "paused", "seed": "noise"},
])  # fmt: skip
def test_a_dream_of_the_cluster_is_the_dream_made_here(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, tmp_path: Path, keys: Any
) -> None:
    job, told = make_job(**keys), []
    elsewhere.make(job, small, told.append, nothing)
    expected, said = here(job, small, tmp_path)
    np.testing.assert_array_equal(samples_of(job), expected)
    assert told_of(told) == job.frames
    assert leaps(told) == leaps(said)


def test_a_seed_s_file_travels(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, tmp_path: Path
) -> None:
    seed = tmp_path / "seed.wav"
    files.write(seed, tone(500, 1.0, 8000), 8000)
    job = make_job(seed=str(seed))
    elsewhere.make(job, small, lambda said: None, nothing)
    np.testing.assert_array_equal(samples_of(job), here(job, small, tmp_path)[0])


def test_a_cancelled_dream_leaves_its_worker_free(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, cluster: Programs
) -> None:
    """Long before the dream would have been whole."""
    told, job = list[Any](), make_job(secs=300)
    with pytest.raises(Cancelled):
        elsewhere.make(job, small, told.append, when(lambda: len(parts(told)) > 1))
    until(lambda: not cluster.tasks("dream-"))
    while not elsewhere._heard.empty():  # what its worker said before it heard of that
        if heard := elsewhere._heard.get():
            told.append(heard[2])
    assert told_of(told) < job.frames
    again = make_job()
    elsewhere.make(again, small, told.append, nothing)
    assert np.abs(samples_of(again)).max() > 0


def test_what_fails_on_a_worker_fails_in_its_own_words(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, tmp_path: Path
) -> None:
    job = make_job()
    broken = tmp_path / "seed.wav"
    broken.write_bytes(b"no audio")
    job = replace(job, seed=replace(job.seed, kind="file", path=broken, recording=None))
    with pytest.raises(DreamError, match="seed"):
        elsewhere.make(job, small, lambda said: None, nothing)


def test_a_worker_that_is_killed_in_a_dream(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, cluster: Programs,
    tmp_path: Path,
) -> None:  # fmt: skip
    """It begins again elsewhere; what was heard is not told again."""
    job = make_job(secs=300)
    is_carried_on(
        elsewhere, job, small, tmp_path, lambda: cluster.kill_who("dream-"), "begins again"
    )


class Once:
    """Does something the first time that it is so."""

    def __init__(self, do: Callable[[], Any]) -> None:
        self._do, self.done = do, False

    def __call__(self, now: bool) -> None:
        if now and not self.done:
            self.done = True
            self._do()


def noted(elsewhere: Elsewhere, words: str) -> bool:
    """Whether a line with these words was said."""
    notes = elsewhere.notes  # type: ignore[attr-defined]
    return any(isinstance(each, Note) and words in each.text for each in notes)


def some_after(words: str, elsewhere: Elsewhere, told: list[Any]) -> Callable[[float], list[Said]]:
    """Stops a dream that has come two parts further since a line with these words."""
    then: list[int] = []

    def is_far_enough() -> bool:
        if not then and noted(elsewhere, words):
            then.append(len(parts(told)))
        return bool(then) and len(parts(told)) >= then[0] + 2

    return when(is_far_enough)


def is_carried_on(
    elsewhere: Elsewhere, job: Job, small: Settings, tmp_path: Path, lose: Callable[[], Any],
    words: str,
) -> None:  # fmt: skip
    """A dream loses who makes it with its first part; a line with these words is said, and it is
    the same as if it had been made here."""
    told, at_first_part = list[Any](), Once(lose)

    def tell(said: Any) -> None:
        told.append(said)
        at_first_part(bool(parts(told)))

    with pytest.raises(Cancelled), torch.no_grad():
        elsewhere.make(job, small, tell, some_after(words, elsewhere, told))
    heard = told_of(told)
    np.testing.assert_array_equal(samples_of(job)[:heard], here(job, small, tmp_path, heard)[0])


def test_a_scheduler_that_is_killed_in_a_dream_and_a_farm_and_comes_back(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, cluster: Programs,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """This machine goes on by itself, the farm waits; both go back."""
    monkeypatch.setattr("dreamd.cluster.farm.SLICE_SECONDS", 0.5)
    job = make_job(secs=300)
    with a_farm_beside(job, small, tmp_path / "farm", cluster.address) as seen:
        is_carried_on(elsewhere, job, small, tmp_path, cluster.kill_scheduler, "goes on here")
        until(lambda: any("does not answer" in line for line in seen.lines))
        cluster.start_scheduler()
        cluster.wait_for_workers()
        goes_back(elsewhere, make_job(), small, tmp_path)


@contextlib.contextmanager
def a_farm_beside(
    job: Job, small: Settings, home: Path, address: ClusterAddress
) -> Iterator["Watched"]:
    """A farm that has learned some already, and in the end all that it should."""
    claim(home)
    settings, shape, seen = replace(small, home=home), config_of("vector", small), Watched()
    farm = Farm(settings, {"sine": job.among}, [shape], 3.0, seen)
    farms = threading.Thread(target=farm.run, args=(address,))
    farms.start()
    until(lambda: max(seen.seconds["sine " + shape.name]) > 0)
    yield seen
    farms.join()
    newest = checkpoints.newest(checkpoints.folder(home, "sine", shape))
    assert newest is not None
    assert checkpoints.header(newest).seconds >= 2.9


def goes_back(elsewhere: Elsewhere, again: Job, small: Settings, tmp_path: Path) -> None:
    """To a cluster that is there again."""
    until(lambda: elsewhere._link.client() is not None)
    elsewhere.make(again, small, lambda said: None, nothing)
    np.testing.assert_array_equal(samples_of(again), here(again, small, tmp_path)[0])


def test_what_comes_out_otherwise_the_second_time_is_told(make_job: Callable[..., Job]) -> None:
    told: list[Any] = []
    job = make_job()
    receiver = Receiver(job, told.append)
    first = np.arange(100, dtype=np.float32)
    receiver.begins()
    receiver.hear(ChunkWritten(0, 0, 100), first.tobytes())
    receiver.begins()
    receiver.hear(ChunkWritten(0, 0, 60), first[:60].tobytes())
    receiver.hear(ChunkWritten(0, 60, 60), np.arange(60, 120, dtype=np.float32).tobytes())
    assert [(c.start, c.frames) for c in told] == [(0, 100), (100, 20)]
    receiver.begins()
    with pytest.raises(Diverged, match="otherwise"):
        receiver.hear(ChunkWritten(0, 0, 60), (first[:60] + 1).tobytes())


# ---------------------------------------------------------------- whose turn it is


class Asker:
    """Somebody's dreaming process, in a thread; its dream goes on until it is stopped."""

    def __init__(self, name: str, number: int, cluster: Programs, settings: Settings) -> None:
        self.name, self.told, self.stopped = name, list[Any](), False
        self._settings = settings
        self.elsewhere = Elsewhere(replace(settings, cluster=cluster.words), self.told.append)
        self.elsewhere._number = number
        until(lambda: self.elsewhere._link.client() is not None)  # else it would dream here

    def ask(self, job: Job, begins: list[str]) -> None:
        at_first = Once(lambda: begins.append(self.name))

        def tell(said: Any) -> None:
            self.told.append(said)
            at_first(True)

        def make() -> None:
            with contextlib.suppress(Cancelled):
                self.elsewhere.make(job, self._settings, tell, when(lambda: self.stopped))

        self._thread = threading.Thread(target=make)
        self._thread.start()

    def stop(self) -> None:
        self.stopped = True
        self._thread.join()
        self.elsewhere.close()


def test_who_floods_the_cluster_waits_for_who_asks_once(
    cluster: Programs, make_job: Callable[..., Job], small: Settings, tmp_path: Path
) -> None:
    """Three of the flood wait; whichever slot is free next, it is not for one of them."""
    job, begins = make_job(secs=300), list[str]()
    jobs = [replace(job, path=new_file(tmp_path / f"{k}.wav", job)) for k in range(6)]
    flood = [Asker(f"flood {k}", k, cluster, small) for k in range(5)]
    for k, (each, asked) in enumerate(zip(flood, jobs[:5], strict=True)):
        each.ask(asked, begins)
        until(lambda k=k: len(cluster.tasks("dream-")) == k + 1)
    until(lambda: len(begins) == 2)
    other = Asker("other", 0, cluster, small)
    other.ask(jobs[5], begins)
    until(lambda: len(cluster.tasks("dream-")) == 6)
    next(each for each in flood if each.name == begins[1]).stop()
    until(lambda: len(begins) == 3)
    assert begins[2] == "other"
    for each in (*(each for each in flood if not each.stopped), other):
        each.stop()


def test_performers_who_ask_at_once_are_all_served(
    cluster: Programs, make_job: Callable[..., Job], small: Settings
) -> None:
    """As dreamd scale has twenty of them ask."""
    served = ask_together(cluster.address, make_job(), small, 3, 0.2, 1.0)
    assert served
    for each in served:
        assert each is not None
        assert 0 < each.began < each.first <= each.whole + 1


def test_a_dream_does_not_wait_for_training(
    cluster: Programs, elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings
) -> None:
    """Every slot learns, and more than that is to be learned."""
    job = make_job()
    assert job.follow is not None
    slicer, client = Slicer(small, "farm"), cluster.ask(lambda client: client)
    for approach in APPROACHES:
        slicer.submit(client, ("sine", config_of(approach, small)), [job.follow], 300.0)

    def all_at_work() -> bool:
        """What began at a slot before the recordings were there is handed out again."""
        return slicer.back(client, 0.0) is None and len(cluster.tasks("train-")) == 4

    until(all_at_work)
    elsewhere.make(job, small, lambda said: None, nothing)
    assert slicer.back(client, 0.0) is None
    assert len(cluster.tasks("train-")) == 4
    slicer.let_go(client)


def test_a_slice_goes_to_the_slot_that_is_free(
    cluster: Programs, make_job: Callable[..., Job], small: Settings
) -> None:
    """Whatever the one before took."""
    job = make_job()
    assert job.follow is not None
    slicer, client = Slicer(small, "farm"), cluster.ask(lambda client: client)

    def submit(approach: str, seconds: float) -> None:
        slicer.submit(client, ("sine", config_of(approach, small)), [job.follow], seconds)

    submit("spectrum", 300.0)
    submit("vector", 0.2)
    until(lambda: slicer.back(client, 0.0) is not None)
    submit("transpose", 300.0)
    until(lambda: len(cluster.busy("train-")) == 2)
    slicer.let_go(client)


def test_training_waits_while_its_process_dreams() -> None:
    did, dreams = list[str](), iter([True, True, False, False])

    class Trains:
        given_up, head = None, SimpleNamespace(seconds=0.0)

        def train(self, seconds: float, interrupted: Callable[[], bool]) -> None:
            did.append("trains")
            self.head.seconds += seconds

    def dreaming() -> bool:
        did.append("looks")
        return next(dreams)

    slices._train(Trains(), 0.5, dreaming, lambda: False)  # type: ignore[arg-type]
    assert did == ["looks", "looks", "looks", "trains", "looks", "trains"]


# ---------------------------------------------------------------- what travels


def test_what_travels_lies_on_the_shelf_once(make_job: Callable[..., Job], tmp_path: Path) -> None:
    job, packer, there = make_job("spectrum"), Packer(), shelf.Shelf(tmp_path / "shelf")
    packed = moved(job, packer.move)
    cargo = packer.cargo(packer.bundles)
    assert set(there.take(cargo.needed, {})) == set(packer.bundles)
    assert not there.take(cargo.needed, cargo.carried)
    assert not there.take(cargo.needed, {})
    arrived = moved(packed, there.path)
    assert arrived.weights is not None
    assert checkpoints.header(arrived.weights).steps > 0
    assert arrived.follow in arrived.among
    with pytest.raises(SetupError, match="not what it is called"):
        there.take(("0" * 32,), {"0" * 32: {"a": b"other"}})
    with pytest.raises(SetupError, match="called"):
        there.put("1" * 32, {"../out": b""})
    assert not (tmp_path / "out").exists()


def test_a_shelf_has_so_much_room(tmp_path: Path) -> None:
    there = shelf.Shelf(tmp_path, room=250)
    keys = [f"{k:032x}" for k in range(4)]
    for age, key in enumerate(keys):
        there.put(key, {"a": bytes(100)})
        os.utime(tmp_path / key, (0.0, age))
    there.make_room()
    assert [key for key in keys if (tmp_path / key).exists()] == keys[2:]


def test_a_dream_s_recordings_are_bounded(make_job: Callable[..., Job]) -> None:
    job = make_job()
    assert job.follow is not None
    many = tuple(replace(job.follow, source=f"{k}", frames=600 * job.config.rate) for k in range(5))
    kept = trimmed(replace(job, follow=many[3], among=many)).among
    assert kept == (many[3], many[4])
    assert trimmed(job) == job


# ---------------------------------------------------------------- learning


class Watched:
    """Who watches a farm."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.seconds: dict[str, list[float]] = {}

    def say(self, line: str) -> None:
        self.lines.append(line)

    def model(self, name: str, seconds: float, of: float, error: float) -> None:
        self.seconds.setdefault(name, []).append(seconds)


def test_a_farm_brings_every_voice_home_and_goes_on_where_it_was(
    cluster: Programs, small: Settings, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the worker of a slice is killed."""
    monkeypatch.setattr("dreamd.cluster.farm.SLICE_SECONDS", 0.5)
    files.write(recordings / "loose.wav", tone(330, 2.0), 11025)
    voices = recordings_of(small, recordings, print)
    shapes = [config_of(approach, small) for approach in ("spectrum", "vector")]
    seen, killed = Watched(), threading.Event()

    def kill() -> None:
        until(lambda: sum(map(len, seen.seconds.values())) > 5)
        cluster.kill_who("train-")
        killed.set()

    killer = threading.Thread(target=kill)
    killer.start()
    Farm(small, voices, shapes, 2.0, seen).run(cluster.address)
    killer.join()
    assert killed.is_set()
    for voice in ("guitar", "default"):
        for shape in shapes:
            newest = checkpoints.newest(checkpoints.folder(small.home, voice, shape))
            assert newest is not None
            assert checkpoints.header(newest).seconds >= 1.9
    assert all(told == sorted(told) for told in seen.seconds.values()), "learned, and lost"
    again = Watched()
    Farm(small, voices, shapes, 2.0, again).run(cluster.address)
    assert not any("error" in line for line in again.lines), "it was trained already"


def test_workers_read_recordings_by_address(
    cluster: Programs, small: Settings, recordings: Path
) -> None:
    voices = recordings_of(small, f"file://{recordings}", print)
    assert {voice: len(there) for voice, there in voices.items()} == {"guitar": 2}
    shape = config_of("spectrum", small)
    Farm(small, voices, [shape], 0.3, Watched()).run(cluster.address)
    assert checkpoints.newest(checkpoints.folder(small.home, "guitar", shape))
    with pytest.raises(SetupError, match="nothing to learn"):
        sources.listed(f"file://{small.home}")


def test_a_farm_needs_no_other_machine(
    small: Settings, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Workers are made here; how far it is are lines."""
    where = (str(recordings), "--home", str(small.home), "--cluster", "local")
    models = ("--approach", "vector", "--approach", "spectrum", *SMALL_FLAGS)
    assert main(["farm", *where, *models, "--minutes", "0.01", "--plain"]) == 0
    said = capsys.readouterr().out
    for approach in ("vector", "spectrum"):
        shape = config_of(approach, replace(small, hidden=16))
        newest = checkpoints.newest(checkpoints.folder(small.home, "guitar", shape))
        assert newest is not None
        assert checkpoints.header(newest).seconds >= 0.5
        assert f"guitar {shape.name}" in said


def test_what_is_no_checkpoint_is_not_kept(small: Settings) -> None:
    config = config_of("vector", small)
    name = "weights-000000000012.safetensors"
    assert slices.keep(small.home, "guitar", config, {name: b"no weights"}) == -1
    assert not (small.home / "models").exists()


def test_daemons_dream_learn_and_share_there(
    cluster: Programs, daemon: Callable[..., Daemon], recordings: Path, tmp_path: Path
) -> None:
    """One performer's dream with another's voice is the dream that its owner has."""
    (tmp_path / "none").mkdir()
    common = ("--cluster", cluster.words, "--dreamers", "1", "--name")
    ada = daemon(recordings, *common, "ada", "--share", "guitar", home="ada")
    ben = daemon(tmp_path / "none", *common, "ben", home="ben")
    ada.until(lambda: "dreams go to" in ada.said() and "learning goes to" in ada.said())
    ada.until(
        lambda: ada.status()["voices"]["guitar"]["models"].get("spectrum", {}).get("steps", 0)
    )
    ada.send("/dream/pause")
    ada.ask(approach="transpose", seed="guitar:0", secs=200, id=2)
    ada.wait("/dream/chunk", 2)
    ada.send("/dream/cancel", 2)
    assert ada.wait("/dream/failed", 2)[1] == "cancelled"
    ben.until(lambda: "guitar" in ben.status()["shared"].get("ada", {}))
    dreams = []
    for one, voice in ((ben, "ada/guitar"), (ada, "guitar")):
        one.ask(approach="spectrum", seed=f"{voice}:0", secs=1, rand=5, id=1)
        _, path, frames, rate, *_ = one.wait("/dream/done", 1)
        assert (frames, rate) == (11025, 11025)
        dreams.append(DreamFile(Path(path), rate).read(0, frames))
    assert np.abs(dreams[0]).max() > 0
    np.testing.assert_array_equal(*dreams)
    assert ben.status()["shared"]["ada"]["guitar"]["here"]
    assert not ben.status()["voices"]
    assert (ada.stop(), ben.stop()) == (0, 0)


# ---------------------------------------------------------------- what a worker reads and writes


class Opened:
    """What this process opens, makes and removes while it is watched, by Python's own audit."""

    EVENTS = ("open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "os.utime",
              "os.scandir", "os.listdir", "tempfile.mkdtemp", "tempfile.mkstemp")  # fmt: skip

    def __init__(self) -> None:
        self.on, self.paths = False, set[Path]()
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.on and event in self.EVENTS:
            places = arguments[:2] if event == "os.rename" else arguments[:1]
            paths = {Path(os.fsdecode(each)) for each in places
                     if isinstance(each, str | bytes | os.PathLike)}  # fmt: skip
            # A name alone is of something in a folder that was opened before.
            self.paths |= {each.absolute() for each in paths if len(each.parts) > 1}


@pytest.fixture(scope="module")
def opened() -> Opened:
    return Opened()  # an audit hook stays


@pytest.fixture
def on_a_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Opened
) -> Callable[[str, Any], Any]:
    """Has a parcel worked on as a worker does, in this process; of what it opens nothing may lie
    anywhere but on its shelf, below its temporary folder, or among the program's own files."""
    shelf_there, temporary = tmp_path / "shelf", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv(shelf.FOLDER, str(shelf_there))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    state = SimpleNamespace(tasks={"key": SimpleNamespace(state="executing")})
    worker = SimpleNamespace(name="w", state=state, log_event=lambda topic, said: None)
    monkeypatch.setattr(tasks, "get_worker", lambda: worker)
    program = [Path(tasks.__file__).parents[1], Path(sys.prefix), Path(sys.base_prefix)]
    allowed = [*program, shelf_there, temporary, Path("/proc"), Path("/dev/null")]

    def work(name: str, parcel: Any) -> Any:
        opened.paths.clear()
        opened.on = True
        try:
            outcome = call(name, parcel)
        finally:
            opened.on = False
        strange = [p for p in opened.paths if not any(p.is_relative_to(a) for a in allowed)]
        assert not strange
        assert any(p.is_relative_to(shelf_there) for p in opened.paths)
        assert not list(temporary.iterdir()), "what was temporary is gone"
        return outcome

    return work


def away(packer: Packer, folder: Path) -> Cargo:
    """All that is packed goes along; and then nothing of the performer's is there any more."""
    cargo = packer.cargo(packer.bundles)
    for each in ("home", "sine-300.wav.f32", "sine-400.wav.f32", "dream.wav"):
        (folder / each).rename(folder / f"{each}.away")
    return cargo


def test_a_dream_s_worker_reads_what_it_was_sent_and_nothing_else(
    make_job: Callable[..., Job], small: Settings, tmp_path: Path,
    on_a_worker: Callable[[str, Any], Any],
) -> None:  # fmt: skip
    packer, job = Packer(), make_job("spectrum", secs=0.5)
    packed = moved(job, packer.move)
    parcel = DreamParcel("key", "topic", packed, small, away(packer, tmp_path))
    assert on_a_worker("dream_task", pickle.dumps(parcel)) == DreamMade()
    kept = {each.name for each in (tmp_path / "shelf").iterdir()}
    assert kept == set(packer.bundles), "by names that are made of their content"
    for path in (Path("/etc/hostname"), Path("..") / "home.away"):
        bad = replace(parcel, job=replace(packed, weights=path))
        assert isinstance(on_a_worker("dream_task", pickle.dumps(bad)), Failure)


def test_a_slice_s_worker_reads_what_it_was_sent_and_nothing_else(
    make_job: Callable[..., Job], small: Settings, tmp_path: Path,
    on_a_worker: Callable[[str, Any], Any],
) -> None:  # fmt: skip
    packer, job = Packer(), make_job()
    recordings = tuple(moved_recording(each, packer.move) for each in job.among)
    model = checkpoints.folder(small.home, "sine", job.config)
    files_there = slices.newest_files(model)
    cargo = away(packer, tmp_path)
    parcel = SliceParcel("key", "sine", job.config, small, recordings, files_there, 0.2, cargo)
    over = on_a_worker("train_task", pickle.dumps(parcel))
    assert isinstance(over, SliceOver)
    assert over.checkpoint
    for voice in ("../../../sine", str(tmp_path / "sine")):
        assert isinstance(
            on_a_worker("train_task", pickle.dumps(replace(parcel, voice=voice))), Failure
        )


def test_a_slot_keeps_the_memory_that_it_takes_again_at_once(cluster: Programs) -> None:
    """What Dask would have it do costs half of a dream's speed."""
    there = cluster.ask(lambda client: client.run(os.getenv, "MALLOC_TRIM_THRESHOLD_"))
    assert list(there.values()) == [None, None]


def test_nothing_of_the_engine_s_is_shown_to_others(cluster: Programs) -> None:
    """All listen at the loopback alone, and no page is to be had."""
    ports = set()
    for program in (cluster.scheduler, cluster.worker):
        parent = psutil.Process(program.pid)
        for process in (parent, *parent.children(recursive=True)):
            for each in process.net_connections("tcp"):
                if each.status == psutil.CONN_LISTEN:
                    assert each.laddr.ip == "127.0.0.1"
                    ports.add(each.laddr.port)
    assert cluster.address.port in ports
    for port in ports:
        for page in ("status", "info/main/workers.html", "health", "metrics", "json/counts.json"):
            assert not is_shown(f"http://127.0.0.1:{port}/{page}")


def is_shown(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE):
            return True
    except (OSError, HTTPException):  # no page, or none that speaks HTTP
        return False


# ---------------------------------------------------------------- who may speak


@pytest.mark.parametrize("command", [
    ["scheduler", "0.0.0.0"], ["worker", "10.0.0.1"], ["run", "--cluster", "ada:8786"],
    ["farm", ".", "--cluster", "[fe80::1]:1", "--minutes", "1"],
])  # fmt: skip
def test_nothing_goes_beyond_this_machine_in_the_open(
    command: list[str], small: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--home", str(small.home)]) == 1
    said = capsys.readouterr().err
    assert "dreamd certificates FOLDER" in said
    assert said.count("\n") == 1


def test_addresses_that_are_none(tmp_path: Path) -> None:
    for words in ("", ":", "a:b", "127.0.0.1:0", str(tmp_path / "none.json")):
        with pytest.raises(SetupError):
            cluster_at(words)
    with pytest.raises(SetupError, match=r"no cert\.pem"):
        certificates_in(tmp_path)


def test_who_has_no_certificate_is_not_let_in(
    tmp_path: Path, small: Settings, recordings: Path
) -> None:
    """Nor who has another ensemble's; those of ours meet by the scheduler's file."""
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    for folder in (ours, theirs):
        make_certificates(folder)
    assert (ours / "key.pem").stat().st_mode & 0o077 == 0
    with pytest.raises(SetupError, match="there are certificates"):
        make_certificates(ours)
    where, file = f"127.0.0.1:{free_port()}", tmp_path / "scheduler.json"
    program = worker = local.start("scheduler", where, "--tls", str(ours), "--file", str(file))
    try:
        until(file.exists)
        there = ("--tls", str(ours), "--slots", "1", "--device", "cpu")
        shelves = ("--shelf", str(tmp_path / "shelf"))
        worker = local.start("worker", str(file), *there, *shelves)
        shape = config_of("vector", small)
        voices = recordings_of(small, recordings, print)
        Farm(small, voices, [shape], 0.3, Watched()).run(cluster_at(str(file), ours))
        assert checkpoints.newest(checkpoints.folder(small.home, "guitar", shape))
        for tls in (theirs, ""):
            with pytest.raises(OSError):  # noqa: PT011  # of many kinds
                engine.connect(cluster_at(where, tls), "somebody")
    finally:
        for each in (worker, program):
            local.end(each)


def test_without_a_cluster_nothing_of_it_is_imported() -> None:
    code = "import sys, dreamd.cli, dreamd.daemon.server, dreamd.dreaming.worker, "
    code += "dreamd.training.worker; dreamd.cli.parser(); print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"distributed", "dask", "fsspec"} & set(ran.stdout.split())


def test_without_the_engine_one_line_says_so(
    small: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamd.cluster.address.find_spec", lambda name: None)
    assert main(["worker", "127.0.0.1", "--home", str(small.home)]) == 1
    assert "dreamrnn[cluster]" in capsys.readouterr().err


def test_a_link_says_when_its_cluster_is_gone(tmp_path: Path) -> None:
    heard: queue.SimpleQueue[bool] = queue.SimpleQueue()
    where = f"127.0.0.1:{free_port()}"
    link = Link(cluster_at(where), "test", heard.put)
    assert not heard.get(timeout=PATIENCE)
    program = local.start("scheduler", where)
    assert heard.get(timeout=PATIENCE)
    program.send_signal(signal.SIGSTOP)  # it is there, and says nothing
    assert not heard.get(timeout=PATIENCE)
    assert link.client() is None
    program.send_signal(signal.SIGCONT)
    assert heard.get(timeout=PATIENCE)
    link.close()
    local.end(program)


@pytest.mark.parametrize(
    "says", [None, b"", b"HTTP/1.0 200 OK\r\n\r\n" + 99 * b"x", 99 * b"\xff", 99 * b"\0"]
)
def test_what_is_no_scheduler_holds_nobody_up(
    says: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program's port, or a scheduler that stands still; None: it says nothing."""
    monkeypatch.setattr(engine, "CONNECT", 0.5)

    def greet(listening: socket.socket) -> None:
        stream, _ = listening.accept()
        if says is None:
            stream.recv(1 << 20)  # what comes, and then until the other side gives up
            stream.recv(1)
        else:
            stream.sendall(says)
        stream.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        other = threading.Thread(target=greet, args=(listening,))
        other.start()
        with pytest.raises(OSError):  # noqa: PT011  # whatever it is, a link tries again
            engine.connect(cluster_at(f"127.0.0.1:{listening.getsockname()[1]}"), "test")
        other.join()


@pytest.fixture
def machine() -> Iterator[OtherMachine]:
    with other_machine() as machine:
        if machine is None:
            pytest.skip("network namespaces need root")
        yield machine


@pytest.fixture
def far(tmp_path: Path, machine: OtherMachine) -> Iterator[Path]:
    """A scheduler and a worker on the other machine; gives the ensemble's certificates."""
    ours = tmp_path / "ours"
    make_certificates(ours)
    where, tls = machine.there, ("--tls", str(ours))
    there = ("--slots", "1", "--device", "cpu", "--shelf", str(tmp_path / "shelf"))
    programs = [
        machine.start("scheduler", where, *tls), machine.start("worker", where, *there, *tls),
    ]  # fmt: skip
    yield ours
    for each in reversed(programs):
        local.end(each)


def test_a_dream_and_a_farm_across_a_link_that_is_down_and_up_again(
    far: Path, machine: OtherMachine, make_job: Callable[..., Job], small: Settings,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Encrypted, to another machine: the dream goes on here, the farm waits; both go back."""
    monkeypatch.setattr("dreamd.cluster.farm.SLICE_SECONDS", 0.5)
    notes = list[Any]()
    elsewhere = Elsewhere(replace(small, cluster=machine.there, tls=str(far)), notes.append)
    elsewhere.notes = notes  # type: ignore[attr-defined]
    until(lambda: there_is_a_slot(elsewhere._link), within=STARTING)
    job, address = make_job(secs=300), cluster_at(machine.there, far)
    with a_farm_beside(job, small, tmp_path / "farm", address) as seen:
        is_carried_on(
            elsewhere, job, small, tmp_path, lambda: machine.cable("down"), "goes on here"
        )
        until(lambda: any("does not answer" in line for line in seen.lines))
        machine.cable("up")
        goes_back(elsewhere, make_job(), small, tmp_path)
    elsewhere.close()


def there_is_a_slot(link: Link) -> bool:
    with contextlib.suppress(*engine.LOST):
        return bool((client := link.client()) and client.nthreads())
    return False
