"""The four approaches: shapes, data formats, and what they learn."""

import numpy as np
import pytest
import torch
from conftest import RATE, pitch, tone

from dreamd.approaches import registry
from dreamd.approaches.base import initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import APPROACHES

N, H = 8, 16
TABLE_1 = [("vector", v) for v in (1024, 512, 256, 128)]
TABLE_1 += [("spectrum", v) for v in (1024, 512, 256, 128, 56)]
TABLE_1 += [("transpose", 1024), ("column", 1024)]


def config(approach: str, vector: int, **more: object) -> ModelConfig:
    frame = max(vector, 1024) if approach == "spectrum" else 0
    return ModelConfig(approach, RATE, vector, N, H, frame=frame, **more)  # type: ignore[arg-type]


def test_the_table_is_the_four_that_requests_name() -> None:
    assert tuple(registry.ROWS) == APPROACHES


@pytest.mark.parametrize(("approach", "vector"), TABLE_1)
def test_every_row_of_the_paper_s_table_trains_and_dreams(approach: str, vector: int) -> None:
    torch.manual_seed(0)
    model = registry.make(config(approach, vector), 0.5)
    samples = torch.randn(3, model.example_samples) * 0.1
    inputs, labels = model.examples(samples)
    assert inputs.shape[:2] == (3, N)
    prediction = model(inputs)
    assert prediction.shape == labels.shape
    torch.nn.functional.mse_loss(prediction, labels).backward()
    queue = model.elements(samples[0, : model.seed_samples])
    assert len(queue) == model.queue_length
    with torch.no_grad():
        element, after = model.next(queue)
        assert after.shape == queue.shape
        torch.testing.assert_close(after[-1], element)
        torch.testing.assert_close(after[:-1], queue[1:])
        assert model.decoder()(element[None]).shape == (model.element_samples,)


@pytest.mark.parametrize("approach", ["vector", "transpose", "column"])
def test_labels_are_the_samples_that_come_next(approach: str) -> None:
    """On a ramp, where a sample's value is its place."""
    model = registry.make(config(approach, 4), 1.0)
    inputs, labels = model.examples(torch.arange(float(model.example_samples))[None])
    assert inputs[0, :, 0].tolist() == [4.0 * k for k in range(N)]
    expected = {
        "vector": [[4.0 * (k + 1) + j for j in range(4)] for k in range(N)],
        "transpose": [4.0 * N],
        "column": [4.0 * (k + 1) for k in range(N)],
    }
    assert labels[0].tolist() == expected[approach]


def test_spectra_are_amplitudes_and_phase_is_gone() -> None:
    model = registry.make(config("spectrum", 256), 1.0)
    bin_40 = 40 * RATE / 1024
    t = torch.arange(model.seed_samples) / RATE
    for phase in (0.0, 1.0):
        spectra = model.elements(0.3 * torch.sin(2 * np.pi * bin_40 * t + phase))
        assert spectra.shape == (N, 513)
        assert spectra.argmax(1).tolist() == [40] * N
        assert spectra.max().item() == pytest.approx(0.3, abs=1e-3)


def test_a_negative_prediction_is_clamped_and_no_bin_makes_dc() -> None:
    model = registry.make(config("spectrum", 256), 1.0)
    prediction = torch.full((1, N, 513), -0.5)
    assert model.last(prediction).min() == 0
    steady = torch.zeros(1, 513)
    steady[0, 0] = 1.0
    assert not model.decoder()(steady).any()


@pytest.mark.parametrize("approach", APPROACHES)
@pytest.mark.parametrize("residual", [False, True])
def test_layers_residual_and_dropout(approach: str, residual: bool) -> None:
    more = {"layers": 2, "residual": residual}
    model = registry.make(config(approach, 64, **more), 1.0, dropout=0.5)
    inputs, _ = model.examples(torch.randn(2, model.example_samples))
    assert not torch.equal(model(inputs), model(inputs))  # dropout is at work
    model.eval()
    torch.testing.assert_close(model(inputs), model(inputs))


def test_residual_adds_the_lower_layer_s_output() -> None:
    plain = registry.make(config("column", 16, layers=2), 1.0).eval()
    added = registry.make(config("column", 16, layers=2, residual=True), 1.0).eval()
    added.load_state_dict(plain.state_dict())
    upper = dict(added.named_parameters())
    for name in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"):
        torch.nn.init.zeros_(upper[f"recurrent.layers.1.{name}"])  # an upper layer that is silent
    single = registry.make(config("column", 16), 1.0).eval()
    single.load_state_dict({k: v for k, v in added.state_dict().items() if "layers.1" not in k})
    inputs, _ = single.examples(torch.randn(2, single.example_samples))
    torch.testing.assert_close(added(inputs), single(inputs))


def test_initial_weights_have_the_deviation_asked_for() -> None:
    model = initialize(registry.make(config("vector", 256), 1.0), 0.2)
    weights = dict(model.named_parameters())
    assert weights["dense.weight"].std().item() == pytest.approx(0.2, rel=0.1)
    assert not weights["dense.bias"].any()


@pytest.mark.parametrize("approach", APPROACHES)
def test_trained_on_a_sine_it_dreams_that_sine(approach: str) -> None:
    """The one musical fact that every approach must know. Tolerance: spectrum speaks in bins
    of 43 Hz; the others follow the wave, which a small network bends by a percent or two."""
    torch.manual_seed(1)
    frame = 256 if approach == "spectrum" else 0
    model = initialize(registry.make(ModelConfig(approach, RATE, 64, 4, 32, frame=frame), 0.5), 0.1)
    hertz = 10 * RATE / 256  # 431 Hz
    wave = torch.from_numpy(tone(hertz, 2.0))
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(300):
        starts = torch.randint(len(wave) - model.example_samples, (32,))
        inputs, labels = model.examples(
            torch.stack([wave[s : s + model.example_samples] for s in starts.tolist()])
        )
        loss = torch.nn.functional.mse_loss(model(inputs + 0.02 * torch.randn_like(inputs)), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        queue, decode = model.elements(wave[: model.seed_samples]), model.decoder()
        dream: list[float] = []
        while len(dream) < 4096:
            element, queue = model.next(queue)
            dream += decode(element[None]).tolist()
    heard = np.array(dream[1024:4096], np.float32)
    assert pitch(heard) == pytest.approx(hertz, abs=RATE / 256 / 2 if frame else 0.02 * hertz)
    assert 0.1 < np.sqrt((heard**2).mean()) < 0.6
