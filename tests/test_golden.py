"""The same request, weights and ``rand`` give the same samples, release after release.

``golden/dreams.npz`` holds what fixed weights dreamt when they were recorded. Where the samples
are meant to change, say why in CHANGELOG.md and record anew: ``python tests/test_golden.py``.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import RATE

from dreamd.approaches import registry
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import files, plucked_string, resampling
from dreamd.commands.offline import listen
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.resolve import resolve
from dreamd.home import checkpoints
from dreamd.osc.requests import SAMPLINGS, Request
from dreamd.settings import Settings

GOLDEN = Path(__file__).parent / "golden" / "dreams.npz"

TOLERANCE = 5e-3
"""Of the dream's peak. On one machine the samples are equal to the bit; another one's matrix
products and FFTs round differently, and a dream that hears itself carries that on."""

SECS = 0.6  # in which the cursor leaps


def dreamt(home: Path, approach: str, sampling: str, **other: object) -> files.Samples:
    """A dream of fixed weights that follows a phrase of the project's own."""
    settings = Settings(home=home, vector=256, hop=64, frame=256, window=4, hidden=32)
    voices = {"pluck": [recording(home)]}
    listen(voices["pluck"][0])
    save(settings, approach)
    asked = Request(approach, SECS, seed="pluck:0", seedat=1.0, followat=2.7, rand=7, wander=1.0,
                    sampling=sampling, temperature=0.2)  # fmt: skip
    asked = replace(asked, **other)
    job = replace(resolve(settings, asked, voices, lambda number: Path()), path=home / "dream.wav")
    job.file.create(job.frames)
    with torch.no_grad():
        render.render(job, settings, lambda wrote: None)
    return np.concatenate(list(files.decode(job.path, job.config.rate)))


def recording(home: Path) -> Recording:
    samples = resampling.resample(plucked_string.phrase(), plucked_string.MODEL_RATE, RATE)
    cache = home / "phrase.f32"
    samples.astype("<f4").tofile(cache)
    return Recording(
        voice="pluck", source=str(home / "phrase.wav"), cache=str(cache), frames=len(samples),
        rate=RATE, peak=float(np.abs(samples).max()), loudest=0.2, joined=0.0,
    )  # fmt: skip


def save(settings: Settings, approach: str) -> None:
    """Weights drawn by numpy, whose generators give the same numbers for ever."""
    config, rng = config_of(approach, settings), np.random.default_rng(0)
    arrays = {
        name: (0.15 * rng.standard_normal(tuple(tensor.shape))).astype(np.float32)
        for name, tensor in registry.make(config).state_dict().items()
    }
    head = checkpoints.Header(config=config, scale=0.5, voice="pluck", steps=1, deviation=0.05)
    checkpoints.save(settings.home, head, arrays, {})


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("approach", APPROACHES)
def test_a_dream_is_as_it_was(tmp_path: Path, approach: str, sampling: str) -> None:
    expected = np.load(GOLDEN)[f"{approach}-{sampling}"]
    samples = dreamt(tmp_path, approach, sampling)
    peak = np.abs(expected).max()
    assert peak > 0.02  # else anything quiet would pass
    np.testing.assert_allclose(samples, expected, rtol=0, atol=TOLERANCE * peak)


@pytest.mark.parametrize(
    "other", [{"rand": 8}, {"learn": 1e-5}, {"followat": 2.8}, {"pace": 1.1}, {"wander": 0}]
)
@pytest.mark.parametrize("approach", APPROACHES)
def test_what_is_asked_otherwise_is_told_apart(
    tmp_path: Path, approach: str, other: dict[str, object]
) -> None:
    """Else the tolerance would hide a change."""
    expected = np.load(GOLDEN)[f"{approach}-concurrent"]
    samples = dreamt(tmp_path, approach, "concurrent", **other)
    assert np.abs(samples - expected).max() > 4 * TOLERANCE * np.abs(expected).max()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        np.savez_compressed(
            GOLDEN,
            **{f"{a}-{s}": dreamt(Path(folder), a, s) for a in APPROACHES for s in SAMPLINGS},
        )
