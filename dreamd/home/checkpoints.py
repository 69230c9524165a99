"""Checkpoints: save, load, the newest. Plain arrays in safetensors files.

A model's folder ``HOME/models/VOICE/CONFIG/`` holds ``weights-STEPS.safetensors`` and, for the
newest, ``adam-STEPS.safetensors``, the optimizer's state. Each file is written under a
temporary name and moved into place: whoever looks finds whole files only. The learner
writes; dreams, the daemon's status and the next start read.

What lies there and is not for us (of a newer format, a cloud drive's "conflicted copy") is passed
over and left alone. What is ours and damaged is set aside, ``….safetensors.damaged``, by whoever
wanted to use it: nothing is deleted, and the checkpoint before it is the newest then. So is what
was learned with a recording that is forgotten, ``….safetensors.forgotten``.
"""

import contextlib
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dreamd.approaches import registry
from dreamd.approaches.config import ModelConfig
from dreamd.errors import NoModel, SetupError
from dreamd.home.header import FORMAT, LARGEST_PROMISE, Damaged, Header, PassedOver, promise

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
Shapes = Mapping[str, tuple[int, ...]]


def folder(home: Path, voice: str, config: ModelConfig) -> Path:
    """Where the checkpoints of a voice's model lie."""
    return home / "models" / voice / config.name


def checkpoints(model: Path) -> list[Path]:
    """The checkpoints in a model's folder, oldest first; readable or not."""
    try:
        names = [entry.name for entry in os.scandir(model) if entry.is_file()]
    except OSError:  # no such folder, or nobody may look into it
        return []
    return [model / name for name in sorted(filter(CHECKPOINT.fullmatch, names))]


def readable(model: Path) -> dict[Path, Header]:
    """The checkpoints whose headers can be read, oldest first."""
    found = {}
    for path in checkpoints(model):
        try:
            found[path] = header(path)
        except NoModel:
            continue
    return found


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
        if there := readable(model):
            *_, newest = there.values()
            found[newest.config] = list(there)
    return found


def other_models(home: Path, voice: str, config: ModelConfig) -> list[str]:
    """The names of a voice's other models of this approach and rate."""
    there = (home / "models" / voice).glob(f"{config.approach}-{config.rate}-*")
    return sorted(each.name for each in there if each.name != config.name and newest(each))


def header(path: Path) -> Header:
    """Only the header of a checkpoint. Raises :class:`Damaged`, :class:`PassedOver`, or just
    :class:`NoModel` where the disk does not give it."""
    try:
        with safe_open(path, framework="numpy") as file:
            head = Header.parse(file.metadata() or {}, path)
        size = path.stat().st_size
    except SafetensorError as error:
        raise Damaged(f"cannot be read as a checkpoint ({error}): {path}") from None
    except OSError as error:
        raise NoModel(f"cannot be read ({error.strerror or error}): {path}") from None
    if head.config.name != path.parent.name:
        raise PassedOver(f"is of a model {head.config.name}, and lies elsewhere: {path}")
    if head.steps != steps_of(path):
        raise PassedOver(f"its header says {head.steps} steps, its name others: {path}")
    if promise(head.config) > max(LARGEST_PROMISE, 4 * size):
        raise Damaged(f"its header says more than the file can hold: {path}")
    return head


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
    """Header and weights, every one of them a number, in the shapes of the model.

    Raises :class:`NoModel` as :func:`header` does; a damaged file is then set aside.
    """
    try:
        head = header(path)
        return head, _read(path, registry.shapes(head.config).__eq__)
    except Damaged as error:
        raise Damaged(f"{error}{set_aside(path)}") from None


def load_optimizer(path: Path, weights: Arrays) -> dict[str, NDArray[Any]] | None:
    """The optimizer's state that belongs to a checkpoint; None if it was not kept.

    Raises :class:`Damaged` where it is of no use; it is then set aside.
    """
    beside = optimizer_of(path)
    if not beside.exists():
        return None
    shapes = {f"{name}/{part}": array.shape for name, array in weights.items()
              for part in ("exp_avg", "exp_avg_sq")}  # fmt: skip
    shapes |= {f"{name}/step": (1,) for name in weights}  # a number becomes an array of one
    try:
        state = _read(beside, lambda has: has.items() <= shapes.items())
        if any((state[name] < 0).any() for name in state if not name.endswith("/exp_avg")):
            raise Damaged(f"steps or squares below zero: {beside}")
    except Damaged as error:
        raise Damaged(f"{error}{set_aside(beside)}") from None
    return state


def saved_at(path: Path) -> float:
    """When a checkpoint was saved, seconds since 1970: as it says itself, since copying a home
    changes the times of its files; of those that do not say, their file's. 0 where nobody knows."""
    try:
        with safe_open(path, framework="numpy") as file:
            return float((file.metadata() or {})["saved"])
    except (SafetensorError, OSError, ValueError, KeyError):
        return path.stat().st_mtime if path.exists() else 0.0


def set_aside(path: Path, why: str = "damaged") -> str:
    """Renames a file, so that nobody takes it for a checkpoint; gives the end of a line."""
    for number in range(1, 100):
        aside = path.with_name(f"{path.name}.{why}{f'-{number}' if number > 1 else ''}")
        if not aside.exists():
            break
    try:
        path.rename(aside)
    except OSError as error:
        return f" (cannot be set aside: {error.strerror})"
    return f" (set aside as {aside.name})"


def _read(path: Path, fitting: Callable[[Shapes], bool]) -> dict[str, NDArray[Any]]:
    """The arrays of a file; only if the shapes that it names are ``fitting`` is room made for them.

    Raises :class:`Damaged`, or :class:`NoModel` where the disk fails.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = list(file.keys())
            if not fitting({name: tuple(file.get_slice(name).get_shape()) for name in names}):
                raise Damaged(f"its arrays have not the shapes of the model: {path}")
            arrays = {name: np.asarray(file.get_tensor(name), np.float32) for name in names}
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise Damaged(f"cannot be read as a checkpoint ({error}): {path}") from None
    except OSError as error:
        raise NoModel(f"cannot be read ({error.strerror or error}): {path}") from None
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise Damaged(f"holds what is no finite number: {path}")
    return arrays


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


def save(
    home: Path, head: Header, weights: Arrays, optimizer: Arrays, joined: Sequence[float] = ()
) -> Path:
    """A checkpoint into its model's folder; older ones are thinned. Returns its path.

    ``joined`` are times (seconds since 1970) to which one may want to go back: of each the newest
    checkpoint before it stays.

    The optimizer goes first: weights without it can be trained on, the reverse is nothing.
    Raises :class:`SetupError` when the disk is full or the folder gone; nothing half-made stays.
    """
    model = folder(home, head.voice, head.config)
    path = model / f"weights-{head.steps:012d}.safetensors"
    if path.exists() and path not in readable(model):
        raise SetupError(f"cannot save {path}: a file that is not for this dreamd has its name")
    try:
        model.mkdir(parents=True, exist_ok=True)
        _write(optimizer_of(path), optimizer, {"format": str(FORMAT)})
        _write(path, weights, head.dump() | {"saved": f"{time.time():.3f}"})
        _thin(model, path, joined)
    except SafetensorError as error:
        raise SetupError(f"cannot save {path}: {error}") from None
    except OSError as error:
        raise SetupError(f"cannot save {path}: {error.strerror or error}") from None
    return path


def ship(folder: Path, head: Header, weights: Arrays) -> Path:
    """A checkpoint by itself, without optimizer, into ``folder``. Returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"weights-{head.steps:012d}.safetensors"
    _write(path, weights, head.dump())
    return path


def optimizer_of(path: Path) -> Path:
    """Where the optimizer's state of a checkpoint lies, if it was kept."""
    return path.with_name(path.name.replace("weights-", "adam-"))


def _write(path: Path, arrays: Arrays, metadata: dict[str, str]) -> None:
    temporary = path.with_name(path.name + ".tmp")
    contiguous = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    try:
        save_file(contiguous, temporary, metadata=metadata)
        os.replace(temporary, path)
    except (OSError, SafetensorError):
        with contextlib.suppress(OSError):  # half a file keeps a full disk full
            temporary.unlink(missing_ok=True)
        raise


def thinned(steps: Sequence[int]) -> set[int]:
    """Those of ``steps``, ascending, that are kept: the newest, and the first of each doubling.

    >>> sorted(thinned([40, 60, 70, 100, 127, 130, 200, 250]))
    [40, 70, 130, 200, 250]
    """
    first: dict[int, int] = {}
    for each in steps:
        first.setdefault(each.bit_length(), each)
    return {*steps[-NEWEST_KEPT:], *list(first.values())[-DOUBLINGS:]}


def _thin(model: Path, path: Path, joined: Sequence[float]) -> None:
    """Clears away what is ours and old. What cannot be read is neither counted nor touched."""
    ours = list(readable(model))
    kept = thinned([steps_of(each) for each in ours])
    ages = {each: saved_at(each) for each in ours} if joined else {}
    for moment in joined:
        kept |= {steps_of(each) for each in [p for p in ours if ages[p] < moment][-1:]}
    for old in ours:
        if steps_of(old) not in kept:
            old.unlink(missing_ok=True)
    theirs = {optimizer_of(each) for each in checkpoints(model) if each not in ours}
    for old in model.iterdir():
        if OURS_BESIDE.fullmatch(old.name) and old not in {optimizer_of(path), *theirs}:
            old.unlink(missing_ok=True)
