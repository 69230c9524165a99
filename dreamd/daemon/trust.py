"""Who may say what: programs on this machine everything, strangers only what harms nobody.

The dispatcher asks before it answers, the clients before they tell; ``docs/security.md`` says the
same to users. A stranger is whoever reaches the daemon from another computer, or by an address of
this one that others could use, unless ``--trust`` has said that all of them are friends.
"""

from collections.abc import Callable
from pathlib import Path

from dreamd.corpus.recording import Voices
from dreamd.dreaming import seeds
from dreamd.errors import BadRequest
from dreamd.osc.addresses import Address, is_loopback
from dreamd.osc.requests import AskStatus, Cancel, Message, Notify, Request
from dreamd.osc.steering import Steer

_ALLOWED = (Request, Steer, Cancel, AskStatus, Notify)
"""What strangers may say. What is not in this list is for friends alone."""


class Trust:
    """:param everybody: is a friend; :param folders: from which strangers may name files."""

    def __init__(self, everybody: bool, *folders: Path) -> None:
        self._everybody = everybody
        self._folders = tuple(folder.absolute() for folder in folders)

    def is_stranger(self, sender: Address) -> bool:
        return not (self._everybody or is_loopback(sender[0]))

    def check(self, message: Message, sender: Address, voices: Callable[[], Voices]) -> None:
        """Raises :class:`BadRequest` for what this sender may not say."""
        if not self.is_stranger(sender):
            return
        if not isinstance(message, _ALLOWED):
            what = type(message).__name__.lower()
            raise BadRequest(f"{what} is refused to other computers: start dreamd with --trust")
        asked = Request("", **message.seed) if isinstance(message, Steer) else message
        if isinstance(asked, Request) and not self._may_read(asked, voices()):
            raise BadRequest(
                "seed: other computers may name files among the recordings and in the home only: "
                "start dreamd with --trust"
            )

    def _may_read(self, request: Request, voices: Voices) -> bool:
        """Decided by the path's letters: nothing is looked at, so nothing is given away."""
        words = seeds.file_named(request, voices)
        if words is None:
            return True
        path = Path(words)
        return ".." not in path.parts and any(path.is_relative_to(each) for each in self._folders)
