"""The study's parts run and print tables; what the figures are is nobody's assertion."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from conftest import RATE, tone

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.commands.offline import listen
from dreamd.corpus.recording import Recording
from dreamd.experiments import first_dream, seed_study, study
from dreamd.home import checkpoints, pretrained
from dreamd.settings import Settings
from dreamd.training.trainer import Trainer


def test_every_part_prints_a_table(
    small: Settings, recorded: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "LONG", 4.5)
    monkeypatch.setattr(study, "SHORT", 0.4)
    monkeypatch.setattr(seed_study, "DREAM_SECONDS", 2.5)
    monkeypatch.setattr(seed_study, "NAMERS", (1,))
    monkeypatch.setattr(seed_study, "SHARES", (0.2, 0.7))
    monkeypatch.setattr(study, "RANDS", (1,))
    monkeypatch.setattr(study, "MARKS", (0.02, 0.05))
    monkeypatch.setattr(study, "SLICE", 0.01)
    monkeypatch.setattr(first_dream, "TRAINED", (0, 0.02))
    monkeypatch.setattr(first_dream, "HEARD_SECONDS", 2.0)
    monkeypatch.setattr(first_dream, "RANDS", (1,))
    plucks = tone(300, 5.0) * np.exp(-5 * (np.arange(5 * RATE) / RATE % 0.5)).astype(np.float32)
    recording = recorded(plucks)
    listen(recording)
    for approach in APPROACHES:
        trainer = Trainer(config_of(approach, small), small, [recording], lambda note: None)
        for _ in range(20):
            trainer.train(0.0)
        trainer.save()
    there = checkpoints.folder(small.home, trainer.voice, trainer.config).parent
    monkeypatch.setattr(
        pretrained,
        "all_of",
        lambda config, voice="", home=None: [checkpoints.newest(there / config.name)],
    )
    monkeypatch.setattr(study.liveliness, "_drift", lambda heard: 0.0)  # needs two seconds
    with torch.no_grad():
        parts = list(map(str, study.report(small, {"sine": [recording]})))
    assert [part.splitlines()[0] for part in parts] == [
        "### The seed and the recording", "### Paused and concurrent", "### The walk",
        "### The pitches of the seed",
        "### Beginning from a starter model", "### The first good dream",
    ]  # fmt: skip
    for part in parts:
        lines = [line for line in part.splitlines() if line.startswith("|")]
        assert len(lines) > 4
        assert len({line.count("|") for line in lines}) == 1
        assert "nan" not in part
    with torch.no_grad():
        (alone,) = study.report(small, {"sine": [recording]}, "pitches")
    assert str(alone).startswith("### The pitches of the seed")
