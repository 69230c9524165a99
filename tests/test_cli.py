"""The command line as a user meets it: in a process of its own, one line when it goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import RATE, SMALL_FLAGS, free_port, tone

from dreamd.audio import files


def dreamd(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dreamd", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env={**os.environ, **env},
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def fails(*arguments: object, **env: str) -> str:
    """The one line of a command that goes wrong."""
    result = dreamd(*arguments, **env)
    assert result.returncode == 1, result
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.mark.parametrize("command", ["run", "dream", "train", "status", "doctor", "install"])
def test_every_command_has_help_and_a_home(command: str) -> None:
    result = dreamd(command, "--help")
    assert result.returncode == 0
    assert "--home" in result.stdout


def test_training_and_dreaming_without_a_daemon(tmp_path: Path, recordings: Path) -> None:
    home = ("--home", tmp_path / "home")
    small = [f for f in SMALL_FLAGS if f]
    trained = dreamd("train", recordings, "--approach", "column", "--minutes", 0.05, *home, *small)
    assert trained.returncode == 0, trained.stderr
    assert "guitar: column at step" in trained.stdout
    out = tmp_path / "dream.wav"
    asked = ("dream", "--approach", "column", "--seed", "guitar:1", "--secs", 0.5, "--rand", 3)
    result = dreamd(*asked, "--out", out, *home)
    assert result.returncode == 0, result.stderr
    assert "column of guitar, rand 3" in result.stdout
    first, rate = soundfile.read(out)
    assert (len(first), rate) == (round(0.5 * RATE), RATE)
    dreamd(*asked, "--out", tmp_path / "again.wav", *home)
    np.testing.assert_array_equal(first, soundfile.read(tmp_path / "again.wav")[0])
    doctor = dreamd("doctor", *home, "--port", free_port())
    assert doctor.returncode == 0
    assert "guitar column 64: error" in doctor.stdout


def test_one_file_is_a_recording_too(tmp_path: Path) -> None:
    files.write(tmp_path / "a.wav", tone(300, 1.0), RATE)
    result = dreamd("train", tmp_path / "a.wav", "--approach", "vector", "--minutes", 0.01,
                    "--home", tmp_path / "home", *SMALL_FLAGS)  # fmt: skip
    assert "default: vector at step" in result.stdout, result.stderr


def test_a_dream_from_nothing_says_so(tmp_path: Path) -> None:
    """From a starter model, or where none has its rate from a network of chance."""
    for rate, said in ((RATE, "starter model guitar"), (8000, "has learned nothing yet")):
        result = dreamd("dream", "--approach", "vector", "--secs", 0.2, "--rate", rate,
                        "--out", tmp_path / "x.wav", "--home", tmp_path / "home")  # fmt: skip
        assert result.returncode == 0, result.stderr
        assert said in result.stdout
        assert len(soundfile.read(tmp_path / "x.wav")[0]) == round(0.2 * rate)


def test_mistakes_are_one_line_with_what_to_do(tmp_path: Path, recordings: Path) -> None:
    home = ("--home", tmp_path / "home")
    out = ("--out", tmp_path / "x.wav")
    assert "no such folder" in fails("run", tmp_path / "nowhere", *home)
    assert "see dreamd --help" in fails("dance")
    assert "invalid" in fails("run", "--port", "many", *home)
    assert "--port must be" in fails("run", "--port", "99999", *home)
    assert "--tidal takes host:port" in fails("run", recordings, "--tidal", "x", *home)
    assert "say which approach" in fails("dream", *out, *home)
    assert "approach must be one of" in fails("dream", "--approach", "x", *out, *home)
    assert "no voice or file" in fails("dream", "--approach", "vector", "--seed", "x", *out, *home)
    assert "--out is a WAV file" in fails(
        "dream", "--approach", "vector", "--out", tmp_path / "x.mp3", *home
    )
    assert "cannot write" in fails(
        "dream", "--approach", "vector", "--out", tmp_path / "no" / "x.wav", *home
    )
    assert "no such folder or audio file" in fails(
        "train", tmp_path / "no", "--approach", "vector", "--minutes", 1, *home
    )
    (tmp_path / "empty").mkdir()
    assert "nothing to learn from" in fails(
        "train", tmp_path / "empty", "--approach", "vector", "--minutes", 1, *home
    )
    assert "--minutes" in fails("train", recordings, "--approach", "vector", "--minutes", 0, *home)
    assert "no dreamd answers" in fails("status", "--port", free_port())
    assert not (tmp_path / "x.wav").exists()


def test_a_home_that_cannot_be_written(tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "choose another --home" in fails("run", recordings, "--home", tmp_path / "file")
    assert "choose another --home" in fails("run", "--home", tmp_path / "file" / "x")
    result = dreamd("doctor", "--home", tmp_path / "file", "--port", free_port())
    assert result.returncode == 1
    assert "fault" in result.stdout
    assert "1 faults found" in result.stderr


def test_install_links_and_never_replaces(tmp_path: Path) -> None:
    places = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"),
              "XDG_CONFIG_HOME": str(tmp_path / "config")}  # fmt: skip
    result = dreamd("install", **places)
    assert result.returncode == 0, result.stderr
    classes = tmp_path / "data" / "SuperCollider" / "Extensions" / "DreamRNN"
    if sys.platform == "linux":
        program = tmp_path / "data" / "SuperCollider" / "dreamd"
        said = subprocess.run([program, "--help"], capture_output=True, text=True)
        assert "usage: dreamd" in said.stdout
        assert (classes / "Classes" / "DreamRNN.sc").is_file()
        assert (tmp_path / "config" / "tidal" / "DreamRNN.hs").is_file()
        assert "already there" in dreamd("install", **places).stdout
        classes.unlink()
        classes.mkdir()
        (classes / "mine.sc").write_text("")
        assert "is in the way" in fails("install", **places)
        assert (classes / "mine.sc").exists()
