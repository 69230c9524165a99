"""Transpose and column over bands: as a plainly written loop makes them, and up to 20 kHz."""

import copy
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import same_trainer
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from dreamd.approaches import lessons, registry
from dreamd.approaches.base import initialize
from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import Concurrent, config_of
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio.crossfade import continued, fitted
from dreamd.audio.filter_bank import Analysis
from dreamd.audio.harmonics import Harmonics
from dreamd.audio.linear_prediction import innovation
from dreamd.corpus.recording import Recording, cut
from dreamd.dreaming import course, networks, render
from dreamd.dreaming.job import Job
from dreamd.dreaming.resolve import resolve
from dreamd.home import checkpoints
from dreamd.home.lock import claim
from dreamd.kernels.sliding_lstm import SlidingLSTM
from dreamd.osc.requests import Request
from dreamd.settings import Settings

RATE, BANDS = 44100, 4
SAMPLE_WISE = ("transpose", "column")
TOLERANCE = 1e-5  # in the model's scale


def network(
    approach: str, vector: int = 64, window: int = 4, hidden: int = 16, bands: int = BANDS,
    layers: int = 1, residual: bool = False,
) -> SampleWise:  # fmt: skip
    torch.manual_seed(1)
    config = ModelConfig(approach, RATE, vector, window, hidden, layers, residual, bands=bands)
    made = initialize(registry.make(config, 0.5), 0.2).eval()
    for name, parameter in made.named_parameters():
        if "bias" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    assert isinstance(made, SampleWise)
    made.balance.copy_(torch.logspace(0, -1, bands))
    return made


def bright(seconds: float, rate: int = RATE) -> np.ndarray:
    """Clicks that ring at 330 Hz, and at 19 kHz a tenth as loud."""
    t = np.arange(int(seconds * rate)) / rate
    since = t % 0.25
    ringing = np.sin(2 * np.pi * 330 * t) + 0.1 * np.sin(2 * np.pi * 19000 * t)
    return (0.4 * ringing * np.exp(-6 * since)).astype(np.float32)


# ---------------------------------------------------------------- the kernels


@torch.no_grad()
def literal_on(net: SampleWise, seed: Tensor, dreamt: np.ndarray) -> np.ndarray:
    """What the literal network predicts after each window of this stream of elements."""
    stream = torch.cat((seed, torch.from_numpy(dreamt)))
    windows = torch.stack([stream[t : t + len(seed)] for t in range(len(dreamt))])
    inputs = windows.view(len(dreamt), net.config.window, net.config.vector)
    return net(inputs).view(len(dreamt), -1, net.bands)[:, -1].numpy()


@pytest.mark.parametrize("approach", SAMPLE_WISE)
@pytest.mark.parametrize(("layers", "vector"), [(1, 512), (2, 512), (1, 2048)])
def test_a_thousand_frames_are_those_of_the_literal_loop(
    approach: str, layers: int, vector: int
) -> None:
    """With 512 in each band a block has several sub-blocks of sub-blocks."""
    net = network(approach, vector, 4, 32, layers=layers)
    queue = net.elements(torch.from_numpy(bright(1.0)[: net.seed_samples]))
    slider, parts = SlidingLSTM(net.sliding(), queue.numpy()), []
    for size in slider.sizes():
        parts.append(slider.next(size))
        if sum(map(len, parts)) >= 1000:
            break
    dreamt = np.concatenate(parts)
    assert dreamt.shape[1:] == (BANDS,)
    np.testing.assert_allclose(literal_on(net, queue, dreamt), dreamt, atol=TOLERANCE, rtol=0)
    assert dreamt.std(0).min() > 1e-3  # it does not agree by being silent


@pytest.mark.parametrize("largest", [256, 384])
def test_what_is_mended_is_heard_by_the_next_block(largest: int) -> None:
    net = network("column", 2048, 4, 32)
    stream = net.elements(torch.from_numpy(bright(1.0)[: net.seed_samples])).numpy()
    slider = SlidingLSTM(net.sliding(), stream, largest=largest, mended=True)
    for _ in range(4):
        block = slider.next(largest)
        foretold = literal_on(net, torch.from_numpy(stream), block)
        np.testing.assert_allclose(foretold, block, atol=TOLERANCE, rtol=0)
        slider.newest(largest)[:] *= np.linspace(1, 0.5, largest, dtype=np.float32)[:, None]
        stream = np.concatenate((stream, slider.newest(largest)))[-net.queue_length :]


@settings(deadline=None, max_examples=20)
@given(
    approach=st.sampled_from(SAMPLE_WISE), bands=st.integers(2, 5), vector=st.integers(1, 40),
    window=st.integers(1, 4), layers=st.integers(1, 2), largest=st.integers(1, 50),
    threads=st.integers(1, 2),
)  # fmt: skip
def test_any_shape_with_noise_and_a_ceiling_for_each_band(
    approach: str, bands: int, vector: int, window: int, layers: int, largest: int, threads: int
) -> None:
    net = network(approach, vector * bands, window, 8, bands, layers, residual=True)
    rng = np.random.default_rng(vector)
    queue, added = (rng.standard_normal((n, bands)).astype(np.float32) * 0.3
                    for n in (window * vector, 3 * largest))  # fmt: skip
    most = 0.1 + 0.1 * np.arange(bands)
    slider = SlidingLSTM(net.sliding(), queue, threads, largest)
    size = min(largest, vector)
    dreamt = np.concatenate([slider.next(size, added[k * size :][:size], most) for k in range(3)])
    foretold = literal_on(net, torch.from_numpy(queue), dreamt) + added[: 3 * size]
    np.testing.assert_allclose(most * np.tanh(foretold / most), dreamt, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_five_steps_of_learning_are_those_of_the_derivatives(approach: str) -> None:
    model = network(approach)
    other, profile = copy.deepcopy(model), Concurrent(1e-3, epsilon=1e-4, windows=3, block=16)
    one = lessons.pupil(model, profile, 1e-3)
    other.recurrent.layers[0].weight_ih_l0.requires_grad_(False)
    adam = torch.optim.Adam(other.parameters(), 1e-3, eps=1e-4)
    for step in range(5):
        samples = 0.3 * torch.randn(3, model.example_samples)
        with torch.no_grad():
            vectors, after = model.stretches(samples)
            one.step(vectors, after, [(step, k) for k in range(3 * model.config.window)])
        inputs, labels = other.examples(samples)
        adam.zero_grad()
        torch.nn.functional.mse_loss(other(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(other.parameters(), lessons.CLIP)
        adam.step()
    for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_windows_that_overlap_are_those_that_do_not(approach: str) -> None:
    model, starts = network(approach), [0, 4, 24, 200]
    span = 0.3 * torch.randn(200 + model.example_samples)
    each = torch.stack([span[at : at + model.example_samples] for at in starts])
    together, apart = model.windows(span, starts), model.stretches(each)
    for one, other in zip(together, apart, strict=True):
        assert one.shape == other.shape
        torch.testing.assert_close(one, other, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_stretches_have_the_error_of_their_windows(approach: str) -> None:
    model, m = network(approach), 5
    samples = 0.3 * torch.randn(2, model.stretch_samples(m))
    kept = np.ones((2, m), bool)
    kept[1, 2] = False
    error, power = model.error(*model.stretches(samples), kept)
    windows = torch.stack([
        samples[s, w * model.config.vector :][: model.example_samples]
        for s, w in np.argwhere(kept).tolist()
    ])  # fmt: skip
    inputs, labels = model.examples(windows)
    torch.testing.assert_close(error, torch.nn.functional.mse_loss(model(inputs), labels))
    torch.testing.assert_close(power, labels.square().mean())


# ---------------------------------------------------------------- what goes in and comes out


@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_its_elements_are_the_bands_and_sound_as_they_did(approach: str) -> None:
    model, samples = network(approach, 512), torch.from_numpy(bright(1.0))
    queue = model.elements(samples[: model.seed_samples])
    assert queue.shape == (model.queue_length, BANDS) == (4 * 128, BANDS)
    expected = Analysis(BANDS)(samples[: model.seed_samples]) / 0.5 / model.balance
    torch.testing.assert_close(queue, expected)
    decode = model.decoder()
    sound = torch.cat([decode(part) for part in queue.split([1, 100, 411])])
    ringing_in = Analysis(BANDS).margin
    heard = samples[ringing_in : len(sound)]
    torch.testing.assert_close(sound[ringing_in:], heard, atol=1e-5, rtol=0)
    inputs, labels = model.examples(samples[None, : model.example_samples])
    torch.testing.assert_close(inputs[0, 1].view(128, BANDS), queue[128:256])
    torch.testing.assert_close(labels[0, 0], queue[128] if approach == "column" else labels[0, 0])


def test_a_fresh_model_s_bands_are_equally_loud() -> None:
    model = network("column", 4096)
    starts = range(0, 3 * model.example_samples, model.example_samples)
    samples = torch.from_numpy(bright(3.0))
    windows = torch.stack([samples[at : at + model.example_samples] for at in starts])
    model.settle(windows)
    levels = model.stretches(windows)[0].reshape(-1, BANDS).square().mean(0).sqrt()
    assert model.balance.max() == 1
    heard = model.balance > 1e-3  # in the two between there is next to nothing: it stays so
    assert heard.tolist() == [True, False, False, True]
    torch.testing.assert_close(levels[heard], levels[:1].expand(2), rtol=1e-3, atol=0)


@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_a_network_of_11025_hz_serves_as_the_lowest_band(approach: str) -> None:
    was = registry.make(ModelConfig(approach, 11025, 16, 4, 16))
    net, vectors = network(approach), torch.randn(3, 4, 64)
    assert net.config.usual == was.config
    net.load_state_dict(net.lifted(was.state_dict(), was.config))
    told = net(vectors).view(3, -1, BANDS)
    low = was(vectors.view(3, 4, 16, BANDS)[..., 0])
    torch.testing.assert_close(told[..., 0], low)
    torch.testing.assert_close(told[..., 1:], torch.zeros_like(told[..., 1:]), atol=1e-5, rtol=0)


@torch.no_grad()
def test_mixing_weights_that_cancel_each_other_leave_the_upper_bands_silent() -> None:
    """What no bias can carry then is a constant of the lowest band."""
    was = registry.make(ModelConfig("transpose", 11025, 16, 4, 16))
    net, vectors = network("transpose"), torch.randn(3, 4, 64)
    weights = was.state_dict() | {"across.bias": torch.tensor([0.3])}
    for passed in (0.0, 1e-12, -1e-7, 1e-5):
        weights["across.weight"] = torch.tensor([[0.5, -0.5, 0.25, -0.25 + passed]])
        was.load_state_dict(weights)
        net.load_state_dict(net.lifted(weights, was.config))
        assert max(float(each.abs().max()) for each in net.parameters()) < 1e4
        low = was(vectors.view(3, 4, 16, BANDS)[..., 0])
        told = net(vectors)
        torch.testing.assert_close(told[:, 1:], torch.zeros(3, BANDS - 1), atol=1e-5, rtol=0)
        lost = told[:, :1] - low
        torch.testing.assert_close(lost, lost[:1].expand(3, 1), atol=1e-3, rtol=0)


def test_the_name_of_a_model_says_its_bands() -> None:
    full = config_of("column", Settings(rate=RATE))
    assert full.name == "column-44100-v4096-n8-h128-l1-b4"
    assert config_of("column", Settings(rate=22050)).bands == 2
    assert config_of("column", Settings(rate=RATE, vector=4098)).bands == 1
    assert config_of("vector", Settings(rate=RATE)).bands == 1
    plain = config_of("column", Settings())
    for config, said in ((full, True), (plain, False)):
        head = checkpoints.Header(config=config, scale=1.0, voice="v")
        assert ("bands" in head.dump()["header"]) == said
        assert checkpoints.Header.parse(head.dump(), Path("x")) == head
    broken = checkpoints.Header(config=replace(full, bands=3), scale=1.0, voice="v")
    assert broken.nonsense() == "vector 4096, bands 3"


# ---------------------------------------------------------------- a dream


@pytest.fixture
def job(tmp_path: Path, recorded: Callable[..., Recording]) -> Callable[..., Job]:
    """A model that has learned a little, the same each time."""
    claim(tmp_path / "home")
    mono = Settings(home=tmp_path / "home", rate=RATE, vector=256, window=4, hidden=24,
                    hop=128, frame=512, batch=4, stretch=4, learning_rate=1e-2)  # fmt: skip
    both = np.stack((bright(2.0), 0.3 * np.roll(bright(2.0), RATE // 9)), 1)
    takes = {1: replace(recorded(bright(2.0)), rate=RATE),
             2: replace(recorded(both, name="b.wav"), rate=RATE)}  # fmt: skip

    def make(request: Request, steps: int, channels: int = 1) -> tuple[Job, Settings]:
        small, recording = replace(mono, channels=channels), takes[channels]
        trainer = same_trainer(config_of(request.approach, small), small, [recording])
        for _ in range(steps):
            trainer.train(0.0)
        trainer.save()
        return resolve(small, request, {"sine": [recording]}, lambda n: tmp_path), small

    return make


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_concurrent_is_the_paper_s_loop_in_each_band(
    job: Callable[..., tuple[Job, Settings]], approach: str, channels: int
) -> None:
    """Written out once more, with nn.LSTM, windows and elements one by one; what is done to the
    level, the beginning and the partials of a block is done in each band by itself."""
    asked, small = job(Request(approach, secs=0.3, rand=4, followat=0.5, seed="sine:0",
                               seedat=0.25, wander=0), 20, channels)  # fmt: skip
    assert asked.follow is not None
    model = networks.model_of(asked, small.init_std)
    assert isinstance(model, SampleWise)
    assert model.parts == BANDS * channels
    seed = cut(asked.follow, int(0.25 * RATE), model.seed_samples, channels)
    queue = model.elements(torch.from_numpy(np.array(seed)))
    blocks, steps, slow = render.blocks(asked, small), 4, RATE // BANDS
    with torch.no_grad():
        made = np.concatenate([next(blocks) for _ in range(steps)])
    net, profile = copy.deepcopy(model), registry.ROWS[approach].concurrent
    net.recurrent.layers[0].weight_ih_l0.requires_grad_(False)
    rate = course.learning_rate(asked, profile)
    adam = torch.optim.Adam(net.parameters(), rate, eps=profile.epsilon)
    count, window, decode = lessons.block_of(net, profile), queue, net.decoder()
    here = 0.5 * RATE
    for step in range(steps):
        first = here - net.seed_samples
        starts = [int(first + BANDS * count * k / profile.windows) for k in range(profile.windows)]
        windows = np.stack([cut(asked.follow, at, net.example_samples, channels) for at in starts])
        inputs, labels = net.examples(torch.from_numpy(windows))
        adam.zero_grad()
        torch.nn.functional.mse_loss(net(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        length = (1024 + count) * BANDS + net.margin
        there = net.elements(torch.from_numpy(
            np.array(cut(asked.follow, int(here) - 1024 * BANDS, length, channels))
        ))  # fmt: skip
        here += BANDS * count
        struck = [profile.residual_gain * innovation(band.numpy(), count, 4) for band in there.T]
        levels = inputs[-1, -1].view(-1, model.parts)[-count:].square().mean(0).sqrt()
        with torch.no_grad():
            for k in range(count):
                element, _ = net.next(window[-len(queue) :])
                most = profile.ceiling * levels
                element = most * torch.tanh((element + torch.tensor([s[k] for s in struck])) / most)
                window = torch.cat((window, element[None]))
            for band in range(model.parts):
                mend(window[:, band], queue[:, band], count, slow, approach == "transpose")
            newest = window[-count:]
            lacking = levels / newest.square().mean(0).sqrt()
            gain = (lacking**profile.level_correction).clamp(1 / 8, 8.0)
            newest *= 1 + torch.linspace(0, 1, count)[:, None] * (gain - 1)
            sound = decode(newest.clone()).numpy()
        part = made[step * len(sound) :][: len(sound)]
        np.testing.assert_allclose(part, sound, atol=TOLERANCE, rtol=0)


def mend(stream: Tensor, seed: Tensor, count: int, rate: int, holds: bool) -> None:
    past = stream[:-count].numpy()[-fitted(rate) :]
    rise = 0.5 - 0.5 * torch.cos(torch.pi * torch.arange(1, 33) / 33)
    going = torch.from_numpy(continued(past, 32, rate))
    stream[-count:][:32] = rise * stream[-count:][:32] + (1 - rise) * going
    if holds:
        held = Harmonics(seed.numpy(), rate)
        held.hold(stream[-held.span :].numpy(), count)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_each_band_of_whole_elements_is_led_to_its_own_level(
    job: Callable[..., tuple[Job, Settings]], approach: str, channels: int
) -> None:
    """The same loop for vector and spectrum: a gain for the bins of each 5.5 kHz, or for a quarter
    of a vector's cosine transform, which is written out here; for each channel, or middle and side,
    its own."""
    asked, small = job(Request(approach, secs=0.3, rand=4, followat=0.5, seed="sine:0",
                               seedat=0.25, wander=0), 20, channels)  # fmt: skip
    assert asked.follow is not None
    net = networks.model_of(asked, small.init_std)
    profile = registry.ROWS[approach].concurrent
    seed = cut(asked.follow, int(0.25 * RATE), net.seed_samples, channels)
    window, blocks = net.elements(torch.from_numpy(np.array(seed))), render.blocks(asked, small)
    with torch.no_grad():
        made = [next(blocks) for _ in range(8)]
    net, decode = copy.deepcopy(net), net.decoder()
    net.get_submodule("recurrent.layers.0").weight_ih_l0.requires_grad_(profile.inputs_learn)
    adam = torch.optim.Adam(
        net.parameters(), course.learning_rate(asked, profile), (profile.momentum, 0.999),
        profile.epsilon_of(net.config),
    )  # fmt: skip
    here, changes = 0.5 * RATE, []
    for sound in made:
        first, apart = here - net.seed_samples, net.element_samples / profile.windows
        windows = np.stack([cut(asked.follow, int(first + apart * k), net.example_samples, channels)
                            for k in range(profile.windows)])  # fmt: skip
        inputs, labels = net.examples(torch.from_numpy(windows))
        adam.zero_grad()
        torch.nn.functional.mse_loss(net(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        here += net.element_samples
        with torch.no_grad():
            element, window = net.next(window)
            mended = torch.zeros_like(element)
            for band, size in split(approach, len(element) // channels, channels):
                level, now = (float(band(each).square().sum() / size) ** 0.5
                              for each in (labels[-1, -1], element))  # fmt: skip
                gain = min(max((level / now) ** profile.level_correction, 1 / 8), 8.0)
                part = band(element)
                if approach == "vector":
                    part = torch.linspace(1, gain, size)[:, None] * part.view(size, channels)
                mended += part.flatten() if approach == "vector" else gain * part
                changes.append(gain)
            window[-1] = mended
            np.testing.assert_allclose(sound, decode(mended[None]), atol=TOLERANCE, rtol=0)
    each = np.reshape(changes, (-1, BANDS * channels))
    assert np.ptp(each, axis=1).min() > 0.1  # bands do differ


def split(
    approach: str, length: int, channels: int
) -> list[tuple[Callable[[Tensor], Tensor], int]]:
    """What takes each band from an element, all else of it 0, and how many numbers that are."""
    places = torch.arange(length)
    if approach == "spectrum":
        which = (places - 1).clamp_min(0) // (length // BANDS)
        which = torch.cat([which + BANDS * channel for channel in range(channels)])
        return [(lambda each, k=k: each * (which == k), int((which == k).sum()))
                for k in range(BANDS * channels)]  # fmt: skip
    waves = torch.cos(torch.pi / length * torch.outer(places, places + 0.5))
    waves *= (2 / length) ** 0.5
    waves[0] /= 2**0.5

    def one(each: Tensor, some: Tensor, own: Tensor) -> Tensor:
        return (some.t() @ (some @ each.view(length, -1)) * own).flatten()

    return [(partial(one, some=some, own=own), length)
            for own in torch.eye(channels) for some in waves.split(length // BANDS)]  # fmt: skip


@pytest.mark.parametrize("sampling", ["concurrent", "paused"])
@pytest.mark.parametrize("approach", SAMPLE_WISE)
def test_what_rings_at_19_khz_is_dreamt_there(
    job: Callable[..., tuple[Job, Settings]], approach: str, sampling: str
) -> None:
    asked, small = job(Request(approach, secs=1.0, rand=1, seed="sine:0", seedat=0.25,
                               sampling=sampling), steps=60)  # fmt: skip
    made: list[np.ndarray] = []
    with torch.no_grad():
        for block in render.blocks(asked, small):
            made.append(block)
            if sum(map(len, made)) > 0.5 * RATE:
                break
    power = np.abs(np.fft.rfft(np.concatenate(made) * np.hanning(sum(map(len, made))))) ** 2
    hertz = np.linspace(0, RATE / 2, len(power))
    high = 10 * np.log10(power[hertz > 14000].sum() / power.sum())
    assert -35 < high < -10, high  # in the recording: -20 dB
    loudest = hertz[hertz > 14000][power[hertz > 14000].argmax()]
    assert loudest == pytest.approx(19000, abs=300)
