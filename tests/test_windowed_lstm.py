"""Training on shared projections is training on windows: same errors, same gradients.

The reference is the literal way: every window cut out, ``nn.LSTM`` over it, ``mse_loss``.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES
from dreamd.kernels import windowed_lstm
from dreamd.kernels.matmul import Factor, matmul
from dreamd.kernels.windowed_lstm import Kept, Rows

ROUNDING = {torch.float32: 2e-5, torch.float64: 1e-12}
"""Relative to the largest of the numbers compared. float32: a few dozen roundings of 6e-8 and
the cell's tanh (4e-7), times what a recurrence over eight steps makes of them. float64 has
exact functions, and shows that the rest is the same arithmetic."""
LEAST = {torch.float32: 2e-2, torch.float64: 1e-3}
"""Of the largest number, that counts: a small sum of larger ones, as a bias's gradient may be, has
their roundings."""


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Products this small gain nothing from a second thread, and lose much to a busy core."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@dataclass
class Case:
    config: ModelConfig
    kept: Kept
    seed: int


@st.composite
def cases(draw: st.DrawFn) -> Case:
    approach = draw(st.sampled_from(APPROACHES))
    vector = draw(st.integers(8, 40))
    config = ModelConfig(
        approach,
        rate=11025,
        vector=vector,
        window=draw(st.integers(1, 8)),
        hidden=draw(st.integers(1, 40)),
        layers=draw(st.integers(1, 3)),
        residual=draw(st.booleans()),
        frame=2 * draw(st.integers(vector // 2 + 1, 40)) if approach == "spectrum" else 0,
    )
    stretches, windows = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    kept = np.array(draw(st.lists(st.booleans(), min_size=18, max_size=18)))
    kept = kept[: stretches * windows].reshape(stretches, windows)
    kept[0, -1] = True
    return Case(config, kept, draw(st.integers(0, 1000)))


def model_of(case: Case, dtype: torch.dtype) -> Approach:
    torch.manual_seed(case.seed)
    return initialize(registry.make(case.config, 0.5), 0.4).to(dtype)


def samples_for(model: Approach, kept: Kept, dtype: torch.dtype) -> Tensor:
    return 0.3 * torch.randn(len(kept), model.stretch_samples(kept.shape[1]), dtype=dtype)


def cut_out(model: Approach, samples: Tensor, kept: Kept) -> Tensor:
    """Every window that is kept, with its labels: ``(B, example_samples)``."""
    starts = [(s, w * model.config.vector) for s, w in np.argwhere(kept).tolist()]
    return torch.stack([samples[s, at : at + model.example_samples] for s, at in starts])


def gradients(model: Approach, error: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    error.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def agree(a: Tensor, b: Tensor, tolerance: float) -> None:
    assert a.shape == b.shape
    assert (a - b).abs().max() <= tolerance * max(b.abs().max().item(), LEAST[b.dtype])


@pytest.mark.parametrize("dtype", ROUNDING)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_errors_and_all_gradients_are_those_of_the_windows(dtype: torch.dtype, case: Case) -> None:
    model = model_of(case, dtype)
    samples = samples_for(model, case.kept, dtype)
    inputs, labels = model.examples(cut_out(model, samples, case.kept))
    literal = nn.functional.mse_loss(model(inputs), labels)
    error, power = model.error(*model.stretches(samples), case.kept)
    agree(error, literal, ROUNDING[dtype])
    agree(power, labels.square().mean(), ROUNDING[dtype])
    expected, found = gradients(model, literal), gradients(model, error)
    assert found.keys() == expected.keys()
    for name, gradient in found.items():
        agree(gradient, expected[name], ROUNDING[dtype])


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(("window", "hidden"), [(8, 128), (1, 16)])
def test_outputs_are_those_of_the_windows(layers: int, window: int, hidden: int) -> None:
    torch.manual_seed(1)
    model = registry.make(ModelConfig("column", 11025, 256, window, hidden, layers=layers), 1.0)
    kept = np.ones((2, 5), bool)
    samples = samples_for(model, kept, torch.float32)
    inputs, _ = model.examples(cut_out(model, samples, kept))
    vectors, _ = model.stretches(samples)
    rows = windowed_lstm.window_rows(kept, window)
    outputs = model.recurrent.windows(vectors.flatten(0, 1), rows)
    torch.testing.assert_close(outputs.transpose(0, 1), model.recurrent(inputs), rtol=0, atol=1e-6)


@pytest.mark.parametrize("approach", APPROACHES)
def test_dropout_falls_where_it_falls_on_windows(approach: str) -> None:
    """With a dropout that depends on the values alone, the same units fall out in both ways."""

    class Every(nn.Module):
        def forward(self, values: Tensor) -> Tensor:
            return torch.where((values * 100).sin() > 0, 2 * values, 0.0)

    config = ModelConfig(approach, 11025, 16, 4, 12, layers=2, residual=True, frame=32)
    model = model_of(Case(config, np.ones((2, 3), bool), 5), torch.float64)
    model.recurrent.dropout = Every()  # type: ignore[assignment]
    kept = np.ones((2, 3), bool)
    samples = samples_for(model, kept, torch.float64)
    inputs, labels = model.examples(cut_out(model, samples, kept))
    error, _ = model.error(*model.stretches(samples), kept)
    agree(error, nn.functional.mse_loss(model(inputs), labels), 1e-12)


def compiled_and_plain(rows: Rows, units: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Outputs and gradients of the compiled recurrence, and of PyTorch's operations."""
    torch.manual_seed(2)
    found = []
    shared = torch.randn(int(rows.max()) + 2, 4 * units, requires_grad=True)
    weight = (torch.randn(4 * units, units) / units**0.5).requires_grad_()
    above = torch.randn(*rows.shape, units)
    function: Callable[..., Tensor]
    for function in (windowed_lstm._Recurrence.apply, windowed_lstm.recur):
        shared.grad = weight.grad = None
        outputs = function(shared, weight, rows)
        (outputs * above).sum().backward()
        assert shared.grad is not None
        assert weight.grad is not None
        found.append((outputs.detach().clone(), shared.grad, weight.grad))
    return found


@pytest.mark.parametrize("units", [1, 7, 128])
def test_the_compiled_recurrence_is_the_plain_one(units: int) -> None:
    """And what no window takes has no gradient."""
    kept = np.array([[True, False, False, True], [True, True, False, False]])
    compiled, plain = compiled_and_plain(windowed_lstm.window_rows(kept, 3), units)
    for a, b in zip(compiled, plain, strict=True):
        agree(a, b, ROUNDING[torch.float32])
    assert not compiled[1][-1].any()


def test_memory_that_is_used_again_is_as_good_as_new() -> None:
    rows = windowed_lstm.window_rows(np.ones((2, 4), bool), 3)
    first, _ = compiled_and_plain(rows, 8)
    compiled_and_plain(rows[:2], 8)  # other sizes in between
    again, _ = compiled_and_plain(rows, 8)
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a, b)


def test_the_dense_error_s_gradients_are_its_derivatives() -> None:
    torch.manual_seed(3)
    rows = windowed_lstm.window_rows(np.array([[True, False, True]]), 2)
    dense = nn.Linear(5, 7).double()
    labels = torch.randn(4, 7, dtype=torch.float64)
    outputs = torch.randn(2, 2, 5, dtype=torch.float64, requires_grad=True)

    def error(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return windowed_lstm._DenseError.apply(h, weight, bias, labels, rows)[0]

    assert torch.autograd.gradcheck(error, (outputs, dense.weight, dense.bias))


def test_a_small_error_is_not_lost_in_the_difference() -> None:
    """``dense_error`` subtracts sums as large as the labels' power. Where the model is right to
    one part in ten thousand of that power, the error is still right to a percent."""
    torch.manual_seed(4)
    rows = windowed_lstm.window_rows(np.ones((4, 16), bool), 8)
    dense = nn.Linear(32, 256)
    outputs = torch.randn(32)[None, None] * torch.ones(*rows.shape, 1)
    with torch.no_grad():
        right = dense(outputs[0, 0])
    labels = right + 1e-2 * right.std() * torch.randn(rows.max() + 1, 256)
    error, power = windowed_lstm.dense_error(outputs, dense, labels, rows)
    literal = (dense(outputs) - labels[torch.from_numpy(rows)]).square().mean()
    assert (literal / power).item() == pytest.approx(1e-4, rel=0.9)
    assert error.item() == pytest.approx(literal.item(), rel=0.01)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 70), st.integers(0, 70), st.integers(1, 70)),
    turned=st.tuples(st.booleans(), st.booleans()),
    double=st.booleans(),
)
def test_products(sizes: tuple[int, int, int], turned: tuple[bool, bool], double: bool) -> None:
    m, k, n = sizes
    dtype = torch.float64 if double else torch.float32
    a = torch.randn(k, m, dtype=dtype).t() if turned[0] else torch.randn(m, k, dtype=dtype)
    b = torch.randn(n, k, dtype=dtype).t() if turned[1] else torch.randn(k, n, dtype=dtype)
    bias = torch.randn(n, dtype=dtype)
    torch.testing.assert_close(matmul(a, b), a @ b, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(matmul(a, b, bias), a @ b + bias, rtol=1e-5, atol=1e-5)
    for lasting in (False, not double):
        factor = Factor(b.t().contiguous(), bias, lasting)
        torch.testing.assert_close(factor.times(a), a @ b + bias, rtol=1e-5, atol=1e-5)
