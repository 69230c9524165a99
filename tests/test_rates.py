"""What names samples lasts as long at every rate: sizes, learning, strikes, joins."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from conftest import RATE, RATES, tone

from dreamd.approaches import registry
from dreamd.approaches.lessons import block_of
from dreamd.approaches.registry import APPROACHES, ROWS, config_of
from dreamd.audio.crossfade import continued, crossfade, fitted
from dreamd.audio.files import Samples
from dreamd.audio.harmonics import Harmonics
from dreamd.corpus.recording import Recording
from dreamd.dreaming.cursor import Cursor
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.places import Index, Place
from dreamd.errors import SetupError
from dreamd.settings import Settings, check, multiple

at_every_rate = pytest.mark.parametrize("rate", RATES)


@at_every_rate
@pytest.mark.parametrize("approach", APPROACHES)
def test_a_model_spans_the_same_time(approach: str, rate: int) -> None:
    config, usual = config_of(approach, Settings(rate=rate)), config_of(approach, Settings())
    for length in ("vector", "frame"):
        ratio = getattr(config, length) / max(getattr(usual, length), 1) * RATE / rate
        assert ratio == 0 if not getattr(usual, length) else ratio == pytest.approx(1, abs=0.09)
    profile = ROWS[approach].concurrent
    assert profile.rate(config) == profile.rate(usual)
    models = [registry.make(each) for each in (config, usual)]
    blocks = [block_of(each, profile) * each.element_samples / each.config.rate for each in models]
    assert blocks[0] == pytest.approx(blocks[1], rel=0.09)


def test_what_is_set_stays() -> None:
    settings = check(Settings(rate=44100, vector=1024, hop=256))
    assert config_of("column", settings).name == "column-44100-v1024-n8-h128-l1-b4"
    assert config_of("spectrum", settings).name == "spectrum-44100-v256-n8-h128-l1-f4096"
    assert config_of("spectrum", Settings(hop=2001)).frame == 2002
    for wrong in ({"vector": 7}, {"vector": -1}, {"frame": 512, "rate": 44100}, {"frame": 1025}):
        with pytest.raises(SetupError, match=r"--(vector|frame) must be"):
            check(Settings(**wrong))  # type: ignore[arg-type]


@at_every_rate
def test_more_inputs_that_learn_at_once_lean_less(rate: int) -> None:
    """In the linear reach of Adam's epsilon a step moves a gate as far at every rate."""
    profile, config = ROWS["vector"].concurrent, config_of("vector", Settings(rate=rate))
    each = 1 / profile.epsilon_of(config)
    assert each * config.vector == pytest.approx(1024 / profile.epsilon)
    column = ROWS["column"].concurrent
    assert column.epsilon_of(config_of("column", Settings(rate=rate))) == column.epsilon


@at_every_rate
def test_a_shorter_hop_learns_more_slowly_everywhere(rate: int) -> None:
    profile, hop = ROWS["spectrum"].concurrent, 128 * multiple(rate)
    assert profile.rate(config_of("spectrum", Settings(rate=rate, hop=hop))) == pytest.approx(
        profile.learning_rate / 2
    )


def broken(rate: int) -> tuple[Samples, int]:
    """Two tones that go on, but for a jump where the last block begins; and its length."""
    wave = tone(440, 1.0, rate, 0.3) + tone(613, 1.0, rate, 0.2)
    count = 512 * multiple(rate)
    wave[-count:] += 1.0
    return wave, count


@at_every_rate
def test_a_block_joins_what_came_before_it(rate: int) -> None:
    """No step is larger than those of the wave itself, and past 3 ms the block is its own."""
    wave, count = broken(rate)
    joined = wave[-count - fitted(rate) :].copy()
    crossfade(joined, count, rate)
    usual = np.abs(np.diff(wave[:-count])).max()
    assert np.abs(np.diff(joined)).max() < 2 * usual < np.abs(np.diff(wave)).max()
    own = round(0.003 * rate)
    np.testing.assert_array_equal(joined[-count + own :], wave[-count + own :])
    assert np.abs(joined - wave[-len(joined) :])[-count:].max() > 0.1


@at_every_rate
def test_what_strikes_is_what_nothing_foretold(
    rate: int, recorded: Callable[..., Recording]
) -> None:
    """A pick of a millisecond between tones, and next to nothing of the tones themselves. A frame
    of bands hears it up to 3 ms early, and most of it at half of that."""
    settings = Settings(rate=rate, vector=64, window=2, hidden=4)
    wave = tone(440, 1.0, rate, 0.3) + tone(613, 1.0, rate, 0.2)
    start, pick = rate // 2, rate // 2 + round(0.01 * rate)
    wave[pick : pick + rate // 1000] += 0.3
    recording = replace(recorded(wave), rate=rate)
    model = registry.make(config_of("column", settings))
    cursor = Cursor(Index([]), Place(recording, start), np.random.default_rng(0))
    silence = np.zeros(rate, np.float32)
    profile = ROWS["column"].concurrent
    follower = Follower(model, cursor, profile, learning_rate=0.0, newest=silence)
    follower.step()
    bands = model.element_samples
    made = follower.innovation(round(0.03 * rate / bands))
    struck = np.abs(made.reshape(len(made), -1)).max(1)
    early = model.margin / 2  # type: ignore[operator]
    assert abs(int(struck.argmax()) * bands - (pick - start - early)) / rate < 0.0015
    assert struck[: int(pick - start - 2 * early) // bands - 1].max() < 0.1 * struck.max()


@at_every_rate
def test_what_was_dreamt_goes_on_by_itself(rate: int) -> None:
    wave = tone(440, 1.0, rate, 0.3) + tone(613, 1.0, rate, 0.2)
    going = continued(wave[: rate // 2], 256, rate)
    assert len(going) / rate == pytest.approx(256 / RATE, rel=0.09)
    early = going[: len(going) // 8]
    assert np.abs(early - wave[rate // 2 :][: len(early)]).max() < 0.1


@at_every_rate
def test_what_is_foreign_to_the_seed_is_taken_away_in_the_same_time(rate: int) -> None:
    seed, foreign = tone(440, 8192 / RATE, rate), tone(556, 8192 / RATE, rate)
    held, count = Harmonics(seed, rate), round(0.02 * rate)
    newest = (seed + foreign)[-held.span :].copy()
    held.hold(newest, count)
    left = newest[-count:] - seed[-count:]
    assert np.abs(left[count // 2 :]).max() < 0.3 * np.abs(foreign).max()
    quarter = round(0.0007 * rate)  # of the rise
    untouched = (seed + foreign)[-count:]
    assert np.abs(newest[-count:] - untouched)[:quarter].max() < 0.2
