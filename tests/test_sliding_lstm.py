"""The fast sample-wise path against the literal loop, window by window.

A trained model amplifies what it is fed: two streams that differ by rounding drift apart. So
for long stretches the literal network is run on the windows of the fast path's own stream,
which feeds both the same samples; for short ones both run free.
"""

import numpy as np
import pytest
import torch
from conftest import RATE, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamd.approaches import registry
from dreamd.approaches.base import initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio import plucked_string
from dreamd.kernels.sliding_lstm import SlidingLSTM

TOLERANCE = 1e-5  # in the model's scale


def model(
    approach: str, vector: int, window: int, hidden: int, layers: int = 1,
    residual: bool = False, seed: int = 0, std: float = 0.15,
) -> SampleWise:  # fmt: skip
    torch.manual_seed(seed)
    config = ModelConfig(approach, RATE, vector, window, hidden, layers, residual)
    made = initialize(registry.make(config, 1.0), std).eval()
    for name, parameter in made.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    assert isinstance(made, SampleWise)
    return made


def music(count: int) -> np.ndarray:
    return plucked_string.chord((45, 57, 64), count, RATE, 1.0)


def noise(count: int) -> np.ndarray:
    return (np.random.default_rng(3).standard_normal(count) * 0.3).astype(np.float32)


def fast(net: SampleWise, seed: np.ndarray, count: int, **more: int) -> np.ndarray:
    made: list[np.ndarray] = []
    for block in SlidingLSTM(net.sliding(), seed, **more):
        made.append(block)
        if sum(map(len, made)) >= count:
            return np.concatenate(made)[:count]
    raise AssertionError


@torch.no_grad()
def literal_on(net: SampleWise, seed: np.ndarray, dreamt: np.ndarray) -> np.ndarray:
    """What the literal network predicts after each window of this stream."""
    stream = torch.from_numpy(np.concatenate((seed, dreamt)))
    windows = stream.unfold(0, len(seed), 1)[: len(dreamt)]
    config = (-1, net.config.window, net.config.vector)
    parts = [net(part.reshape(config)) for part in windows.split(250)]
    return torch.cat(parts)[:, -1].numpy()  # column's last prediction, transpose's only one


@torch.no_grad()
def literal(net: SampleWise, seed: np.ndarray, count: int) -> np.ndarray:
    queue, made = torch.from_numpy(seed), []
    for _ in range(count):
        sample, queue = net.next(queue)
        made.append(sample.item())
    return np.array(made, np.float32)


@pytest.mark.parametrize("approach", ["transpose", "column"])
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("vector", "window", "hidden"), [(1024, 8, 128), (256, 4, 64), (56, 8, 32)]
)
@pytest.mark.parametrize("seed", [music, noise])
def test_five_thousand_samples_with_random_weights(
    approach: str, layers: int, vector: int, window: int, hidden: int, seed: object
) -> None:
    net = model(approach, vector, window, hidden, layers)
    start = seed(vector * window)  # type: ignore[operator]
    dreamt = fast(net, start, 5000)
    np.testing.assert_allclose(literal_on(net, start, dreamt), dreamt, atol=TOLERANCE, rtol=0)
    assert dreamt.std() > 1e-3  # it does not agree by being silent


@pytest.mark.parametrize("approach", ["transpose", "column"])
def test_five_thousand_samples_of_a_trained_model(approach: str) -> None:
    net = model(approach, 64, 8, 32, std=0.05)
    wave = torch.from_numpy(music(4 * RATE))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for _ in range(150):
        starts = torch.randint(len(wave) - net.example_samples, (32,))
        inputs, labels = net.examples(
            torch.stack([wave[s : s + net.example_samples] for s in starts.tolist()])
        )
        loss = torch.nn.functional.mse_loss(net(inputs), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for start in (wave[: net.seed_samples].numpy(), noise(net.seed_samples)):
        dreamt = fast(net, start, 5000)
        np.testing.assert_allclose(literal_on(net, start, dreamt), dreamt, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("approach", ["transpose", "column"])
def test_running_free_it_is_the_literal_loop(approach: str) -> None:
    net = model(approach, 128, 8, 64, 2, residual=True)
    start = music(net.seed_samples)
    np.testing.assert_allclose(fast(net, start, 400), literal(net, start, 400), atol=TOLERANCE)


@settings(deadline=None, max_examples=60)
@given(
    approach=st.sampled_from(["transpose", "column"]),
    vector=st.integers(1, 90),
    window=st.integers(1, 6),
    hidden=st.integers(1, 20),
    layers=st.integers(1, 3),
    residual=st.booleans(),
    largest=st.integers(1, 100),
    threads=st.integers(1, 2),
    seed=st.integers(0, 99),
)
def test_any_shape_and_block_size(
    approach: str, vector: int, window: int, hidden: int, layers: int, residual: bool,
    largest: int, threads: int, seed: int,
) -> None:  # fmt: skip
    net = model(approach, vector, window, hidden, layers, residual, seed)
    start = noise(vector * window)
    dreamt = fast(net, start, 300, largest=largest, threads=threads)
    np.testing.assert_allclose(literal_on(net, start, dreamt), dreamt, atol=TOLERANCE, rtol=0)


def test_the_stream_s_move_to_the_front_is_not_heard() -> None:
    net = model("column", 16, 2, 8)
    start = noise(32)
    dreamt = fast(net, start, 20_000)  # more than two memories full
    np.testing.assert_allclose(literal_on(net, start, dreamt), dreamt, atol=TOLERANCE, rtol=0)


def test_the_first_block_is_short_and_blocks_grow() -> None:
    net = model("column", 1024, 2, 8)
    blocks = iter(SlidingLSTM(net.sliding(), tone(300, 1.0)[:2048]))
    sizes = [len(next(blocks)) for _ in range(6)]
    assert sizes == [32, 32, 64, 128, 256, 256]


@pytest.mark.parametrize("layers", [1, 2])
def test_with_other_weights_nothing_old_remains(layers: int) -> None:
    """After each set_weights the block is what the new network makes of the stream so far."""
    nets = [model("transpose", 64, 4, 16, layers, seed=k) for k in range(3)]
    for net in nets:  # the input weights stand still
        net.recurrent.layers[0].weight_ih_l0 = nets[0].recurrent.layers[0].weight_ih_l0
    stream = music(nets[0].seed_samples)
    slider = SlidingLSTM(nets[0].sliding(), stream, largest=48)
    for net in (*nets, *nets):
        slider.set_weights(net.sliding())
        block = slider.next(48)
        expected = literal_on(net, stream[-net.seed_samples :], block)
        np.testing.assert_allclose(expected, block, atol=TOLERANCE, rtol=0)
        stream = np.concatenate((stream, block))


def test_noise_is_added_and_fed_back() -> None:
    net = model("column", 64, 4, 16)
    start, added = music(net.seed_samples), noise(64)
    block = SlidingLSTM(net.sliding(), start).next(64, added)
    expected = literal_on(net, start, block) + added
    np.testing.assert_allclose(expected, block, atol=TOLERANCE, rtol=0)


def test_what_is_changed_in_the_newest_block_is_heard_by_all_later_ones() -> None:
    """Also where a block is as long as a vector, and its projections are needed at once."""
    for largest in (16, 64):
        net = model("transpose", 64, 4, 16)
        stream = music(net.seed_samples)
        slider = SlidingLSTM(net.sliding(), stream, largest=largest, mended=True)
        for _ in range(12):
            block = slider.next(largest)
            expected = literal_on(net, stream[-net.seed_samples :], block)
            np.testing.assert_allclose(expected, block, atol=TOLERANCE, rtol=0)
            newest = slider.newest(largest)
            newest *= np.linspace(1.0, 0.5, largest, dtype=np.float32)
            stream = np.concatenate((stream, newest))
