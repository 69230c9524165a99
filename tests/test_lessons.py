"""A concurrent dream's step of learning, written out, is the step that PyTorch's derivatives make.

The reference is the plain loop: nn.LSTM over each window, ``mse_loss``, ``clip_grad_norm_``,
``torch.optim.Adam``.
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dreamd.approaches import lessons, registry
from dreamd.approaches.base import Approach, WithLSTM, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES, Concurrent
from dreamd.kernels import small_products
from dreamd.kernels.projections import Projections

TOLERANCE = 1e-5


def network(
    approach: str, vector: int = 24, window: int = 4, hidden: int = 12, layers: int = 1,
    residual: bool = False, channels: int = 1,
) -> WithLSTM:  # fmt: skip
    torch.manual_seed(1)
    frame = 2 * vector if approach == "spectrum" else 0
    config = ModelConfig(
        approach, 11025, vector, window, hidden, layers, residual, frame, channels=channels
    )
    made = initialize(registry.make(config, 0.5), 0.3).eval()
    for name, parameter in made.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    assert isinstance(made, WithLSTM)
    return made


def plain_steps(model: Approach, profile: Concurrent, rate: float, batches: list[Tensor]) -> None:
    """What the learner must do, by PyTorch's means alone."""
    model.recurrent.layers[0].weight_ih_l0.requires_grad_(profile.inputs_learn)
    adam = torch.optim.Adam(
        model.parameters(), rate, betas=(profile.momentum, 0.999), eps=profile.epsilon
    )
    for samples in batches:
        inputs, labels = model.examples(samples)
        adam.zero_grad()
        torch.nn.functional.mse_loss(model(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), lessons.CLIP)
        adam.step()


def learn(model: Approach, profile: Concurrent, rate: float, batches: list[Tensor]) -> None:
    one = lessons.pupil(model, profile, rate)
    with torch.no_grad():
        for which, samples in enumerate(batches):
            vectors, after = model.stretches(samples)
            keys = [(which, k) for k in range(vectors.shape[0] * vectors.shape[1])]
            one.step(vectors, after, keys)


def agree(a: Approach, b: Approach) -> None:
    for (name, mine), (_, theirs) in zip(a.named_parameters(), b.named_parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=TOLERANCE, msg=name)


@pytest.mark.parametrize("inputs_learn", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("approach", APPROACHES)
def test_five_steps_are_those_of_the_derivatives(
    approach: str, layers: int, inputs_learn: bool
) -> None:
    """At the sizes, the rates and the windows that dreams have. A small epsilon makes much of the
    rounding of gradients that are next to nothing."""
    own = registry.ROWS[approach].concurrent
    profile = replace(own, inputs_learn=inputs_learn, epsilon=max(own.epsilon, 1e-5))
    model = network(approach, 256, 8, 128, layers, residual=layers > 1)
    batches = [0.3 * torch.randn(profile.windows, model.example_samples) for _ in range(5)]
    other = copy.deepcopy(model)
    learn(model, profile, profile.learning_rate, batches)
    plain_steps(other, profile, profile.learning_rate, batches)
    agree(model, other)


@settings(deadline=None, max_examples=60)
@given(
    approach=st.sampled_from(APPROACHES),
    vector=st.integers(2, 40),
    window=st.integers(1, 6),
    hidden=st.integers(1, 20),
    layers=st.integers(1, 3),
    residual=st.booleans(),
    windows=st.integers(1, 10),
    momentum=st.sampled_from([0.0, 0.9]),
    inputs_learn=st.booleans(),
    channels=st.sampled_from([1, 2]),
)
def test_any_shape(
    approach: str, vector: int, window: int, hidden: int, layers: int, residual: bool,
    windows: int, momentum: float, inputs_learn: bool, channels: int,
) -> None:  # fmt: skip
    profile = Concurrent(1e-3, momentum=momentum, epsilon=1e-4, inputs_learn=inputs_learn)
    model = network(approach, vector, window, hidden, layers, residual, channels)
    # The second of them is so large that its gradient is clipped.
    shape = (windows, model.example_samples, channels)[: 1 + channels]
    batches = [scale * torch.randn(shape) for scale in (0.3, 4.0, 0.3)]
    other = copy.deepcopy(model)
    learn(model, profile, 1e-3, batches)
    plain_steps(other, profile, 1e-3, batches)
    agree(model, other)


@pytest.mark.parametrize("inputs_learn", [False, True])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_the_next_element_is_the_network_s(approach: str, layers: int, inputs_learn: bool) -> None:
    """While it learns, the queue moves on, its newest element is changed, and all of it once."""
    profile = Concurrent(1e-2, inputs_learn=inputs_learn)
    model = network(approach, layers=layers, residual=True)
    one = lessons.pupil(model, profile, 1e-2)
    samples = 0.3 * torch.randn(2, model.seed_samples)
    with torch.no_grad():
        queue, other_seed = (model.elements(each).clone() for each in samples)
        for k in range(6):
            vectors, after = model.stretches(0.3 * torch.randn(1, model.example_samples))
            one.step(vectors, after, [(k, row) for row in range(vectors.shape[1])])
            if k == 4:
                queue = other_seed
            element, after_it = one.next(queue, 0.0)
            expected, queue = model.next(queue)
            torch.testing.assert_close(element, expected, rtol=0, atol=TOLERANCE)
            torch.testing.assert_close(after_it, queue, rtol=0, atol=TOLERANCE)
            queue[-1] *= 0.5


def test_noise_is_added_to_the_next_element() -> None:
    model = network("vector")
    one = lessons.pupil(model, Concurrent(1e-3), 1e-3)
    queue = model.elements(0.3 * torch.randn(model.seed_samples))
    with torch.no_grad():
        (still, _), (noisy, _) = one.next(queue, 0.0), one.next(queue, 5.0)
    assert 2.0 < float((noisy - still).std()) < 10.0


def test_a_network_of_another_kind_learns_by_its_derivatives() -> None:
    class Other(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.config = network("vector").config
            self.factor = torch.nn.Parameter(torch.zeros(1))

        def error(self, vectors: Tensor, after: Tensor, kept: object) -> tuple[Tensor, Tensor]:
            return torch.nn.functional.mse_loss(self.factor * vectors, after), after.square().mean()

    model = Other()
    one = lessons.pupil(model, Concurrent(0.1), 0.1)  # type: ignore[arg-type]
    vectors = torch.randn(2, 3, 5)
    for _ in range(100):
        one.step(vectors, 0.7 * vectors, [])
    assert model.factor.item() == pytest.approx(0.7, abs=0.02)
    one.learning_rate = 0.0
    one.step(vectors, 0.1 * vectors, [])
    assert model.factor.item() == pytest.approx(0.7, abs=0.02)


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=9), max_size=12),
       st.integers(1, 12))  # fmt: skip
def test_projections_are_made_once_and_never_of_another(asked: list[list[int]], room: int) -> None:
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((8, 5)).astype(np.float32)
    vectors = rng.standard_normal((13, 5)).astype(np.float32)
    kept = Projections(weight, room)
    for keys in asked:
        np.testing.assert_allclose(
            kept.of(keys, vectors[keys]), vectors[keys] @ weight.T, atol=TOLERANCE
        )
    known = Projections(weight, 13)
    known.of(range(13), vectors)
    once_more = known.of([3, 7], np.zeros((2, 5), np.float32))  # it does not look at them again
    np.testing.assert_allclose(once_more, vectors[[3, 7]] @ weight.T, atol=TOLERANCE)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
@settings(deadline=None, max_examples=40)
def test_small_products(m: int, k: int, n: int) -> None:
    rng = np.random.default_rng(m * 400 + k * 20 + n)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((m, k), (k, n)))
    turned_a, turned_b = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    made = [np.ones((m, n), np.float32) for _ in range(4)]
    small_products.product(a, b, made[0])
    small_products.product_transposed(a, turned_b, made[1])
    small_products.transposed_product(turned_a, b, made[2])
    small_products.add_product(a, b, made[3])
    for each, more in zip(made, (0, 0, 0, 1), strict=True):
        np.testing.assert_allclose(each, a @ b + more, atol=TOLERANCE)
