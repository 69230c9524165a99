"""Nobody's files but our own are ever removed, wherever they lie."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import RATE, Daemon, free_port
from test_cli import dreamd

from dreamd.approaches.registry import config_of
from dreamd.corpus.cache import Corpus
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.home.bank import Bank
from dreamd.home.lock import MARK, claim, lock_home
from dreamd.settings import Settings

THEIRS = (
    "take.wav", "00003.wav", "00003 (1).wav", "00009", "7", ".DS_Store", "notes.txt", "x.tmp",
    "x.json", "song.f32", "0123456789abcdef0123.wav", "0123456789abcdef0123 (conflicted copy).f32",
    "weights-000000000001 (conflicted copy).safetensors", "weights-best.safetensors",
    "adam-mine.safetensors", "take.part", "caf\udce9.wav",
)  # fmt: skip
"""Names that a performer's own files may have, some of them almost like ours."""

FOLDERS = (
    "", "corpus", "models", "models/guitar", "dreams", "dreams/dream", "dreams/unfinished",
    "shared", "shared/models", "mine",
)  # fmt: skip


def lay(home: Path, *folders: str) -> dict[Path, bytes]:
    """Files of every name in these folders; gives what each of them holds."""
    laid = {}
    for folder in folders:
        (home / folder).mkdir(parents=True, exist_ok=True)
        for name in THEIRS:
            path = home / folder / name
            laid[path] = f"{folder}/{name}".encode("utf-8", "surrogateescape")
            path.write_bytes(laid[path])
    return laid


def missing(laid: dict[Path, bytes]) -> list[Path]:
    return [path for path, held in laid.items() if not path.exists() or path.read_bytes() != held]


def test_a_folder_of_recordings_is_no_home(tmp_path: Path) -> None:
    """The first row of faults.md: ``dreamd run ~/music/corpus --home ~/music``."""
    music = tmp_path / "music"
    (music / "corpus").mkdir(parents=True)
    laid = lay(music, "corpus")
    port = ("--port", free_port(), "--no-tidal")
    for recordings, home in (
        (music / "corpus", music),
        (music, music),
        (music, music / "corpus"),
        (music / "corpus", music / "corpus" / "new" / "home"),
    ):
        result = dreamd("run", recordings, "--home", home, *port)
        assert result.returncode == 1
        assert "lie in one another" in result.stderr
    other = tmp_path / "other"
    other.mkdir()
    for command in (
        ("run", other, *port),
        ("train", other, "--approach", "column", "--minutes", 1),
        ("dream", "--approach", "column", "--out", tmp_path / "x.wav"),
    ):
        result = dreamd(*command, "--home", music)
        assert result.returncode == 1
        assert "not a home of dreamd" in result.stderr
        assert len(result.stderr.splitlines()) == 1
    assert "not a home of dreamd" in dreamd("doctor", "--home", music).stdout
    assert not missing(laid)
    assert sorted(path.name for path in music.iterdir()) == ["corpus"]


def test_a_link_to_the_recordings_is_no_way_around(tmp_path: Path) -> None:
    takes = tmp_path / "takes"
    takes.mkdir()
    (tmp_path / "link").symlink_to(takes)
    with pytest.raises(SetupError, match="lie in one another"):
        lock_home(tmp_path / "link" / "home", takes)


def test_what_is_a_home(tmp_path: Path) -> None:
    for name in ("new", "empty", "hidden", "folders", "older"):
        (tmp_path / name / "sub").mkdir(parents=True)
    (tmp_path / "hidden" / ".DS_Store").touch()
    (tmp_path / "older" / "dreamd.log").touch()  # made before there was a mark
    (tmp_path / "older" / "song.wav").touch()
    for name in ("new", "new", "empty", "hidden", "folders", "older", "none/at/all"):
        claim(tmp_path / name)
        assert (tmp_path / name / MARK).is_file()
    (tmp_path / "deep" / "down").mkdir(parents=True)
    (tmp_path / "deep" / "down" / "song.wav").touch()
    with pytest.raises(SetupError, match="not a home of dreamd"):
        claim(tmp_path / "deep")


def test_a_daemon_and_its_restart_leave_every_file_that_is_not_theirs(
    daemon: Callable[..., Daemon], recordings: Path, tmp_path: Path
) -> None:
    claim(tmp_path / "home")
    laid = lay(tmp_path / "home", *FOLDERS) | lay(recordings, "guitar", "empty")
    before = sorted(recordings.rglob("*"))
    one = daemon(recordings)
    for _ in range(2):
        one.until(lambda: one.status()["voices"].get("guitar", {}).get("models"))
        one.ask(id=1, approach="vector", secs=1)
        one.wait("/dream/done", 1)
        one.ask(id=2, approach="column", secs=60)
        one.wait("/dream/chunk", 2)
        one.kill()  # in the middle of a dream: the next start sweeps
        one.start()
    one.until(lambda: one.status()["dreams"] >= 2)
    assert one.stop() == 0
    assert not missing(laid)
    assert sorted(recordings.rglob("*")) == before


def test_the_corpus_sweeps_what_it_made_alone(tmp_path: Path) -> None:
    """Not in faults.md: the same through the parts that sweep, without a daemon before them."""
    laid = lay(tmp_path, "corpus", "dreams/dream", "dreams/unfinished")
    (tmp_path / "corpus" / f"{'0' * 20}.f32").write_bytes(b"half")
    (tmp_path / "corpus" / f"{'0' * 20}.f32").with_suffix(".d").mkdir()
    Corpus(tmp_path, RATE).sweep()
    bank = Bank(tmp_path)
    assert bank.begin(10, RATE) == 0
    bank.sweep()
    (tmp_path / "dreams" / "unfinished" / "00003").touch()  # a marker, of somebody's file
    bank.sweep()
    assert not (tmp_path / "corpus" / f"{'0' * 20}.f32").exists()
    assert not bank.path(0).exists()
    assert not missing(laid)


def test_thinning_takes_checkpoints_of_ours_alone(tmp_path: Path) -> None:
    """Not in faults.md: saving clears older checkpoints away, and only these."""
    config = config_of("column", Settings(hidden=4))
    laid = lay(tmp_path, f"models/guitar/{config.name}")
    for steps in range(1, 20):
        head = checkpoints.Header(config=config, scale=1.0, voice="guitar", steps=steps)
        newest = checkpoints.save(tmp_path, head, {"w": np.zeros(1)}, {"w/step": np.zeros(1)})
    kept = checkpoints.checkpoints(newest.parent)
    assert newest in kept
    assert len(kept) < 19
    assert not missing(laid)
