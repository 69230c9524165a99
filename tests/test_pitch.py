"""Listening for pitches that sound alone, and the seeds of notes that are cut from them."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from conftest import RATE, RATES, pitch, tone

from dreamd.audio import plucked_string
from dreamd.corpus import events, single_notes
from dreamd.corpus.pitch import scan
from dreamd.corpus.pitch import singles as solos_in
from dreamd.corpus.recording import Recording
from dreamd.corpus.single_notes import SingleNote
from dreamd.dreaming import seed_samples, seeds
from dreamd.dreaming.seeds import Seed
from dreamd.evaluation.liveliness import kept
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.scheduler import TrainingScheduler

Make = Callable[..., Recording]


def plucked(*notes: float, seconds: float = 1.5, rate: int = RATE) -> np.ndarray:
    return plucked_string.chord(notes, int(seconds * rate), rate, 0.5)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("note", [40, 52, 60, 71, 84])
def test_a_plucked_note_is_a_solo(note: float, rate: int) -> None:
    (single,) = solos_in(plucked(note, rate=rate), rate)
    assert single.note == pytest.approx(note, abs=0.1)
    assert single.frames > rate / 2
    assert single.start + single.frames <= 1.5 * rate


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("notes", [(60, 64, 67), (60, 67), (48, 55), (57, 60), (45, 52, 57, 61)])
def test_a_chord_is_none(notes: tuple[float, ...], rate: int) -> None:
    """Though the tracker hears its common subharmonic as one steady pitch."""
    assert list(solos_in(plucked(*notes, rate=rate), rate)) == []


def test_neither_is_noise_silence_or_a_click() -> None:
    rng = np.random.default_rng(0)
    click = np.zeros(RATE, np.float32)
    click[5000] = 1.0
    for samples in (rng.standard_normal(RATE).astype(np.float32) / 4, 0 * click, click, click[:9]):
        assert list(solos_in(samples, RATE)) == []


@pytest.mark.parametrize("rate", RATES)
def test_notes_in_a_row_are_found_one_by_one(rate: int) -> None:
    phrase = np.concatenate([plucked(n, seconds=0.8, rate=rate) for n in (52, 64, 57)])
    found = list(solos_in(phrase, rate))
    assert [round(single.note) for single in found] == [52, 64, 57]
    for k, single in enumerate(found):
        begins, ends = single.start / rate, (single.start + single.frames) / rate
        assert 0.8 * k - 0.045 < begins < ends < 0.8 * (k + 1)


def test_a_long_recording_is_heard_minute_by_minute(recorded: Make) -> None:
    quiet = np.zeros(int(61 * RATE), np.float32)
    recording = recorded(np.concatenate((plucked(60), quiet, plucked(72))))
    heard = list(scan(recording))
    assert len(heard) == 2
    first, second = chain.from_iterable(heard)
    assert (round(first.note), round(second.note)) == (60, 72)
    assert second.start == pytest.approx(62.5 * RATE, abs=0.1 * RATE)


def test_the_learner_listens_and_writes_it_down(small: Settings, recorded: Make) -> None:
    learner = TrainingScheduler(small, lambda message: None)
    recording = recorded(plucked(60))
    assert single_notes.known(recording) is None
    learner.set_recordings((recording,))
    for _ in range(3):
        learner.scan()
    found = events.known(recording)
    assert found is not None
    assert len(found) >= 1
    known = single_notes.known(recording)
    assert known is not None
    assert [round(single.note) for single in known] == [60]
    assert single_notes.of(recording, 60.3) == list(known)
    assert single_notes.of(recording, 61) == []
    learner.set_recordings((recording,))
    learner.scan()
    assert not learner.listens


def test_where_nothing_was_written_notes_are_synthesized_and_learning_goes_on(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(single_notes, "keep", full)
    learner, recording = TrainingScheduler(small, lambda message: None), recorded(plucked(60))
    learner.set_recordings((recording,))
    for _ in range(3):
        learner.scan()
    assert single_notes.known(recording) is None


# ---------------------------------------------------------------- seeds


def seed_of(notes: tuple[float, ...], recording: Recording, **keys: object) -> Seed:
    request = Request("transpose", notes=notes, **keys)  # type: ignore[arg-type]
    seed, _ = seeds.settle(
        request, {"guitar": [recording]}, lambda number: Path(), np.random.default_rng(0)
    )
    return seed


def loaded(seed: Seed, count: int = 8192) -> np.ndarray:
    return seed_samples.load(seed, count, RATE, 0.5, np.random.default_rng(0))


def test_a_note_is_cut_from_the_voice_and_tuned(recorded: Make) -> None:
    """The recording's 300 Hz is MIDI 62.37; asked for 62, the seed has 293.7 Hz."""
    recording = recorded(tone(300, 2.0), "guitar")
    single_notes.keep(recording, chain.from_iterable(scan(recording)))
    seed = seed_of((62.0,), recording)
    assert seed.cuttings[0] is not None
    assert seed.cuttings[0].recording == recording
    assert pitch(loaded(seed)) == pytest.approx(plucked_string.hertz(62), abs=RATE / 8192)
    assert seed_of((62.0,), recording, seed="guitar").cuttings == seed.cuttings


def test_what_the_voice_does_not_have_is_synthesized(recorded: Make) -> None:
    recording = recorded(tone(300, 2.0), "guitar")
    single_notes.keep(recording, chain.from_iterable(scan(recording)))
    seed = seed_of((62.0, 70.0), recording)
    assert [cutting is None for cutting in seed.cuttings] == [False, True]
    samples = loaded(seed)
    assert np.abs(samples).max() == pytest.approx(0.5)
    assert kept(samples, RATE, (62.0, 70.0)) > 0.99
    shares = [kept(samples, RATE, (note,)) for note in (62.0, 70.0)]
    assert min(shares) > 0.25  # both are there, about equally strong


def test_a_short_solo_fades_into_itself(recorded: Make) -> None:
    """A fifth of a second becomes as long as needed, without a jump in its wave."""
    recording = recorded(tone(300, 1.0), "guitar")
    single_notes.keep(recording, [SingleNote(62.37, 1000, int(0.21 * RATE))])
    samples = loaded(seed_of((62.37,), recording), 16384)
    assert pitch(samples) == pytest.approx(300, abs=1)
    steepest = 2 * np.pi * 300 / RATE * 0.5
    assert np.abs(np.diff(samples)).max() < 1.3 * steepest
    quarters = samples.reshape(4, -1).std(1)
    assert quarters.min() > 0.8 * quarters.max()
