"""Where a model goes on: at its newest checkpoint that is of use.

A :class:`dreamd.training.trainer.Trainer` asks as it begins, and where its training has exploded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from dreamd.approaches.config import ModelConfig
from dreamd.errors import NoModel
from dreamd.home import checkpoints
from dreamd.home.header import Damaged, Header, PassedOver


@dataclass(frozen=True)
class Resumed:
    """A checkpoint, and the optimizer's state if that was kept."""

    path: Path
    head: Header
    weights: dict[str, NDArray[Any]]
    optimizer: dict[str, NDArray[Any]] | None


def newest_usable(
    home: Path,
    voice: str,
    config: ModelConfig,
    say: Callable[[str], None],
    before: Path | None = None,
) -> Resumed | None:
    """The newest checkpoint that can be learned on (``before``: older than this one); None where
    there is none. One line for each that could not be used.

    Raises :class:`NoModel` where the disk did not give any: nothing is known of them then.
    """
    lines: list[str] = []
    there = checkpoints.checkpoints(checkpoints.folder(home, voice, config))
    older = [path for path in there if before is None or path < before]
    found = _first_of(reversed(older), lines)
    then = f"it goes on from step {found.head.steps}" if found else "it begins anew"
    for line in lines if before is None else ():
        say(f"{config.approach} of {voice}: {line}; {then}")
    # Whatever its folder was copied from: it is this voice's now.
    return found and replace(found, head=replace(found.head, voice=voice))


def _first_of(paths: Iterable[Path], lines: list[str]) -> Resumed | None:
    """The first that can be used; ``lines`` hears why those before it cannot."""
    unread = None
    for path in paths:
        try:
            return _resumed(path, lines)
        except (Damaged, PassedOver) as error:
            lines.append(str(error))
        except NoModel as error:
            unread = error
    if unread is not None:
        raise unread
    return None


def _resumed(path: Path, lines: list[str]) -> Resumed:
    head, weights = checkpoints.load(path)
    try:
        optimizer = checkpoints.load_optimizer(path, weights)
    except NoModel as error:  # weights without it can be trained on
        optimizer = None
        lines.append(str(error))
    return Resumed(path, head, weights, optimizer)
