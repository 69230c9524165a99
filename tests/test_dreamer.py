"""One dream, from the job to the file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, pitch, tone

from dreamd import dreamer
from dreamd.audio import DreamFile
from dreamd.errors import Cancelled, Diverged, DreamError
from dreamd.jobs import Job, Wrote
from dreamd.learner import Pupil
from dreamd.messages import APPROACHES, Request
from dreamd.plan import plan
from dreamd.recording import Recording
from dreamd.settings import Settings
from dreamd.shapes import shape_of

Make = Callable[..., Recording]


@pytest.fixture
def job(small: Settings, recorded: Make, tmp_path: Path) -> Callable[..., Job]:
    """A job on a voice with one recording; ``steps`` of training before it."""
    recording = recorded(tone(300, 2.0))

    def make(request: Request, steps: int = 0) -> Job:
        if steps:
            torch.manual_seed(0)
            shape = shape_of(request.approach, small)
            pupil = Pupil(shape, small, [recording], lambda note: None)
            for _ in range(steps):
                pupil.train(0.0)
            pupil.save()
        planned = plan(small, request, {"sine": [recording]}, lambda n: tmp_path)
        return replace(planned, path=tmp_path / "dream.wav")

    return make


def made(job: Job, tell: Callable[[Wrote], None] = lambda wrote: None) -> np.ndarray:
    DreamFile(job.path, job.shape.rate).create(job.frames)
    with torch.no_grad():
        dreamer.make(job, Settings(), tell)
    return soundfile.read(job.path, dtype="float32")[0]


@pytest.mark.parametrize("approach", APPROACHES)
def test_same_rand_same_samples_and_safe(job: Callable[..., Job], approach: str) -> None:
    request = Request(approach, secs=0.3, rand=5)
    first = made(job(request, steps=3))
    again = made(job(request))
    np.testing.assert_array_equal(first, again)
    assert len(first) == round(0.3 * RATE)
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 0.5  # the recording's peak
    assert abs(first.mean()) < 1e-3
    other = made(job(replace(request, rand=6)))
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("approach", APPROACHES)
def test_before_any_training_it_dreams_all_the_same(job: Callable[..., Job], approach: str) -> None:
    untrained = job(Request(approach, secs=0.2, seed="noise"))
    assert untrained.weights is None
    assert np.isfinite(made(untrained)).all()


def test_a_trained_column_dreams_its_sine(job: Callable[..., Job]) -> None:
    dream = made(job(Request("column", secs=1.0, rand=1), steps=400))
    assert pitch(dream) == pytest.approx(300, rel=0.03)


def test_parts_cover_the_dream_in_order(job: Callable[..., Job]) -> None:
    told: list[Wrote] = []
    request = job(Request("transpose", secs=0.5))
    samples = made(request, told.append)
    assert [w.start for w in told] == [0, *np.cumsum([w.frames for w in told])[:-1]]
    assert sum(w.frames for w in told) == len(samples)


def test_what_is_written_is_final(job: Callable[..., Job]) -> None:
    request = job(Request("vector", secs=0.5, rand=1), steps=3)
    seen: list[tuple[Wrote, np.ndarray]] = []

    def look(wrote: Wrote) -> None:
        part, _ = soundfile.read(request.path, dtype="float32", start=wrote.start,
                                 frames=wrote.frames)  # fmt: skip
        seen.append((wrote, part))

    whole = made(request, look)
    for wrote, part in seen:
        np.testing.assert_array_equal(part, whole[wrote.start : wrote.start + wrote.frames])


def test_a_dream_that_is_no_longer_finite_has_diverged(
    job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(model, queue, job, settings):  # type: ignore[no-untyped-def]
        while True:
            yield np.full(100, np.nan, np.float32)

    monkeypatch.setitem(dreamer.SAMPLINGS, "concurrent", broken)
    with pytest.raises(Diverged, match="finite"):
        made(job(Request("vector")))


def test_a_seed_that_went_away_is_one_line(job: Callable[..., Job], tmp_path: Path) -> None:
    soundfile.write(tmp_path / "seed.wav", tone(200, 1), RATE)
    asked = job(Request("vector", seed=str(tmp_path / "seed.wav")))
    (tmp_path / "seed.wav").unlink()
    with pytest.raises(DreamError, match="seed: no such file") as caught:
        made(asked)
    assert caught.value.code == "no-such-seed"


def test_whoever_is_told_may_stop_it(job: Callable[..., Job]) -> None:
    def stop(wrote: Wrote) -> None:
        raise Cancelled("cancelled")

    with pytest.raises(Cancelled):
        made(job(Request("vector")), stop)
