"""What numba compiled is kept where that is possible; where it is not, that costs time alone."""

import importlib
import os
import pkgutil
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from numba.core.dispatcher import Dispatcher

from dreamd import kernels
from dreamd.kernels import compiled

PACKAGES = str(Path(compiled.__file__).parents[2])

LOOP = """
from dreamd.kernels.compiled import compiled


@compiled(nogil=True)
def total(count):
    result = 0
    for k in range(count):
        result += k
    return result
"""


def run(folder: Path, cache: Path, before: Callable[[], None] | None = None) -> str:
    """Compiles the loop in a process of its own; the log that it wrote."""
    (folder / "loop.py").write_text(LOOP)
    code = "import loop; assert loop.total(5) == 10; assert loop.total(5.5 and 4) == 6"
    ran = subprocess.run(
        [sys.executable, "-c", f"import logging; logging.basicConfig(); {code}"],
        env={**os.environ, "PYTHONPATH": PACKAGES, "NUMBA_CACHE_DIR": str(cache)}, cwd=folder,
        capture_output=True, text=True, check=False, preexec_fn=before,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def kept(cache: Path) -> list[Path]:
    return sorted(path for path in cache.rglob("loop*") if path.is_file())


def test_it_is_kept(tmp_path: Path) -> None:
    assert run(tmp_path, tmp_path / "cache") == ""
    before = {path: path.stat().st_mtime_ns for path in kept(tmp_path / "cache")}
    assert len(before) == 2
    assert run(tmp_path, tmp_path / "cache") == ""
    assert {path: path.stat().st_mtime_ns for path in kept(tmp_path / "cache")} == before


def test_no_place_for_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(tmp_path, tmp_path / "file" / "cache") == ""


@pytest.mark.parametrize("most", [0, 100, 2000])
def test_a_full_disk(tmp_path: Path, most: int) -> None:
    """Nothing fits, nor the index, nor what was compiled; and nothing half-made stays."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    assert "cannot be kept" in run(tmp_path, tmp_path / "cache", limit)
    assert not [path for path in kept(tmp_path / "cache") if ".tmp" in path.name]
    run(tmp_path, tmp_path / "cache")
    assert len(kept(tmp_path / "cache")) == 2


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
@pytest.mark.parametrize("held", [b"", b"garbage", None])
def test_what_was_kept_is_damaged(tmp_path: Path, suffix: str, held: bytes | None) -> None:
    """None: cut short."""
    run(tmp_path, tmp_path / "cache")
    (path,) = [path for path in kept(tmp_path / "cache") if path.suffix == suffix]
    path.write_bytes(path.read_bytes()[:-9] if held is None else held)
    assert "is compiled anew" in run(tmp_path, tmp_path / "cache")
    assert run(tmp_path, tmp_path / "cache") == ""


def test_a_cache_that_nobody_may_read(tmp_path: Path) -> None:
    """A folder lies where the index should."""
    run(tmp_path, tmp_path / "cache")
    (path,) = [path for path in kept(tmp_path / "cache") if path.suffix == ".nbi"]
    path.unlink()
    path.mkdir()
    assert "is compiled anew" in run(tmp_path, tmp_path / "cache")


def loops() -> dict[str, Dispatcher]:
    """All that is compiled and kept, by its name."""
    found = {}
    for module in pkgutil.iter_modules(kernels.__path__, "dreamd.kernels."):
        for name, each in vars(importlib.import_module(module.name)).items():
            if isinstance(each, Dispatcher) and each.__module__ == module.name:
                found[f"{module.name}.{name}"] = each
    return found


def calls(loop: Dispatcher) -> list[Dispatcher]:
    """The kept loops that it calls; the activations are kept in their callers alone."""
    names = (loop.py_func.__globals__.get(name) for name in loop.py_func.__code__.co_names)
    called = [each for each in names if isinstance(each, Dispatcher)]
    return [each for each in called if not each.__module__.endswith(".activations")]


@pytest.mark.parametrize("name", [name for name, loop in loops().items() if calls(loop)])
def test_what_is_called_becomes_a_part_of_its_caller(name: str) -> None:
    """Else the same dream would have other last bits in the process that compiled it."""
    for each in calls(loops()[name]):
        assert each.targetoptions.get("inline") == "always", each.__name__
