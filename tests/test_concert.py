"""Some of the set that ``make set`` plays for an hour; its listener hears what is wrong.

Whether an endless dream kept up is nothing to assert here: on a busy machine it may not.
"""

from pathlib import Path

import numpy as np
import pytest
import soxr
from concert import hearing, stage
from conftest import SMALL_FLAGS

from dreamd.audio import plucked_string
from dreamd.audio.files import Samples

RATE = 48000


@pytest.fixture(scope="module")
def played() -> Samples:
    """A phrase as a dream at 11025 Hz comes to a server: nothing over 5.5 kHz."""
    phrase = plucked_string.phrase()[: 6 * plucked_string.MODEL_RATE].astype(np.float32)
    slow = soxr.resample(phrase, plucked_string.MODEL_RATE, 11025)
    return np.asarray(soxr.resample(slow, 11025, RATE), np.float32)


def test_nothing_is_wrong_with_a_phrase(played: Samples) -> None:
    assert hearing.listen(played, RATE) == hearing.Heard([], [])


@pytest.mark.parametrize("seed", range(3))
def test_splices_are_heard(played: Samples, seed: int) -> None:
    found, made = hearing.share_found(played, RATE, 6, seed)
    assert made > 0
    assert found == made


def test_a_gap_is_heard(played: Samples) -> None:
    tape = played.copy()
    fade = np.linspace(1, 0, 480, dtype=np.float32)
    tape[RATE : RATE + 480] *= fade
    tape[RATE + 480 : RATE + 4800] = 0
    tape[RATE + 4800 : RATE + 5280] *= fade[::-1]
    ((start, length),) = hearing.gaps(tape, RATE)
    assert start == pytest.approx(1.01, abs=0.01)
    assert length == pytest.approx(0.09, abs=0.01)


def test_a_rest_is_no_gap(played: Samples) -> None:
    """A note dies away, it is silent, the next one comes."""
    tape = played.copy()
    tape[RATE : 2 * RATE] *= np.exp(-np.linspace(0, 25, RATE, dtype=np.float32))
    tape[2 * RATE : 3 * RATE] = 0
    assert not hearing.gaps(tape, RATE)


@pytest.mark.supercollider
def test_some_of_the_set(tmp_path: Path) -> None:
    told = stage.run(tmp_path, seed=3, seconds=45, stretch=15, sizes=SMALL_FLAGS)
    assert not told.faults
