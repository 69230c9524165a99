"""What a performer can turn, shown by what is heard: onsets, pitches, levels.

Two voices. ``slow`` plays 300 Hz every half second, ``fast`` plays 800 Hz every fifth of one; each
event dies away at once. Small models learn them in seconds.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, pitch, same_trainer, tone

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import files, plucked_string
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.files import Samples
from dreamd.corpus import single_notes
from dreamd.corpus.pitch import scan
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render
from dreamd.dreaming.resolve import resolve
from dreamd.evaluation import liveliness
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings

SLOW, FAST = 0.5, 0.2  # seconds from event to event
STEPS = {"vector": 150, "spectrum": 150, "transpose": 600, "column": 300}


def pulses(hertz: float, every: float, seconds: float = 6.0) -> Samples:
    """An event every so many seconds, the first at 0."""
    t = np.arange(int(seconds * RATE)) / RATE
    return (tone(hertz, seconds) * np.exp(-(t % every) / 0.04)).astype(np.float32)


def onsets(samples: Samples) -> np.ndarray:
    """When something begins, in seconds: 10 ms levels that rise by 8 dB within 50 ms."""
    size = RATE // 100
    power = (samples[: len(samples) // size * size].reshape(-1, size) ** 2).mean(1)
    level = np.maximum(10 * np.log10(power / power.max() + 1e-9), -30)
    found: list[int] = []
    for k in range(5, len(level)):
        if level[k] - level[k - 5 : k].min() > 8 and (not found or k - found[-1] > 8):
            found.append(k)
    return np.array(found) / 100


def interval(samples: Samples) -> float:
    """Seconds from onset to onset, the middle one of all."""
    return float(np.median(np.diff(onsets(samples))))


class Stage:
    """Two voices, their models (learned when first asked for), and dreams of them."""

    def __init__(self, settings: Settings, recorded: Callable[..., Recording]) -> None:
        self.settings = settings
        self.voices = {
            "slow": [recorded(pulses(300, SLOW), "slow")],
            "fast": [recorded(pulses(800, FAST), "fast")],
        }

    def learn(self, voice: str, approach: str, steps: int, settings: Settings | None = None,
              recordings: list[Recording] | None = None) -> Path:  # fmt: skip
        """So many steps of training; gives the checkpoint."""
        settings = settings or self.settings
        there = recordings or self.voices[voice]
        trainer = same_trainer(config_of(approach, settings), settings, there)
        trainer.head = replace(trainer.head, voice=voice)
        for _ in range(steps):
            trainer.train(0.0)
        trainer.save()
        found = checkpoints.newest(checkpoints.folder(settings.home, voice, trainer.config))
        assert found is not None
        return found

    def dream(self, approach: str, **keys: object) -> Samples:
        request = Request(approach, **{"secs": 4.0, "rand": 1, **keys})  # type: ignore[arg-type]
        job = resolve(self.settings, request, self.voices, lambda number: Path())
        if job.weights is None:
            self.learn(job.voice, approach, STEPS[approach])
            job = resolve(self.settings, request, self.voices, lambda number: Path())
        job = replace(job, path=self.settings.home / "dream.wav")
        DreamFile(job.path, RATE).create(job.frames)
        with torch.no_grad():
            render.render(job, self.settings, lambda wrote: None)
        return soundfile.read(job.path, dtype="float32")[0]


@pytest.fixture
def stage(small: Settings, recorded: Callable[..., Recording]) -> Stage:
    return Stage(small, recorded)


@pytest.mark.parametrize("approach", APPROACHES)
def test_events_come_at_the_cursor_s_pace(stage: Stage, approach: str) -> None:
    """``pace`` 0.5: events unfold at half speed; the walk's rhythm is the dream's."""
    for pace in (0.5, 1.0, 2.0):
        dream = stage.dream(approach, seed="slow", followat=0, pace=pace, secs=5.0)
        assert interval(dream[RATE:]) == pytest.approx(SLOW / pace, rel=0.1), pace


@pytest.mark.parametrize("approach", ["spectrum", "column"])
def test_follow_chooses_whose_events(stage: Stage, approach: str) -> None:
    dream = stage.dream(approach, seed="slow", follow="fast")
    assert interval(dream[RATE:]) == pytest.approx(FAST, rel=0.1)


@pytest.mark.parametrize("approach", ["spectrum", "column"])
def test_followat_says_from_which_second(stage: Stage, approach: str) -> None:
    """What the recording plays at that second is what the dream leans to as it begins."""
    phases = []
    for at in (1.0, 1.2):
        dream = stage.dream(approach, seed="slow", follow="slow", followat=at)
        found = onsets(dream)
        found = found[found > 1.0]
        phases.append(np.angle(np.exp(2j * np.pi * found / SLOW).mean()) / (2 * np.pi) * SLOW)
    moved = (phases[0] - phases[1]) % SLOW
    assert moved == pytest.approx(0.2, abs=0.04)
    late = phases[0] % SLOW  # the recording has an event at 1.0 s, where the walk began
    assert min(late, SLOW - late) < 0.08


@pytest.mark.parametrize("approach", APPROACHES)
def test_learning_is_what_makes_it_live(stage: Stage, approach: str) -> None:
    """Concurrent dreams move, paused ones and those that learn nothing drone or die."""
    keys = {"seed": "slow", "secs": 6.0}
    living = stage.dream(approach, **keys)
    assert len(onsets(living)) >= 8  # of 12 events that the cursor passes
    for still in ({"sampling": "paused"}, {"learn": 0.0}):
        assert len(onsets(stage.dream(approach, **keys, **still)[RATE:])) <= 3


def test_learn_is_how_far_it_leans(stage: Stage) -> None:
    """At a rate near nothing the dream keeps its model's pitch; at a high one it takes that of
    the recording it follows."""
    keys = {"seed": "slow", "follow": "fast", "secs": 3.0}
    own = stage.dream("spectrum", **keys, learn=1e-6)
    taken = stage.dream("spectrum", **keys, learn=1e-2)
    assert pitch(own[RATE:]) == pytest.approx(300, rel=0.1)
    assert pitch(taken[RATE:]) == pytest.approx(800, rel=0.1)


def test_a_voice_dreams_what_it_learned(stage: Stage) -> None:
    for voice, hertz in (("slow", 300), ("fast", 800)):
        for keys in ({"voice": voice, "seed": "noise"}, {"seed": voice}):
            assert pitch(stage.dream("spectrum", **keys)[RATE:]) == pytest.approx(hertz, rel=0.1)


@pytest.fixture
def two_tones(stage: Stage, recorded: Callable[..., Recording]) -> Stage:
    """``slow`` has a recording of 300 Hz for two seconds, then of 800 Hz."""
    both = np.concatenate((tone(300, 2.0), tone(800, 2.0)))
    stage.voices["slow"] = [recorded(both, "slow", "b.wav")]
    return stage


def test_seedat_and_seedn_say_where_the_seed_is_cut(two_tones: Stage, tmp_path: Path) -> None:
    """A paused dream goes on as its seed began."""
    paused = {"sampling": "paused", "secs": 0.3}
    low = two_tones.dream("spectrum", seed="slow", seedat=0.5, **paused)
    high = two_tones.dream("spectrum", seed="slow", seedat=3.0, **paused)
    assert pitch(low) == pytest.approx(300, rel=0.1)
    assert pitch(high) == pytest.approx(800, rel=0.1)
    np.testing.assert_array_equal(
        two_tones.dream("spectrum", seed="slow", seedn=7, seedat=3.0, **paused), high
    )
    files.write(tmp_path / "mine.wav", tone(800, 1.0), RATE)
    mine = two_tones.dream("spectrum", seed=str(tmp_path / "mine.wav"), voice="slow", **paused)
    assert pitch(mine) == pytest.approx(800, rel=0.1)


def test_notes_are_the_pitches_of_the_dream(two_tones: Stage) -> None:
    """MIDI 62 is 293.7 Hz, 79 is 784 Hz: the voice has both, a little sharp, and alone."""
    for recording in two_tones.voices["slow"]:
        single_notes.keep(recording, chain.from_iterable(scan(recording)))
    paused = {"sampling": "paused", "secs": 0.3, "voice": "slow"}
    assert pitch(two_tones.dream("spectrum", notes=(62.0,), **paused)) == pytest.approx(
        300, rel=0.1
    )
    assert pitch(two_tones.dream("spectrum", notes=(79.0,), **paused)) == pytest.approx(
        800, rel=0.1
    )


def test_transpose_keeps_the_pitches_of_its_seed(
    stage: Stage, recorded: Callable[..., Recording]
) -> None:
    """The paper's claim: a seed of certain pitches makes a dream of these pitches.

    The voice plays each of two octaves, an event every half second. At least 80 % of what is
    tonal in the dream lies at the partials of the seed's notes.
    """
    stage.settings = replace(stage.settings, vector=256)
    notes = np.random.default_rng(0).permutation(np.arange(50, 74))
    played = [plucked_string.chord((n,), int(SLOW * RATE), RATE, 0.5) for n in notes]
    fade = np.exp(-np.arange(int(SLOW * RATE)) / RATE / 0.15).astype(np.float32)
    stage.voices["slow"] = [recorded(np.concatenate([p * fade for p in played]), "slow", "c.wav")]
    for seed in ((57.0,), (60.0, 67.0)):
        dream = stage.dream("transpose", voice="slow", notes=seed, secs=6.0)
        assert liveliness.kept(dream, RATE, seed) > 0.8
        assert interval(dream[RATE:]) == pytest.approx(SLOW, rel=0.1)


def test_silence_and_noise_as_seeds(stage: Stage) -> None:
    """From silence a paused dream begins quietly; from noise as loud as noise makes it. What comes
    out is then as loud as the recordings."""
    stage.learn("slow", "spectrum", STEPS["spectrum"])
    first = {}
    for seed in ("silence", "noise"):
        asked = Request("spectrum", 0.05, voice="slow", seed=seed, sampling="paused", rand=1)
        job = resolve(stage.settings, asked, stage.voices, lambda number: Path())
        with torch.no_grad():
            blocks = render.blocks(job, stage.settings)
            first[seed] = np.concatenate([next(blocks) for _ in range(8)])
        assert np.isfinite(stage.dream("spectrum", voice="slow", seed=seed, secs=0.5)).all()
    assert first["silence"].std() < 0.5 * first["noise"].std()


def test_an_earlier_checkpoint_dreams_as_it_did(
    stage: Stage, recorded: Callable[..., Recording]
) -> None:
    """A model that knew 300 Hz and then learned 800 Hz: ``steps`` goes back, ``blend`` between."""
    low, high = ([recorded(tone(f, 4.0), "slow", f"{f}.wav")] for f in (300, 800))
    stage.voices["slow"] = low
    earlier = checkpoints.steps_of(stage.learn("slow", "spectrum", 150))
    newest = checkpoints.steps_of(stage.learn("slow", "spectrum", 400, recordings=high))
    keys = {"voice": "slow", "seed": "noise", "sampling": "paused", "secs": 2.0,
            "wander": 0.0}  # fmt: skip

    def resource_path(**more: object) -> float:
        """Of 800 Hz in what is heard of both tones."""
        power = np.abs(np.fft.rfft(stage.dream("spectrum", **keys, **more)[RATE // 2 :])) ** 2
        near = [power[int(f * 1.5) - 60 : int(f * 1.5) + 60].sum() for f in (300, 800)]
        return float(near[1] / sum(near))

    assert newest > earlier
    assert resource_path() > 0.9
    assert resource_path(steps=newest) > 0.9
    assert resource_path(steps=earlier) < 0.1
    assert resource_path(steps=earlier, blend=0) < 0.1
    assert resource_path(steps=earlier, blend=1) > 0.9
    between = stage.dream("spectrum", **keys, steps=earlier, blend=0.5)
    for end in (0, 1):
        assert not np.array_equal(
            between, stage.dream("spectrum", **keys, steps=earlier, blend=end)
        )


def test_vector_picks_the_model_of_that_length(
    stage: Stage, recorded: Callable[..., Recording]
) -> None:
    """Two models of one voice that learned different tones tell each other apart."""
    high = [recorded(tone(800, 4.0), "slow", "800.wav")]
    stage.learn("slow", "spectrum", 150)
    stage.learn("slow", "spectrum", 150, replace(stage.settings, hop=32), high)
    keys = {"voice": "slow", "seed": "noise", "sampling": "paused", "secs": 2.0, "wander": 0.0}
    assert pitch(stage.dream("spectrum", vector=64, **keys)[RATE:]) == pytest.approx(300, rel=0.1)
    assert pitch(stage.dream("spectrum", vector=32, **keys)[RATE:]) == pytest.approx(800, rel=0.1)


@pytest.mark.parametrize("approach", APPROACHES)
def test_neither_dies_out_nor_runs_away(stage: Stage, approach: str) -> None:
    """As loud at its end as at its beginning, and neither far from its recording."""
    dream = stage.dream(approach, seed="slow", secs=20.0)
    assert liveliness.drift(dream, RATE) < 6
    recording = stage.voices["slow"][0].loudest
    ends = [dream[: 5 * RATE].std(), dream[-5 * RATE :].std()]
    for level in ends:
        assert 0.1 * recording < level < 1.5 * recording


@pytest.mark.parametrize("approach", ["transpose", "column"])
def test_nothing_clicks_where_blocks_meet(stage: Stage, approach: str) -> None:
    """Blocks of 64 samples: the third difference is about as strong where they meet as inside.

    Its power there in most blocks, over that at the median place in a block, is below a hundred;
    without joints it is ten thousand and more.
    """
    dream = stage.dream(approach, seed="slow", secs=6.0)
    rough = np.diff(dream[RATE:], 3) ** 2
    places = np.median(rough[: len(rough) // 64 * 64].reshape(-1, 64), axis=0)
    assert places.max() < 300 * np.median(places)
