"""Endless dreams: a ring a little ahead of its playing, steered, and kept when it ends."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, same_trainer, tone

from dreamd.approaches import lessons
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.limiter import HIGHEST_PEAK, Level, Limiter
from dreamd.corpus.recording import Recording, Voices
from dreamd.dreaming import course, endless, render
from dreamd.dreaming.job import (
    RING_SECONDS,
    ChunkWritten,
    CursorLeapt,
    Job,
    Remarked,
    Reseeded,
    Said,
    Steered,
    Stop,
    Told,
)
from dreamd.dreaming.resolve import resolve, steered
from dreamd.dreaming.seeds import Seed
from dreamd.errors import Cancelled
from dreamd.osc.requests import SAMPLINGS, Request
from dreamd.settings import Settings

Make = Callable[..., Recording]
CLIENT = ("127.0.0.1", 5)


class Stage:
    """A voice of a low and one of a high tone, their models, and a clock of its own.

    Waiting takes time by this clock, and so does each look at it.
    """

    def __init__(self, settings: Settings, voices: Voices, folder: Path) -> None:
        self.settings, self.voices, self.folder = settings, voices, folder
        self.now, self.work = 0.0, 0.0  # seconds; and those that a look at the clock takes

    def job(self, approach: str, **keys: object) -> Job:
        asked = replace(Request(approach, secs=math.inf, rand=3, seed="low:0", seedat=0.0), **keys)
        job = resolve(self.settings, asked, self.voices, lambda n: self.folder)
        return replace(job, path=self.folder / "ring.wav")

    def clock(self) -> float:
        self.now += self.work
        return self.now

    def play(self, job: Job, seconds: float, *says: tuple[float, Said]) -> "Played":
        """The dream for so long; what is said at which second."""
        told: list[tuple[float, Told]] = []
        waiting = sorted(says, key=lambda each: each[0])

        def hear(patience: float) -> Iterable[Said]:
            self.now += patience
            while waiting and waiting[0][0] <= self.now:
                yield waiting.pop(0)[1]
            if self.now >= seconds:
                yield Stop(job.serial)

        parts: list[np.ndarray] = []

        def tell(said: Told) -> None:
            told.append((self.now, said))
            if isinstance(said, ChunkWritten):
                at = said.start % job.frames
                there = soundfile.read(job.path, said.frames, at, dtype="float32")
                parts.append(there[0])

        if not job.made:
            DreamFile(job.path, job.config.rate).create(job.frames)
        self.now = 0.0
        with torch.no_grad():
            made = render.render(job, self.settings, tell, hear)
        return Played(told, np.concatenate(parts or [np.zeros(0, np.float32)]), made)


class Played:
    def __init__(self, told: list[tuple[float, Told]], samples: np.ndarray, made: int) -> None:
        self.told, self.samples, self.made = told, samples, made

    def all(self, kind: type) -> list[tuple[float, Told]]:
        return [(now, said) for now, said in self.told if isinstance(said, kind)]


@pytest.fixture
def stage(
    small: Settings, recorded: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    voices = {
        "low": [recorded(tone(300, 2.0), "low")],
        "high": [recorded(tone(1200, 2.0), "high")],
    }
    one = Stage(small, voices, tmp_path)
    monkeypatch.setattr(endless.time, "monotonic", one.clock)
    return one


def train(stage: Stage, approach: str, steps: int) -> None:
    config = config_of(approach, stage.settings)
    trainer = same_trainer(config, stage.settings, stage.voices["low"])
    for _ in range(steps):
        trainer.train(0.0)
    trainer.save()


WAYS = list(itertools.product(APPROACHES, SAMPLINGS))


@pytest.mark.parametrize(("approach", "sampling"), WAYS)
def test_its_first_seconds_are_those_of_a_finite_dream(
    stage: Stage, approach: str, sampling: str
) -> None:
    train(stage, approach, 3)
    job = stage.job(approach, sampling=sampling)
    there = stage.play(job, 1.0).samples
    finite = replace(job, request=replace(job.request, secs=2.0), frames=2 * RATE)
    DreamFile(finite.path, RATE).create(finite.frames)
    with torch.no_grad():
        render.render(finite, stage.settings, lambda told: None)
    samples, _ = soundfile.read(finite.path, dtype="float32")
    count = round(1.3 * RATE)
    np.testing.assert_array_equal(there[:count], samples[:count])


def test_so_are_they_at_the_audio_server_s_rate(stage: Stage) -> None:
    job = stage.job("vector", sampling="paused", outrate=48000)
    assert (job.rate, job.frames) == (48000, RING_SECONDS * 48000)
    there = stage.play(job, 1.0).samples
    finite = replace(job, request=replace(job.request, secs=2.0), frames=2 * job.rate)
    DreamFile(finite.path, job.rate).create(finite.frames)
    with torch.no_grad():
        render.render(finite, stage.settings, lambda told: None)
    samples, _ = soundfile.read(finite.path, dtype="float32")
    assert len(there) / job.rate > 1.3
    np.testing.assert_array_equal(there[: job.rate], samples[: job.rate])


@pytest.mark.parametrize("lead", [0.1, 0.5, 2.0])
def test_it_is_made_its_lead_ahead_and_no_further(stage: Stage, lead: float) -> None:
    job = stage.job("vector", lead=lead, sampling="paused")
    chunks = stage.play(job, 10.0).all(ChunkWritten)
    ahead = np.array([(said.start + said.frames) / RATE - now for now, said in chunks])
    assert ahead.max() <= lead + 0.02  # a block, and the limiter's hop
    settled = ahead[len(ahead) // 4 :]
    assert settled.min() >= lead - endless.part_seconds(lead) - 0.02


def test_the_ring_goes_round_without_a_seam(stage: Stage) -> None:
    """What was told, in order, is one signal; a part is never torn by the ring's end."""
    train(stage, "spectrum", 100)
    job = stage.job("spectrum", sampling="paused")
    played = stage.play(job, 2 * RING_SECONDS + 3)
    chunks = [said for _, said in played.all(ChunkWritten)]
    assert [said.start for said in chunks] == [
        0, *np.cumsum([said.frames for said in chunks])[:-1]
    ]  # fmt: skip
    for said in chunks:
        assert said.start % job.frames + said.frames <= job.frames
    jumps = np.abs(np.diff(played.samples))
    seams = [k * job.frames - 1 for k in (1, 2)]
    assert max(jumps[k] for k in seams) <= np.percentile(jumps, 99.9)


@pytest.mark.parametrize("seconds", [1.0, RING_SECONDS + 5.5])
def test_what_it_was_last_is_kept(stage: Stage, seconds: float) -> None:
    """In order and faded, as an ordinary dream."""
    train(stage, "vector", 3)
    job = stage.job("vector", sampling="paused")
    played = stage.play(job, seconds)
    kept, _ = soundfile.read(job.path, dtype="float32")
    assert len(kept) == min(played.made, job.frames)
    assert DreamFile.is_one(job.path)
    inside = slice(round(0.02 * RATE), -round(0.02 * RATE))
    np.testing.assert_array_equal(kept[inside], played.samples[-len(kept) :][inside])
    assert abs(kept[0]) < 1e-6
    assert abs(kept[-1]) < 1e-6


def test_one_that_has_made_nothing_is_cancelled(stage: Stage) -> None:
    with pytest.raises(Cancelled):
        stage.play(stage.job("vector"), 0.0)


def test_who_cannot_keep_up_is_told_once_and_nothing_is_left_out(stage: Stage) -> None:
    stage.work = 0.1  # twice for each tenth of a second of the dream
    job = stage.job("vector", sampling="paused")
    played = stage.play(job, 50.0)
    (said,) = [said for _, said in played.all(Remarked)]
    assert "vector cannot keep up here: 0." in said.text
    assert "times real time" in said.text
    chunks = [said for _, said in played.all(ChunkWritten)]
    assert sum(said.frames for said in chunks) == played.made


def test_a_moment_too_late_is_not_made_up_for(stage: Stage) -> None:
    """After it stood still the dream is as far ahead as before, and no further."""
    job = stage.job("vector", sampling="paused")
    stood: list[float] = []

    class Late(render.Course):
        def __next__(self) -> np.ndarray:
            if stage.now > 5 and not stood:
                stood.append(stage.now)
                stage.now += 3
            return super().__next__()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "Course", Late)
        chunks = stage.play(job, 15.0).all(ChunkWritten)
    (_, before), *_ = (each for each in reversed(chunks) if each[0] < stood[0])
    behind = 3 - 0.5
    end, last = chunks[-1]
    assert (last.start + last.frames) / RATE == pytest.approx(end - behind + 0.5, abs=0.3)
    assert before


# ---------------------------------------------------------------- steered


def steer(stage: Stage, job: Job, **keys: object) -> Steered:
    asked = replace(job.request, **keys)
    moved = bool({"follow", "followat"} & keys.keys())
    return Steered(job.serial, steered(job, asked, stage.voices), moved)


@pytest.mark.parametrize("key", ["temperature", "gain"])
@pytest.mark.parametrize(("approach", "sampling"), WAYS)
def test_what_is_turned_is_heard_within_the_lead(
    stage: Stage, approach: str, sampling: str, key: str
) -> None:
    """The same dream, with and without: equal until it was turned, soon after it no more."""
    train(stage, approach, 30)
    job = stage.job(approach, sampling=sampling, temperature=0.1)
    value = 3.0 if key == "temperature" else -20.0
    still = stage.play(job, 3.0).samples
    turned = stage.play(job, 3.0, (2.0, steer(stage, job, **{key: value}))).samples
    count = min(len(still), len(turned))
    differs = np.flatnonzero(still[:count] != turned[:count])[0] / RATE
    assert 2.0 < differs < 2.0 + 0.5 + 0.15


@pytest.mark.parametrize("approach", APPROACHES)
def test_it_follows_another_voice_from_then_on(stage: Stage, approach: str) -> None:
    job = stage.job(approach)
    played = stage.play(job, 1.0, (0.5, steer(stage, job, follow="high")))
    (_, begins), *leaps = played.all(CursorLeapt)
    assert begins.source == stage.voices["low"][0].source
    assert leaps[0][1].source == stage.voices["high"][0].source
    assert 0.5 < leaps[0][1].frame / RATE < 1.15


def test_weights_freeze_and_wake(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[float] = []
    step = lessons.WrittenOut.step

    def counted(pupil: lessons.WrittenOut, *args: Any) -> None:
        steps.append(stage.now)
        step(pupil, *args)

    monkeypatch.setattr(lessons.WrittenOut, "step", counted)
    job = stage.job("vector")
    says = [
        (1.0, steer(stage, job, learn=0.0)),
        (2.0, steer(stage, job, learn=0.001)),
    ]
    stage.play(job, 3.0, *says)
    assert not [now for now in steps if 1.0 < now < 1.9]
    assert [now for now in steps if now < 1.0]
    assert [now for now in steps if now > 2.0]


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_paused_dream_wakes(stage: Stage, approach: str) -> None:
    train(stage, approach, 3)
    job = stage.job(approach, sampling="paused")
    played = stage.play(job, 2.0, (1.0, steer(stage, job, sampling="concurrent", learn=0.01)))
    (_, began), *_ = played.all(CursorLeapt)
    assert 1.0 < began.frame / RATE < 1.65
    assert clicks(played.samples) == 0


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_a_paused_dream_that_stood_still_walks(stage: Stage, approach: str) -> None:
    for steps in (2, 8, 30):
        train(stage, approach, steps)
    job = stage.job(approach, sampling="paused", wander=0.0)
    still = stage.play(job, 3.0).samples
    walks = stage.play(job, 3.0, (1.0, steer(stage, job, wander=1.0))).samples
    count = min(len(still), len(walks))
    differs = np.flatnonzero(still[:count] != walks[:count])[0] / RATE
    assert 1.0 < differs < 1.65


def clicks(samples: np.ndarray) -> int:
    """Places where the second difference is far above its neighbourhood's."""
    bends = np.abs(np.diff(samples, 2))
    around = np.array([np.percentile(bends[max(k - 300, 0) : k + 300], 95)
                       for k in range(0, len(bends), 100)])  # fmt: skip
    usual = np.repeat(around, 100)[: len(bends)]
    return int((bends > 8 * usual + 0.01).sum())


def test_clicks_are_found() -> None:
    wave = tone(300, 1.0)
    assert clicks(wave) == 0
    wave[5000:] += 0.2
    assert clicks(wave) > 0


@pytest.mark.parametrize(("approach", "sampling"), WAYS)
def test_another_seed_joins_without_a_click(stage: Stage, approach: str, sampling: str) -> None:
    train(stage, approach, 200)
    job = stage.job(approach, sampling=sampling)
    high = Reseeded(job.serial, Seed("recording", recording=stage.voices["high"][0], at=0.5))
    still = stage.play(job, 3.0).samples
    played = stage.play(job, 3.0, (2.0, high))
    count = min(len(still), len(played.samples))
    differs = np.flatnonzero(still[:count] != played.samples[:count])[0] / RATE
    assert 2.0 < differs < 2.65
    assert clicks(played.samples) <= clicks(still)


@pytest.mark.parametrize("gain", [-30.0, 20.0])
def test_gain_turns_smoothly_and_no_peak_passes(gain: float) -> None:
    """At once, as far as that goes without a click; and the peaks' ceiling goes along."""
    limiter = Limiter(None, RATE, Level.of(-26.0, -20.0, 0.2))
    sound = tone(300, 6.0, level=0.1)
    parts = []
    for k, block in enumerate(np.split(sound, range(64, len(sound), 64))):
        if k == 3 * RATE // 64:
            limiter.turn(Level.of(-26.0, -20.0, 0.2, gain))
        parts.append(limiter(block))
    out = np.concatenate(parts)
    assert clicks(out) == 0
    assert np.abs(out).max() <= HIGHEST_PEAK
    assert np.abs(out[: 3 * RATE - RATE // 20]).max() <= 0.2
    before, after = (np.abs(out[int(t * RATE) :][: RATE // 10]).max() for t in (2.8, 3.5))
    assert 20 * np.log10(after / before) == pytest.approx(gain, abs=3 if gain < 0 else 12)


def test_a_seed_that_is_gone_is_told_and_the_dream_goes_on(stage: Stage) -> None:
    job = stage.job("vector")
    gone = Reseeded(job.serial, Seed("file", path=stage.folder / "gone.wav"))
    played = stage.play(job, 2.0, (1.0, gone))
    (said,) = [said for _, said in played.all(Remarked)]
    assert "gone.wav" in said.text
    np.testing.assert_array_equal(played.samples, stage.play(job, 2.0).samples)


def test_a_finite_dream_can_be_steered_too(stage: Stage) -> None:
    train(stage, "column", 30)
    job = stage.job("column", secs=2.0)

    def made(hear: Callable[[float], Iterator[Said]]) -> np.ndarray:
        DreamFile(job.path, RATE).create(job.frames)
        with torch.no_grad():
            render.render(job, stage.settings, lambda told: None, hear)
        return soundfile.read(job.path, dtype="float32")[0]

    asked = itertools.count()
    hotter = [steer(stage, job, temperature=3.0)]
    still = made(lambda patience: iter(()))
    turned = made(lambda patience: iter(hotter if next(asked) == 100 else ()))
    blocks = np.flatnonzero(still != turned)[0] / stage.settings.length("vector")
    assert 95 < blocks < 105


# ---------------------------------------------------------------- for hours


def test_a_dream_that_breaks_begins_anew(stage: Stage) -> None:
    job = stage.job("vector")
    breaks = [True]

    class Breaks(render.Course):
        def __next__(self) -> np.ndarray:
            samples = super().__next__()
            if stage.now > 3 and breaks:
                breaks.pop()
                return np.full_like(samples, np.nan)
            return samples

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(render, "Course", Breaks)
        played = stage.play(job, 6.0)
    assert "begins anew" in played.all(Remarked)[0][1].text
    assert np.isfinite(played.samples).all()
    assert len(played.samples) / RATE > 6


def test_another_process_goes_on_in_its_ring(stage: Stage) -> None:
    """From the next frame on, its lead ahead as before, without a click; what was heard stays."""
    train(stage, "spectrum", 100)
    job, rate = stage.job("spectrum", outrate=48000), 48000
    first = stage.play(job, 2.0).samples[: 2 * rate]  # the newest is lost with the process
    DreamFile(job.path, rate).create(job.frames)
    DreamFile(job.path, rate).write(0, first)
    played = stage.play(replace(job, made=len(first), rand=job.rand + 1), 2.0)
    chunks = played.all(ChunkWritten)
    assert chunks[0][1].start == played.all(CursorLeapt)[0][1].frame == len(first)
    ahead = [(said.start - len(first) + said.frames) / rate - now for now, said in chunks]
    assert max(ahead) <= 0.5 + 0.06  # an element of 46 ms, and the limiter's hop
    whole = np.concatenate((first, played.samples))
    assert clicks(whole) == 0
    kept, _ = soundfile.read(job.path, dtype="float32")
    assert len(kept) == len(whole) == played.made
    inside = slice(rate // 50, -rate // 50)
    np.testing.assert_array_equal(kept[inside], whole[inside])


@pytest.mark.parametrize(("approach", "sampling"), WAYS[:4])
def test_ten_minutes_keep_what_a_dream_promises(stage: Stage, approach: str, sampling: str) -> None:
    """By a clock that costs nothing, of elements that are long enough for that; the sample-wise
    ones hold what they have between two blocks in the same memory, and would take minutes."""
    stage.settings = replace(stage.settings, vector=1024, hop=512, frame=1024)
    train(stage, approach, 60)
    played = stage.play(stage.job(approach, sampling=sampling), 600.0)
    samples = played.samples
    assert len(samples) / RATE > 600
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() <= 0.5 + 1e-6  # the recording's peak
    minutes = samples[: 600 * RATE].reshape(10, -1)
    assert (np.abs(minutes.mean(1)) < 1e-3).all()
    levels = 20 * np.log10(np.sqrt((minutes**2).mean(1)))
    assert np.ptp(levels[1:]) < 6


@pytest.mark.parametrize(
    ("cores", "load", "set_to", "threads"),
    [
        (8, 1.0, 1, 2),
        (4, 2.0, 1, 2),
        (4, 3.0, 1, 1),
        (2, 0.5, 1, 1),
        (8, 1.0, 3, 3),
        (1, 9.0, 2, 2),
    ],
)
def test_an_endless_dream_takes_a_second_core_where_some_are_idle(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
    cores: int, load: float, set_to: int, threads: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(course.os, "cpu_count", lambda: cores)
    monkeypatch.setattr(course.psutil, "getloadavg", lambda: (load, 9.0, 9.0))
    settings = replace(stage.settings, threads=set_to)
    assert course.threads_of(stage.job("column"), settings) == threads
    finite = stage.job("column", secs=1.0)
    assert course.threads_of(finite, settings) == set_to
