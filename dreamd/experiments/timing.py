"""What the benchmarks share: timing in turns, the machine, models with random weights.

Each figure that is a ratio comes from both sides measured in turn in one run, several times; the
medians are told.
"""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numba
import torch

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.registry import config_of
from dreamd.audio import plucked_string
from dreamd.home import environment
from dreamd.kernels.matmul import matmul
from dreamd.settings import Settings

ROUNDS = 5
REFERENCE = Settings(hop=1024)  # V = 1024, n = 8, H = 128, L = 1
SAMPLE_WISE = tuple(row.name for row in registry.ROWS.values() if row.sample_wise)


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The median seconds of each, measured one after another, round after round.

    A first round does not count: memory and clocks take a moment to settle.
    """
    for work in works:
        work()
    taken = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


def machine() -> str:
    """What this is measured on, and how fast it multiplies matrices."""
    rate = matrix_rate()
    return (
        f"{environment.processor()}, {platform.system()}; "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"numba {numba.__version__}. One core multiplies matrices of the sizes used here at "
        f"{rate / 1e9:.0f} billion multiply-adds a second.\n"
    )


def matrix_rate() -> float:
    """Multiply-adds a second of one core, ``(256, 128) × (128, 512)``."""
    a, b = torch.randn(256, 128), torch.randn(512, 128).t()

    def work() -> None:
        for _ in range(200):
            matmul(a, b)

    return 200 * 256 * 128 * 512 / in_turn(work)[0]


@dataclass(frozen=True)
class Made:
    """A model with random weights, and a seed for it."""

    model: Approach
    queue: torch.Tensor


def made(approach: str, settings: Settings) -> Made:
    torch.manual_seed(0)
    config = config_of(approach, settings)
    model = initialize(registry.make(config), settings.init_std).eval()
    samples = plucked_string.chord((45, 57, 64), model.seed_samples, settings.rate, 0.5)
    return Made(model, model.elements(torch.from_numpy(samples)))
