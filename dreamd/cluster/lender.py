"""Who shares voices: says so, and gives what is wished for, as it is now."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dreamd.approaches.registry import APPROACHES
from dreamd.cluster.loans import Loan, Offer, Offered, Piece, Wish, in_pieces
from dreamd.cluster.parcels import (
    AMONG_SECONDS,
    Packer,
    bundle_of,
    moved_recording,
    newest_first,
)
from dreamd.cluster.shelf import content_key
from dreamd.corpus.recording import Recording
from dreamd.dreaming.resolve import choose_model
from dreamd.home import checkpoints
from dreamd.osc.requests import Request
from dreamd.settings import Settings


@dataclass(frozen=True)
class Voice:
    """What of a voice is given: what a dream's cursor may walk, and each approach's newest
    checkpoint."""

    recordings: Sequence[Recording]
    checkpoints: Sequence[Path]

    @property
    def version(self) -> str:
        heard = [bundle_of(Path(each.cache)) for each in self.recordings]
        files = [path for bundle in heard for _, path in bundle.files]
        return content_key({str(path): b"" for path in (*files, *self.checkpoints)})

    def offered(self) -> Offered:
        heads = [checkpoints.header(path) for path in self.checkpoints]
        return Offered(
            len(self.recordings),
            sum(each.seconds for each in self.recordings),
            {head.config.approach: head.steps for head in heads},
            self.version,
        )


class Lender:
    """:param topic: where its voices are asked for; :param recordings_of: a voice's, now."""

    def __init__(
        self, settings: Settings, topic: str, recordings_of: Callable[[str], Sequence[Recording]]
    ) -> None:
        self._settings, self._topic, self._recordings_of = settings, topic, recordings_of
        self._shared = tuple(filter(None, settings.share.split(",")))

    def offer(self) -> Offer | None:
        """What there is to share now; None: nothing."""
        voices = {name: voice for name in self._shared if (voice := self._voice(name)).recordings}
        if not voices:
            return None
        offered = {name: voice.offered() for name, voice in voices.items()}
        settings = self._settings
        return Offer(settings.name, self._topic, settings.rate, settings.channels, offered)

    def answer(self, wish: Wish) -> Iterator[Loan | Piece]:
        """The voice, and what of it is not there; nothing where it is not shared."""
        if wish.voice not in self._shared:
            return
        voice, packer = self._voice(wish.voice), Packer()
        name = f"{self._settings.name}/{wish.voice}"
        recordings = tuple(
            replace(moved_recording(each, packer.move), voice=name, source=f"{name}/{each.name}")
            for each in voice.recordings
        )
        places = tuple(str(packer.move(path)) for path in voice.checkpoints)
        yield Loan(name, voice.version, recordings, places, tuple(packer.bundles))
        for key, bundle in packer.bundles.items():
            if key not in wish.has:
                yield from in_pieces(key, bundle.read())

    def _voice(self, name: str) -> Voice:
        newest = newest_first(self._recordings_of(name), AMONG_SECONDS)
        chosen = [choose_model(self._settings, name, Request(each)) for each in APPROACHES]
        return Voice(
            sorted(newest, key=lambda each: (each.name, each.source)),
            [each.checkpoint for each in chosen if each.checkpoint and not each.starter],
        )
