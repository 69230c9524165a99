"""The corpus: which recordings each voice has now.

The daemon feeds it what the watcher finds; :meth:`Corpus.ingest` decodes a file, or remembers it
(:mod:`dreamd.corpus.memory`); :meth:`Corpus.add` and :meth:`Corpus.remove` say what is there.
"""

import bisect
import time
from collections.abc import Callable, Iterable, Set
from dataclasses import replace
from pathlib import Path

from dreamd.audio.no_audio import shown
from dreamd.corpus.decoding import Form, NoRoom, OnProgress, Pour, ignore, pour
from dreamd.corpus.forgetful import Forgetful
from dreamd.corpus.found import Found
from dreamd.corpus.memory import Memory
from dreamd.corpus.recording import Recording

RETIRED = 10.0
"""Seconds for which a cache stays after its recording went: the learner may be reading it."""


class Corpus:
    """:param home: the daemon's home folder; :param rate: of the recordings, in Hz; :param pour:
    who decodes them, if not whoever asks; :param channels: 1 or 2.

    :meth:`ingest` and :meth:`tidy` may be called from threads, all else from one.
    """

    def __init__(self, home: Path, rate: int, pour: Pour = pour, channels: int = 1) -> None:
        folder = home / "corpus"
        folder.mkdir(parents=True, exist_ok=True)
        self._memory = Memory(folder, Form(rate, channels), pour)
        self._present: dict[Path, Recording] = {}
        self._voices: dict[str, list[Recording]] = {}  # sorted by name; replaced, never changed
        self._left: dict[str, float] = {}  # when the last recording of a cache went
        self.forgetful = Forgetful(home, self._memory)  #: what it is not to have
        self._begun: dict[Path, float] = {}  # when the first part of a take joined

    def voices(self) -> dict[str, list[Recording]]:
        """Each voice's present recordings, sorted by name."""
        return dict(self._voices)

    def recordings(self) -> tuple[Recording, ...]:
        return tuple(self._present.values())

    def of(self, path: Path) -> Recording | None:
        """The present recording of a file."""
        return self._present.get(path)

    def add(self, recording: Recording) -> bool:
        """From now on ``recording`` is part of its voice, in place of its older version. False
        where it is already."""
        path = Path(recording.source)
        if recording == self._present.get(path):
            return False
        self.remove(path)
        self._present[path] = recording
        voice = list(self._voices.get(recording.voice, ()))
        bisect.insort(voice, recording, key=_by_name)
        self._voices[recording.voice] = voice
        return True

    def remove(self, path: Path) -> Recording | None:
        """The file is gone, and so is the recording; its cache goes a little later."""
        recording = self._present.pop(path, None)
        if recording is not None:
            voice = [each for each in self._voices[recording.voice] if each != recording]
            self._voices[recording.voice] = voice
            if not voice:
                del self._voices[recording.voice]
            self._left[recording.key] = time.monotonic()
        return recording

    def recall_all(self) -> None:
        """Every recording that is remembered is present: for dreams without a daemon."""
        self.recall((place.path, place.voice) for place in list(self._memory.places()))

    def recall(self, listed: Iterable[tuple[Path, str]]) -> None:
        """What is remembered of these files and their voices is present, before they are looked
        at: who asks as soon as the daemon answers finds them."""
        for recording in self.unchanged(listed):
            self.add(recording)

    def recall_under(self, folder: Path) -> list[Path]:
        """What is remembered of this folder's files is present, though nobody could look at them:
        their disk does not answer. Gives the files; what went meanwhile is still to be removed."""
        places = [place for place in self._memory.places() if place.path.is_relative_to(folder)]
        gone = self.forgetful.known()
        for place in places:
            note = self._memory.of(place.path)
            if note and (note.digest, place.voice) not in gone:
                self.add(note.recording(self._memory.folder, note.places[place.path]))
        return [place.path for place in places]

    def unchanged(self, listed: Iterable[tuple[Path, str]]) -> list[Recording]:
        """What is remembered of these files, where they are as they were: looks at each, in
        whatever thread may wait for their disk."""
        gone = self.forgetful.known()
        notes = ((self._memory.of(path), path, voice) for path, voice in listed)
        return [
            note.recording(self._memory.folder, note.places[path]) for note, path, voice in notes
            if note and (note.digest, voice) not in gone
            and note.places[path].voice == voice and note.places[path].unchanged()
        ]  # fmt: skip

    def ingest(
        self,
        found: Found,
        progress: OnProgress = ignore,
        remark: Callable[[str], None] = ignore,
    ) -> Recording:
        """The recording in a complete file, decoded if it is new.

        Called from worker threads; ``remark`` hears what a performer should know of it. Raises
        :class:`BadRecording` with a reason that names the file, :class:`NoRoom` where it cannot be
        kept now.
        """
        memory = self._memory
        try:
            note = memory.known(found) or memory.learn(found, progress, remark)
            begun = self._begun.pop(found.path, note.joined)
            note = replace(note, joined=min(note.joined, begun))
            memory.place(note, found)
        except NoRoom as error:
            raise NoRoom(
                f"cannot be kept in {memory.folder} ({error}), is read as soon as it can be: "
                f"{shown(found.path)}"
            ) from None
        self.forgetful.check(note, found)
        return note.recording(memory.folder, found)

    def ingest_part(self, found: Found, whole: Path) -> Recording:
        """What there is by now of a take that is being recorded, as a part of its voice under the
        name that it will have, ``whole``. Raises as :meth:`ingest` does."""
        note = self._memory.learn_part(found)
        self._begun.setdefault(whole, note.joined)
        part = note.recording(self._memory.folder, found)
        return replace(part, source=str(whole), joined=self._begun[whole])

    # ------------------------------------------------------------ what lies on the disk

    def sweep(self) -> list[str]:
        """Clears away what is half made or damaged, as the daemon starts; gives a line for each
        thing that a performer should know."""
        strangers = self._memory.strangers()
        lines = list(self._memory.damaged)
        if strangers:
            names = ", ".join(shown(Path(path.name)) for path in strangers[:3])
            lines.append(f"not dreamd's, left alone: {names} in {self._memory.folder}")
        self._memory.sweep()
        return lines

    def tidy(self, in_use: Set[str]) -> None:
        """Clears away the caches of recordings that are gone, but for the keys ``in_use``, which
        dreams that are being made look into.

        Not while no recording is there: their disk may be gone, and come back.
        """
        for key, left in list(self._left.items()):
            if time.monotonic() - left > RETIRED:
                self._left.pop(key, None)
        if present := self.recordings():
            self._memory.forget_lost({each.key for each in present} | set(self._left) | in_use)

    def damaged(self) -> list[Found]:
        """Files whose caches are not whole any more, though nothing else is wrong with them."""
        lost = [each for each in self.recordings() if not each.is_whole()]
        places = [(self._memory.of(Path(each.source)), Path(each.source)) for each in lost]
        return [note.places[path] for note, path in places if note and path in note.places]


def _by_name(recording: Recording) -> tuple[str, str]:
    return recording.name, recording.source
