"""Voices that performers share: what they say to each other, without a cluster between them."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from conftest import tone
from test_ownership import lay, missing
from wire import Desk

from dreamd.approaches.registry import config_of
from dreamd.cli import main
from dreamd.cluster.borrower import ASKED_AGAIN, FALLS_SILENT, Borrower
from dreamd.cluster.lender import Lender
from dreamd.cluster.loans import Offer, Piece, Wish
from dreamd.corpus.recording import Recording, cut
from dreamd.daemon import supervisor
from dreamd.daemon.patience import LONGEST_WAIT
from dreamd.dreaming.resolve import resolve, trained_voices
from dreamd.errors import NoModel
from dreamd.home import checkpoints, loans
from dreamd.home.lock import claim
from dreamd.osc.client import told
from dreamd.osc.replies import nested
from dreamd.osc.requests import Request
from dreamd.settings import Settings
from dreamd.training.messages import SharedVoice, VoiceLent, VoicesShared, VoiceWanted
from dreamd.training.trainer import Trainer
from dreamd.workers.messages import Note

CLIENT = ("127.0.0.1", 40000)
STRANGER = ("10.0.0.9", 40000)


class Between:
    """Carries what performers say, when it is told to; and what of it was a piece."""

    def __init__(self) -> None:
        self.there: dict[str, Performer] = {}
        self.said: list[tuple[str, Any]] = []
        self.pieces = 0
        self.loses: Callable[[Any], bool] = lambda message: False

    def send(self, topic: str, message: Any) -> None:
        self.said.append((topic, message))

    def carry(self, now: float = 0.0) -> None:
        while self.said:
            topic, message = self.said.pop(0)
            self.pieces += isinstance(message, Piece)
            if not self.loses(message):
                self.there[topic].hear(message, now)


class Performer:
    """One of an ensemble."""

    def __init__(self, settings: Settings, between: Between, voices: dict[str, list[Recording]]):
        self.settings, self.between, self.told = settings, between, list[Any]()
        self.topic = f"{settings.name}-topic"
        self.voices = voices
        self.lender = Lender(settings, self.topic, lambda voice: voices.get(voice, []))
        self.borrower = Borrower(settings, self.topic, between.send, self.told.append)
        between.there[self.topic] = self

    def offer(self, now: float = 0.0) -> None:
        offer = self.lender.offer()
        for each in self.between.there.values():
            if offer:
                each.hear(offer, now)

    def hear(self, message: Any, now: float) -> None:
        if isinstance(message, Offer):
            self.borrower.on_offer(message, now)
        elif isinstance(message, Wish):
            for each in self.lender.answer(message):
                self.between.send(message.topic, each)
        elif isinstance(message, Piece):
            self.borrower.on_piece(message, now)
        else:
            self.borrower.on_loan(message, now)

    def shared(self) -> list[str]:
        """What this one knows that others share."""
        told = [each for each in self.told if isinstance(each, VoicesShared)]
        return [each.voice for each in told[-1].voices] if told else []

    def lent(self) -> list[VoiceLent]:
        return [each for each in self.told if isinstance(each, VoiceLent)]

    def notes(self) -> list[str]:
        return [each.text for each in self.told if isinstance(each, Note)]


@pytest.fixture
def between() -> Between:
    return Between()


@pytest.fixture
def ada(small: Settings, recorded: Callable[..., Recording], between: Between) -> Performer:
    """She shares one of two voices, and a model of it."""
    guitar = [recorded(tone(h, 1.0), "guitar", f"{h}.wav") for h in (400, 300)]
    settings = replace(small, name="ada", share="guitar", cluster="127.0.0.1")
    learn(settings, guitar, 0.1)
    own = [recorded(tone(500, 1.0), "own")]
    return Performer(settings, between, {"guitar": guitar, "own": own})


@pytest.fixture
def ben(small: Settings, tmp_path: Path, between: Between) -> Performer:
    claim(tmp_path / "ben")
    settings = replace(small, name="ben", home=tmp_path / "ben", cluster="127.0.0.1")
    return Performer(settings, between, {})


def learn(settings: Settings, recordings: list[Recording], seconds: float) -> int:
    torch.manual_seed(0)
    config = config_of("spectrum", settings)
    trainer = Trainer(config, settings, recordings, lambda note: None)
    trainer.train(seconds)
    trainer.save()
    return trainer.head.steps


def test_what_is_shared_is_heard_of_and_comes_when_it_is_wanted(
    ada: Performer, ben: Performer, between: Between
) -> None:
    ada.offer()
    assert ben.shared() == ["ada/guitar"]
    assert not between.said, "nothing travels that nobody wants"
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    (lent,) = ben.lent()
    assert [each.source for each in lent.recordings] == [
        "ada/guitar/300.wav", "ada/guitar/400.wav"
    ]  # fmt: skip
    assert {each.voice for each in lent.recordings} == {"ada/guitar"}
    for mine, hers in zip(lent.recordings, reversed(ada.voices["guitar"]), strict=True):
        np.testing.assert_array_equal(cut(mine, 0, 1000), cut(hers, 0, 1000))
        assert Path(mine.cache).is_relative_to(loans.lent_to(ben.settings.home))


def test_a_shared_voice_dreams_as_its_owner_s_does(
    ada: Performer, ben: Performer, between: Between, tmp_path: Path
) -> None:
    ada.offer()
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    lent = ben.lent()[0].recordings
    jobs = [
        resolve(settings, Request("spectrum", seed=seed, rand=3), voices, lambda n: tmp_path)
        for settings, seed, voices in (
            (ada.settings, "guitar:1", {"guitar": ada.voices["guitar"][::-1]}),
            (ben.settings, "ada.guitar:1", {"ada/guitar": lent}),
        )
    ]
    hers, mine = jobs
    assert mine.voice == "ada/guitar"
    assert mine.seed.recording == lent[1]
    assert hers.weights is not None
    assert mine.weights is not None
    assert not mine.starter
    assert mine.weights.read_bytes() == hers.weights.read_bytes()
    assert mine.among == lent
    assert not trained_voices(ben.settings), "nobody learns with what is lent"


def test_only_what_is_shared_is_given(ada: Performer, ben: Performer, between: Between) -> None:
    ada.offer()
    ben.borrower.want("ada/own", 0.0)
    assert not between.said
    assert not list(ada.lender.answer(Wish("own", ben.topic, frozenset())))
    assert not list(ada.lender.answer(Wish("../own", ben.topic, frozenset())))


def test_only_what_is_new_travels_again(ada: Performer, ben: Performer, between: Between) -> None:
    ada.offer()
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    first, between.pieces = between.pieces, 0
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    assert (first, between.pieces) == (3, 0)
    steps = learn(ada.settings, ada.voices["guitar"], 0.1)
    ada.offer()
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    assert between.pieces == 1
    model = loans.lent_to(ben.settings.home) / "models" / "ada" / "guitar"
    (folder,) = model.iterdir()
    newest = checkpoints.newest(folder)
    assert newest is not None
    assert checkpoints.header(newest).steps == steps


def test_what_she_has_gone_back_from_is_not_dreamt_with(
    ada: Performer, ben: Performer, between: Between
) -> None:
    learn(ada.settings, ada.voices["guitar"], 0.1)
    ada.offer()
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    model = checkpoints.folder(ada.settings.home, "guitar", config_of("spectrum", ada.settings))
    newest = checkpoints.newest(model)
    assert newest is not None
    newest.unlink()
    ada.offer()
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    mine = checkpoints.folder(
        loans.lent_to(ben.settings.home), "ada/guitar", config_of("spectrum", ben.settings)
    )
    assert [each.name for each in checkpoints.checkpoints(mine)] == [
        each.name for each in checkpoints.checkpoints(model)
    ]


def test_a_piece_that_is_lost_is_wished_for_again(
    ada: Performer, ben: Performer, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dreamd.cluster.loans.LARGEST_PIECE", 20_000)
    ada.offer()
    lost = iter([False] * 4 + [True])
    between.loses = lambda message: isinstance(message, Piece) and next(lost, False)
    ben.borrower.want("ada/guitar", 0.0)
    between.carry()
    assert not ben.lent()
    ada.offer(ASKED_AGAIN)
    ben.borrower.tick(ASKED_AGAIN + 1)
    between.carry(ASKED_AGAIN + 1)
    assert len(ben.lent()) == 1


def test_who_falls_silent_shares_no_more(ada: Performer, ben: Performer) -> None:
    ada.offer()
    ben.borrower.tick(FALLS_SILENT - 1)
    assert ben.shared() == ["ada/guitar"]
    ben.borrower.heard_again(FALLS_SILENT)  # nobody could be heard meanwhile
    ben.borrower.tick(FALLS_SILENT + 1)
    assert ben.shared() == ["ada/guitar"]
    ben.borrower.tick(2 * FALLS_SILENT + 2)
    assert ben.shared() == []


def test_two_of_one_name_and_another_form_are_told_of_once(ada: Performer, ben: Performer) -> None:
    ada.offer()
    offer = ada.lender.offer()
    assert offer is not None
    for _ in range(2):
        ben.borrower.on_offer(replace(offer, topic="another"), 0.0)
        ben.borrower.on_offer(replace(offer, topic="third", name="eve", rate=44100), 0.0)
        ben.borrower.on_offer(replace(offer, topic="fourth", name="../eve"), 0.0)
        ben.borrower.on_offer(replace(offer, topic="fifth", name="bob", channels=2), 0.0)
    assert ben.shared() == ["ada/guitar"]
    told = ben.notes()
    assert [line.partition(":")[0] for line in told] == [
        "two performers are called ada", "eve shares voices of 44100 Hz, and here is 11025",
        "bob shares voices of 2 channels, and here is 1",
    ]  # fmt: skip


# ---------------------------------------------------------------- asked for


OFFERED = SharedVoice("ada/guitar", 1, 2.0, {"spectrum": 12})


def lend(desk: Desk, recording: Recording) -> Recording:
    lent = replace(recording, voice="ada/guitar", source="ada/guitar/a.wav")
    desk.state.shared.lend("ada/guitar", (lent,))
    return lent


@pytest.mark.parametrize("keys", [
    {"seed": "ada/guitar:0"}, {"seed": "ada.guitar"}, {"voice": "ada/guitar"},
    {"follow": "ada/guitar"}, {"seed": "guitar", "voice": "ada.guitar"},
])  # fmt: skip
def test_a_request_waits_for_a_voice_that_is_on_its_way(
    desk: Desk, recorded: Callable[..., Recording], keys: dict[str, str]
) -> None:
    desk.register(CLIENT)
    desk.state.shared.change([OFFERED])
    desk.ask(CLIENT, id=1, **keys)
    assert desk.told(CLIENT) == [("/dream/warning", [1, "it waits: ada/guitar is on its way"])]
    assert desk.worker.told == [VoiceWanted("ada/guitar")]
    lent = lend(desk, recorded(tone(300, 2.0)))
    desk.admission.tick()
    assert [where for where, _ in desk.told(CLIENT)] == ["/dream/accepted"]
    job = desk.worker.dream.job if desk.worker.dream else None
    assert job is not None
    assert job.voice == ("guitar" if "follow" in keys else "ada/guitar")
    assert job.follow == lent


def test_one_that_does_not_come_fails_in_one_line(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.register(CLIENT)
    desk.state.shared.change([OFFERED])
    desk.ask(CLIENT, id=1, voice="ada/guitar")
    later = time.monotonic() + LONGEST_WAIT + 1
    monkeypatch.setattr("dreamd.daemon.patience.time.monotonic", lambda: later)
    desk.admission.tick()
    _, (_, code, text) = desk.told(CLIENT)[-1]
    assert code == NoModel.code
    assert text == "ada/guitar does not come: ask again"


def test_who_names_no_voice_never_gets_somebody_else_s(
    desk: Desk, recorded: Callable[..., Recording]
) -> None:
    desk.state.corpus.remove(Path(desk.state.corpus.recordings()[0].source))
    desk.state.voices_changed()
    desk.state.shared.change([OFFERED])
    lend(desk, recorded(tone(300, 2.0)))
    desk.ask(CLIENT, id=1)
    assert desk.worker.dream is not None
    assert desk.worker.dream.settled()[0].voice == "default"


def test_what_is_shared_no_more_cannot_be_asked_for(
    desk: Desk, recorded: Callable[..., Recording]
) -> None:
    desk.register(CLIENT)
    assert desk.state.shared.change([OFFERED]) == ["ada shares a voice: ada/guitar"]
    lend(desk, recorded(tone(300, 2.0)))
    assert desk.state.shared.change([]) == ["ada/guitar is shared no more"]
    desk.ask(CLIENT, id=1, voice="ada/guitar")
    assert "no voice is called 'ada/guitar'" in desk.told(CLIENT)[-1][1][2]


def test_a_shared_voice_is_only_read(desk: Desk, recorded: Callable[..., Recording]) -> None:
    desk.register(CLIENT)
    desk.state.shared.change([OFFERED])
    lend(desk, recorded(tone(300, 2.0)))
    desk.hear(CLIENT, "/dream/forget", "ada/guitar:0", 5)
    assert desk.told(CLIENT)[-1][1][:2] == [5, "bad-request"]
    assert list(desk.state.voices()) == ["guitar"]


def test_strangers_may_ask_for_it(desk: Desk, recorded: Callable[..., Recording]) -> None:
    """As for any voice; it is no path."""
    desk.register(STRANGER)
    desk.state.shared.change([OFFERED])
    desk.ask(STRANGER, id=1, seed="ada/guitar:0")
    assert "on its way" in desk.told(STRANGER)[-1][1][1]
    desk.ask(STRANGER, id=2, seed="eve/guitar")
    assert desk.told(STRANGER)[-1][1][1] == "bad-request"


def test_a_dream_is_steered_to_it_once_it_is_here(
    desk: Desk, recorded: Callable[..., Recording]
) -> None:
    desk.register(CLIENT)
    desk.state.shared.change([OFFERED])
    desk.ask(CLIENT, id=1)
    desk.told(CLIENT)
    desk.hear(CLIENT, "/dream/set", 1, "follow", "ada.guitar")
    desk.hear(CLIENT, "/dream/seed", 1, "seed", "ada/guitar:0")
    lines = [args[1] for where, args in desk.told(CLIENT) if where == "/dream/warning"]
    assert lines == ["ada/guitar is on its way: say it again in a moment"] * 2
    assert desk.worker.told == [VoiceWanted("ada/guitar")]
    lent = lend(desk, recorded(tone(300, 2.0)))
    desk.hear(CLIENT, "/dream/set", 1, "follow", "ada.guitar")
    assert desk.worker.dream is not None
    assert desk.worker.dream.settled()[0].follow == lent


def test_the_status_names_them(make_desk: Callable[..., Desk], small: Settings) -> None:
    desk = make_desk()
    desk.state.settings = replace(small, cluster="127.0.0.1", name="ben", share="kalimba")
    desk.state.shared.change([OFFERED])
    ((_, args),) = desk.register(CLIENT)
    said = dict(zip(args[::2], args[1::2], strict=True))
    assert (said["name"], said["sharing"]) == ("ben", "kalimba")
    assert said["shared/ada/guitar/recordings"] == 1
    assert said["shared/ada/guitar/steps/spectrum"] == 12
    assert said["shared/ada/guitar/here"] == 0
    assert "ada/guitar: shared by ada, 1 recordings, 2 s" in told(nested(said))


def test_what_was_lent_to_an_earlier_daemon_is_cleared_away(
    small: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "Worker", lambda name, *_: SimpleNamespace(name=name))
    lent, key = loans.lent_to(small.home), "0123456789abcdef" * 2
    checkpoint = "column-11025-v64-n4-h16-l1/weights-000000000001.safetensors"
    ours = [
        f"{key}/recording.f32", f"{key}/recording.json", f"{key}.01234567.tmp/recording.f32",
        f"{key}/{checkpoint}", f"models/ada/guitar/{checkpoint}",
        f"models/ada/guitar/{checkpoint}.tmp",
    ]  # fmt: skip
    for name in ours:
        (lent / name).parent.mkdir(parents=True, exist_ok=True)
        (lent / name).touch()
    (lent / "models" / "ben").mkdir()
    for _ in range(2):
        supervisor.Supervisor(small, print)
        assert not lent.exists()


def test_files_of_others_among_what_was_lent_stay(small: Settings) -> None:
    lent, key = loans.lent_to(small.home), "0123456789abcdef" * 2
    folders = ("", key, "models", "models/ada/guitar", "models/ada/guitar/column-11025-v64", "mine")
    laid = lay(lent, *folders)
    loans.clear(small.home)
    assert not missing(laid)


@pytest.mark.parametrize(("flags", "words"), [
    (["--share", "guitar"], "--share goes with --cluster"),
    (["--name", "ada"], "--name goes with --cluster"),
    (["--cluster", "127.0.0.1", "--name", "ada.b"], "--name is a word without dots, such as ada-b"),
    (["--cluster", "127.0.0.1", "--share", "guitar, bass"], "--share takes voices"),
])  # fmt: skip
def test_names_that_are_none(
    flags: list[str], words: str, small: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *flags, "--home", str(small.home)]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
