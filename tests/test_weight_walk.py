"""A paused dream whose weights walk among its model's checkpoints: alive, and nothing else."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RATE, tone
from safetensors.numpy import load_file, save_file

from dreamd.approaches import registry
from dreamd.approaches.registry import config_of
from dreamd.audio.files import Samples
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.resolve import resolve
from dreamd.dreaming.weight_walk import LATEST, WeightWalk
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer

Dream = Callable[..., Samples]


def ages(count: int, model: torch.nn.Module) -> list[dict[str, torch.Tensor]]:
    """Weights that are all ``k`` at age ``k``."""
    return [
        {name: torch.full_like(weight, float(k)) for name, weight in model.named_parameters()}
        for k in range(count)
    ]


@pytest.mark.parametrize("reach", [1.0, 0.5])
def test_it_walks_between_the_ages_as_far_as_it_may(small: Settings, reach: float) -> None:
    model = registry.make(config_of("vector", small))
    walk = WeightWalk(model, ages(4, model), reach, np.random.default_rng(1))
    went = []
    for _ in range(int(60 / 0.05)):
        walk.move(0.05)
        values = {value for weight in model.parameters() for value in weight.unique().tolist()}
        assert len(values) == 1  # all of them together
        went += values
    assert went[0] == 3.0  # it begins with the newest
    assert min(went) >= 3 - 3 * reach
    assert min(went) < 3 - 2.5 * reach
    assert max(went) > 3 - 0.5 * reach
    assert np.abs(np.diff(went)).max() < 0.8  # it glides, even from end to end in the least time
    still = np.abs(np.diff(went)) < 1e-6
    assert still.mean() < 0.1 / LATEST


@pytest.fixture
def dream(small: Settings, recorded: Callable[..., Recording]) -> Dream:
    """Of a model with several checkpoints; ``paused``, at the same place."""
    rng = np.random.default_rng(0)
    notes = [tone(float(hertz), 0.4) for hertz in rng.uniform(200, 900, 12)]
    recording = recorded(np.concatenate(notes), "voice")
    for approach in ("vector", "spectrum", "column"):
        torch.manual_seed(0)
        trainer = Trainer(config_of(approach, small), small, [recording], lambda note: None)
        trainer.head = replace(trainer.head, voice="voice")
        for _ in range(5):
            for _ in range(12 + trainer.head.steps):
                trainer.step()
                trainer.head = replace(trainer.head, steps=trainer.head.steps + 1)
            trainer.save()

    def make(approach: str, seconds: float = 3.0, **keys: object) -> Samples:
        asked = Request(approach, seconds, sampling="paused", seedat=0.5, **keys)  # type: ignore[arg-type]
        job = resolve(small, asked, {"voice": [recording]}, lambda number: Path())
        assert len(job.ages) >= 3 or job.request.steps
        with torch.no_grad():
            blocks, parts, count = render.blocks(job, small), [], 0
            while count < job.frames:
                parts.append(next(blocks))
                count += len(parts[-1])
        return np.concatenate(parts)[: job.frames]

    return make


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_a_walk_is_its_rand_s_and_another_without_it(dream: Dream, approach: str) -> None:
    one, again, other = (dream(approach, rand=rand) for rand in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3
    still = dream(approach, rand=1, wander=0.0)
    assert np.abs(one - still).max() > 1e-3
    np.testing.assert_array_equal(still, dream(approach, rand=2, wander=0.0))


def test_sample_wise_approaches_stand_still(dream: Dream) -> None:
    np.testing.assert_array_equal(
        dream("column", 0.5, rand=1), dream("column", 0.5, rand=1, wander=0.0)
    )


def test_weights_that_somebody_names_stand_still(dream: Dream) -> None:
    one, other = (dream("vector", rand=rand, steps=24) for rand in (1, 2))
    np.testing.assert_array_equal(one, other)
    assert len(one) == 3 * RATE


@pytest.mark.parametrize("which", [-2, -3])
def test_an_older_age_that_is_damaged_is_passed_over(
    dream: Dream, small: Settings, which: int
) -> None:
    """Its header is whole: nobody knew. It is set aside, and the walk has other places."""
    (model,) = (small.home / "models" / "voice").glob("vector-*")
    older = sorted(model.glob("weights-*.safetensors"))[which]
    arrays = {name: np.full_like(array, np.nan) for name, array in load_file(older).items()}
    save_file(arrays, older, metadata=checkpoints.header(older).dump())
    assert len(dream("vector", 0.5, rand=1)) == int(0.5 * RATE)
    assert not older.exists()
    assert older.with_name(f"{older.name}.damaged").exists()
