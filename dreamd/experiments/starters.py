"""``dreamd starters``: trains the starter models that the project ships, and writes their cards.

For those who work on the project, in a checkout: ``dreamd starters --minutes 5`` remakes
``models/pluck`` (the project's own example) and ``models/guitar`` (recordings in the public domain,
Debian's package sonic-pi-samples).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from dreamd import __version__
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import files, plucked_string
from dreamd.commands import offline
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.errors import SetupError
from dreamd.evaluation.judge import Judge
from dreamd.evaluation.markdown import table
from dreamd.evaluation.verdict import CRITERIA
from dreamd.experiments.common import heard, heard_by_judge, job_of
from dreamd.experiments.table1 import newest_checkpoint, trained
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings

SAMPLES = Path("/usr/share/sonic-pi/samples")
"""Where Debian's package puts them."""
GUITAR = {
    "guit_em9.flac": "Sub-d, freesound.org/people/Sub-d/sounds/46992",
    "guit_e_fifths.flac": "Sub-d, freesound.org/people/Sub-d/sounds/46990",
    "guit_e_slide.flac": "Suva, freesound.org/people/Suva/sounds/2410",
    "guit_harmonics.flac": "BStateham, freesound.org/people/BStateham/sounds/141524",
}
"""Electric guitar, all under CC0; who recorded it and where."""
SECONDS, RANDS = 12.0, (1, 2, 3)  # of the dreams that are judged


def train_starters(
    settings: Settings, source: Path, minutes: float, into: Path, say: Callable[[str], None]
) -> None:
    """Trains all four approaches on each voice and puts weights and cards into ``into``."""
    voices = {"pluck": _pluck(source / "pluck"), "guitar": _guitar(source / "guitar")}
    recorded = offline.ingest(settings, source, say)
    for approach in APPROACHES:
        config, wanted = config_of(approach, settings), 60 * minutes
        had = min(trained(settings, voice, config) for voice in voices)
        if had < 0.95 * wanted:
            offline.train(settings, source, approach, len(voices) * (wanted - had), say)
    render.prepare()
    for voice, credits in voices.items():
        rows = [_starter(settings, voice, recorded[voice], each, into) for each in APPROACHES]
        (into / voice / "README.md").write_text(
            card(voice, credits, recorded[voice], rows, minutes, settings), encoding="utf-8"
        )
        say(f"{voice}: written")


def _pluck(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    files.write(folder / "phrase.wav", plucked_string.phrase(), plucked_string.MODEL_RATE)
    made_by = "`dreamd/audio/plucked_string.py`"
    return f"The project's own example: a phrase plucked on a modelled string ({made_by})."


def _guitar(folder: Path) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for name in GUITAR:
        try:
            (folder / name).write_bytes((SAMPLES / name).read_bytes())
        except OSError:
            raise SetupError(
                f"{SAMPLES / name} is missing; on Debian: apt-get install sonic-pi-samples"
            ) from None
    credits = "\n".join(f"- `{name}`: {by}" for name, by in GUITAR.items())
    return (
        "Electric guitar from the recordings of Debian's package `sonic-pi-samples`, each of them "
        f"in the public domain (CC0 1.0):\n\n{credits}"
    )


def _starter(
    settings: Settings, voice: str, recordings: Sequence[Recording], approach: str, into: Path
) -> list[str]:
    """Puts the newest weights in place, thinner; gives the card's row."""
    config = config_of(approach, settings)
    head, arrays = checkpoints.load(newest_checkpoint(settings, voice, config))
    folder = into / voice / config.name
    for old in checkpoints.checkpoints(folder):
        old.unlink()
    thin = {name: array.astype(np.float16) for name, array in arrays.items()}
    starter = checkpoints.ship(folder, replace(head, history=()), thin)
    judge = Judge([heard_by_judge(each) for each in recordings])
    judged = []
    for rand in RANDS:
        asked = Request(approach, SECONDS, rand=rand)
        job = replace(job_of(settings, {voice: recordings}, asked), weights=starter)
        judged.append(judge.judge(heard(settings, job).samples))
    scores = [
        f"{np.mean([getattr(each, key) for each in judged]):.2f}" for key in ("c1", "c2", "c3")
    ]
    return [approach, str(config.vector), f"{head.seconds:.0f} s", str(head.steps),
            f"{head.error:.3f}", *scores, f"{starter.stat().st_size / 2**20:.2f} MB"]  # fmt: skip


def card(
    voice: str, credits: str, recordings: Sequence[Recording], rows: Sequence[list[str]],
    minutes: float, settings: Settings,
) -> str:  # fmt: skip
    head = ["approach", "V or hop", "trained", "steps", "error", *CRITERIA, "size"]
    seconds = sum(each.seconds for each in recordings)
    return f"""# Starter model: {voice}

{credits}

{len(recordings)} recordings, {seconds:.0f} s in all, mono at {settings.rate} Hz. Made by
`dreamd starters --minutes {minutes:g}` of dreamd {__version__} with the default settings:
hidden size {settings.hidden}, {settings.layers} layer, windows of {settings.window}, Adam at
{settings.learning_rate:g}, input noise {settings.input_noise:g}, initial weights
{settings.init_std:g}. Weights are kept as 16-bit numbers.

*Error*: mean squared, over the mean square (1 predicts silence). The three criteria of
`dreamd judge` are means of {len(RANDS)} concurrent dreams of {SECONDS:g} s from these very weights.
A dream follows one recording and is judged against all of them, so where they differ much, one
dream cannot resemble them all.

{table(head, rows)}

The weights are under the project's own licence.
"""
