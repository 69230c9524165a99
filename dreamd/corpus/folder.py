"""The watched folder: which files in it say that they are recordings, and of which voice.

It is laid out as SuperDirt has it: each sub-folder is a voice, files beside them belong to the
voice ``default``. The watcher asks :func:`look_into` again and again, commands ask :func:`given`.
Hidden files, unfinished downloads and files that are called like no audio are passed over. A take
that is still being recorded is called ``NAME.wav.recording``, and is renamed when it is whole.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dreamd.audio.files import SUFFIXES
from dreamd.audio.no_audio import shown
from dreamd.corpus.voice_names import DEFAULT, voice_name, voice_names
from dreamd.errors import SetupError

TEMPORARY = ("~", ".tmp", ".part", ".partial", ".crdownload", ".download")

GROWING = ".recording"
"""What the name of a take ends with as long as it is being recorded."""


@dataclass
class Listing:
    """What lies in the folder now."""

    recordings: list[tuple[Path, str]] = field(default_factory=list)  # each with its voice
    takes: list[tuple[Path, str]] = field(default_factory=list)  # still being recorded
    troubles: list[str] = field(default_factory=list)  # one line for each that is passed over
    blind: set[Path] = field(default_factory=set)  # folders that could not be looked into


def is_recording(path: Path) -> bool:
    """Whether a file's name says audio, neither hidden nor temporary.

    >>> [is_recording(Path(n)) for n in ("a.wav", ".a.wav", "a.wav.part", "notes.txt")]
    [True, False, False, False]
    """
    name = path.name.lower()
    return (
        path.suffix.lower() in SUFFIXES
        and not name.startswith(".")
        and not name.endswith(TEMPORARY)
    )


def is_take(path: Path) -> bool:
    """Whether a file's name says that it is being recorded.

    >>> [is_take(Path(n)) for n in ("a.wav.recording", ".a.wav.recording", "a.recording", "a.wav")]
    [True, False, False, False]
    """
    return path.suffix == GROWING and is_recording(path.with_suffix(""))


def look_into(root: Path) -> Listing:
    """Raises :class:`OSError` where the folder itself cannot be looked into."""
    found, folders = Listing(), []
    for path, is_folder in _entries(root):
        if is_folder:
            folders.append(path)
        elif is_recording(path):
            found.recordings.append((path, DEFAULT))
        elif is_take(path):
            found.takes.append((path, DEFAULT))
    taken = (DEFAULT,) if found.recordings or found.takes else ()
    names = voice_names([folder.name for folder in folders], taken)
    for folder in folders:
        _add_voice(found, folder, names[folder.name])
    return found


def _add_voice(found: Listing, folder: Path, voice: str) -> None:
    """The recordings of one voice; nothing in them keeps the others from being found."""
    try:
        entries = list(_entries(folder))
    except OSError as error:
        found.blind.add(folder)
        found.troubles.append(f"cannot look into {shown(folder)}: {error.strerror}")
        return
    recordings = [path for path, _ in entries if is_recording(path)]
    found.recordings += [(path, voice) for path in recordings]
    found.takes += [(path, voice) for path, _ in entries if is_take(path)]
    plain = voice_name(folder.name)
    if recordings and voice != plain:
        found.troubles.append(
            f"the voice of {shown(folder)} is called {voice}: there is another {plain}"
        )
    if not recordings and is_recording(folder):
        found.recordings.append((folder, voice))  # told why it is none, when it is read
    for path, is_folder in entries:
        if is_folder and not is_recording(path) and _holds_recordings(path):
            found.troubles.append(
                f"recordings in {shown(path)} are not learned: move them up into {shown(folder)}, "
                "or the folder beside it"
            )


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """What lies there, by name, hidden files left out, and which of it are folders."""
    with os.scandir(folder) as scan:
        entries = sorted((entry for entry in scan if entry.name[0] != "."), key=lambda e: e.name)
    for entry in entries:
        yield Path(entry.path), _is_folder(entry)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or to where one may not look
        return False


def _holds_recordings(folder: Path) -> bool:
    try:
        return any(is_recording(path) for path, _ in _entries(folder))
    except OSError:
        return False


def listing(root: Path) -> list[tuple[Path, str]]:
    """The recordings under ``root`` and their voices. Raises :class:`OSError`."""
    return look_into(root).recordings


def given(source: Path) -> list[tuple[Path, str]]:
    """The recordings that a command was given, a folder of them or one file, and their voices.

    Raises :class:`SetupError` where there is neither.
    """
    if source.is_file() and is_recording(source):
        return [(source, DEFAULT)]
    if source.is_dir():
        try:
            return listing(source)
        except OSError as error:
            raise SetupError(f"cannot look into {source}: {error.strerror}") from None
    raise SetupError(f"no such folder or audio file: {source}")
