"""Checkpoints: whole or not there, and honest about themselves."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from dreamd.approaches import registry
from dreamd.approaches.config import ModelConfig
from dreamd.errors import NoModel
from dreamd.home import checkpoints

CONFIG = ModelConfig("column", 11025, 64, 4, 8)
HEAD = checkpoints.Header(
    CONFIG, scale=0.25, voice="guitar", steps=10, error=0.5, history=(0.9, 0.5)
)
SHAPES = registry.shapes(CONFIG)
ARRAYS = {
    name: np.arange(math.prod(shape), dtype=np.float32).reshape(shape)
    for name, shape in SHAPES.items()
}
ADAM = {"dense.weight/exp_avg": np.ones((1, 8), np.float32)}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = checkpoints.save(tmp_path, HEAD, ARRAYS, ADAM)
    head, arrays = checkpoints.load(path)
    assert head == HEAD
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
    kept = checkpoints.load_optimizer(path, arrays)
    assert kept is not None
    np.testing.assert_array_equal(kept["dense.weight/exp_avg"], 1.0)


def test_the_file_itself_carries_all_that_matters(tmp_path: Path) -> None:
    with safe_open(checkpoints.save(tmp_path, HEAD, ARRAYS, ADAM), framework="numpy") as file:
        said = file.metadata()
    assert said["format"] == "1"
    for word in ("column", "11025", "64", "0.25", "10", "0.5"):
        assert word in said["header"]


def test_old_ones_are_thinned_and_broken_ones_passed_over(tmp_path: Path) -> None:
    for steps in (10, 12, 20, 24, 26, 30):
        newest = checkpoints.save(tmp_path, replace(HEAD, steps=steps), ARRAYS, ADAM)
    model = newest.parent
    assert [checkpoints.steps_of(p) for p in checkpoints.checkpoints(model)] == [10, 20, 26, 30]
    assert [p.name for p in model.glob("adam-*")] == ["adam-000000000030.safetensors"]
    newest.write_bytes(newest.read_bytes()[:50])  # as a power cut leaves it
    left = checkpoints.newest(model)
    assert left is not None
    assert checkpoints.steps_of(left) == 26
    assert checkpoints.load_optimizer(left, ARRAYS) is None


def test_a_long_life_is_bounded_in_space(tmp_path: Path) -> None:
    kept: list[int] = []
    for steps in np.unique(np.geomspace(1, 1e9, 2000).astype(int)):
        kept = sorted(checkpoints.thinned([*kept, int(steps)]))
        assert len(kept) <= checkpoints.DOUBLINGS + checkpoints.NEWEST_KEPT
    ratios = np.divide(kept[1:], kept[:-1])
    assert ratios.max() < 4.0  # one for each doubling
    assert kept[-1] == 10**9
    assert kept[-1] / kept[0] > 2 ** (checkpoints.DOUBLINGS - 2)


def test_weights_between_two_ages() -> None:
    old, new = {"w": np.float32([0, 10])}, {"w": np.float32([4, 20])}
    head, arrays = checkpoints.blend(
        (replace(HEAD, scale=1.0), old), (replace(HEAD, scale=2.0), new), 0.25
    )
    np.testing.assert_array_equal(arrays["w"], np.float32([1, 12.5]))
    assert arrays["w"].dtype == np.float32
    assert head.scale == 1.25


def test_a_killed_save_leaves_nothing_that_is_taken_for_a_checkpoint(tmp_path: Path) -> None:
    model = checkpoints.save(tmp_path, HEAD, ARRAYS, ADAM).parent
    (model / "weights-000000000099.safetensors.tmp").write_bytes(b"half")
    assert [checkpoints.steps_of(p) for p in checkpoints.checkpoints(model)] == [10]
    checkpoints.save(tmp_path, replace(HEAD, steps=20), ARRAYS, ADAM)
    assert not list(model.glob("*.tmp"))


def test_models_are_found_by_voice_and_approach(tmp_path: Path) -> None:
    checkpoints.save(tmp_path, HEAD, ARRAYS, ADAM)
    other = replace(CONFIG, vector=32)
    checkpoints.save(tmp_path, replace(HEAD, config=other), ARRAYS, ADAM)
    assert set(checkpoints.models(tmp_path, "guitar", "column", 11025)) == {CONFIG, other}
    assert checkpoints.models(tmp_path, "guitar", "vector", 11025) == {}
    assert checkpoints.models(tmp_path, "flute", "column", 11025) == {}


def test_a_file_of_another_format_says_so(tmp_path: Path) -> None:
    path = tmp_path / "weights-000000000001.safetensors"
    save_file(ARRAYS, path, metadata={"format": "99", "header": "{}"})
    with pytest.raises(NoModel, match="format 99, this dreamd reads 1"):
        checkpoints.header(path)
    assert checkpoints.newest(tmp_path) is None
    path.write_bytes(b"nonsense")
    with pytest.raises(NoModel, match="cannot be read"):
        checkpoints.load(path)
