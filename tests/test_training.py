"""Training: it learns, resumes, favours the new, and comes back when it goes astray."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from conftest import tone

from dreamd.approaches.registry import config_of
from dreamd.corpus.recording import Recording
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.settings import Settings
from dreamd.training.device import pick_device
from dreamd.training.messages import Progress
from dreamd.training.sampler import WindowSampler
from dreamd.training.scheduler import TrainingScheduler
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

Make = Callable[..., Recording]


def trainer(settings: Settings, recording: Recording, approach: str = "column") -> Trainer:
    said: list[Note] = []
    made = Trainer(config_of(approach, settings), settings, [recording], said.append)
    made.said = said  # type: ignore[attr-defined]
    return made


def steps(learning: Trainer, count: int) -> None:
    for _ in range(count):
        learning.train(0.0)


def test_the_error_falls_far_below_silence(small: Settings, recorded: Make) -> None:
    torch.manual_seed(0)
    learning = trainer(small, recorded(tone(300, 2.0)))
    steps(learning, 1)
    assert learning.head.error == pytest.approx(1.0, abs=0.3)
    steps(learning, 300)
    assert learning.head.error < 0.1
    assert learning.head.steps == 301
    assert learning.head.deviation == pytest.approx(
        np.sqrt(learning.head.error * 0.5), rel=0.3
    )  # a sine at full scale has a mean square of one half


def test_resuming_continues_the_curve(small: Settings, recorded: Make) -> None:
    """Same weights, same Adam: the next step is the step that would have come."""
    recording = recorded(tone(300, 2.0))
    first = trainer(replace(small, input_noise=0.0), recording)
    steps(first, 20)
    first.save()
    second = trainer(replace(small, input_noise=0.0), recording)
    assert second.head.steps == 20
    for learning in (first, second):
        learning._sampler = WindowSampler([recording], np.random.default_rng(7))
        steps(learning, 1)
    for a, b in zip(first.model.parameters(), second.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_without_the_optimizer_s_file_it_resumes_all_the_same(
    small: Settings, recorded: Make
) -> None:
    recording = recorded(tone(300, 2.0))
    first = trainer(small, recording)
    steps(first, 3)
    first.save()
    folder = checkpoints.folder(small.home, "sine", first.config)
    next(folder.glob("adam-*")).unlink()
    again = trainer(small, recording)
    steps(again, 1)
    assert again.head.steps == 4


@pytest.mark.parametrize("approach", ["vector", "spectrum"])
def test_the_scale_is_measured_once_and_kept(
    small: Settings, recorded: Make, approach: str
) -> None:
    first = trainer(small, recorded(tone(300, 2.0, level=0.25)), approach)
    assert first.model.scale == pytest.approx(0.25, rel=0.05)
    steps(first, 1)
    first.save()
    louder = trainer(small, recorded(tone(300, 2.0, level=0.9), name="b.wav"), approach)
    assert louder.model.scale == first.model.scale


def test_an_exploded_model_goes_back_and_says_so(small: Settings, recorded: Make) -> None:
    learning = trainer(small, recorded(tone(300, 2.0)))
    steps(learning, 60)
    learning.save()
    with torch.no_grad():
        learning.model.get_parameter("dense.weight").mul_(1e4)
    steps(learning, 1)
    assert learning.head.steps == 60
    assert learning.head.learning_rate == small.learning_rate / 2
    assert learning.adam.learning_rate == small.learning_rate / 2
    said = learning.said[-1]  # type: ignore[attr-defined]
    assert said.problem
    assert "column of sine went astray" in said.text
    steps(learning, 5)
    assert learning.head.error < 1.0


def test_weights_that_are_not_finite_are_never_saved(small: Settings, recorded: Make) -> None:
    learning = trainer(small, recorded(tone(300, 2.0)))
    steps(learning, 5)
    learning.save()
    with torch.no_grad():
        learning.model.get_parameter("dense.weight").fill_(float("nan"))
    learning.save()
    assert learning.head.steps == 5
    steps(learning, 1)
    assert np.isfinite(learning.head.error)
    with torch.no_grad():
        learning.model.get_parameter("dense.weight").fill_(float("nan"))
    steps(learning, 1)
    assert learning.head.steps == 5
    assert learning.head.learning_rate == small.learning_rate / 4


def test_a_model_that_never_saved_begins_anew_with_a_smaller_rate(
    small: Settings, recorded: Make
) -> None:
    learning = trainer(small, recorded(tone(300, 2.0)))
    with torch.no_grad():
        learning.model.get_parameter("dense.weight").fill_(float("nan"))
    steps(learning, 1)
    assert learning.head.steps == 0
    assert learning.head.learning_rate == small.learning_rate / 2


def test_windows_come_from_all_and_more_from_the_newest(recorded: Make) -> None:
    old = [
        replace(recorded(np.full(50_000, k, np.float32), name=f"{k}.wav"), joined=float(k))
        for k in range(3)
    ]
    new = replace(recorded(np.full(1000, 9, np.float32), name="9.wav"), joined=9.0)
    draw = WindowSampler([*old, new], np.random.default_rng(0))
    counts = Counter(draw.batch(4000, 16)[:, 0].tolist())
    assert set(counts) == {0.0, 1.0, 2.0, 9.0}
    assert counts[9.0] > 0.12 * 4000  # 0.7 % of the length


def test_a_stretch_is_one_piece_of_a_recording(recorded: Make) -> None:
    draw = WindowSampler([recorded(np.arange(1000, dtype=np.float32))], np.random.default_rng(0))
    samples, kept = draw.stretches(5, windows=4, length=50, apart=20)
    assert samples.shape == (5, 110)
    assert kept.shape == (5, 4)
    assert kept.all()
    assert (np.diff(samples) == 1).all()


@pytest.mark.parametrize("frames", [50, 69, 70, 109])
def test_no_window_of_a_short_recording_lies_across_a_seam(recorded: Make, frames: int) -> None:
    """On a ramp, where one sample's value is the last one's plus one, except at a seam."""
    draw = WindowSampler([recorded(np.arange(frames, dtype=np.float32))], np.random.default_rng(0))
    samples, kept = draw.stretches(20, windows=8, length=50, apart=20)
    assert samples.shape == (20, 190)
    fit = (frames - 50) // 20 + 1  # windows between two seams
    assert (kept.sum(1) >= 2 * fit).all()
    for s, w in np.argwhere(kept):
        assert (np.diff(samples[s, 20 * w : 20 * w + 50]) == 1).all()
    assert len(np.unique(samples[:, 0])) > (frames - 50) % 20 // 2  # random parts


def test_a_recording_shorter_than_a_window_is_looped(recorded: Make) -> None:
    draw = WindowSampler([recorded(np.arange(30, dtype=np.float32))], np.random.default_rng(0))
    samples, kept = draw.stretches(5, windows=8, length=50, apart=20)
    assert kept.all()
    assert set(np.diff(samples).ravel().tolist()) == {1.0, -29.0}


def test_short_recordings_take_part(small: Settings, recorded: Make) -> None:
    learning = trainer(small, recorded(tone(300, 0.005)))
    steps(learning, 3)
    assert np.isfinite(learning.head.error)


def test_all_four_of_every_voice_take_turns(small: Settings, recorded: Make) -> None:
    told: list[Progress | Note] = []
    learner = TrainingScheduler(small, told.append)
    assert not learner.learns
    both = (recorded(tone(300, 1.0)), recorded(tone(400, 1.0), voice="other"))
    learner.set_recordings(both)
    for _ in range(8):
        learner.turn(0.0)
    trained = {(p.voice, p.config.approach) for p in told if isinstance(p, Progress) and p.steps}
    assert len(trained) == 8
    for voice in ("sine", "other"):  # a first checkpoint at once: dreams have weights
        assert checkpoints.models(small.home, voice, "vector", small.rate)


def test_new_material_comes_first_and_a_gone_voice_goes(small: Settings, recorded: Make) -> None:
    learner = TrainingScheduler(small, lambda message: None)
    sine, other = recorded(tone(300, 1.0)), recorded(tone(400, 1.0), voice="other")
    learner.set_recordings((sine, other))
    learner.turn(0.0)
    learner.join(recorded(tone(500, 1.0), voice="sine", name="b.wav"))
    learner.join(more := recorded(tone(500, 1.0), voice="other", name="b.wav"))
    learner.turn(0.0)
    assert [voice for voice, _ in learner._line] == ["other"] * 3 + ["sine"] * 4 + ["other"]
    learner.forget(other)
    learner.forget(more)
    learner.turn(0.0)
    assert {voice for voice, _ in learner._line} == {"sine"}
    learner.set_recordings(())
    learner.turn(0.0)
    assert not learner.learns


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pick_device("cpu") == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("auto") == "cpu"
    with pytest.raises(SetupError, match="--device cuda: there is none here"):
        pick_device("cuda")


def test_a_full_disk_is_said_and_learning_goes_on(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **more: object) -> None:
        raise OSError(28, "No space left on device")

    told: list[Progress | Note] = []
    learner = TrainingScheduler(replace(small, save_every=0.0), told.append)
    learner.set_recordings((recorded(tone(300, 2.0)),))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "save_file", full)
        for _ in range(9):
            learner.turn(0.0)
        learner.save()
    assert not [path for path in (small.home / "models").rglob("*") if path.is_file()]
    learner.turn(0.0)
    said = [note for note in told if isinstance(note, Note)]
    assert len(said) == 2  # the trouble once, for all four approaches, and its end
    assert "No space left" in said[0].text
    assert said[1].text == "what is learned is saved again"
    assert len(list((small.home / "models").rglob("weights-*"))) == 4
    assert max(each.steps for each in told if isinstance(each, Progress)) == 3


# ---------------------------------------------------------------- settings and models that exist


def resumed(settings: Settings, recording: Recording) -> tuple[Trainer, list[str]]:
    said: list[str] = []
    config = config_of("vector", settings)
    trainer = Trainer(config, settings, [recording], lambda note: said.append(note.text))
    return trainer, said


def test_a_learning_rate_acts_on_a_model_that_exists(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    recording = recorded(tone(300, 2.0))
    trainer, said = resumed(small, recording)
    assert not said
    trainer.train(0.0)
    trainer.save()
    trainer, said = resumed(replace(small, learning_rate=3e-3), recording)
    assert trainer.head.learning_rate == trainer.adam.learning_rate == 3e-3
    assert said == ["vector of sine: learning rate 0.003 from here on, it was 0.01"]
    trainer.save()
    trainer, said = resumed(replace(small, learning_rate=1e-3), recording)  # the default: no flag
    assert trainer.head.learning_rate == 3e-3
    assert "goes on with its own learning rate, 0.003" in said[0]


def test_a_rate_that_training_halved_stays_halved(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    recording = recorded(tone(300, 2.0))
    trainer, _ = resumed(small, recording)
    trainer.train(0.0)
    trainer._set_learning_rate(small.learning_rate / 4)
    trainer.save()
    trainer, said = resumed(small, recording)
    assert trainer.adam.learning_rate == small.learning_rate / 4
    assert not said


def test_settings_that_do_not_act_say_so(
    small: Settings, recorded: Callable[..., Recording]
) -> None:
    recording = recorded(tone(300, 2.0))
    trainer, _ = resumed(small, recording)
    trainer.train(0.0)
    trainer.save()
    _, said = resumed(replace(small, init_std=0.2), recording)
    assert said == ["vector of sine has learned already: --init-std acts on new models alone"]
    _, said = resumed(replace(small, hidden=8), recording)
    assert len(said) == 1
    assert "sizes of a model never change" in said[0]
    assert trainer.config.name in said[0]
