"""A fifth approach is one file and one row: it trains, dreams, is shown and asked for over OSC.

The file and the row are added here from outside (a folder on Python's path, before anything else
is imported), so that not a line of the package is touched.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from conftest import RATE, SMALL_FLAGS, Daemon

FILE = '''
"""The last vector, once more: the least that an approach can be."""

import torch
from torch import Tensor, nn

from dreamd.approaches.base import Approach, Decoder, Errors, mean_squares
from dreamd.approaches.config import ModelConfig
from dreamd.kernels.windowed_lstm import Kept


class Last(Approach):
    """Each next vector is the last one, times a number that is learned."""

    def __init__(self, config: ModelConfig, scale: float, *, dropout: float = 0.0) -> None:
        super().__init__(config, scale, dropout=dropout)
        self.queue_length, self.element_samples = config.window, config.vector
        self.seed_samples = config.window * config.vector
        self.example_samples = self.seed_samples + config.vector
        self.factor = nn.Parameter(torch.zeros(1))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.factor * inputs

    def measure(self, samples: Tensor) -> float:
        return float(samples.abs().max())

    def examples(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        vectors = samples.view(len(samples), -1, self.config.vector) / self.scale
        return vectors[:, :-1], vectors[:, 1:]

    def stretches(self, samples: Tensor) -> tuple[Tensor, Tensor]:
        return self.examples(samples)

    def error(self, vectors: Tensor, after: Tensor, kept: Kept) -> Errors:
        return mean_squares(self(vectors), after)

    def elements(self, samples: Tensor) -> Tensor:
        return samples.view(self.config.window, self.config.vector) / self.scale

    def inputs(self, queue: Tensor) -> Tensor:
        return queue[None]

    def last(self, prediction: Tensor) -> Tensor:
        return prediction[0, -1]

    def decoder(self) -> Decoder:
        return lambda elements: elements.flatten() * self.scale
'''

ROW = """
import dreamd.approaches
from dreamd.approaches import registry

dreamd.approaches.__path__.append({folder!r})
registry.ROWS["last"] = registry.Row(
    "last", "vector", False, 50.0, 100.0, registry.Concurrent(1e-2)
)
registry.APPROACHES = tuple(registry.ROWS)
"""


@pytest.fixture
def fifth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every Python that is started from here on knows the approach ``last``."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "last.py").write_text(FILE)
    (folder / "sitecustomize.py").write_text(ROW.format(folder=str(folder)))
    before = os.environ.get("PYTHONPATH")
    package = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, (str(folder), package, before)))
    monkeypatch.setenv("PYTHONPATH", path)


@pytest.mark.usefixtures("fifth")
def test_one_file_and_one_row(tmp_path: Path, recordings: Path) -> None:
    one = Daemon(tmp_path / "home", recordings)
    try:
        one.until(lambda: "last" in one.status()["voices"].get("guitar", {}).get("models", {}))
        model = one.status()["voices"]["guitar"]["models"]["last"]
        assert model["dream_speed"] == 50.0  # the row's guess
        one.until(lambda: one.status()["voices"]["guitar"]["models"]["last"]["steps"] > 100)
        for id, sampling in enumerate(("concurrent", "paused")):
            one.ask(id=id, approach="last", seed="guitar:0", secs=0.5, sampling=sampling)
            _, path, frames, rate, *_ = one.wait("/dream/done", id)
            samples, _ = soundfile.read(path)
            assert (len(samples), rate) == (frames, RATE)
            assert samples.std() > 0.001  # it goes on with its seed
        one.ask(id=9, approach="least", seed="guitar:0")
        assert "vector, spectrum, transpose, column, last" in one.wait("/dream/failed", 9)[2]
        one.until(lambda: "last error" in one.said())  # on the screen
    finally:
        one.stop()
    out = tmp_path / "dream.wav"
    command = [sys.executable, "-m", "dreamd", "dream", "--approach", "last", "--seed", "guitar"]
    command += ["--secs", "0.5", "--out", str(out), "--home", str(tmp_path / "home")]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "last of guitar" in told.stdout
    command = [sys.executable, "-m", "dreamd", "train", str(recordings), "--approach", "last"]
    command += ["--minutes", "0.01", "--home", str(tmp_path / "home"), *SMALL_FLAGS[:10]]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "guitar: last at step" in told.stdout
