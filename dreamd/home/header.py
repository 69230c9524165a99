"""What a checkpoint says of itself, and whether that can be true.

:mod:`dreamd.home.checkpoints` writes it into each file and reads it again. A file may be half
made, flipped by a failing disk, or another program's: nothing that it says is taken for granted,
least of all sizes, which memory is made for.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import ROWS
from dreamd.errors import NoModel

FORMAT = 1

LARGEST_PROMISE = 1 << 28
"""Bytes that a header may have us make room for, where its file holds fewer."""


class Damaged(NoModel):
    """A checkpoint of ours that cannot be used any more."""


class PassedOver(NoModel):
    """A file that is whole as far as we know, and not for us: of a newer format, of another model.
    It is left alone, and takes nobody's place."""


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
        shape = said["shape"] = said.pop("config")  # as checkpoints have called it from the first
        for since in ("bands", "channels"):  # they never said that, and are read by any dreamd
            if shape[since] == 1:
                del shape[since]
        return {"format": str(FORMAT), "header": json.dumps(said)}

    @classmethod
    def parse(cls, metadata: Mapping[str, str], path: Path) -> "Header":
        """Raises :class:`PassedOver` for a file that is not for us, :class:`Damaged` for one that
        makes no sense."""
        if metadata.get("format") != str(FORMAT):
            said = metadata.get("format", "none")
            raise PassedOver(f"checkpoint of format {said}, this dreamd reads {FORMAT}: {path}")
        try:
            fields = json.loads(metadata["header"])
            head = cls(
                config=ModelConfig(**fields.pop("shape")),
                **{**fields, "history": tuple(fields.get("history", ()))},
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Damaged(f"its header cannot be read ({error}): {path}") from None
        if head.config.approach not in ROWS:
            raise PassedOver(f"of an approach that this dreamd does not know: {path}")
        if wrong := head.nonsense():
            raise Damaged(f"its header makes no sense ({wrong}): {path}")
        return head

    def nonsense(self) -> str | None:
        """What cannot be true of any model, if anything."""
        config = self.config
        for name in ("rate", "vector", "window", "hidden", "layers", "bands", "channels"):
            if not _is_whole(getattr(config, name), 1):
                return f"{name} {getattr(config, name)!r}"
        if config.vector % config.bands:
            return f"vector {config.vector}, bands {config.bands}"
        if not _is_whole(config.frame, 0) or not isinstance(config.residual, bool):
            return f"frame {config.frame!r}, residual {config.residual!r}"
        if not _is_whole(self.steps, 0) or not isinstance(self.voice, str):
            return f"steps {self.steps!r}, voice {self.voice!r}"
        if not _is_number(self.scale) or not self.scale:
            return f"scale {self.scale!r}"
        for name in ("error", "deviation", "seconds", "learning_rate"):
            if not _is_number(getattr(self, name)):
                return f"{name} {getattr(self, name)!r}"
        return None if all(map(_is_number, self.history)) else "history"


def promise(config: ModelConfig) -> int:
    """About how many bytes a model of these sizes takes, and a window for it.

    >>> promise(ModelConfig("column", 11025, 1024, 8, 128)) // 1000
    2392
    """
    widest = max(config.vector, config.frame) * config.channels
    weights = 4 * config.hidden * (config.hidden + widest) * config.layers
    return 4 * (weights + config.window * widest)


def _is_whole(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _is_number(value: Any) -> bool:
    """A finite number that is not negative."""
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return fits and 0 <= value < math.inf
