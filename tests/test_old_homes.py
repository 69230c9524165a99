"""A home that dreamd 0.1.0 made is read: its names and forms, written out once more by hand."""

import json
from pathlib import Path

import numpy as np
from conftest import RATE, tone
from safetensors.numpy import save_file

from dreamd.approaches.config import ModelConfig
from dreamd.corpus import single_notes
from dreamd.corpus.cache import Corpus
from dreamd.corpus.single_notes import SingleNote
from dreamd.home import checkpoints
from dreamd.home.bank import Bank
from dreamd.home.lock import claim

KEY = "0123456789abcdef0123"


def make_home(home: Path, take: Path) -> None:
    (home / "corpus").mkdir(parents=True)
    (home / "dreamd.log").touch()
    samples = tone(220, 1.0)
    samples.tofile(home / "corpus" / f"{KEY}.f32")
    stat = take.stat()
    recording = {
        "voice": "guitar", "source": str(take), "cache": str(home / "corpus" / f"{KEY}.f32"),
        "frames": len(samples), "rate": RATE, "peak": 0.5, "loudest": 0.35, "joined": 1.0,
    }  # fmt: skip
    note = {"recording": recording, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    (home / "corpus" / f"{KEY}.json").write_text(json.dumps(note))
    (home / "corpus" / f"{KEY}.solos").write_text('[{"note": 57.0, "start": 10, "frames": 500}]')
    model = home / "models" / "guitar" / "column-11025-v64-n4-h8-l1"
    model.mkdir(parents=True)
    header = {
        "shape": {"approach": "column", "rate": 11025, "vector": 64, "window": 4, "hidden": 8,
                  "layers": 1, "residual": False, "frame": 0},
        "scale": 0.5, "voice": "guitar", "steps": 12, "error": 0.2, "deviation": 0.1,
        "seconds": 3.0, "learning_rate": 0.001, "history": [0.9, 0.2],
    }  # fmt: skip
    metadata = {"format": "1", "header": json.dumps(header)}
    weights = {"w": np.zeros(3, np.float32)}
    save_file(weights, model / "weights-000000000012.safetensors", metadata=metadata)
    (home / "dreams" / "dream").mkdir(parents=True)
    (home / "dreams" / "dream" / "00004.wav").touch()


def test_everything_in_it_is_known(tmp_path: Path) -> None:
    home, take = tmp_path / "home", tmp_path / "take.wav"
    take.touch()
    make_home(home, take)
    claim(home)
    corpus = Corpus(home, RATE)
    corpus.sweep()
    corpus.recall_all()
    (recording,) = corpus.recordings()
    assert recording.voice == "guitar"
    assert single_notes.known(recording) == (SingleNote(57.0, 10, 500),)
    (models,) = checkpoints.models(home, "guitar", "column", RATE).items()
    assert models[0] == ModelConfig("column", 11025, 64, 4, 8)
    head = checkpoints.header(models[1][0])
    assert (head.steps, head.history, head.learning_rate) == (12, (0.9, 0.2), 0.001)
    bank = Bank(home)
    assert (bank.count, bank.newest) == (1, 4)


def test_what_is_saved_has_the_same_form(tmp_path: Path) -> None:
    """So that an older dreamd reads it, too."""
    config = ModelConfig("column", 11025, 64, 4, 8)
    head = checkpoints.Header(config, scale=0.5, voice="guitar", steps=3)
    said = json.loads(head.dump()["header"])
    assert said["shape"]["vector"] == 64
    assert "config" not in said
    path = checkpoints.save(tmp_path, head, {"w": np.zeros(1)}, {"w/step": np.zeros(1)})
    assert path.name == "weights-000000000003.safetensors"
    assert path.parent.name == config.name == "column-11025-v64-n4-h8-l1"
