"""Two channels: what goes in left comes out left, and a home of one channel stays what it is."""

import base64
import re
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from conftest import RATE, Daemon, same_trainer, tone

from dreamd.approaches import registry
from dreamd.approaches.base import initialize, left_right, mid_side
from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio import files
from dreamd.audio.channels import Mixer
from dreamd.audio.dream_file import DreamFile
from dreamd.audio.limiter import Level, Limiter
from dreamd.audio.resampling import ToRate
from dreamd.cluster.making import make_apart
from dreamd.cluster.receiver import Receiver
from dreamd.corpus import events
from dreamd.corpus.cache import Corpus
from dreamd.corpus.decoding import Poured
from dreamd.corpus.found import Found
from dreamd.corpus.recording import Recording, cut, loop
from dreamd.dreaming import networks, render, seed_samples
from dreamd.dreaming.resolve import resolve
from dreamd.dreaming.seeds import Seed
from dreamd.errors import SetupError
from dreamd.evaluation.walk import walk_page
from dreamd.experiments import image_study, study
from dreamd.experiments.common import heard, job_of
from dreamd.home import checkpoints, pretrained
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.sampler import WindowSampler
from dreamd.training.trainer import Trainer

Make = Callable[..., Recording]
Read = Callable[..., tuple[Recording, list[str]]]
LOW, HIGH = 300.0, 1200.0
"""Hz, of what sounds left and of what sounds right."""


def apart(seconds: float, rate: int = RATE) -> np.ndarray:
    """``(frames, 2)``: plucked again and again, low on the left and high on the right."""
    fading = np.exp(-4 * (np.arange(int(seconds * rate)) / rate % 0.5))
    both = [fading * tone(hertz, seconds, rate, 0.3) for hertz in (LOW, HIGH)]
    return np.stack(both, 1).astype(np.float32)


def share(samples: np.ndarray, hertz: float, rate: int = RATE) -> np.ndarray:
    """How much of what sounds near ``hertz`` is in each channel: adds up to 1."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))[:, None], axis=0)) ** 2
    near = np.abs(np.fft.rfftfreq(len(samples), 1 / rate) / hertz - 1) < 0.1
    power = spectrum[near].sum(0)
    return power / power.sum()


# ---------------------------------------------------------------- reading


def lost_decoder(*_: object) -> Poured:
    raise AssertionError("it was read again")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read(samples: np.ndarray, channels: int = 2) -> tuple[Recording, list[str]]:
        path, said = tmp_path / "a.wav", []
        soundfile.write(path, samples, RATE, subtype="FLOAT")
        found = Found.at(path, "pair")
        assert found
        corpus = Corpus(tmp_path / "home", RATE, channels=channels)
        return corpus.ingest(found, remark=said.append), said

    return read


def test_two_channels_are_kept_and_their_mean_is_what_one_channel_is(read: Read) -> None:
    samples = apart(1.0) + np.array([0.02, 0.01], np.float32)  # an offset in each
    (both, _), (one, _) = read(samples), read(samples, 1)
    assert (both.channels, one.channels) == (2, 1)
    assert both.frames == one.frames == RATE
    assert both.is_whole()
    whole = cut(both, 0, RATE, 2)
    np.testing.assert_allclose(whole, samples - samples.mean(0), atol=1e-6)
    np.testing.assert_allclose(cut(both, 5, 100), whole[5:105].mean(1), atol=1e-7)
    np.testing.assert_allclose(cut(both, 0, RATE), cut(one, 0, RATE), atol=1e-6)
    assert both.peak == np.abs(whole).max()
    over = loop(both, RATE - 3, 6, 2)
    np.testing.assert_array_equal(over, np.concatenate((whole[-3:], whole[:3])))
    np.testing.assert_array_equal(cut(one, 0, 9, 2), np.stack([cut(one, 0, 9)] * 2, 1))
    assert both.key != one.key
    home, found = Path(both.cache).parent.parent, Found.at(Path(one.source), "pair")
    assert found
    for channels, own in ((1, one), (2, both)):  # each remembers its own
        again = Corpus(home, RATE, lost_decoder, channels).ingest(found)
        assert replace(again, joined=own.joined) == own


def test_what_is_of_other_numbers_of_channels_sounds_in_the_middle(read: Read) -> None:
    one, three = tone(300, 0.5), np.stack([tone(300, 0.5), tone(400, 0.5), tone(500, 0.5)], 1)
    for samples in (one, three):
        whole = cut(read(samples)[0], 0, len(one), 2)
        np.testing.assert_array_equal(whole[:, 0], whole[:, 1])
        mixed = samples if samples.ndim == 1 else samples.mean(1)
        np.testing.assert_allclose(whole[:, 0], mixed - mixed.mean(), atol=1e-6)


def test_a_wide_image_stays_and_nothing_but_side_becomes_the_middle(
    read: Read,
) -> None:
    """In one channel three tenths that cancel are too much, in two they are what was recorded."""
    left = tone(300, 4.0)
    wide = np.stack((left, np.where(np.arange(4 * RATE) < 1.6 * RATE, -left, left)), 1)
    taken, said = read(wide)
    np.testing.assert_allclose(cut(taken, 0, 4 * RATE, 2), wide - wide.mean(0), atol=1e-6)
    assert not said
    assert "cancel each other" in read(wide, 1)[1][0]
    taken, said = read(np.stack((left, -left), 1))
    assert "cancel each other" in said[0]
    whole = cut(taken, 0, RATE, 2)
    np.testing.assert_array_equal(whole[:, 0], whole[:, 1])
    assert np.abs(whole).max() > 0.4


def test_loudness_counts_what_the_mean_does_not_hear(read: Read) -> None:
    found = []
    for right in (1.0, 0.0):  # a tone in the middle, and on the left
        recording, _ = read(np.stack((tone(1000, 2.0), right * tone(1000, 2.0)), 1))
        for _ in events.scan(recording):
            pass
        known = events.known(recording)
        assert known
        found.append(known.loudness)
    assert found[0] - found[1] == pytest.approx(10 * np.log10(2), abs=0.05)


def test_what_is_no_sound_in_one_channel_is_silence_in_both() -> None:
    block = np.zeros((200, 2), np.float32)
    block[7, 1] = np.nan
    mixer = Mixer(channels=2)
    assert np.isfinite(mixer(block)).all()
    assert mixer.broken == 1


# ---------------------------------------------------------------- what a network hears and says


def settings_of(rate: int, channels: int = 2) -> Settings:
    return Settings(rate=rate, channels=channels, hidden=16, window=4, vector=256, hop=128,
                    frame=512)  # fmt: skip


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("approach", ["vector", "transpose", "column"])
def test_what_goes_in_comes_out_on_its_side(approach: str, rate: int) -> None:
    model = registry.make(config_of(approach, settings_of(rate)), 0.5)
    sound = torch.from_numpy(apart(1.0, rate)[: model.seed_samples])
    if isinstance(model, SampleWise):
        model.settle(sound[None, : model.example_samples])
        assert model.balance.shape == (model.parts,)
    queue = model.elements(sound)
    assert model.inputs(queue).shape == (1, 4, 512)
    made = model.decoder()(queue)
    margin = model.margin if isinstance(model, SampleWise) else 0
    assert made.shape == (len(sound) - margin, 2)
    torch.testing.assert_close(made[margin:], sound[margin : len(made)], atol=2e-5, rtol=0)


def test_spectra_come_out_on_their_side() -> None:
    model = registry.make(config_of("spectrum", settings_of(RATE)), 0.5)
    sound = apart(2.0)
    sound[:, 1] += 0.5 * sound[:, 0]  # the low one is a little to the left
    made = model.decoder()(model.spectra(torch.from_numpy(sound)) / 0.5).numpy()
    for hertz in (LOW, HIGH):
        np.testing.assert_allclose(share(made, hertz), share(sound, hertz), atol=0.02)
    low = np.fft.irfft(np.fft.rfft(made, axis=0)[: int(600 * len(made) / RATE)], len(made), axis=0)
    assert np.corrcoef(low.T)[0, 1] > 0.99, "one tone in two channels is one tone"


def test_middle_and_side() -> None:
    both = torch.tensor([[0.5, 0.5], [0.5, -0.5], [1.0, 0.0]])
    expected = torch.tensor([[0.5, 0.0], [0.0, 0.5], [0.5, 0.5]])
    torch.testing.assert_close(mid_side(both), expected)
    torch.testing.assert_close(left_right(expected), both)


@pytest.mark.parametrize("rate", [RATE, 44100])
@pytest.mark.parametrize("approach", APPROACHES)
@torch.no_grad()
def test_a_network_of_one_channel_dreams_the_same_in_the_middle(approach: str, rate: int) -> None:
    """Its weights serve one of two channels of the same rate's sizes: nothing is to the side."""
    torch.manual_seed(0)
    config = config_of(approach, settings_of(rate))
    was = initialize(registry.make(config.usual, 0.5), 0.2).eval()
    one = registry.make(replace(config, channels=1), 0.5).eval()
    two = registry.make(config, 0.5).eval()
    weights = {name: each.numpy() for name, each in was.state_dict().items()}
    if rate > RATE:
        one.take(weights, config.usual)
    else:
        one.load_state_dict(was.state_dict())
    two.take(weights, config.usual)
    sound = torch.from_numpy(apart(1.0, rate)[: one.seed_samples, 0].copy())
    queues = one.elements(sound), two.elements(sound[:, None].expand(-1, 2).contiguous())
    decoders, dreams = (one.decoder(), two.decoder()), []
    for model, queue, decode in zip((one, two), queues, decoders, strict=True):
        made = []
        for _ in range(12 if approach in ("vector", "spectrum") else 200):
            element, queue = model.next(queue)
            made.append(decode(element[None]))
        dreams.append(torch.cat(made))
    mono, stereo = dreams
    assert mono.abs().max() > 1e-3
    torch.testing.assert_close(stereo, mono[:, None].expand(-1, 2), atol=1e-5, rtol=0)


def test_the_starters_serve_in_stereo(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, channels=2)
    for approach in APPROACHES:
        job = resolve(settings, Request(approach, voice="pluck"), {"pluck": []}, lambda n: Path())
        assert job.starter
        assert job.channels == 2
        model = networks.model_of(job, settings.init_std)
        assert model.config.channels == 2
    assert not pretrained.all_of(config_of("column", replace(settings, rate=8000)))


def test_models_of_one_channel_and_of_two_lie_side_by_side(
    small: Settings, recorded: Make, tmp_path: Path
) -> None:
    takes = {1: recorded(tone(300, 2.0)), 2: recorded(apart(2.0), name="b.wav")}
    for channels, take in takes.items():
        own = replace(small, channels=channels)
        trainer = Trainer(config_of("vector", own), own, [take], lambda note: None)
        trainer.train(0.0)
        trainer.save()
    for channels, take in takes.items():
        own = replace(small, channels=channels)
        job = resolve(own, Request("vector"), {"sine": [take]}, lambda n: tmp_path)
        assert job.weights
        assert job.config == config_of("vector", own)
        assert networks.model_of(job, small.init_std).config.channels == channels
    there = checkpoints.models(small.home, "sine", "vector", RATE)
    assert {config.channels for config in there} == {1, 2}


def test_windows_of_a_recording_that_is_too_short_keep_their_sides(recorded: Make) -> None:
    short = np.stack((np.arange(1, 51), -np.arange(1, 51)), 1).astype(np.float32) / 100
    sampler = WindowSampler([recorded(short)], np.random.default_rng(0), 2)
    samples, kept = sampler.stretches(3, 4, 40, 10)
    assert samples.shape == (3, 70, 2)
    np.testing.assert_array_equal(samples[..., 0], -samples[..., 1])
    assert sampler.batch(2, 90).shape == (2, 90, 2)
    assert kept.any()


# ---------------------------------------------------------------- the way out


def test_both_channels_get_one_gain_and_neither_passes_the_ceiling() -> None:
    rng = np.random.default_rng(0)
    loud = (0.2 * rng.standard_normal((3 * RATE, 1)) * [1.0, 0.25]).astype(np.float32)
    loud[RATE] = [0.1, 3.0]  # a peak on one side turns both down
    level = Level.of(-20.0, -16.0, 0.5)
    whole = Limiter(len(loud), RATE, level, 2)
    made = whole(loud)
    parts = Limiter(len(loud), RATE, level, 2)
    again = np.concatenate([parts(block) for block in np.array_split(loud, 40)])
    np.testing.assert_array_equal(made, again)
    assert made.shape == loud.shape
    assert np.abs(made).max() <= level.ceiling
    assert np.abs(made[RATE - 20 : RATE + 20, 1]).max() > 0.8 * level.ceiling
    steady = made[2 * RATE : -RATE // 4]
    ratio = steady.std(0)[1] / steady.std(0)[0]
    assert ratio == pytest.approx(0.25, rel=0.01)
    mono = Limiter(len(loud), RATE, level)(loud[:, 0])
    twice = Limiter(len(loud), RATE, level, 2)(np.stack([loud[:, 0]] * 2, 1))
    for side in twice.T:  # as loud as one
        np.testing.assert_allclose(side, mono, atol=1e-6)


def test_another_rate_and_the_file() -> None:
    sound = apart(1.0)
    to_rate = ToRate(RATE, 44100, RATE, 44100, 2)
    parts = np.concatenate([to_rate(block) for block in np.array_split(sound, 7)])
    assert parts.shape == (44100, 2)
    for hertz, side in ((LOW, 0), (HIGH, 1)):
        assert share(parts, hertz, 44100)[side] > 0.999


def test_a_file_of_two_channels_is_whole_at_any_moment(tmp_path: Path) -> None:
    file, sound = DreamFile(tmp_path / "d.wav", RATE, 2), apart(1.0)
    file.create(RATE)
    assert DreamFile.is_one(file.path)
    file.write(100, sound[100:200])
    there, rate = soundfile.read(file.path, dtype="float32")
    assert rate == RATE
    assert there.shape == (RATE, 2)
    np.testing.assert_array_equal(there[100:200], sound[100:200])
    assert not there[200:].any()
    np.testing.assert_array_equal(file.read(100, 100), sound[100:200])
    header = bytearray(file.path.read_bytes())
    header[22] = 3  # channels that no dream has
    file.path.write_bytes(header)
    assert not DreamFile.is_one(file.path)


def test_seeds_of_every_kind(recorded: Make, tmp_path: Path) -> None:
    take, path, rng = recorded(apart(1.0)), tmp_path / "s.wav", np.random.default_rng(0)
    files.write(path, apart(1.0), RATE)

    def load(seed: Seed) -> np.ndarray:
        made = seed_samples.load(seed, 4000, RATE, 0.5, rng, 2)
        assert made.shape == (4000, 2)
        return made

    for seed in (Seed("recording", recording=take, at=0.1), Seed("file", path=path, at=0.1)):
        assert share(load(seed), HIGH)[1] > 0.99
    for seed in (Seed("silence"), Seed("noise"), Seed("notes", notes=(60.0, 64.0))):
        made = load(seed)
        np.testing.assert_array_equal(made[:, 0], made[:, 1])


# ---------------------------------------------------------------- dreams


@pytest.mark.parametrize("sampling", ["concurrent", "paused"])
@pytest.mark.parametrize("approach", APPROACHES)
def test_a_dream_has_its_recording_s_image(
    small: Settings, recorded: Make, tmp_path: Path, approach: str, sampling: str
) -> None:  # fmt: skip
    """Same samples for the same rand, finite, and what sounds left there sounds left here."""
    take, stereo = recorded(apart(3.0)), replace(small, channels=2)
    trainer = same_trainer(config_of(approach, stereo), stereo, [take])
    for _ in range(300):
        trainer.train(0.0)
    trainer.save()
    made = []
    for _ in range(2):
        asked = Request(approach, secs=1.5, rand=2, sampling=sampling, seed="sine:0", seedat=0.0)
        job = resolve(stereo, asked, {"sine": [take]}, lambda n: tmp_path)
        job = replace(job, path=tmp_path / "dream.wav")
        job.file.create(job.frames)
        with torch.no_grad():
            render.render(job, stereo, lambda said: None)
        made.append(soundfile.read(job.path, dtype="float32")[0])
    np.testing.assert_array_equal(*made)
    assert made[0].shape == (job.frames, 2)
    assert share(made[0], LOW)[0] > 0.8
    assert share(made[0], HIGH)[1] > 0.8


def test_a_dream_that_comes_from_elsewhere_is_the_same(
    small: Settings, recorded: Make, tmp_path: Path
) -> None:
    """Its parts come as bytes; what was heard already is compared."""
    take, stereo = recorded(apart(2.0)), replace(small, channels=2)
    job = resolve(stereo, Request("column", secs=0.7, rand=1), {"sine": [take]}, lambda n: tmp_path)
    here, there = (replace(job, path=tmp_path / name) for name in ("here.wav", "there.wav"))
    for each in (here, there):
        each.file.create(job.frames)
    told: list[object] = []
    receiver = Receiver(there, told.append)
    with torch.no_grad():
        render.render(here, stereo, lambda said: None)
        for _ in range(2):  # its maker died, and it is made again
            receiver.begins()
            make_apart(job, stereo, receiver.hear, lambda patience: ())
    assert receiver.whole
    assert here.path.read_bytes() == there.path.read_bytes()


def test_what_measures_dreams_takes_the_mean_of_their_channels(
    small: Settings, recorded: Make
) -> None:
    take, stereo = recorded(apart(2.0)), replace(small, channels=2)
    asked = Request("vector", secs=0.5, rand=1, seed="sine:0")
    with torch.no_grad():
        dream = heard(stereo, job_of(stereo, {"sine": [take]}, asked))
    assert dream.sound.shape == (round(0.5 * RATE), 2)
    np.testing.assert_allclose(dream.samples, dream.sound.mean(1), atol=1e-7)


def test_the_image_is_told(
    small: Settings, recorded: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = apart(2.0)
    assert image_study.width(sound) == pytest.approx(0.0, abs=0.1)
    assert image_study.width(np.stack([sound[:, 0]] * 2, 1)) < -60
    assert image_study.likeness(sound, sound, RATE) == pytest.approx(1.0)
    assert image_study.likeness(sound[:, ::-1], sound, RATE) == pytest.approx(-1.0)
    monkeypatch.setattr(image_study, "DREAMT", 1.0)
    monkeypatch.setattr(image_study, "RANDS", (1,))
    take, stereo = recorded(sound), replace(small, channels=2)
    with torch.no_grad():
        (part,) = study.report(stereo, {"sine": [take]}, "image")
        with pytest.raises(SetupError, match="--channels 2"):
            next(study.report(small, {"sine": [take]}, "image"))
    assert [row[0] for row in part.rows] == list(APPROACHES)
    assert "nan" not in str(part)


def test_the_page_of_a_dream_plays_both_channels(tmp_path: Path) -> None:
    files.write(tmp_path / "d.wav", apart(1.0), RATE)
    page = walk_page(tmp_path / "d.wav", [])
    flac = re.search(r"data:audio/flac;base64,([^\"]+)", page)
    assert flac
    played, _ = soundfile.read(BytesIO(base64.b64decode(flac[1])))
    np.testing.assert_allclose(played, apart(1.0), atol=1e-4)


def test_a_daemon_dreams_in_stereo_with_and_without_end(
    daemon: Callable[..., Daemon], tmp_path: Path
) -> None:
    folder = tmp_path / "recordings" / "pair"
    folder.mkdir(parents=True)
    files.write(folder / "a.wav", apart(3.0), RATE)
    one = daemon(folder.parent, "--channels", "2")
    one.until(lambda: len(one.status()["voices"].get("pair", {}).get("models", {})) == 4)
    one.ask(id=1, approach="column", secs=0.5, outrate=48000, seed="pair:0", seedat=0.0)
    accepted, done = one.wait("/dream/accepted", 1), one.wait("/dream/done", 1)
    assert accepted[2:4] + accepted[5:] == done[2:4] + done[6:] == [24000, 48000, 2]
    made, rate = soundfile.read(done[1])
    assert (made.shape, rate) == ((24000, 2), 48000)
    assert made.any(0).all()
    one.ask(id=2, approach="vector", secs=0, seed=str(done[1]))
    path, frames = one.wait("/dream/accepted", 2)[1:3]
    # of less than 40 ms a quarter is faded, not the last 10 ms
    one.until(lambda: soundfile.read(path)[0][RATE // 4 : RATE // 2].any())
    ring = soundfile.info(path)
    assert (ring.frames, ring.channels) == (frames, 2)
    one.send("/dream/cancel", 2)
    one.wait("/dream/done", 2)
    last, _ = soundfile.read(path)
    assert last.shape[1] == 2
    assert np.abs(last[-3:]).max() < 0.01, "it fades out"
    assert one.status()["dreams"] == 2
    assert one.stop() == 0
    one.start()
    one.until(lambda: one.status()["dreams"] == 2)
