"""What is remembered on disk of the recordings that were decoded: ``HOME/corpus``.

:class:`dreamd.corpus.cache.Corpus` has one. Each cache ``KEY.f32`` (float32 in the corpus'
format, free of DC, within -1…1) has a note ``KEY.json``, written last: a cache without its note is
half made and ignored. The key comes from the file's content: a file that was seen before, wherever
and under whatever name, is not decoded again, and one that only looks the same is.
"""

import contextlib
import hashlib
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Set
from dataclasses import replace
from pathlib import Path

from dreamd.audio.no_audio import no_access, shown
from dreamd.corpus.decoding import Form, NoRoom, OnProgress, Pour, ignore
from dreamd.corpus.found import Found
from dreamd.corpus.notes import Remembered, read_note, write_note
from dreamd.errors import BadRecording

OURS = re.compile(r"[0-9a-f]{20}\.(f32|json|solos|events)(\.tmp)?")
"""The names of what lies in the corpus' folder; a file of any other name is somebody else's."""

BYTES = "surrogateescape"
"""A file's name may be any bytes."""

CACHE_FILES = (".json", ".f32", ".solos", ".events")
"""What there may be of one cache; the note first, without which the others mean nothing."""


class Memory:
    """:param folder: ``HOME/corpus``; :param form: of the caches; :param pour: who decodes. Used
    from threads."""

    def __init__(self, folder: Path, form: Form, pour: Pour) -> None:
        self.folder, self._form, self._pour = folder, form, pour
        self.damaged: list[str] = []  #: one line for each note that made no sense
        self._lock = threading.Lock()
        self._notes: dict[str, Remembered] = {}
        self._keys: dict[Path, str] = {}  # of the cache at each place
        self._read_notes()

    def places(self) -> Iterator[Found]:
        return (place for note in self._notes.values() for place in note.places.values())

    def of(self, path: Path) -> Remembered | None:
        """What is remembered of the file that lay there."""
        note = self._notes.get(self._keys.get(path, ""))
        return note if note and path in note.places else None

    def known(self, found: Found) -> Remembered | None:
        """What is remembered of this very file, unchanged where it lay, its cache whole."""
        with self._lock:
            note = self.of(found.path)
            if note and found.is_version(note.places[found.path]) and note.is_whole(self.folder):
                return note
        return None

    def learn(
        self, found: Found, progress: OnProgress, remark: Callable[[str], None]
    ) -> Remembered:
        """What is remembered of a file with the same content, else what is in it.

        Raises :class:`BadRecording` and :class:`NoRoom`.
        """
        content = digest(found)
        key = hashlib.blake2b(f"{content}|{self._form}".encode(), digest_size=10).hexdigest()
        note = self._notes.get(key)
        if note and note.is_whole(self.folder):
            return note
        return self._learn(found, key, content, progress, remark)

    def learn_part(self, found: Found) -> Remembered:
        """What there is by now of a take that is being recorded. No note is written: nobody
        remembers it once its file has changed, and no dream looks into it any more.

        Raises as :meth:`learn` does.
        """
        key = hashlib.blake2b(f"{found}|{self._form}".encode(errors=BYTES), digest_size=10)
        note = self._learn(found, key.hexdigest(), "", ignore, ignore, grows=True)
        with self._lock:
            self._notes[note.key] = replace(note, places={found.path: found})
        return note

    def _learn(
        self, found: Found, key: str, content: str, progress: OnProgress,
        remark: Callable[[str], None], grows: bool = False,
    ) -> Remembered:  # fmt: skip
        half_made = self.folder / f"{secrets.token_hex(10)}.f32.tmp"
        try:
            self.folder.mkdir(exist_ok=True)  # not the home: its disk may come back
            poured = self._pour(found, half_made, self._form, progress, remark)
            if not (grows or found.unchanged()):
                raise BadRecording(
                    f"changed while it was read, is read again when it rests: {shown(found.path)}"
                )
            half_made.replace(self.folder / f"{key}.f32")
        except OSError as error:
            raise NoRoom(error.strerror or str(error)) from None
        finally:
            _take_away(half_made)
        return Remembered.of(key, content, poured, self._form)

    def place(self, note: Remembered, found: Found) -> None:
        """``note`` is of what lies at ``found``: written down, if that is news."""
        # Looked at without the lock: the disk of one of them may sleep, and others are to be read.
        gone = {place.path for place in list(note.places.values()) if place.is_gone()}
        with self._lock:
            if note.places.get(found.path) == found and self._keys.get(found.path) == note.key:
                return
            places = {p: place for p, place in note.places.items() if p not in gone}
            placed = replace(note, places=places | {found.path: found})
            try:
                write_note(self.folder, placed)
            except OSError as error:
                if note.key not in self._notes:
                    _take_away(self.folder / f"{note.key}.f32")
                raise NoRoom(error.strerror or str(error)) from None
            before = self.of(found.path)
            if before and before.key != note.key:
                before.places.pop(found.path, None)
            self._notes[note.key] = placed
            self._keys[found.path] = note.key

    # ------------------------------------------------------------ what lies in the folder

    def _read_notes(self) -> None:
        """Of whole caches of this form; one that makes no sense is as if it were not there."""
        for path in self.folder.glob("*.json"):
            if not OURS.fullmatch(path.name):
                continue
            try:
                note = read_note(path)
            except OSError:
                continue
            except ValueError as error:
                self.damaged.append(f"{path} was damaged ({error}): its recording is read again")
                continue
            fits = note.peak <= 1 and Form(note.rate, note.channels) == self._form
            if fits and note.is_whole(self.folder):
                self._notes[note.key] = note
                for place in note.places.values():
                    other = self.of(place.path)
                    if other is None or other.places[place.path].ctime_ns <= place.ctime_ns:
                        self._keys[place.path] = note.key

    def strangers(self) -> list[Path]:
        """What lies in the folder and is not called as ours are."""
        return [path for path in self.folder.iterdir() if not OURS.fullmatch(path.name)]

    def sweep(self) -> None:
        """Clears away caches that are half made, of another form, or that nobody remembers.

        For the daemon as it starts, when nobody reads or writes them. Files that are not called
        as ours are stay.
        """
        for path in self.folder.iterdir():
            forgotten = path.name[:20] not in self._notes or path.suffix == ".tmp"
            if forgotten and OURS.fullmatch(path.name) and path.is_file():
                _take_away(path)

    def forget_lost(self, kept: Set[str]) -> None:
        """Clears away caches whose files are gone or have changed, but for these keys."""
        # Looked at without the lock, as in :meth:`place`.
        gone = [
            note for key, note in list(self._notes.items())
            if key not in kept and not any(each.unchanged() for each in list(note.places.values()))
        ]  # fmt: skip
        with self._lock:
            for note in gone:
                if self._notes.get(note.key) is note:  # it has not come back meanwhile
                    self._forget(note)

    def _forget(self, note: Remembered) -> None:
        del self._notes[note.key]
        for path in [path for path in note.places if self._keys.get(path) == note.key]:
            del self._keys[path]
        for kind in CACHE_FILES:
            _take_away(self.folder / f"{note.key}{kind}")


def _take_away(path: Path) -> None:
    """On a disk that can no longer be written it stays, and is taken away another time."""
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)


def digest(found: Found) -> str:
    """Of a file's content; of what is no file, which is told apart later, of nothing."""
    if not found.path.is_file():
        return ""
    try:
        with found.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise BadRecording(f"{no_access(found.path, error)}: {shown(found.path)}") from None
