"""Beyond one machine: real schedulers and workers as processes, on this one."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import PATIENCE, Daemon, tone
from distributed import Client

from dreamd.approaches.registry import config_of
from dreamd.audio import files
from dreamd.audio.files import DreamFile
from dreamd.cli import main
from dreamd.cluster import engine, local, shelf, slices, sources
from dreamd.cluster.address import ClusterAddress, certificates_in, cluster_at
from dreamd.cluster.certificates import make_certificates
from dreamd.cluster.dreamer import Elsewhere
from dreamd.cluster.farm import Farm, recordings_of
from dreamd.cluster.link import Link
from dreamd.cluster.parcels import Packer, moved, trimmed
from dreamd.cluster.receiver import Receiver
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job, Said, Stop
from dreamd.dreaming.resolve import resolve
from dreamd.errors import Cancelled, Diverged, DreamError, SetupError
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

Make = Callable[..., Recording]


class Programs:
    """A scheduler and a worker of two slots, and what they print."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.address = folder, ClusterAddress("127.0.0.1", local.free_port())
        self.words = f"127.0.0.1:{self.address.port}"
        self._client: Client | None = None
        self.pids: dict[str, int] = {}
        self._out = (folder / "programs.out").open("a")
        self.start_scheduler()
        self.worker = self._start("worker", self.words, "--slots", "2", "--device", "cpu",
                                  "--shelf", str(folder / "shelf"))  # fmt: skip

    def start_scheduler(self) -> None:
        self.scheduler = self._start("scheduler", self.words)

    def _start(self, *command: str) -> "subprocess.Popen[bytes]":
        return local.start(*command, out=self._out)

    def wait_for_workers(self, count: int = 2) -> None:
        until(lambda: len(self.ask(Client.nthreads)) >= count, self.said)

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
        """The slot's process that has a task whose key begins so is killed."""
        busy = [worker for worker, keys in self.ask(Client.processing).items()
                if any(str(key).startswith(doing) for key in keys)]  # fmt: skip
        os.kill(self.pids[busy[0]], signal.SIGKILL)

    def learn_pids(self) -> None:
        self.pids = self.ask(lambda client: client.run(os.getpid))

    def said(self) -> str:
        self._out.flush()
        return (self.folder / "programs.out").read_text()

    def end(self) -> None:
        if self._client is not None:
            self._client.close(timeout=1)
        for program in (self.worker, self.scheduler):
            local.end(program)
        self._out.close()


def until(true: Callable[[], bool], said: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 2 * PATIENCE
    while not true():
        assert time.monotonic() < deadline, f"never came true\n{said()}"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    programs = Programs(tmp_path_factory.mktemp("cluster"))
    yield programs
    programs.end()


@pytest.fixture
def cluster(programs: Programs) -> Programs:
    programs.wait_for_workers()
    programs.learn_pids()
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
    yield made
    made._link.close()


def nothing(patience: float) -> list[Said]:
    """What is said of a dream that nobody stops."""
    return []


def here(job: Job, settings: Settings, folder: Path) -> tuple[np.ndarray, list[Any]]:
    """The dream as this process makes it, and what is said of it."""
    apart = replace(job, path=new_file(folder / "here.wav", job))
    told: list[Any] = []
    with torch.no_grad():
        render.render(apart, settings, told.append)
    return samples_of(apart), told


def samples_of(job: Job) -> np.ndarray:
    return DreamFile(job.path, job.rate).read(0, job.frames)


def in_order(told: list[Any], job: Job) -> bool:
    """Whether the parts follow each other, once each, to the end."""
    parts = [each for each in told if isinstance(each, ChunkWritten)]
    starts = np.cumsum([0, *(part.frames for part in parts)])
    return [p.start for p in parts] == list(starts[:-1]) and starts[-1] == job.frames


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
    assert in_order(told, job)
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
    told: list[Any] = []
    with pytest.raises(Cancelled):
        elsewhere.make(
            make_job(secs=300),
            small,
            told.append,
            lambda patience: [Stop(0)] if len(told) > 2 else [],
        )
    until(lambda: not any(cluster.ask(Client.processing).values()))
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
    job, told = make_job(secs=8), list[Any]()

    def tell(said: Any) -> None:
        told.append(said)
        if len(told) == 2:  # it leapt, and came to its first part
            cluster.kill_who("dream-")

    elsewhere.make(job, small, tell, nothing)
    assert any("begins again" in note.text for note in notes_of(elsewhere))
    assert in_order(told, job)
    np.testing.assert_array_equal(samples_of(job), here(job, small, tmp_path)[0])
    cluster.wait_for_workers()


def notes_of(elsewhere: Elsewhere) -> list[Note]:
    return [each for each in elsewhere.notes if isinstance(each, Note)]  # type: ignore[attr-defined]


def test_a_scheduler_that_is_killed_in_a_dream_and_comes_back(
    elsewhere: Elsewhere, make_job: Callable[..., Job], small: Settings, cluster: Programs,
    tmp_path: Path,
) -> None:  # fmt: skip
    """This machine goes on by itself, and goes back."""
    job, told = make_job(secs=8), list[Any]()

    def tell(said: Any) -> None:
        told.append(said)
        if len(told) == 2:  # it leapt, and came to its first part
            cluster.scheduler.kill()
            cluster.scheduler.wait()

    with torch.no_grad():
        elsewhere.make(job, small, tell, nothing)
    assert any("goes on here" in note.text for note in notes_of(elsewhere))
    assert in_order(told, job)
    np.testing.assert_array_equal(samples_of(job), here(job, small, tmp_path)[0])
    cluster.start_scheduler()
    cluster.wait_for_workers()
    until(lambda: elsewhere._link.client() is not None)
    again = make_job()
    elsewhere.make(again, small, told.append, nothing)
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
    there.take((), {})
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
    cluster.wait_for_workers()


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


def test_what_is_no_checkpoint_is_not_kept(small: Settings) -> None:
    config = config_of("vector", small)
    name = "weights-000000000012.safetensors"
    assert slices.keep(small.home, "guitar", config, {name: b"no weights"}) == -1
    assert not (small.home / "models").exists()


def test_a_performer_s_daemon_dreams_and_learns_there(
    cluster: Programs, daemon: Callable[..., Daemon], recordings: Path
) -> None:
    one = daemon(recordings, "--cluster", cluster.words, "--dreamers", "1")
    one.until(lambda: "dreams go to" in one.said() and "learning goes to" in one.said())
    one.until(
        lambda: one.status()["voices"]["guitar"]["models"].get("spectrum", {}).get("steps", 0)
    )
    one.ask(approach="spectrum", seed="guitar:0", secs=1, rand=5, id=1)
    _, path, frames, *_ = one.wait("/dream/done", 1)
    assert np.abs(DreamFile(Path(path), 11025).read(0, frames)).max() > 0
    assert frames == 11025
    one.ask(approach="transpose", seed="guitar:0", secs=200, id=2)
    one.wait("/dream/chunk", 2)
    one.send("/dream/cancel", 2)
    assert one.wait("/dream/failed", 2)[1] == "cancelled"
    assert one.stop() == 0


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
    where, file = f"127.0.0.1:{local.free_port()}", tmp_path / "scheduler.json"
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
    where = f"127.0.0.1:{local.free_port()}"
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


SPACE, HERE, THERE = f"dreamd-{os.getpid()}", "10.213.77.1", "10.213.77.2"


@pytest.fixture
def cable() -> Iterator[Callable[[str], None]]:
    """Another machine, as a network namespace; sets the link to it up or down."""

    def ip(words: str) -> bool:
        return not subprocess.run(
            ["ip", *words.split()], capture_output=True, check=False
        ).returncode

    if os.geteuid() or not ip(f"netns add {SPACE}"):
        pytest.skip("network namespaces need root")
    try:
        assert ip(f"link add dreamd0 type veth peer name dreamd1 netns {SPACE}")
        assert ip(f"addr add {HERE}/24 dev dreamd0")
        assert ip(f"-n {SPACE} addr add {THERE}/24 dev dreamd1")
        assert ip(f"-n {SPACE} link set dreamd1 up")
        assert ip(f"-n {SPACE} link set lo up")
        assert ip("link set dreamd0 up")
        yield lambda state: assert_true(ip(f"link set dreamd0 {state}"))
    finally:
        ip("link del dreamd0")
        ip(f"netns del {SPACE}")


def assert_true(it: bool) -> None:
    assert it


def test_a_link_that_is_down_and_up_again(tmp_path: Path, cable: Callable[[str], None]) -> None:
    """Encrypted, to another machine: the performer's side knows it at once, and goes back."""
    make_certificates(tmp_path / "ours")
    program = subprocess.Popen(
        ["ip", "netns", "exec", SPACE, sys.executable, "-m", "dreamd", "scheduler", THERE,
         "--tls", str(tmp_path / "ours")], stdout=subprocess.DEVNULL,
    )  # fmt: skip
    heard: queue.SimpleQueue[bool] = queue.SimpleQueue()
    link = Link(cluster_at(THERE, tmp_path / "ours"), "test", heard.put)
    try:
        while not heard.get(timeout=PATIENCE):
            pass
        cable("down")
        assert not heard.get(timeout=PATIENCE)
        assert link.client() is None
        cable("up")
        assert heard.get(timeout=PATIENCE)
        client = link.client()
        assert client is not None
        assert client.scheduler_info()["workers"] == {}
    finally:
        link.close()
        local.end(program)
