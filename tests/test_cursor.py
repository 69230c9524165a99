"""Where the cursor goes: straight on, to what the dream sounds like, or as a melody goes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import RATE
from test_events import GAP, SCALE, pad, plucked

from dreamd.audio.files import Samples
from dreamd.audio.timbre import timbre
from dreamd.corpus import events
from dreamd.corpus.recording import Recording
from dreamd.dreaming import cursor, places
from dreamd.dreaming.cursor import Cursor
from dreamd.dreaming.guides import Guide, direction
from dreamd.dreaming.places import Index, Place

Make = Callable[..., Recording]

BLOCK = 256
SILENCE = np.zeros(RATE, np.float32)


@pytest.fixture
def scale(recorded: Make) -> tuple[Recording, Index]:
    recording = recorded(plucked())
    return recording, Index([(recording, events.find(plucked(), RATE))])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def walked(one: Cursor, blocks: int, hear: Samples = SILENCE) -> list[float]:
    return [one.move(BLOCK, hear).frame for _ in range(blocks)]


def onset(note: int) -> float:
    """The frame at which the scale's note begins."""
    return SCALE.index(note) * GAP * RATE


# ---------------------------------------------------------------- straight on


@pytest.mark.parametrize("pace", [1.0, 0.5, 3.3])
def test_without_wander_it_walks_straight_on(scale: tuple[Recording, Index], pace: float) -> None:
    """At its pace, and from the end to the beginning."""
    recording, index = scale
    one = Cursor(index, Place(recording, 5000), rng(), wander=0.0, pace=pace)
    there = (5000 + pace * BLOCK * np.arange(600)) % recording.frames
    np.testing.assert_allclose(walked(one, 600), there, atol=1e-3)


def test_a_recording_whose_events_nobody_knows_is_walked_straight_on(recorded: Make) -> None:
    recording = recorded(plucked())
    one = Cursor(places.index([recording]), Place(recording, 0), rng(), wander=1.0)
    np.testing.assert_allclose(walked(one, 20), BLOCK * np.arange(20))


# ---------------------------------------------------------------- listening


def test_the_likest_place_of_a_cut_is_its_own(scale: tuple[Recording, Index]) -> None:
    """Both what led up to a note and the note itself tell which it is."""
    _, index = scale
    samples = plucked()
    for event in range(1, len(index)):
        frame = int(index.frames[event])
        led = timbre(samples[:frame], RATE)
        own = timbre(samples[: frame + round(0.35 * RATE)], RATE)
        assert int((index.before @ led).argmax()) == event
        assert index.likest(own) == event


def test_it_leaps_to_what_the_dream_sounds_like(scale: tuple[Recording, Index]) -> None:
    """A dream that sounds as just before one note: the cursor goes to that note, however it
    came; and where it lands the note begins when the next event would have begun."""
    recording, index = scale
    hear = plucked()[: int(index.frames[9])]
    for seed in range(6):
        one = Cursor(index, Place(recording, 0), rng(seed), wander=1.0)
        landed = None
        while landed is None:
            step = one.move(BLOCK, hear)
            landed = step.leapt
        assert landed in [
            index.place(e) for e in np.argsort(-index.before @ timbre(hear, RATE))[:4]
        ]
        assert 0 <= landed.frame - step.frame < BLOCK


def test_a_young_dream_keeps_to_its_seed(scale: tuple[Recording, Index]) -> None:
    """And forgets it: later it goes where it sounds like itself."""
    recording, index = scale
    hear = plucked()[: int(index.frames[12])]
    seed = index.at[3]
    places = {index.place(int(event)) for event in np.argsort(-index.at @ seed)[:8]}
    one = Cursor(index, Place(recording, 0), rng(), seed=seed, wander=1.0)
    early = [step.leapt for step in (one.move(BLOCK, hear) for _ in range(60)) if step.leapt]
    assert set(early) <= places
    plain = Cursor(index, Place(recording, 0), rng(), wander=1.0)
    for _ in range(2000):
        one.move(BLOCK, hear)
    late = {step.leapt for step in (one.move(BLOCK, hear) for _ in range(500))}
    unled = {step.leapt for step in (plain.move(BLOCK, hear) for _ in range(500))}
    assert len(late & unled) > len(late) / 2


def test_two_dreams_part_and_the_same_dream_does_not(scale: tuple[Recording, Index]) -> None:
    recording, index = scale

    def path(seed: int, hear: Samples) -> list[float]:
        return walked(Cursor(index, Place(recording, 0), rng(seed), wander=0.8), 200, hear)

    high, low = plucked()[: int(index.frames[12])], plucked()[: int(index.frames[3])]
    assert path(1, high) == path(1, high)
    assert path(1, high) != path(2, high)
    assert path(1, high) != path(1, low)


@pytest.mark.parametrize("wander", [0.2, 0.8, 1.0])
def test_wander_is_how_often_it_leaps(scale: tuple[Recording, Index], wander: float) -> None:
    recording, index = scale
    one = Cursor(index, Place(recording, 0), rng(), wander=wander)
    leaps = sum(one.move(BLOCK, SILENCE).leapt is not None for _ in range(4000))
    events_passed = 4000 * BLOCK / np.median(index.lengths)
    assert leaps / events_passed == pytest.approx(wander, abs=0.15)


def test_it_does_not_go_back_at_once(scale: tuple[Recording, Index]) -> None:
    recording, index = scale
    hear = plucked()[: int(index.frames[9])]
    one = Cursor(index, Place(recording, 0), rng(), wander=1.0)
    landed = [step.leapt for step in (one.move(BLOCK, hear) for _ in range(2000)) if step.leapt]
    for k in range(len(landed) - cursor.RECENT_LANDINGS):
        assert (
            len({place.frame for place in landed[k : k + cursor.RECENT_LANDINGS]})
            == cursor.RECENT_LANDINGS
        )


def test_it_leaps_into_other_recordings(recorded: Make) -> None:
    low, high = plucked(notes=SCALE[:7]), plucked(notes=SCALE[7:])
    pair = [recorded(low, name="low.wav"), recorded(high, name="high.wav")]
    index = Index(zip(pair, [events.find(each, RATE) for each in (low, high)], strict=True))
    one = Cursor(index, Place(pair[0], 0), rng(), wander=1.0)
    hear = high[: int(index.frames[index.firsts[1] + 3])]
    went = {one.move(BLOCK, hear).recording for _ in range(200)}
    assert went == set(pair)


def test_a_voice_of_one_event_is_walked_straight_on(recorded: Make) -> None:
    short = recorded(plucked()[: RATE // 2])
    index = Index([(short, events.find(plucked()[: RATE // 2], RATE))])
    one = Cursor(index, Place(short, 0), rng(), wander=1.0)
    np.testing.assert_allclose(walked(one, 60), BLOCK * np.arange(60) % short.frames)


# ---------------------------------------------------------------- files


def test_the_index_is_made_once_from_what_is_known(recorded: Make) -> None:
    known, unknown = recorded(plucked(), name="a.wav"), recorded(pad(), name="b.wav")
    events.keep(known, events.find(plucked(), RATE))
    assert places.index([known, unknown]).recordings == [known]
    assert places.index([known, unknown]) is places.index([known, unknown])
    events.keep(unknown, events.find(pad(), RATE))
    both = places.index([known, unknown])
    assert both.recordings == [known, unknown]
    assert len(both) == both.firsts[-1] == len(both.before) == len(both.lengths)
    assert both.lengths.min() > 0
    assert both.lengths.sum() == known.frames + unknown.frames


def test_a_dream_listens_to_what_nobody_has_and_no_longer_than_it_may(
    recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("first", "long", "lost", "second", "third")
    takes = {name: recorded(plucked(), name=f"{name}.wav") for name in names}
    takes["long"] = recorded(np.tile(plucked(), 4), name="long.wav")
    Path(takes["lost"].cache).unlink()
    monkeypatch.setattr(places, "MOST_SCANNED", 3.5 * takes["first"].seconds)
    places.scan_unknown([takes[name] for name in names])
    heard = [name for name in names if events.exist(takes[name])]
    assert heard == ["first", "second"]  # the lost one's time is spent
    places.scan_unknown([takes[name] for name in names if name != "lost"])
    heard = [name for name in names if events.exist(takes[name])]
    assert heard == ["first", "second", "third"]
    found = events.known(takes["first"])
    assert found is not None
    np.testing.assert_array_equal(found.frames, events.find(plucked(), RATE).frames)
    assert not list(Path(takes["first"].cache).parent.glob("*.tmp"))


# ---------------------------------------------------------------- a melody to follow

MELODY = (58, 65, 63, 70, 61, 61, 56, 51, 59, 66, 73, 68, 54, 58)
"""Most of these are not in the scale."""


@pytest.fixture
def guide() -> Guide:
    melody = plucked(notes=MELODY)
    return Guide(events.find(melody, RATE), len(melody), 0.0)


def test_a_guide_says_when_its_notes_begin_and_begins_again(guide: Guide) -> None:
    seconds = (GAP * len(MELODY) + 1) * 2
    heard = []
    for block in range(int(seconds * RATE / BLOCK)):
        if (begun := guide.move(BLOCK)) is not None:
            assert 0 <= begun[1] < BLOCK
            heard.append((block * BLOCK + begun[1]) / RATE)
    for lap in range(2):
        for k in range(1, len(MELODY)):
            wanted = lap * (GAP * len(MELODY) + 1) + GAP * k
            assert np.abs(np.array(heard) - wanted).min() < 0.03


def test_the_outline_is_the_melody_s_and_the_pitches_are_the_recording_s(
    scale: tuple[Recording, Index], guide: Guide
) -> None:
    """Each note of the melody is a landing on a note of the scale, that rises and falls with it;
    two steps of thirteen may not, where the scale's edges or gaps forbid it."""
    recording, index = scale
    one = Cursor(index, Place(recording, 0), rng(), wander=0.8, outline=1.0, guide=guide)
    landed = []
    for block in range(int((GAP * len(MELODY)) * RATE / BLOCK)):
        step = one.move(BLOCK, SILENCE)
        if step.leapt:
            landed.append((block * BLOCK + step.leapt.frame - step.frame, step.leapt))
    times = np.array([time for time, _ in landed]) / RATE
    notes = []
    for k in range(len(MELODY)):
        assert np.abs(times - GAP * k).min() < 0.05
        place = landed[int(np.abs(times - GAP * k).argmin())][1]
        notes.append(min(SCALE, key=lambda note: abs(onset(note) - place.frame)))
    same = direction(np.diff(notes)) == direction(np.diff(MELODY))
    assert same.mean() >= 11 / 13


def test_a_long_note_of_the_guide_holds_the_cursor_in_one_event(
    scale: tuple[Recording, Index],
) -> None:
    """Nothing else begins until the guide's next note, two events of the scale later."""
    recording, index = scale
    slow = np.concatenate([np.pad(plucked(notes=(n,)), (0, 3000)) for n in (57, 64, 60)])
    long = Guide(events.find(slow, RATE), len(slow), 0.0)
    one = Cursor(index, Place(recording, 0), rng(), wander=1.0, outline=1.0, guide=long)
    path = [one.move(BLOCK, SILENCE) for _ in range(int(1.3 * RATE / BLOCK))]
    assert path[0].leapt is not None
    passed = np.array([step.frame for step in path])
    begun = [f for f in index.frames if passed[1] < f < passed[-1]]
    assert len(begun) <= 1


def test_half_an_outline_does_both(scale: tuple[Recording, Index], guide: Guide) -> None:
    recording, index = scale

    def leaps(wander: float, outline: float) -> int:
        one = Cursor(index, Place(recording, 0), rng(), wander=wander, outline=outline, guide=guide)
        return sum(one.move(BLOCK, SILENCE).leapt is not None for _ in range(1000))

    assert 0 == leaps(0.0, 0.0) < leaps(0.0, 0.5) < leaps(0.0, 1.0)
