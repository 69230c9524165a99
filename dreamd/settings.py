"""One table of settings (name, default, help), from which flags and docs come.

The table is the dataclass :class:`Settings`: the command line makes a flag of each
field (``learning_rate`` becomes ``--learning-rate``), and ``dreamd run --help`` and the
README list them. Every part of the program gets this one frozen object.
"""

import math
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import platformdirs

from dreamd.errors import SetupError

LOWEST_RATE, HIGHEST_RATE = 4000, 192000  # Hz
PAPER_RATE = 11025
"""Hz. What is counted in samples is meant at this rate, and lasts as long at any other."""


def multiple(rate: int) -> int:
    """How many times as many samples last as long as at :data:`PAPER_RATE`: the nearest power of
    two, so that lengths stay what an FFT likes; at least 1.

    >>> [multiple(rate) for rate in (8000, 11025, 22050, 44100, 48000, 96000)]
    [1, 1, 2, 4, 4, 8]
    """
    return max(2 ** round(math.log2(rate / PAPER_RATE)), 1)


def _setting(
    default: Any,
    group: str,
    help: str,
    low: float = 0,
    high: float = math.inf,
    words: tuple[str, ...] = (),
) -> Any:
    """A field whose numbers are the default or lie from ``low`` to ``high``, or whose text is one
    of ``words``."""
    table = {"group": group, "help": help, "low": low, "high": high, "words": words}
    return field(default=default, metadata=table)


@dataclass(frozen=True)
class Settings:
    """What a user can turn. Lengths of vectors, hops and frames are in samples."""

    home: Path = _setting(
        platformdirs.user_data_path("dreamd"),
        "places",
        "folder for the corpus, the models and the dreams",
    )
    host: str = _setting("127.0.0.1", "places", "address to listen at; 0.0.0.0 opens it to others")
    port: int = _setting(57130, "places", "UDP port to listen at", low=1, high=65535)
    tidal: str = _setting("127.0.0.1:6010", "places", "Tidal's control port, told of new dreams")
    trust: bool = _setting(False, "places", "other computers may do all that this one may")
    cluster: str = _setting(
        "",
        "places",
        "scheduler (HOST:PORT, or its file) of a cluster that does the work",
    )
    tls: str = _setting("", "places", "folder of the certificates that the cluster speaks with")
    name: str = _setting("", "places", "of this performer in the cluster; empty: the machine's")
    share: str = _setting(
        "", "places", "voices that others of the cluster may dream with: guitar,kalimba"
    )
    plain: bool = _setting(False, "places", "print lines instead of the full-screen view")

    rate: int = _setting(
        PAPER_RATE, "sound", "sample rate of the models, in Hz", LOWEST_RATE, HIGHEST_RATE
    )
    channels: int = _setting(
        1, "sound", "of the models and their dreams; 2: stereo recordings dream in stereo", 1, 2
    )

    vector: int = _setting(
        0, "model", "vector length of vector, transpose and column; "
        "0: as long as 1024 at 11025 Hz", low=8,
    )  # fmt: skip
    hop: int = _setting(0, "model", "hop of spectrum; 0: as long as 256 at 11025 Hz", low=8)
    frame: int = _setting(
        0, "model", "samples in spectrum's frame, at least the hop; "
        "0: as long as 1024 at 11025 Hz", low=16,
    )  # fmt: skip
    window: int = _setting(8, "model", "vectors (or spectra) in a window", low=1)
    hidden: int = _setting(
        128,
        "model",
        "hidden units in each layer; unless it is given, fewer on a slow machine",
        low=1,
    )
    layers: int = _setting(1, "model", "LSTM layers", low=1)
    residual: bool = _setting(False, "model", "add each upper layer's input to its output")
    init_std: float = _setting(0.05, "model", "standard deviation of the initial weights")

    learning_rate: float = _setting(1e-3, "training", "Adam's learning rate")
    batch: int = _setting(8, "training", "stretches of recording in a training step", low=1)
    stretch: int = _setting(32, "training", "windows in a stretch, one vector apart", low=1)
    dropout: float = _setting(0.0, "training", "share of hidden units dropped", high=0.95)
    input_noise: float = _setting(0.01, "training", "noise added to inputs; 1 is full scale")
    clip: float = _setting(1.0, "training", "largest norm of the gradient", low=1e-6)
    save_every: float = _setting(15.0, "training", "seconds of training between checkpoints")
    course: float = _setting(
        300.0, "training", "seconds of training after which a model counts as trained", low=1
    )
    device: str = _setting(
        "auto", "training", "where to train; auto takes a GPU if any",
        words=("auto", "cpu", "cuda", "mps"),
    )  # fmt: skip
    threads: int = _setting(1, "training", "CPU threads in each process", low=1)

    training_share: float = _setting(
        0.5, "training", "share of the whole machine that training may take, 0 to 1", high=1
    )

    dreamers: int = _setting(0, "dreaming", "dreams made at a time; 0: one for each core", high=64)
    queue: int = _setting(32, "dreaming", "dreams that may wait; one more is refused", low=1)
    keep_dreams: str = _setting(
        "0", "dreaming", "newest dreams that are kept: so many (200), or of so many hours (12h); "
        "older ones are deleted; 0: all are kept"
    )  # fmt: skip
    output_rate: int = _setting(
        0, "dreaming", "sample rate of dreams' files, in Hz; 0: as the asker wishes, else --rate",
        LOWEST_RATE, HIGHEST_RATE,
    )  # fmt: skip
    longest: float = _setting(300.0, "dreaming", "longest dream, in seconds", low=0.01)

    def length(self, size: str) -> int:
        """``vector``, ``hop`` or ``frame``, in samples: what is set, else what lasts as long at
        this rate as the paper's does at its own.

        >>> [Settings(rate=44100, hop=512).length(size) for size in ("vector", "hop", "frame")]
        [4096, 512, 4096]
        """
        return int(getattr(self, size) or USUAL_LENGTHS[size] * multiple(self.rate))


USUAL_LENGTHS = {"vector": 1024, "hop": 256, "frame": 1024}
"""In samples at :data:`PAPER_RATE`."""


def check(settings: Settings) -> Settings:
    """``settings`` itself, if each value can work.

    Raises :class:`SetupError` with one line that names the flag.
    """
    for entry in fields(settings):
        value, table = getattr(settings, entry.name), entry.metadata
        if table["words"] and value not in table["words"]:
            raise SetupError(f"{flag(entry.name)} is one of {', '.join(table['words'])}")
        number = isinstance(value, int | float) and value != entry.default
        if number and not table["low"] <= value <= table["high"]:
            top = f" to {table['high']:g}" if table["high"] < math.inf else " or more"
            raise SetupError(f"{flag(entry.name)} must be {table['low']:g}{top}, got {value:g}")
    if settings.frame and (settings.frame < settings.length("hop") or settings.frame % 2):
        raise SetupError("--frame must be even and at least --hop")
    bank_limit(settings.keep_dreams)
    return settings


class BankLimit(NamedTuple):
    """Which dreams are kept: the newest ``number``, or those of the last ``seconds``; 0: all."""

    number: int
    seconds: float


def bank_limit(words: str) -> BankLimit:
    """What ``--keep-dreams`` says.

    >>> bank_limit("200"), bank_limit("1.5h")
    (BankLimit(number=200, seconds=0.0), BankLimit(number=0, seconds=5400.0))

    Raises :class:`SetupError`.
    """
    hours = re.fullmatch(r"([0-9]{1,6}(\.[0-9]{1,6})?)h", words, re.ASCII)
    if hours and float(hours[1]) > 0:
        return BankLimit(0, 3600 * float(hours[1]))
    if re.fullmatch(r"[0-9]{1,9}", words, re.ASCII):
        return BankLimit(int(words), 0.0)
    raise SetupError(f"--keep-dreams takes a number of dreams or of hours (200, 12h), got {words}")


def flag(name: str) -> str:
    """
    >>> flag("learning_rate")
    '--learning-rate'
    """
    return "--" + name.replace("_", "-")


def in_group(*groups: str) -> list[Any]:
    """The fields of the table that belong to ``groups``, in order."""
    return [f for f in fields(Settings) if f.metadata["group"] in groups]
