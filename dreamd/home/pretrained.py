"""Starter models: weights that the project ships, for voices that have not learned yet.

They lie in ``models/VOICE/CONFIG/`` like the models of a home folder, as 16-bit numbers, with a
card for each voice. A voice without a model of its own dreams from one of them, and a new model
begins from the nearest one where that is nearer than nothing. ``dreamd starters`` makes them.

They are of 11025 Hz and one channel. At a higher rate at which they keep their pitch, and for two
channels, they serve as well, and so does what a voice has learned so itself: it is the lowest part,
or the middle, of what there is to know (:meth:`dreamd.approaches.base.Approach.lifted`).
"""

from pathlib import Path

from dreamd.approaches.config import ModelConfig
from dreamd.approaches.registry import ROWS
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.home.resources import resource_path
from dreamd.settings import PAPER_RATE, multiple


def all_of(config: ModelConfig, voice: str = "", home: Path | None = None) -> list[Path]:
    """The starters of just this shape, else those of 11025 Hz that span the same time; the one that
    is called like the voice comes first, and before it what the voice's own model of 11025 Hz in
    ``home`` has learned."""
    lower = [config.usual] if _lifts(config) else []
    own = [checkpoints.newest(checkpoints.folder(home, voice, each)) for each in lower if home]
    try:
        root = resource_path("models")
    except SetupError:  # an installation without them trains from nothing
        return [*filter(None, own)]
    shipped = next(filter(None, (_of(root, each, voice) for each in (config, *lower))), [])
    return [*filter(None, own), *shipped]


def _lifts(config: ModelConfig) -> bool:
    """Whether what is known at 11025 Hz serves it: a spectrum's bins lie where they lie in Hz,
    while vectors and bands keep their pitch at multiples of that rate alone."""
    row = ROWS[config.approach]
    parted = config.bands == multiple(config.rate) or not row.sample_wise  # the lowest is as wide
    in_tune = row.size == "hop" or config.rate == multiple(config.rate) * PAPER_RATE
    more = config.rate > PAPER_RATE or config.channels > 1
    return row.lifts and parted and in_tune and more and config.rate >= PAPER_RATE


def _of(root: Path, config: ModelConfig, voice: str) -> list[Path]:
    folders = sorted(root.glob(f"*/{config.name}"), key=lambda f: (f.parent.name != voice, f))
    newest = [checkpoints.newest(folder) for folder in folders]
    return [path for path in newest if path is not None]


def starter_name(starter: Path) -> str:
    """Whose recordings a starter has learned.

    >>> starter_name(Path("models/kalimba/column-256/00001000.safetensors"))
    'kalimba'
    """
    return starter.parent.parent.name
