"""One dream, from the job to the file."""

import copy
import gc
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, pitch, same_trainer, tone

from dreamd.approaches import registry
from dreamd.approaches.base import Approach
from dreamd.approaches.lessons import block_of
from dreamd.approaches.registry import APPROACHES, Concurrent, config_of
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.harmonics import partials
from dreamd.audio.linear_prediction import extrapolated, innovation
from dreamd.corpus.recording import Recording, cut
from dreamd.dreaming import course, networks, render
from dreamd.dreaming.course import Course
from dreamd.dreaming.cursor import Cursor
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.job import ChunkWritten, CursorLeapt, Job, Stop
from dreamd.dreaming.places import Index, Place
from dreamd.dreaming.resolve import resolve
from dreamd.errors import Cancelled, Diverged, DreamError, NoSuchSeed
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings

Make = Callable[..., Recording]


@pytest.fixture
def job(small: Settings, recorded: Make, tmp_path: Path) -> Callable[..., Job]:
    """A job on a voice with one recording; ``steps`` of training before it."""
    recording = recorded(tone(300, 2.0))

    def make(request: Request, steps: int = 0) -> Job:
        if steps:
            trainer = same_trainer(config_of(request.approach, small), small, [recording])
            for _ in range(steps):
                trainer.train(0.0)
            trainer.save()
        planned = resolve(small, request, {"sine": [recording]}, lambda n: tmp_path)
        return replace(planned, path=tmp_path / "dream.wav")

    return make


def course_of(
    block: np.ndarray, work: Callable[[], None] = lambda: None
) -> Callable[..., Iterator[np.ndarray]]:
    """A course of the same block again and again; calls ``work`` for each."""

    class Same:
        seed = np.zeros(64, np.float32)

        def __init__(self, *_: object, **__: object) -> None: ...

        def __iter__(self) -> "Same":
            return self

        def __next__(self) -> np.ndarray:
            work()
            return block

        def close(self) -> None: ...

    return Same


def made(job: Job, tell: Callable[[ChunkWritten], None] = lambda wrote: None) -> np.ndarray:
    def hear(said: ChunkWritten | CursorLeapt) -> None:
        if isinstance(said, ChunkWritten):
            tell(said)

    DreamFile(job.path, job.config.rate).create(job.frames)
    with torch.no_grad():
        render.render(job, Settings(), hear)
    return soundfile.read(job.path, dtype="float32")[0]


@pytest.mark.parametrize("approach", APPROACHES)
def test_same_rand_same_samples_and_safe(job: Callable[..., Job], approach: str) -> None:
    request = Request(approach, secs=1.0, rand=5, temperature=0.1)  # a tone begins but once
    first = made(job(request, steps=3))
    again = made(job(request))
    np.testing.assert_array_equal(first, again)
    assert len(first) == round(1.0 * RATE)
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 0.5  # the recording's peak
    assert abs(first.mean()) < 1e-3
    other = made(job(replace(request, rand=6)))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("approach", APPROACHES)
def test_chance_is_part_of_the_rand(job: Callable[..., Job], approach: str) -> None:
    """Also where every prediction gets its noise."""
    request = Request(approach, secs=0.3, rand=5, temperature=0.5)
    np.testing.assert_array_equal(made(job(request, steps=3)), made(job(request)))


@pytest.mark.parametrize("approach", APPROACHES)
def test_before_any_training_it_dreams_all_the_same(job: Callable[..., Job], approach: str) -> None:
    untrained = job(Request(approach, secs=0.2, seed="noise"))
    assert untrained.weights is None
    assert np.isfinite(made(untrained)).all()


def test_a_trained_column_dreams_its_sine(job: Callable[..., Job]) -> None:
    dream = made(job(Request("column", secs=1.0, rand=1), steps=400))
    assert pitch(dream) == pytest.approx(300, rel=0.03)


def test_parts_cover_the_dream_in_order(job: Callable[..., Job]) -> None:
    told: list[ChunkWritten] = []
    request = job(Request("transpose", secs=0.5))
    samples = made(request, told.append)
    assert [w.start for w in told] == [0, *np.cumsum([w.frames for w in told])[:-1]]
    assert sum(w.frames for w in told) == len(samples)


def test_what_is_written_is_final(job: Callable[..., Job]) -> None:
    request = job(Request("vector", secs=0.5, rand=1), steps=3)
    seen: list[tuple[ChunkWritten, np.ndarray]] = []

    def look(wrote: ChunkWritten) -> None:
        part, _ = soundfile.read(request.path, dtype="float32", start=wrote.start,
                                 frames=wrote.frames)  # fmt: skip
        seen.append((wrote, part))

    whole = made(request, look)
    for wrote, part in seen:
        np.testing.assert_array_equal(part, whole[wrote.start : wrote.start + wrote.frames])


@pytest.mark.parametrize("sampling", ["paused", "concurrent"])
@pytest.mark.parametrize("approach", APPROACHES)
def test_a_dream_that_has_ended_holds_no_memory(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, approach: str, sampling: str
) -> None:
    """Nor before the garbage collector comes by: a dream of usual size holds 60 MB."""
    there: list[weakref.ref[Course]] = []
    begin = Course._begin
    monkeypatch.setattr(
        Course,
        "_begin",
        lambda self, queue: (there.append(weakref.ref(self)), begin(self, queue))[1],
    )
    gc.disable()
    try:
        made(job(Request(approach, secs=0.2, sampling=sampling), steps=3))
        assert there
        assert [course() for course in there] == [None]
    finally:
        gc.enable()


def test_a_dream_that_is_no_longer_finite_has_diverged(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(render, "Course", course_of(np.full(100, np.nan, np.float32)))
    with pytest.raises(Diverged, match="finite"):
        made(job(Request("vector")))


def test_a_seed_that_went_away_is_one_line(job: Callable[..., Job], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "seed.wav", tone(200, 1), RATE)
    asked = job(Request("vector", seed=str(tmp_path / "seed.wav")))
    (tmp_path / "seed.wav").unlink()
    with pytest.raises(DreamError, match="seed: no such file") as caught:
        made(asked)
    assert caught.value.code == "no-such-seed"


def test_it_stops_after_the_block_at_hand(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block is some hundredths of a second of work at most, so cancelling takes no longer."""
    blocks: list[int] = []
    monkeypatch.setattr(
        render, "Course", course_of(np.zeros(64, np.float32), lambda: blocks.append(64))
    )
    asked = job(Request("vector"))
    DreamFile(asked.path, RATE).create(asked.frames)

    def hear(patience: float) -> list[Stop]:
        return [Stop(asked.serial)] if len(blocks) == 5 else []

    with pytest.raises(Cancelled):
        render.render(asked, Settings(), lambda wrote: None, hear)
    assert len(blocks) == 5


@pytest.mark.parametrize("work", [0.005, 0.03, 0.09])
def test_parts_come_at_least_four_times_a_second(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch, work: float
) -> None:
    """By a clock that moves by the seconds of work in a block; the first comes as soon as there is
    more than the 26 ms that are held back."""
    clock, told = [0.0], []

    def work_on() -> None:
        clock[0] += work

    monkeypatch.setattr(render, "Course", course_of(np.zeros(64, np.float32), work_on))
    monkeypatch.setattr(render.time, "monotonic", lambda: clock[0])
    made(job(Request("vector", secs=2.0)), lambda wrote: told.append(clock[0]))
    held_back = 0.026 * RATE / 64  # blocks
    assert told[0] <= work * (held_back + 1)
    assert np.diff(told).max() <= 0.25


# ---------------------------------------------------------------- concurrent sampling


def joined(stream: torch.Tensor, count: int) -> torch.Tensor:
    """The stream with a block that begins as what came before it goes on by itself."""
    start, fade = len(stream) - count, 32
    past = stream[max(start - 512, 0) : start].numpy()
    going = torch.from_numpy(extrapolated(past, fade, 32))
    weight = 0.5 + 0.5 * torch.cos(torch.pi * torch.arange(1, fade + 1) / (fade + 1))
    block = stream[start : start + fade]
    smooth = weight * going + (1 - weight) * block
    return torch.cat((stream[:start], smooth, stream[start + fade :]))


def held(window: torch.Tensor, seed: torch.Tensor, count: int) -> torch.Tensor:
    """The window with 0.85 of what no partial of the seed explains taken from its end."""
    newest = window[-len(seed) :].numpy()
    turns = 2 * np.pi * np.outer(np.arange(len(newest)), partials(seed.numpy(), RATE)) / RATE
    waves = np.concatenate((np.cos(turns), np.sin(turns)), 1)
    fit = waves @ np.linalg.lstsq(waves, newest, rcond=None)[0]
    rise = np.zeros(len(newest))
    rise[-count:] = 0.85 * np.minimum(np.arange(count) / 32, 1)
    mended = torch.from_numpy(newest - rise * (newest - fit)).float()
    return torch.cat((window[: -len(seed)], mended))


@pytest.mark.parametrize("approach", APPROACHES)
def test_concurrent_is_the_paper_s_loop(
    job: Callable[..., Job], small: Settings, approach: str
) -> None:
    """Train one step at the cursor, move it, predict, append, drop: written out once more.

    With nn.LSTM, windows one by one and, for the sample-wise ones, samples one by one.
    """
    request = Request(
        approach, secs=0.3, rand=4, pace=0.5, followat=0.5, seed="sine:0", seedat=0.25
    )
    asked = job(request, steps=20)
    assert asked.follow is not None
    model = networks.model_of(asked, small.init_std)
    seed = cut(asked.follow, int(0.25 * RATE), model.seed_samples)
    queue = model.elements(torch.from_numpy(np.array(seed)))
    blocks = render.blocks(asked, small)
    steps = 6
    with torch.no_grad():
        made = np.concatenate([next(blocks) for _ in range(steps)])

    net, profile = copy.deepcopy(model), registry.ROWS[approach].concurrent
    net.recurrent.layers[0].weight_ih_l0.requires_grad_(profile.inputs_learn)
    adam = torch.optim.Adam(
        net.parameters(),
        lr=course.learning_rate(asked, profile),
        betas=(profile.momentum, 0.999),
        eps=profile.epsilon,
    )
    count, window = block_of(net, profile), queue
    span = 0.5 * count * net.element_samples
    cursor, expected = float(asked.followat - net.seed_samples), []
    decode = net.decoder()
    for _ in range(steps):
        starts = [int(cursor + span * k / profile.windows) for k in range(profile.windows)]
        samples = np.stack([cut(asked.follow, s, net.example_samples) for s in starts])
        inputs, labels = net.examples(torch.from_numpy(samples))
        adam.zero_grad()
        torch.nn.functional.mse_loss(net(inputs), labels).backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adam.step()
        cursor += span
        there = cut(asked.follow, int(cursor - span) + net.seed_samples - 1024, 1024 + count)
        struck = torch.from_numpy(profile.residual_gain * innovation(there, count, 4) / net.scale)
        element = labels[-1, -1] if approach in ("vector", "spectrum") else inputs[-1, -1, -count:]
        level = float(element.square().mean().sqrt())
        with torch.no_grad():
            for k in range(count):
                element, _ = net.next(window[-len(queue) :])
                if approach in ("transpose", "column"):
                    most = profile.ceiling * level
                    element = most * torch.tanh((element + struck[k]) / most)
                window = torch.cat((window, element[None]))
            if approach in ("transpose", "column"):
                window = joined(window, count)
            if approach == "transpose":
                window = held(window, queue, count)
            newest = window[-count:]
            missing = level / float(newest.square().mean().sqrt())
            gain = min(max(missing**profile.level_correction, 1 / 8), 8.0)
            if approach == "spectrum":
                newest *= gain
            else:
                newest *= torch.linspace(1, gain, newest.numel()).view_as(newest)
            expected.append(decode(newest.clone()))
    np.testing.assert_allclose(made, torch.cat(expected).numpy(), atol=1e-5)


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_concurrent_dream_learns_by_itself_alone(job: Callable[..., Job], approach: str) -> None:
    """Neither the checkpoint nor another dream from it hears of what it learned."""
    paused = job(Request(approach, secs=0.4, rand=1, sampling="paused"), steps=5)
    before = made(paused)
    moving = made(job(Request(approach, secs=0.4, rand=1)))
    np.testing.assert_array_equal(made(paused), before)
    assert not np.array_equal(moving, before)


@pytest.mark.parametrize("approach", APPROACHES)
def test_without_learning_concurrent_is_paused(job: Callable[..., Job], approach: str) -> None:
    paused = made(job(Request(approach, secs=0.2, rand=1, sampling="paused"), steps=5))
    np.testing.assert_array_equal(made(job(Request(approach, secs=0.2, rand=1, learn=0))), paused)


def test_weights_that_went_since_it_was_asked_for(
    job: Callable[..., Job], small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A take was forgotten, or an endless dream begins anew: the newest that are there dream."""
    asked = Request("spectrum", secs=0.2, rand=1)
    older, newer = job(asked, steps=3), job(asked, steps=3)
    assert older.weights
    assert newer.weights
    assert older.weights != newer.weights
    load = checkpoints.load

    def too_late(path: Path) -> object:
        newer.weights.unlink(missing_ok=True)  # type: ignore[union-attr]
        return load(path)

    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "load", too_late)  # it goes while it is opened
        slow = networks.model_of(newer, small.init_std).state_dict()
    gone = networks.model_of(newer, small.init_std).state_dict()
    kept = networks.model_of(older, small.init_std).state_dict()
    for name, weights in kept.items():
        torch.testing.assert_close(gone[name], weights, rtol=0, atol=0)
        torch.testing.assert_close(slow[name], weights, rtol=0, atol=0)
    older.weights.unlink()
    assert networks.present(newer).weights is None
    assert np.isfinite(made(newer)).all()


@pytest.mark.parametrize("approach", APPROACHES)
def test_temperature_is_noise_in_units_of_the_error(job: Callable[..., Job], approach: str) -> None:
    cold = made(job(Request(approach, secs=0.3, rand=1, sampling="paused"), steps=100))
    hot = made(job(Request(approach, secs=0.3, rand=1, sampling="paused", temperature=3)))

    def roughness(samples: np.ndarray) -> float:
        return float(np.abs(np.diff(samples, 2)).mean())

    assert roughness(hot) > 2 * roughness(cold)


def windows_of(
    follower: type[Follower], model: Approach, profile: Concurrent, recording: Recording, start: int
) -> Iterator[torch.Tensor]:
    """What a cursor that walks straight on, a quarter faster than the dream, learns from."""
    cursor = Cursor(Index([]), Place(recording, start), np.random.default_rng(0), pace=1.25)
    silence = np.zeros(4000, np.float32)
    one = follower(model, cursor, profile, learning_rate=0.0, newest=silence)
    while True:
        one.step()
        assert one._here is not None
        vectors, after = one.windows(one._here, one.starts(one._here, 80.0))
        yield torch.cat((vectors.flatten(1), after[:, -1:]), 1)


def test_the_cursor_walks_in_a_loop(recorded: Make, small: Settings) -> None:
    """Its windows lead up to where it was put; after the end comes the beginning."""
    model = registry.make(config_of("column", small))  # windows of 257 samples, 64 a block
    ramp = recorded(np.arange(1000, dtype=np.float32))
    profile = registry.ROWS["column"].concurrent
    seen = windows_of(Follower, model, profile, ramp, 356)
    assert next(seen)[:, -1].tolist() == [356.0 + 10 * k for k in range(8)]
    for _ in range(7):
        last = next(seen)
    last = next(seen)
    assert last[:, 0].tolist() == [740.0 + 10 * k for k in range(8)]
    assert last[:, -1].tolist() == [996, 6, 16, 26, 36, 46, 56, 66]
    first = next(windows_of(Follower, model, profile, ramp, 0))
    assert first[0, [0, -1]].tolist() == [744.0, 0.0]


def test_a_recording_shorter_than_a_window_is_a_loop_too(recorded: Make, small: Settings) -> None:
    model = registry.make(config_of("column", small))
    profile = registry.ROWS["column"].concurrent
    short = recorded(np.arange(100, dtype=np.float32))
    seen = windows_of(Follower, model, profile, short, 0)
    assert [next(seen)[0, -1].item() for _ in range(4)] == [0, 80, 60, 40]


def test_what_the_cursor_follows(recorded: Make, small: Settings) -> None:
    voices = {"a": [recorded(tone(300, 2.0), "a", f"{k}.wav") for k in range(2)],
              "b": [recorded(tone(300, 2.0), "b")]}  # fmt: skip

    def planned(**keys: object) -> Job:
        return resolve(small, Request("vector", seed="a:0", **keys), voices, lambda n: Path())  # type: ignore[arg-type]

    assert planned(follow="b").follow == voices["b"][0]
    assert planned(follow="a:3", followat=1.5).follow == voices["a"][1]
    assert planned(follow="a:3", followat=1.5).followat == int(1.5 * RATE)
    assert planned(followat=2.5).followat == pytest.approx(0.5 * RATE, abs=1)
    assert {planned().follow for _ in range(40)} == set(voices["a"])
    assert len({planned().followat for _ in range(10)}) > 5
    with pytest.raises(NoSuchSeed, match="follow: no voice is called 'c'"):
        planned(follow="c")
