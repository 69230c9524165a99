"""The corpus: which recordings each voice has, decoded once and remembered on disk.

The daemon feeds it what the watcher finds; :meth:`Corpus.ingest` decodes a file into
``HOME/corpus/KEY.f32`` (mono float32 at the corpus' rate, free of DC) and writes
``KEY.json`` beside it last, so that a cache without its note is half made and ignored.
A file that was seen before, here or under another name, is not decoded again.
"""

import hashlib
import json
import os
import re
import time
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import BinaryIO

import numpy as np

from dreamd.audio import files
from dreamd.corpus.recording import Recording
from dreamd.errors import BadRecording

SILENT_PEAK = 1e-4
"""A recording whose largest sample is under this (-80 dB) is silence."""

OURS = re.compile(r"[0-9a-f]{20}\.(f32|json|solos|events)(\.tmp)?")
"""The names of what lies in the corpus' folder; a file of any other name is somebody else's."""

OnProgress = Callable[[float], None]


@dataclass(frozen=True)
class Found:
    """A complete file in the watched folder, with what tells one version from another."""

    path: Path
    voice: str
    size: int
    mtime_ns: int

    def unchanged(self) -> bool:
        """Whether the file is still there as it was found."""
        try:
            now = self.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == (self.size, self.mtime_ns)


def voice_name(folder: str) -> str:
    """A voice's name from its folder's: what fits Tidal's mini-notation.

    >>> voice_name("guitar"), voice_name("my guitar (new)"), voice_name("…")
    ('guitar', 'my-guitar-new', 'voice')
    """
    plain = unicodedata.normalize("NFKD", folder).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._") or "voice"


class Corpus:
    """:param home: the daemon's home folder; :param rate: of the cache, in Hz."""

    def __init__(self, home: Path, rate: int) -> None:
        self._folder = home / "corpus"
        self._rate = rate
        self._folder.mkdir(parents=True, exist_ok=True)
        self._remembered: dict[str, tuple[Recording, Found]] = {}
        self._present: dict[Path, Recording] = {}
        self._recall()

    def voices(self) -> dict[str, list[Recording]]:
        """Each voice's present recordings, sorted by name."""
        voices: dict[str, list[Recording]] = {}
        for recording in sorted(self._present.values(), key=lambda r: (r.name, r.source)):
            voices.setdefault(recording.voice, []).append(recording)
        return voices

    def recordings(self) -> tuple[Recording, ...]:
        return tuple(self._present.values())

    def add(self, recording: Recording) -> None:
        """From now on ``recording`` is part of its voice, in place of its older version."""
        self._present[Path(recording.source)] = recording

    def remove(self, path: Path) -> Recording | None:
        """The file is gone, and so is the recording; its cache goes at the next start."""
        return self._present.pop(path, None)

    def ingest(self, found: Found, progress: OnProgress = lambda _: None) -> Recording:
        """The recording in a complete file, decoded if it is new.

        Called from worker threads. Raises :class:`BadRecording` with a reason that names
        the file.
        """
        known = self._seen_before(found)
        recording = known or self._decode(found, progress)
        note = {"recording": asdict(recording), "size": found.size, "mtime_ns": found.mtime_ns}
        path = Path(recording.cache).with_suffix(".json")
        temporary = path.with_suffix(".json.tmp")
        temporary.write_text(json.dumps(note), encoding="utf-8")
        os.replace(temporary, path)
        self._remembered[recording.cache] = (recording, found)
        return recording

    # ------------------------------------------------------------ what was seen before

    def _recall(self) -> None:
        """Reads the notes of whole caches at this rate."""
        for path in self._folder.glob("*.json"):
            try:
                note = json.loads(path.read_text(encoding="utf-8"))
                recording = Recording(**note["recording"])
                whole = Path(recording.cache).stat().st_size == 4 * recording.frames
            except (OSError, ValueError, KeyError, TypeError):
                continue
            if whole and recording.rate == self._rate:
                source = Path(recording.source)
                found = Found(source, recording.voice, note["size"], note["mtime_ns"])
                self._remembered[recording.cache] = (recording, found)

    def sweep(self) -> None:
        """Clears away caches that are half made, or whose recording is gone or has changed.

        For the daemon as it starts, when nobody reads or writes them. Files that are not called
        as ours are stay.
        """
        for cache, (_, was) in list(self._remembered.items()):
            if not was.unchanged():
                del self._remembered[cache]
        kept = set(self._remembered)
        for path in self._folder.iterdir():
            if not OURS.fullmatch(path.name) or not path.is_file():
                continue
            cache = str(path.with_name(path.name[:20] + ".f32"))
            if cache not in kept or path.suffix == ".tmp":
                path.unlink(missing_ok=True)

    def recall_all(self) -> None:
        """Every recording that is remembered is present: for dreams without a daemon."""
        self.recall((was.path, was.voice) for _, was in self._remembered.values())

    def recall(self, listed: Iterable[tuple[Path, str]]) -> None:
        """What is remembered of these files and their voices is present, before they are looked
        at: who asks as soon as the daemon answers finds them."""
        places = set(listed)
        for recording, was in self._remembered.values():
            if (was.path, was.voice) in places and was.unchanged():
                self.add(recording)

    def _seen_before(self, found: Found) -> Recording | None:
        """The same file: same place, or moved here, unchanged since it was decoded."""
        for recording, was in list(self._remembered.values()):
            same = (was.size, was.mtime_ns) == (found.size, found.mtime_ns)
            if same and (was.path == found.path or not was.path.exists()):
                return replace(recording, source=str(found.path), voice=found.voice)
        return None

    # ------------------------------------------------------------ decoding

    def _decode(self, found: Found, progress: OnProgress) -> Recording:
        key = hashlib.blake2b(
            f"{found.path}|{found.size}|{found.mtime_ns}|{self._rate}".encode(), digest_size=10
        ).hexdigest()
        cache = self._folder / f"{key}.f32"
        expected = max(files.info(found.path).seconds * self._rate, 1.0)
        try:
            frames, peak, loudest = self._pour(found.path, cache, lambda n: progress(n / expected))
        except BadRecording:
            cache.unlink(missing_ok=True)
            raise
        return Recording(
            voice=found.voice,
            source=str(found.path),
            cache=str(cache),
            frames=frames,
            rate=self._rate,
            peak=peak,
            loudest=loudest,
            joined=time.time(),
        )

    def _pour(self, path: Path, cache: Path, progress: OnProgress) -> tuple[int, float, float]:
        """Decodes block by block into ``cache``, DC removed; gives frames, peak, loudest RMS."""
        frames, total = 0, 0.0
        with cache.open("w+b") as file:
            for block in files.decode(path, self._rate):
                file.write(block.astype("<f4").tobytes())
                frames += len(block)
                total += float(block.sum(dtype=np.float64))
                progress(frames)
            if not frames:
                raise BadRecording(f"holds no samples: {path}")
            peak, loudest = _remove_offset(file, np.float32(total / frames), self._rate // 2)
        if peak < SILENT_PEAK:
            raise BadRecording(f"is silent: {path}")
        return frames, peak, loudest


def _remove_offset(file: BinaryIO, offset: np.float32, span: int) -> tuple[float, float]:
    """Subtracts ``offset`` from the samples of a whole file, in blocks.

    Gives the peak, and the largest root mean square of ``span`` samples.
    """
    peak, loudest, at = 0.0, 0.0, 0
    while True:
        file.seek(at)
        block = np.frombuffer(file.read(4 * files.BLOCK), "<f4")
        if not len(block):
            return peak, loudest
        moved = block - offset
        file.seek(at)
        file.write(moved.tobytes())
        at += 4 * len(block)
        peak = max(peak, float(np.abs(moved).max()))
        size = min(span, len(moved))
        spans = moved[: len(moved) // size * size].reshape(-1, size)
        loudest = max(loudest, float(np.sqrt((spans**2).mean(1).max())))
