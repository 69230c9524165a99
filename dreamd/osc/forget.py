"""What a client says to have a recording forgotten. The other messages are in
:mod:`dreamd.osc.requests`, which asks here."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dreamd.errors import BadRequest
from dreamd.osc import values


@dataclass(frozen=True)
class Forget:
    """``/dream/forget path`` or ``voice:number``, and an ``id`` for the answer: a recording leaves
    its voice, and what was learned with it goes.
    """

    recording: str
    id: int | None = None

    @classmethod
    def parse(cls, args: Sequence[Any]) -> "Forget":
        """
        >>> Forget.parse(["guitar:3", 7])
        Forget(recording='guitar:3', id=7)

        Raises :class:`BadRequest`.
        """
        if not 1 <= len(args) <= 2:
            raise BadRequest("/dream/forget takes a recording: voice:number, or a file's path")
        id = None if len(args) == 1 else values.check_integer("id", args[1])
        return cls(values.check_text("the recording", args[0]), id)
