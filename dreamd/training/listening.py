"""What nobody has listened to yet: recordings are scanned for events and single notes, in parts.

The scheduler has one :class:`Listening`; dreams leap to events, seeds of notes are cut from notes.
"""

import logging
from collections.abc import Iterator

from dreamd.corpus import events, pitch, single_notes
from dreamd.corpus.recording import Recording
from dreamd.corpus.single_notes import SingleNote


class Listening:
    """Recordings wait here until somebody has time; the newest come first."""

    def __init__(self) -> None:
        self._unscanned: dict[str, Recording] = {}  # by their caches
        self._scan: Iterator[bool] | None = None
        self._failed: dict[str, Recording] = {}  # to write down what was heard, on a full disk

    @property
    def waiting(self) -> bool:
        return bool(self._scan or self._unscanned)

    def add(self, recording: Recording) -> None:
        self._unscanned[recording.cache] = recording

    def forget(self, recording: Recording) -> None:
        self._unscanned.pop(recording.cache, None)
        self._failed.pop(recording.cache, None)

    def on(self) -> None:
        """The next minute or two."""
        while self._scan is None and self._unscanned:
            _, recording = self._unscanned.popitem()
            if not is_scanned(recording):
                self._scan = self._listen_to(recording)
        if self._scan is not None and not next(self._scan, False):
            self._scan = None

    def again(self) -> None:
        """What could not be written down is listened to again: there may be room now."""
        self._unscanned |= self._failed
        self._failed.clear()

    def _listen_to(self, recording: Recording) -> Iterator[bool]:
        try:
            yield from _scan(recording)
        except OSError as error:  # the cursor walks straight on, notes are synthesized
            logging.warning("cannot keep what %s holds: %s", recording.name, error)
            self._failed[recording.cache] = recording
        except Exception:  # whatever it is in this recording, the others are listened to
            logging.exception("while listening to %s", recording.name)


def is_scanned(recording: Recording) -> bool:
    return events.exist(recording) and single_notes.known(recording) is not None


def _scan(recording: Recording) -> Iterator[bool]:
    """Listens part by part, then writes down what it found: events first, dreams leap to them."""
    if not events.exist(recording):
        yield from events.scan(recording)
    if single_notes.known(recording) is None:
        found: list[SingleNote] = []
        for heard in pitch.scan(recording):
            found.extend(heard)
            yield True
        single_notes.keep(recording, found)
