"""Where things begin in a recording, what it sounds like there, and the file it is kept in."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import RATE, RATES, tone

from dreamd.audio import plucked_string, resampling
from dreamd.audio.files import Samples
from dreamd.audio.timbre import TIMBRE_SPAN, timbre
from dreamd.corpus import events
from dreamd.corpus.recording import Recording

Make = Callable[..., Recording]

SCALE = (45, 48, 50, 52, 55, 57, 60, 62, 64, 67, 69, 72, 74, 76)
GAP = 0.6  # seconds from one note of the scale to the next


def plucked(rate: int = RATE, notes: tuple[int, ...] = SCALE, ring: float = GAP + 0.1) -> Samples:
    """One note after another, each ringing a little over the next."""
    rng = np.random.default_rng(0)
    out = np.zeros(int((GAP * len(notes) + 1) * plucked_string.MODEL_RATE))
    for k, note in enumerate(notes):
        start = int(GAP * k * plucked_string.MODEL_RATE)
        string = plucked_string.string(
            note, ring, plucked_string.MODEL_RATE, rng, rng.uniform(0.4, 0.8)
        )
        out[start : start + len(string)] += string[: len(out) - start]
    return resampling.resample((out / 3).astype(np.float32), plucked_string.MODEL_RATE, rate)


def pad(seconds: float = 20.0, rate: int = RATE) -> Samples:
    """Chords that swell into each other over seconds: nothing ever strikes."""
    t = np.arange(int(seconds * rate)) / rate
    out = np.zeros(len(t))
    for k, chord in enumerate(
        ((45, 52, 60), (43, 50, 59), (48, 55, 64), (41, 48, 57), (45, 57, 64))
    ):
        swell = np.exp(-0.5 * ((t - 4.0 * k - 2.0) / 1.8) ** 2)
        for note in chord:
            for partial in range(1, 6):
                hertz = partial * plucked_string.hertz(note) * (1 + 0.001 * partial)
                out += swell * np.sin(2 * np.pi * hertz * t + note) / partial**1.5
    return (0.2 * out).astype(np.float32)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ring", [GAP + 0.1, 2.0])
def test_each_note_of_a_plucked_scale_is_an_event(rate: int, ring: float) -> None:
    """Within 30 ms, a guitarist's tightest; also where three notes ring on over each other."""
    frames = events.boundaries(plucked(rate, ring=ring), rate)
    for k in range(len(SCALE)):
        assert np.abs(frames / rate - GAP * k).min() < 0.03
    assert len(frames) <= len(SCALE) + 2


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ring", [GAP + 0.1, 2.0])
def test_an_event_has_the_pitch_of_what_begins(ring: float, rate: int) -> None:
    """Not that of the notes that still ring."""
    found = events.find(plucked(rate, ring=ring), rate)
    here = [int(np.abs(found.frames / rate - GAP * k).argmin()) for k in range(len(SCALE))]
    right = np.abs(found.pitches[here] - SCALE) < 0.5
    assert right.mean() >= (1.0 if ring < 1 else 0.85)


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(10 * RATE).astype(np.float32) / 4
    assert np.isnan(events.find(noise, RATE).pitches).all()


@pytest.mark.parametrize("rate", [11025, 44100])
def test_a_pad_has_boundaries_where_it_changes(rate: int) -> None:
    """Never over two seconds apart, and one near each change of chord (at 4, 8, 12 and 16 s)."""
    samples = pad(rate=rate)
    frames = events.boundaries(samples, rate)
    assert frames[0] == 0
    assert np.diff(frames, append=len(samples)).max() <= 2.0 * rate
    assert len(frames) < 30
    for change in (4.0, 8.0, 12.0, 16.0):
        assert np.abs(frames / rate - change).min() < 0.6


def test_rain_has_boundaries_too() -> None:
    rain = np.random.default_rng(1).standard_normal(20 * RATE).astype(np.float32) / 10
    frames = events.boundaries(rain, RATE)
    assert np.diff(frames, append=len(rain)).max() <= 2.0 * RATE
    assert len(frames) < 40


@pytest.mark.parametrize("samples", [np.zeros(3 * RATE), np.zeros(1), np.ones(100), tone(440, 0.2)])
def test_what_is_silent_or_short_begins_at_its_beginning(samples: Samples) -> None:
    found = events.find(samples.astype(np.float32), RATE)
    assert found.frames[0] == 0
    assert np.isfinite(found.before).all()
    assert np.isfinite(found.at).all()


def test_a_timbre_is_the_same_at_every_rate_and_loudness() -> None:
    """And a melody's notes have others than each other."""
    low, high = pad(6.0, 11025), pad(6.0, 44100)
    there = timbre(low[: 2 * 11025], 11025)
    assert np.linalg.norm(there) == pytest.approx(1, abs=1e-3)
    assert there @ timbre(0.1 * high[: 2 * 44100], 44100) > 0.99
    notes = events.find(plucked(), RATE).at.astype(np.float32)
    assert np.median(notes @ notes.T) < 0.9


def test_before_and_at_are_the_timbres_on_both_sides() -> None:
    samples = plucked()
    found, size = events.find(samples, RATE), round(TIMBRE_SPAN * RATE)
    for k, frame in enumerate(found.frames.tolist()[1:-1], 1):
        assert found.before[k] @ timbre(samples[:frame], RATE) > 0.99
        assert found.at[k] @ timbre(samples[: frame + size], RATE) > 0.99
        assert found.levels[k] == pytest.approx(
            10 * np.log10(np.mean(samples[frame : frame + size] ** 2)), abs=0.1
        )


def test_a_long_recording_is_heard_piece_by_piece() -> None:
    """The same events wherever the pieces' edges fall."""
    scale = plucked()
    longer = np.concatenate((np.zeros(27 * RATE, np.float32), scale))
    frames = events.boundaries(longer, RATE) - 27 * RATE
    for k in range(len(SCALE)):
        assert np.abs(frames / RATE - GAP * k).min() < 0.03


def test_events_are_kept_beside_the_recording(recorded: Make) -> None:
    recording = recorded(plucked())
    assert events.known(recording) is None
    assert not events.exist(recording)
    found = events.find(plucked(), RATE)
    events.keep(recording, found)
    assert events.exist(recording)
    there = events.known(recording)
    assert there is not None
    for name in ("frames", "levels", "pitches", "before", "at"):
        np.testing.assert_array_equal(getattr(there, name), getattr(found, name))
    assert not list(Path(recording.cache).parent.glob("*.tmp"))


@pytest.mark.parametrize(
    "damage",
    [lambda b: b"", lambda b: b[:-1], lambda b: b"x" + b[1:], lambda b: b + b"more",
     lambda b: b[:16] + bytes(len(b) - 16), lambda b: b[:8] + bytes(8)],
)  # fmt: skip
def test_a_damaged_file_is_as_none(recorded: Make, damage: Callable[[bytes], bytes]) -> None:
    recording = recorded(plucked())
    events.keep(recording, events.find(plucked(), RATE))
    path = Path(recording.cache).with_suffix(".events")
    path.write_bytes(damage(path.read_bytes()))
    assert events.known(recording) is None
