"""What lies in a home may be damaged, foreign, newer or gone: nothing is lost, a line says so.

Every case of faults.md has two more of its kind beside it, marked "not in faults.md".
"""

import json
import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest
import torch
from conftest import tone
from safetensors.numpy import load_file, save_file

from dreamd.approaches import registry
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.commands.home_check import examine_home
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.daemon import supervisor
from dreamd.dreaming import networks
from dreamd.dreaming.resolve import choose_model, trained_voices
from dreamd.errors import NoModel, SetupError
from dreamd.home import checkpoints
from dreamd.home.header import LARGEST_PROMISE, Damaged, PassedOver
from dreamd.home.lock import lock_home
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training import at_work, resume, trainer
from dreamd.training.listening import Listening
from dreamd.training.messages import Progress, RecordingJoined
from dreamd.training.scheduler import TrainingScheduler
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

Make = Callable[..., Recording]


@pytest.fixture
def taught(small: Settings, recorded: Make) -> Trainer:
    """A trainer with checkpoints at 3 and 6 steps."""
    learning = Trainer(
        config_of("column", small), small, [recorded(tone(300, 2.0))], lambda n: None
    )
    for _ in range(2):
        for _ in range(3):
            learning.train(0.0)
        learning.save()
    return learning


def folder_of(small: Settings, voice: str = "sine", approach: str = "column") -> Path:
    return checkpoints.folder(small.home, voice, config_of(approach, small))


def rewrite(path: Path, header: dict[str, Any] | str | None = None, format: str = "1",
            **arrays: Any) -> None:  # fmt: skip
    """The file once more, with some of its header and its arrays in other words."""
    head = json.loads(checkpoints.header(path).dump()["header"]) if "weights" in path.name else {}
    if isinstance(header, dict):
        head["shape"].update(header.pop("shape", {}))
        head.update(header)
    said = header if isinstance(header, str) else json.dumps(head)
    kept = {k: v for k, v in {**load_file(path), **arrays}.items() if v is not None}
    save_file(kept, path, metadata={"format": format, "header": said})


def with_one(path: Path, value: float) -> dict[str, Any]:
    weights = load_file(path)["recurrent.layers.0.weight_hh_l0"].copy()
    weights[3, 5] = value
    return {"recurrent.layers.0.weight_hh_l0": weights}


DAMAGE: dict[str, Callable[[Path], None]] = {
    "a weight that is no number": lambda p: rewrite(p, **with_one(p, np.nan)),
    "an infinite weight": lambda p: rewrite(p, **with_one(p, np.inf)),
    "half a file": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]) and None,
    "weights of another shape": lambda p: rewrite(
        p, **{"dense.weight": np.zeros((1, 99), np.float32)}),
    "error null": lambda p: rewrite(p, {"error": None}),
    "hidden 16000": lambda p: rewrite(p, {"shape": {"hidden": 16000}}),
    # not in faults.md:
    "an empty file": lambda p: p.write_bytes(b"") and None,
    "a header that is no JSON": lambda p: rewrite(p, "{"),
    "a header that is a list": lambda p: rewrite(p, "[]"),
    "a header nested without end": lambda p: rewrite(p, "[" * 100_000),
    "a scale of zero": lambda p: rewrite(p, {"scale": 0.0}),
    "a scale that is no number": lambda p: rewrite(p, {"scale": float("nan")}),
    "a learning rate below zero": lambda p: rewrite(p, {"learning_rate": -1.0}),
    "a history of words": lambda p: rewrite(p, {"history": ["good"]}),
    "a voice that is a number": lambda p: rewrite(p, {"voice": 7}),
    "hidden true": lambda p: rewrite(p, {"shape": {"hidden": True}}),
    "a key too many": lambda p: rewrite(p, {"colour": "green"}),
    "weights that are missing": lambda p: rewrite(p, **{"dense.bias": None}),
    "weights too many": lambda p: rewrite(p, **{"more": np.zeros(9, np.float32)}),
    "garbage": lambda p: p.write_bytes(bytes(range(256)) * 20) and None,
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_checkpoint_is_set_aside_and_the_older_one_used(
    taught: Trainer, small: Settings, damage: str
) -> None:
    three, six = checkpoints.checkpoints(folder_of(small))
    DAMAGE[damage](six)
    held = six.read_bytes()
    said: list[str] = []
    found = resume.newest_usable(small.home, "sine", taught.config, said.append)
    assert found is not None
    assert (found.head.steps, found.path) == (3, three)
    if damage == "hidden 16000":  # then it is of another model, as far as anyone can tell
        assert six.read_bytes() == held
    else:
        assert not six.exists()
        assert six.with_name(six.name + ".damaged").read_bytes() == held
    assert len(said) == 1
    assert six.name in said[0]
    assert said[0].endswith("; it goes on from step 3")
    assert choose_model(small, "sine", Request("column")).checkpoint == three


def test_sizes_that_a_file_cannot_hold_are_not_made_room_for(
    taught: Trainer, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder of the name that goes with them, so that nothing else is wrong."""
    _, six = checkpoints.checkpoints(folder_of(small))
    made: list[object] = []
    monkeypatch.setattr(registry, "make", made.append)
    for sizes in ({"hidden": 16000}, {"vector": 1 << 30}, {"window": 1 << 40}, {"layers": 1 << 20}):
        config = replace(taught.config, **sizes)
        path = six.parent.parent / config.name / six.name
        path.parent.mkdir()
        shutil.copy(six, path)
        rewrite_in_place = json.loads(checkpoints.header(six).dump()["header"])
        rewrite_in_place["shape"].update(sizes)
        said = {"format": "1", "header": json.dumps(rewrite_in_place)}
        save_file(load_file(six), path, metadata=said)
        with pytest.raises(Damaged, match="more than the file can hold"):
            checkpoints.load(path)
    assert not made
    assert LARGEST_PROMISE < 1 << 30


ADAM: dict[str, Callable[[Path], None]] = {
    "not a number": lambda p: rewrite(
        p, **{"dense.bias/exp_avg": np.full(1, np.nan, np.float32)}),
    "half a file": lambda p: p.write_bytes(p.read_bytes()[:600]) and None,
    "of another shape": lambda p: rewrite(
        p, **{"dense.bias/exp_avg_sq": np.zeros(3, np.float32)}),
    # not in faults.md:
    "squares below zero": lambda p: rewrite(
        p, **{"dense.bias/exp_avg_sq": np.full(1, -1.0, np.float32)}),
    "of another network": lambda p: rewrite(p, **{"other/exp_avg": np.zeros(1, np.float32)}),
}  # fmt: skip


@pytest.mark.parametrize("damage", ADAM)
def test_a_damaged_optimizer_is_set_aside_and_the_weights_are_used(
    taught: Trainer, small: Settings, recorded: Make, damage: str
) -> None:
    adam = folder_of(small) / "adam-000000000006.safetensors"
    ADAM[damage](adam)
    said: list[Note] = []
    again = Trainer(taught.config, small, [recorded(tone(300, 2.0))], said.append)
    assert again.head.steps == 6
    assert adam.with_name(adam.name + ".damaged").exists()
    assert len(said) == 1
    assert said[0].text.endswith("; it goes on from step 6")
    again.train(0.0)
    assert np.isfinite(again.head.error)


def test_two_of_a_newer_format_take_nobody_s_place(
    taught: Trainer, small: Settings, recorded: Make
) -> None:
    """With more steps than ours, and one with fewer (not in faults.md), and their optimizers."""
    model = folder_of(small)
    _, six = checkpoints.checkpoints(model)
    newer = [model / f"weights-{steps:012d}.safetensors" for steps in (1, 900, 1000)]
    for path in newer:
        said = checkpoints.header(six).dump() | {"format": "2"}
        save_file(load_file(six), path, metadata=said)
        path.with_name(path.name.replace("weights", "adam")).write_bytes(b"newer, too")
    laid = {path: path.read_bytes() for path in model.iterdir() if "06" not in path.name}
    laid = {path: held for path, held in laid.items() if "03" not in path.name}
    said: list[Note] = []
    again = Trainer(taught.config, small, [recorded(tone(300, 2.0))], said.append)
    assert again.head.steps == 6
    assert [note.text for note in said if "format 2, this dreamd reads 1" in note.text]
    for _ in range(20):
        again.train(0.0)
        again.save()
    assert {path: path.read_bytes() for path in laid} == laid
    ours = [checkpoints.steps_of(path) for path in checkpoints.readable(model)]
    assert ours[-2:] == [25, 26]
    assert Trainer(taught.config, small, [recorded(tone(9, 2.0))], said.append).head.steps == 26
    again.head = replace(again.head, steps=1000)
    with pytest.raises(SetupError, match="not for this dreamd"):  # its name is taken
        again.save()
    again.train(0.0)
    again.save()
    assert {path: path.read_bytes() for path in laid} == laid


def test_copies_by_hand_are_nobody_s_newest(
    taught: Trainer, small: Settings, recorded: Make
) -> None:
    """Not in faults.md: a folder copied beside itself, one model's checkpoint in another's folder,
    a folder of that name, a voice's models copied to another voice."""
    model = folder_of(small)
    _, six = checkpoints.checkpoints(model)
    shutil.copytree(model, model.with_name(model.name + " copy"))
    strange = model.with_name(taught.config.name.replace("h24", "h25"))
    strange.mkdir()
    shutil.copy(six, strange)
    with pytest.raises(PassedOver, match="lies elsewhere"):
        checkpoints.header(strange / six.name)
    (model / "weights-000000000077.safetensors").mkdir()
    shutil.copy(six, model / "weights-000000000050.safetensors")
    choice = choose_model(small, "sine", Request("column"))
    assert choice.checkpoint == six
    shutil.copytree(model.parent, model.parent.with_name("piano"))
    before = sorted(model.iterdir())
    other = recorded(tone(400, 2.0), voice="piano")
    copied = Trainer(taught.config, small, [other], lambda note: None)
    assert (copied.head.steps, copied.head.voice) == (6, "piano")
    copied.train(0.0)
    copied.save()
    assert sorted(model.iterdir()) == before
    assert (folder_of(small, "piano") / "weights-000000000007.safetensors").exists()


def test_a_home_that_was_copied_goes_on_by_itself(
    taught: Trainer, small: Settings, recorded: Make, tmp_path: Path
) -> None:
    shutil.copytree(small.home, tmp_path / "elsewhere" / "home")
    moved = replace(small, home=tmp_path / "elsewhere" / "home")
    before = {path: path.read_bytes() for path in small.home.rglob("*") if path.is_file()}
    there = Trainer(taught.config, moved, [recorded(tone(300, 2.0))], lambda note: None)
    assert there.head.steps == 6
    there.train(0.0)
    there.save()
    assert before == {path: path.read_bytes() for path in small.home.rglob("*") if path.is_file()}
    chosen = choose_model(moved, "sine", Request("column")).checkpoint
    assert chosen is not None
    assert chosen.is_relative_to(moved.home)


@pytest.mark.parametrize("approach", APPROACHES)
def test_a_dream_of_weights_that_are_no_numbers_fails_and_the_next_has_older_ones(
    small: Settings, recorded: Make, approach: str
) -> None:
    config = config_of(approach, small)
    learning = Trainer(config, small, [recorded(tone(300, 2.0))], lambda note: None)
    for _ in range(2):
        learning.train(0.0)
        learning.save()
    one, two = checkpoints.checkpoints(folder_of(small, approach=approach))
    name = next(iter(load_file(two)))
    save_file({**load_file(two), name: np.full_like(load_file(two)[name], np.nan)}, two,
              metadata=checkpoints.header(two).dump())  # fmt: skip
    assert choose_model(small, "sine", Request(approach)).checkpoint == two
    with pytest.raises(NoModel, match=r"holds what is no finite number.*set aside"):
        networks._weights(networks._version(two))
    assert choose_model(small, "sine", Request(approach)).checkpoint == one
    networks._weights(networks._version(one))


# ---------------------------------------------------------------- astray, again and again


def astray(learning: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    make = learning._model

    def broken(scale: float) -> Any:
        model = make(scale)
        model.error = lambda *arguments: (  # type: ignore[method-assign]
            sum(float("nan") * weights.sum() for weights in model.parameters()),
            torch.tensor(1.0),
        )
        return model

    monkeypatch.setattr(learning, "_model", broken)
    learning._resume()


def test_a_model_that_goes_astray_for_ever_is_given_up(
    taught: Trainer, small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[Note] = []
    taught._say = said.append
    astray(taught, monkeypatch)
    while not taught.given_up:
        taught.train(0.0)
        assert len(said) < 20
    assert taught.head.steps == 6
    assert "goes astray" not in said[-1].text
    assert "column of sine cannot learn from these recordings" in said[-1].text
    back = [note.text for note in said[:-1]]
    assert ["back at step 6" in text for text in back] == [True] * 3 + [False] * (len(back) - 3)
    assert "back at step 3" in back[3]  # the one before it has its chance
    assert len(checkpoints.checkpoints(folder_of(small))) == 2  # nothing was lost
    taught.set_recordings([recorded(tone(310, 2.0))])
    assert not taught.given_up


def test_where_only_the_newest_goes_astray_the_older_one_goes_on(
    taught: Trainer, small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, six = checkpoints.checkpoints(folder_of(small))
    diverged = trainer.RunningError.diverged
    monkeypatch.setattr(
        trainer.RunningError, "diverged",
        lambda it: "it rose" if taught.head.steps > 6 and taught._from == six else diverged(it),
    )  # fmt: skip
    for _ in range(trainer.TRIES):
        taught.train(0.0)
    assert taught.head.steps == 3
    taught.train(0.0)
    assert six.exists()  # until it has gone well
    taught.save()
    assert not taught.given_up
    assert [checkpoints.steps_of(p) for p in checkpoints.checkpoints(six.parent)] == [3, 4]
    assert six.with_name(six.name + ".damaged").exists()


def test_the_rate_is_not_halved_for_ever(taught: Trainer, small: Settings) -> None:
    for _ in range(60):
        taught._roll_back("it rose")
        taught.save()
    assert taught.head.learning_rate >= small.learning_rate * trainer.LEAST_RATE > 0


def test_the_scheduler_leaves_those_alone_that_cannot_learn(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Progress | Note] = []
    learner = TrainingScheduler(small, told.append)
    cache = recorded(tone(300, 2.0), voice="broken", name="b.wav")
    np.full(cache.frames, np.nan, np.float32).tofile(cache.cache)
    learner.set_recordings((cache, recorded(tone(300, 2.0))))
    for _ in range(12):
        learner.turn(0.0)
    assert {voice for voice, _ in learner._line} == {"sine"}
    assert {voice for voice, _ in learner._resting} == {"broken"}
    said = [note.text for note in told if isinstance(note, Note)]
    assert len(said) == len(set(said)) == 4  # one for each approach
    assert all("b.wav is left out" in text for text in said)
    assert learner.wakes_in is not None
    learner.join(recorded(tone(310, 2.0), voice="broken", name="c.wav"))
    for _ in range(4):
        learner.turn(0.0)
    assert not learner._resting
    steps = {(p.voice, p.config.approach): p.steps for p in told if isinstance(p, Progress)}
    assert all(steps["broken", approach] for approach in APPROACHES)


def test_an_unexpected_error_in_one_model_stops_no_other(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md."""
    train = Trainer.train

    def breaks(self: Trainer, *arguments: Any) -> None:
        if self.config.approach == "spectrum":
            raise ZeroDivisionError("of some kind")
        train(self, *arguments)

    monkeypatch.setattr(Trainer, "train", breaks)
    told: list[Progress | Note] = []
    learner = TrainingScheduler(small, told.append)
    learner.set_recordings((recorded(tone(300, 2.0)),))
    for _ in range(8):
        learner.turn(0.0)
    assert [n.text for n in told if isinstance(n, Note)] == [
        "spectrum of sine waits: an error inside dreamd (of some kind), see its log"
    ]
    assert {approach for _, approach in learner._line} == set(APPROACHES) - {"spectrum"}


# ---------------------------------------------------------------- recordings of no use


@pytest.mark.parametrize("harm", ["gone", "not a number", "1e30"])
def test_a_recording_of_no_use_is_left_out_and_the_others_are_learned(
    small: Settings, recorded: Make, harm: str
) -> None:
    good, bad = recorded(tone(300, 2.0)), recorded(tone(500, 2.0), name="bad.wav")
    said: list[Note] = []
    if harm == "gone":
        Path(bad.cache).unlink()
    else:
        value = np.nan if harm == "not a number" else 1e30
        np.full(bad.frames, value, np.float32).tofile(bad.cache)
    learning = Trainer(config_of("vector", small), small, [good, bad], said.append)
    for _ in range(5):
        learning.train(0.0)
    assert learning.head.steps == 5
    assert np.isfinite(learning.head.error)
    assert len(said) == 1
    assert "bad.wav is left out" in said[0].text


# ---------------------------------------------------------------- disks


def test_a_home_that_vanished_is_not_made_anew_in_its_place(
    small: Settings, recorded: Make, tmp_path: Path
) -> None:
    """An unmounted disk leaves an empty folder: what is saved there is lost to the home."""
    told: list[Progress | Note] = []
    learner = TrainingScheduler(replace(small, save_every=0.0), told.append)
    learner.set_recordings((recorded(tone(300, 2.0)),))
    for _ in range(4):
        learner.turn(0.0)
    small.home.rename(tmp_path / "unplugged")
    small.home.mkdir()
    for _ in range(8):
        learner.turn(0.0)
    assert not list(small.home.iterdir())
    small.home.rmdir()
    (tmp_path / "unplugged").rename(small.home)
    for _ in range(4):
        learner.turn(0.0)
    said = [note.text for note in told if isinstance(note, Note)]
    assert len(said) == 2
    assert f"{small.home} is gone: learning goes on" in said[0]
    assert said[1] == "what is learned is saved again"
    assert checkpoints.steps_of(checkpoints.checkpoints(folder_of(small))[-1]) == 4


def test_checkpoints_that_the_disk_does_not_give_are_waited_for(
    taught: Trainer, small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md: beginning anew beside them would be losing them."""

    def unreadable(*arguments: Any, **more: Any) -> None:
        raise PermissionError(13, "Permission denied")

    told: list[Progress | Note] = []
    learner = TrainingScheduler(small, told.append)
    learner.set_recordings((recorded(tone(300, 2.0)),))
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "safe_open", unreadable)
        for _ in range(4):
            learner.turn(0.0)
    assert ("sine", "column") in learner._resting
    (line,) = [n.text for n in told if isinstance(n, Note) and "column" in n.text]
    assert "Permission denied" in line
    learner._resting = dict.fromkeys(learner._resting, 0.0)  # a minute later
    for _ in range(4):
        learner.turn(0.0)
    steps = {p.config.approach: p.steps for p in told if isinstance(p, Progress)}
    assert steps["column"] == 7


def test_what_was_heard_on_a_full_disk_is_listened_to_again(
    recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*paths: object) -> None:
        raise OSError(28, "No space left on device")

    listening, recording = Listening(), recorded(tone(300, 2.0))
    with monkeypatch.context() as patch:
        patch.setattr(
            events.os, "replace", lambda *paths: (_ for _ in ()).throw(OSError(28, "full"))
        )
        listening.add(recording)
        for _ in range(5):
            listening.on()
    assert not events.exist(recording)
    assert not listening.waiting
    listening.again()
    for _ in range(5):
        listening.on()
    assert events.exist(recording)


# ---------------------------------------------------------------- large libraries


def test_a_large_library_is_learned_with_few_models_in_memory(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "AT_WORK", 5)
    monkeypatch.setattr("dreamd.training.scheduler.AT_WORK", 5)
    told: list[Progress | Note] = []
    learner = TrainingScheduler(replace(small, save_every=0.003), told.append)
    learner.set_recordings(tuple(recorded(tone(300, 1.0), voice=f"v{k}") for k in range(5)))
    most = 0
    for _ in range(90):
        learner.turn(0.0)
        most = max(most, len(learner._at_work._trainers))
    assert most == 5
    steps: dict[tuple[str, str], list[int]] = {}
    for each in told:
        if isinstance(each, Progress):
            steps.setdefault((each.voice, each.config.approach), []).append(each.steps)
    assert len(steps) == 20
    for history in steps.values():
        assert history == sorted(history)  # nothing is lost by leaving
        assert history[-1] >= 2
    learner.save()
    for (voice, approach), history in steps.items():
        newest = checkpoints.checkpoints(folder_of(small, voice, approach))[-1]
        assert checkpoints.steps_of(newest) == history[-1]


def test_new_takes_come_first_in_a_large_library(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_work, "AT_WORK", 4)
    monkeypatch.setattr("dreamd.training.scheduler.AT_WORK", 4)
    told: list[Progress | Note] = []
    learner = TrainingScheduler(small, told.append)
    learner.set_recordings(tuple(recorded(tone(300, 1.0), voice=f"v{k}") for k in range(9)))
    learner.turn(0.0)
    learner.join(recorded(tone(400, 1.0), voice="v1", name="new.wav"))
    told.clear()
    for _ in range(4):
        learner.turn(0.0)
    trained = {p.voice for p in told if isinstance(p, Progress) and p.steps_a_second}
    assert trained == {"v1"}


def test_what_is_said_to_the_training_process_grows_with_the_library_and_no_faster(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[object] = []

    class Silent:
        def __init__(self, name: str, *arguments: object) -> None:
            self.name, self.generation = name, 1

        def send(self, message: object, **more: object) -> None:
            sent.append(message)

    monkeypatch.setattr(supervisor, "Worker", Silent)
    them = supervisor.Supervisor(small, lambda event: None)
    recording = recorded(tone(300, 1.0))
    for k in range(300):
        them.tell_training(RecordingJoined(replace(recording, source=f"/takes/{k}.wav")))
    assert len(sent) == 300
    assert sum(len(pickle.dumps(message)) for message in sent) < 300 * 1000


def test_a_voice_of_many_takes_is_weighed_once_for_all_that_came(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = TrainingScheduler(small, lambda message: None)
    recording = recorded(tone(300, 1.0))
    learner.join(recording)
    for _ in range(4):
        learner.turn(0.0)
    weighed: list[int] = []
    set_recordings = Trainer.set_recordings
    monkeypatch.setattr(
        Trainer, "set_recordings",
        lambda self, them: (weighed.append(len(them)), set_recordings(self, them)),
    )  # fmt: skip
    for k in range(50):
        learner.join(replace(recording, source=f"/takes/{k}.wav"))
    learner.forget(replace(recording, source="/takes/7.wav"))
    learner.turn(0.0)
    assert weighed == [50] * 4


def test_folders_of_others_are_no_voices(taught: Trainer, small: Settings) -> None:
    """Not in faults.md: what file servers and synchronizers leave beside the models."""
    for name in ("@eaDir", ".stfolder", "New Folder", "lost+found/deep/er"):
        (small.home / "models" / name).mkdir(parents=True)
    (small.home / "models" / "notes.txt").touch()
    (small.home / "models" / "sine" / "column-of-mine").mkdir()
    assert trained_voices(small) == ["sine"]
    assert choose_model(small, "sine", Request("column")).checkpoint is not None


# ---------------------------------------------------------------- what the doctor says


def test_the_doctor_names_what_lies_in_a_home(taught: Trainer, small: Settings) -> None:
    model = folder_of(small)
    home = small.home
    assert [each.mark for each in examine_home(home)] == ["ok"]
    three, six = checkpoints.checkpoints(model)
    shutil.copy(six, model / "weights-000000000006 (conflicted copy).safetensors")
    (model / ".weights-000000000005.safetensors.icloud").touch()  # not in faults.md
    (home / "dreams" / "unfinished").mkdir(parents=True)
    (home / "dreams" / "unfinished" / ".DS_Store").touch()
    (home / "dreams" / "dream").mkdir()
    (home / "dreams" / "dream" / "00003.wav").write_bytes(bytes(2_000_000))
    (home / "corpus").mkdir()
    (home / "corpus" / "song.f32").touch()
    (home / "example").mkdir()
    (home / "example" / "phrase.wav").touch()
    newer = model / "weights-000000000099.safetensors"
    said = checkpoints.header(six).dump() | {"format": "2"}
    save_file(load_file(six), newer, metadata=said)
    checkpoints.set_aside(three)
    before = sorted(home.rglob("*"))
    found = [each.text for each in examine_home(home)]
    assert sorted(home.rglob("*")) == before
    assert "1 dreams take 2 MB" in found
    (damaged,) = [text for text in found if "set aside" in text]
    assert "weights-000000000003.safetensors.damaged" in damaged
    (passed,) = [text for text in found if text.startswith("passed over")]
    assert "format 2, this dreamd reads 1" in passed
    (theirs,) = [text for text in found if "did not make" in text]
    assert theirs.startswith("4 files")
    assert "corpus/song.f32" in theirs
    assert theirs.endswith("…")


@pytest.mark.parametrize("cloud", ["Dropbox", "OneDrive", "Mobile Documents"])
def test_the_doctor_says_that_a_home_lies_in_a_cloud_drive(tmp_path: Path, cloud: str) -> None:
    home = tmp_path / cloud / "music" / "home"
    home.mkdir(parents=True)
    assert any(f"lies in {cloud}" in each.text for each in examine_home(home))


def test_a_disk_without_locks_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in faults.md: some network and cloud drives have none."""

    def without(*arguments: object, **more: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock")

    monkeypatch.setattr(filelock.FileLock, "acquire", without)
    with pytest.raises(SetupError, match="has no locks"):
        lock_home(tmp_path / "home")
