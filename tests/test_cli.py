"""The command line as a user meets it: in a process of its own, one line when it goes wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import PATIENCE, RATE, SMALL_FLAGS, free_port, tone

from dreamd.audio import files
from dreamd.errors import BadRecording
from dreamd.evaluation import verdict
from dreamd.home import environment
from dreamd.kernels import compiled


def dreamd(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dreamd", *map(str, arguments)],
        capture_output=True, text=True, timeout=PATIENCE, env={**os.environ, **env},
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
    stereo = ("--channels", 2, "--rate", 22050, "--hidden", 16, "--vector", 64)
    doctor = dreamd("doctor", *home, "--port", free_port(), *stereo)  # as it would be started
    assert doctor.returncode == 0
    assert "at 22050 Hz, in stereo, with 16 hidden units" in doctor.stdout


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


def test_paths_that_are_none_are_told_at_once(tmp_path: Path, recordings: Path) -> None:
    """Before anything is read or made; `--home "$FORGOTTEN"` is not the current folder."""
    out, home = ("--out", tmp_path / "x.wav"), ("--home", tmp_path / "home")
    asked, before = ("dream", "--approach", "vector"), set(Path().iterdir())
    for command in (("status",), ("run", recordings), ("doctor",), (*asked, *out)):
        assert "the text is empty" in fails(*command, "--home", "")
    for command in (("run", ""), ("run", " "), ("judge", "", "--against", recordings),
                    (*asked, "--out", "")):  # fmt: skip
        assert "the text is empty" in fails(*command, *home)
    assert set(Path().iterdir()) == before
    nobody = "~nobody-of-this-name/x.wav"
    for command in (("run", nobody), (*asked, "--out", nobody), ("doctor", "--home", nobody)):
        assert "nobody's home" in fails(*command, *home)
    long = tmp_path / ("x" * 300)
    assert "too long" in fails("run", long, *home)
    assert "too long" in fails("run", recordings, "--home", long)
    (tmp_path / "folder.wav").mkdir()
    assert "cannot write" in fails(*asked, "--out", tmp_path / "folder.wav", *home)
    assert "cannot write" in fails(*asked, "--out", "/proc/x.wav", *home)
    assert not (tmp_path / "home").exists() or not list(tmp_path.glob("home/dreams/*/*"))


def test_judge_says_first_what_it_cannot_read(
    tmp_path: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a folder of dreams stands for the dreams in it."""
    dreams = tmp_path / "dreams"
    dreams.mkdir()
    against = ("--against", recordings)
    assert "no dreams in" in fails("judge", dreams, *against)
    for name in ("a.wav", "b.wav"):
        files.write(dreams / name, tone(220, 2.0), RATE)
    assert "cannot write" in fails("judge", dreams, *against, "--html", tmp_path / "no" / "x.html")
    judged = json.loads(dreamd("judge", dreams, *against, "--json").stdout)
    assert [Path(each["file"]).name for each in judged] == ["a.wav", "b.wav"]

    def never(*_: object) -> None:
        raise AssertionError("the recordings were read")

    monkeypatch.setattr(verdict, "load", never)
    (dreams / "c.wav").write_text("no audio")
    for missing in (tmp_path / "nowhere.wav", dreams / "c.wav", dreams):
        with pytest.raises(BadRecording):
            verdict.verdict([missing], recordings)


@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_any_locale_will_do(tmp_path: Path, recordings: Path, locale: str) -> None:
    """A home with letters that the locale does not have, and Python told not to mind."""
    env = {"LC_ALL": locale, "LANG": locale, "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    home = tmp_path / "h\u00f6me \u30ae"
    result = dreamd("doctor", "--home", home, "--port", free_port(), **env)
    assert result.returncode == 0, result.stderr
    out = tmp_path / "tr\u00e4um.wav"
    result = dreamd("dream", "--approach", "vector", "--secs", 0.2, "--out", out, "--home", home,
                    **env)  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert out.is_file()


def test_where_no_cache_can_be_written_it_dreams_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numba keeps what it compiled in the home, or nowhere."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")  # so that it is put back
    monkeypatch.delenv("NUMBA_CACHE_DIR")
    monkeypatch.setattr(environment, "is_writable", lambda folder: True)
    environment.keep_compiled(tmp_path)
    assert "NUMBA_CACHE_DIR" not in os.environ
    monkeypatch.setattr(environment, "is_writable", lambda folder: False)
    environment.keep_compiled(tmp_path)
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "compiled")

    def nowhere(function: object) -> None:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(compiled, "_Kept", nowhere)
    assert compiled.compiled(nogil=True)(lambda x: 2 * x)(3) == 6


def test_a_folder_is_writable_where_files_can_be_made(tmp_path: Path) -> None:
    assert environment.is_writable(tmp_path / "not" / "there" / "yet")
    (tmp_path / "file").touch()
    assert not environment.is_writable(tmp_path / "file")
    assert not environment.is_writable(tmp_path / "file" / "x")


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


def test_install_leaves_the_classes_to_the_quark(tmp_path: Path) -> None:
    """Told by sclang's own file, however it is written; garbage in it tells nothing."""
    places = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"),
              "XDG_CONFIG_HOME": str(tmp_path / "config")}  # fmt: skip
    if sys.platform != "linux":
        return
    classes = tmp_path / "data" / "SuperCollider" / "Extensions" / "DreamRNN"
    conf = tmp_path / "config" / "SuperCollider" / "sclang_conf.yaml"
    conf.parent.mkdir(parents=True)
    for garbage in ("", "[", "includePaths:\n  []", "- 7", "includePaths: [null, 7, {}]"):
        conf.write_text(garbage)
        assert "Extensions" in dreamd("install", **places).stdout
        assert classes.is_symlink()
    quark = tmp_path / "my: quarks" / "DreamRNN"
    (quark / "sc_classes" / "Classes").mkdir(parents=True)
    (quark / "sc_classes" / "Classes" / "DreamRNN.sc").write_text("")
    conf.write_text(f'includePaths:\n  - /nowhere\n  - "{quark}"\n')
    assert "twice" in dreamd("doctor", "--home", tmp_path / "home", **places).stdout
    lines = dreamd("install", **places).stdout.splitlines()
    assert f"the classes are a Quark already, so {classes} is removed: {quark}" in lines
    assert not classes.is_symlink()
    lines = dreamd("install", **places).stdout.splitlines()
    assert f"the classes are a Quark already, so not linked: {quark}" in lines
    said = dreamd("doctor", "--home", tmp_path / "home", **places).stdout
    assert f"SuperCollider finds the classes at {quark}" in said
    classes.mkdir()
    assert "remove" in fails("install", **places)
