"""Which recordings a corpus is not to have: asks and keeps :mod:`dreamd.corpus.forgotten`.

:class:`dreamd.corpus.cache.Corpus` has one and asks it before a recording joins; the daemon has
recordings forgotten here. Used from threads.
"""

from collections.abc import Set
from pathlib import Path

from dreamd.audio.no_audio import shown
from dreamd.corpus import forgotten
from dreamd.corpus.found import Found
from dreamd.corpus.memory import Memory, digest
from dreamd.corpus.notes import Remembered
from dreamd.corpus.recording import Recording
from dreamd.errors import BadRecording, BadRequest


class Forgetful:
    """:param home: the daemon's home folder; :param memory: of what lay where."""

    def __init__(self, home: Path, memory: Memory) -> None:
        self._home, self._memory = home, memory

    def known(self) -> Set[tuple[str, str]]:
        """The content and the voice of each recording that is forgotten."""
        return {(each.digest, each.voice) for each in forgotten.lines(self._home)}

    def check(self, note: Remembered, found: Found) -> None:
        """Raises :class:`BadRecording` for what is forgotten."""
        if (known := self.known()) and (note.digest or digest(found), found.voice) in known:
            raise BadRecording(
                f"was forgotten; to have it back, delete its line in "
                f"{forgotten.path_in(self._home)} and touch it: {shown(found.path)}"
            )

    def forget(self, recording: Recording) -> None:
        """Writes down that its voice is not to have it any more.

        Raises :class:`BadRequest` for one that is still being recorded, :class:`OSError` where it
        cannot be written.
        """
        source = Path(recording.source)
        note, found = self._memory.of(source), Found.at(source, recording.voice)
        if note and note.key == recording.key and note.digest:
            content = note.digest
        elif found:  # made whole a moment ago, or known to an earlier dreamd
            content = digest(found)
        else:
            raise BadRequest(f"{recording.name} is still being recorded: stop that first")
        forgotten.add(self._home, content, recording.voice, recording.joined, shown(source))
