"""Checkpoints: save, load, the newest. Plain arrays in safetensors files; no PyTorch here.

A model's folder ``HOME/models/VOICE/CONFIG/`` holds ``weights-STEPS.safetensors`` and, for the
newest, ``adam-STEPS.safetensors``, the optimizer's state. Each file is written under a
temporary name and moved into place: whoever looks finds whole files only. The learner
writes; dreams, the daemon's status and the next start read.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from dreamd.approaches.config import ModelConfig
from dreamd.errors import NoModel, SetupError

FORMAT = 1
NEWEST_KEPT = 2
"""Newest checkpoints kept: one more than needed, in case it cannot be read."""
DOUBLINGS = 16
"""Doublings of the steps of which a checkpoint is kept; older ones go."""

CHECKPOINT = re.compile(r"weights-[0-9]{12}\.safetensors")
OURS_BESIDE = re.compile(
    r"(adam-[0-9]{12}\.safetensors|(weights|adam)-[0-9]{12}\.safetensors\.tmp)"
)
"""What else is ours in a model's folder. A file of any other name (a cloud drive's "conflicted
copy") is somebody else's."""

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Header:
    """What a checkpoint says of itself."""

    config: ModelConfig
    scale: float  # samples (spectrum: magnitudes) are divided by it
    voice: str
    steps: int = 0
    error: float = 1.0  # mean squared error over the labels' mean square
    deviation: float = 1.0  # root mean squared training error, in the model's scale
    seconds: float = 0.0  # spent training
    learning_rate: float = 0.0
    history: tuple[float, ...] = field(default=())  # of the error, oldest first

    def dump(self) -> dict[str, str]:
        said = asdict(self)
        said["shape"] = said.pop("config")  # as checkpoints have called it from the first
        return {"format": str(FORMAT), "header": json.dumps(said)}

    @classmethod
    def parse(cls, metadata: Mapping[str, str], path: Path) -> "Header":
        """Raises :class:`NoModel` for a file of another format."""
        if metadata.get("format") != str(FORMAT):
            said = metadata.get("format", "none")
            raise NoModel(f"checkpoint of format {said}, this dreamd reads {FORMAT}: {path}")
        fields = json.loads(metadata["header"])
        config = ModelConfig(**fields.pop("shape"))
        return cls(config=config, **{**fields, "history": tuple(fields.get("history", ()))})


def folder(home: Path, voice: str, config: ModelConfig) -> Path:
    """Where the checkpoints of a voice's model lie."""
    return home / "models" / voice / config.name


def checkpoints(model: Path) -> list[Path]:
    """The checkpoints in a model's folder, oldest first."""
    there = model.iterdir() if model.is_dir() else ()
    return sorted(path for path in there if CHECKPOINT.fullmatch(path.name))


def steps_of(path: Path) -> int:
    """
    >>> steps_of(Path("weights-000000001200.safetensors"))
    1200
    """
    return int(path.stem.removeprefix("weights-"))


def models(home: Path, voice: str, approach: str, rate: int) -> dict[ModelConfig, list[Path]]:
    """A voice's models of an approach and their readable checkpoints, oldest first."""
    found: dict[ModelConfig, list[Path]] = {}
    for model in sorted((home / "models" / voice).glob(f"{approach}-{rate}-*")):
        if (path := newest(model)) is not None:
            upto = checkpoints(model)
            found[header(path).config] = upto[: upto.index(path) + 1]
    return found


def other_models(home: Path, voice: str, config: ModelConfig) -> list[str]:
    """The names of a voice's other models of this approach."""
    there = (home / "models" / voice).glob(f"{config.approach}-*")
    return sorted(each.name for each in there if each.name != config.name and newest(each))


def header(path: Path) -> Header:
    """Only the header of a checkpoint. Raises :class:`NoModel` if it is broken."""
    try:
        with safe_open(path, framework="numpy") as file:
            return Header.parse(file.metadata() or {}, path)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise NoModel(f"cannot be read as a checkpoint ({error}): {path}") from None


def newest(model: Path) -> Path | None:
    """The newest checkpoint whose header can be read; None where there is none."""
    for path in reversed(checkpoints(model)):
        try:
            header(path)
        except NoModel:
            continue
        return path
    return None


def load(path: Path) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Header and weights. Raises :class:`NoModel` if the file is broken."""
    head = header(path)
    try:
        return head, {name: array.astype(np.float32) for name, array in load_file(path).items()}
    except (SafetensorError, OSError) as error:
        raise NoModel(f"cannot be read as a checkpoint ({error}): {path}") from None


def blend(
    one: tuple[Header, Arrays], other: tuple[Header, Arrays], amount: float
) -> tuple[Header, dict[str, NDArray[Any]]]:
    """Interpolated weights of one model at two ages: ``amount`` 0 is ``one``, 1 the ``other``."""

    def between(a: Any, b: Any) -> Any:
        return (1 - amount) * a + amount * b

    (head, arrays), (towards, others) = one, other
    mixed = {
        name: between(array, others[name]).astype(array.dtype) for name, array in arrays.items()
    }
    return replace(
        head,
        scale=between(head.scale, towards.scale),
        deviation=between(head.deviation, towards.deviation),
    ), mixed


def load_optimizer(path: Path) -> dict[str, NDArray[Any]] | None:
    """The optimizer's state that belongs to a checkpoint; None if it was not kept."""
    beside = _optimizer_of(path)
    try:
        return load_file(beside) if beside.exists() else None
    except (SafetensorError, OSError):
        return None


def save(home: Path, head: Header, weights: Arrays, optimizer: Arrays) -> Path:
    """A checkpoint into its model's folder; older ones are thinned. Returns its path.

    The optimizer goes first: weights without it can be trained on, the reverse is nothing.
    Raises :class:`SetupError` when the disk is full or the folder gone.
    """
    model = folder(home, head.voice, head.config)
    try:
        model.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"cannot make {model}: {error.strerror}") from None
    path = model / f"weights-{head.steps:012d}.safetensors"
    _write(_optimizer_of(path), optimizer, {"format": str(FORMAT)})
    _write(path, weights, head.dump())
    _thin(model, path)
    return path


def ship(folder: Path, head: Header, weights: Arrays) -> Path:
    """A checkpoint by itself, without optimizer, into ``folder``. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"weights-{head.steps:012d}.safetensors"
    _write(path, weights, head.dump())
    return path


def _optimizer_of(path: Path) -> Path:
    return path.with_name(path.name.replace("weights-", "adam-"))


def _write(path: Path, arrays: Arrays, metadata: dict[str, str]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    try:
        save_file(contiguous, temporary, metadata=metadata)
        os.replace(temporary, path)
    except (OSError, SafetensorError) as error:
        raise SetupError(f"cannot save {path}: {error}") from None


def thinned(steps: Sequence[int]) -> set[int]:
    """Those of ``steps``, ascending, that are kept: the newest, and the first of each doubling.

    >>> sorted(thinned([40, 60, 70, 100, 127, 130, 200, 250]))
    [40, 70, 130, 200, 250]
    """
    first: dict[int, int] = {}
    for each in steps:
        first.setdefault(each.bit_length(), each)
    return {*steps[-NEWEST_KEPT:], *list(first.values())[-DOUBLINGS:]}


def _thin(model: Path, path: Path) -> None:
    there = checkpoints(model)
    kept = thinned([steps_of(each) for each in there])
    for old in there:
        if steps_of(old) not in kept:
            old.unlink(missing_ok=True)
    for old in model.iterdir():
        if OURS_BESIDE.fullmatch(old.name) and old != _optimizer_of(path):
            old.unlink(missing_ok=True)
