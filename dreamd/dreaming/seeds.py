"""What a request's seed means: which recording, which file, which notes.

The daemon calls :func:`settle`, which settles every choice and refuses what cannot be read; the
dreamer fetches the samples (:mod:`dreamd.dreaming.seed_samples`). Words of seeds: ``guitar:2``,
``guitar``, a path, ``dream:3``, ``noise``, ``silence``.
"""

import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dreamd.audio import files
from dreamd.audio.no_audio import check_audio
from dreamd.corpus import single_notes
from dreamd.corpus.recording import Recording, Voices
from dreamd.corpus.single_notes import SingleNote
from dreamd.corpus.voice_names import is_shared, voice_called
from dreamd.errors import BadRecording, NoModel, NoSuchSeed
from dreamd.home import credits
from dreamd.osc.requests import Request

_NUMBERED = re.compile(r"((?:[^/\\]+/)?[^/\\]+):(-?\d{1,18})")

BEST = 4
"""A note is cut from one of its longest singles, this many of them."""


@dataclass(frozen=True)
class Cutting:
    """A recording, and a place in it where one pitch sounds alone."""

    recording: Recording
    single: SingleNote


@dataclass(frozen=True)
class Seed:
    """Where the samples are: in a recording, in a file, in notes, or made up.

    ``at`` is a second, None for a random place that ``rand`` decides. ``cuttings`` say, for each
    of ``notes``, where it is cut from; None: nowhere, it is synthesized.
    """

    kind: str  # recording, file, notes, noise, silence
    recording: Recording | None = None
    path: Path | None = None
    at: float | None = None
    notes: tuple[float, ...] = ()
    cuttings: tuple[Cutting | None, ...] = ()


def settle(
    request: Request,
    voices: Voices,
    dream: Callable[[int], Path],
    rng: np.random.Generator,
) -> tuple[Seed, str | None]:
    """The seed a request asks for, and the voice it belongs to (None: to none).

    :param dream: the file of an earlier dream by its number.

    Raises :class:`NoSuchSeed` where the words name nothing readable.
    """
    if request.notes:
        return _of_notes(request, voices, rng)
    words = request.seed
    if words is None:
        return _anywhere(request, voices, rng)
    if words in ("noise", "silence"):
        return Seed(words), None
    name, number = numbered(words)
    number = request.seedn if number is None else number
    if name == "dream" and number is not None:
        return _of_dream(dream(number), request, voices)
    if voices.get(name):
        return _in_voice(request, voices, name, number, rng), name
    if looks_like_path(words):
        return _of_dream(_path(words), request, voices)
    known = ", ".join(sorted(voices)) or "none yet"
    raise NoSuchSeed(f"no voice or file is called {words!r}; voices: {known}")


def _of_notes(
    request: Request, voices: Voices, rng: np.random.Generator
) -> tuple[Seed, str | None]:
    """Each note from the voice's own recordings, where it has it alone
    (:mod:`dreamd.corpus.single_notes`).

    The voice is the one that dreams, or the one that ``seed`` names.
    """
    named = numbered(request.seed)[0] if request.seed else None
    if named not in voices:
        named = None
    recordings = voices.get(named or voice_of(request, voices, None), ())
    cuttings = tuple(_cutting(note, recordings, rng) for note in request.notes)
    return Seed("notes", notes=request.notes, cuttings=cuttings), named


def _cutting(
    note: float, recordings: Sequence[Recording], rng: np.random.Generator
) -> Cutting | None:
    there = [Cutting(r, single) for r in recordings for single in single_notes.of(r, note)]
    there.sort(key=lambda cutting: -cutting.single.frames)
    return there[int(rng.integers(min(len(there), BEST)))] if there else None


def numbered(words: str) -> tuple[str, int | None]:
    """
    >>> numbered("guitar:2"), numbered("guitar"), numbered("ada/guitar:0")
    (('guitar', 2), ('guitar', None), ('ada/guitar', 0))
    """
    match = _NUMBERED.fullmatch(words)
    return (match[1], int(match[2])) if match else (words, None)


def with_voices(request: Request, voices: Voices) -> Request:
    """The request with its voices called as they are here."""
    seed, voice, follow = (
        _called(words, voices) for words in (request.seed, request.voice, request.follow)
    )
    return replace(request, seed=seed, voice=voice, follow=follow)


def _called(words: str | None, voices: Voices) -> str | None:
    if words is None or words in voices:
        return words
    name, number = numbered(words)
    name = voice_called(name, voices)
    return words if name not in voices else name if number is None else f"{name}:{number}"


def _anywhere(
    request: Request, voices: Voices, rng: np.random.Generator
) -> tuple[Seed, str | None]:
    """Without a seed: somewhere in the voice, or in the only or default voice."""
    name = voice_of(request, voices, None)
    if not voices.get(name):  # nothing recorded yet: dream from what there is
        return Seed("noise"), None
    return _in_voice(request, voices, name, request.seedn, rng), name


def _in_voice(
    request: Request, voices: Voices, name: str, number: int | None, rng: np.random.Generator
) -> Seed:
    recordings = voices[name]
    if number is None:
        number = int(rng.integers(len(recordings)))
    recording = recordings[number % len(recordings)]
    return Seed("recording", recording=recording, at=request.seedat)


def looks_like_path(words: str) -> bool:
    return "/" in words or "\\" in words or Path(words).suffix.lower() in files.SUFFIXES


def _file(path: Path, request: Request) -> Seed:
    return Seed("file", path=path, at=request.seedat)


def _of_dream(path: Path, request: Request, voices: Voices) -> tuple[Seed, str | None]:
    """A file, and the voice that dreamt it, where one did that is still there."""
    voice = credits.dreamer_of(path)
    return _file(path, request), voice if voice in voices else None


def file_named(request: Request, voices: Voices) -> str | None:
    """The audio file that a client names as the seed, where it does: see :func:`check_file`."""
    words = request.seed
    if request.notes or words is None or words in ("noise", "silence"):
        return None
    name, number = numbered(words)
    if (name == "dream" and number is not None) or voices.get(name):
        return None
    if is_shared(name := voice_called(name, voices)) and name in voices:
        return None
    return words if looks_like_path(words) else None


def _path(words: str) -> Path:
    """Raises :class:`NoSuchSeed` for the home of somebody whom nobody knows."""
    try:
        return Path(words).expanduser()
    except RuntimeError:
        raise NoSuchSeed(f"seed: no such file: {words}") from None


def check_file(words: str) -> None:
    """Opens a file that should be audio; it is decoded by whoever dreams, whom a decoder that
    crashes may take along. May take for ever: whose time matters calls it in a thread.

    Raises :class:`NoSuchSeed` where it is no file, or certainly holds no audio.
    """
    path = _path(words)
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device could keep us waiting
            raise NoSuchSeed(f"seed: is no audio file: {path}")
        check_audio(path)
    except FileNotFoundError:
        raise NoSuchSeed(f"seed: no such file: {path}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise NoSuchSeed(f"seed: cannot be read ({why}): {path}") from None
    except BadRecording as error:
        raise NoSuchSeed(f"seed: {error}") from None


def voice_of(request: Request, voices: Voices, seed_voice: str | None) -> str:
    """Whose model dreams: the one asked for, else the seed's, else the client's own
    (``request.usual``), else ``default``, else the first by name; of those that have recordings, if
    any has. One that somebody else shares only where it is named.

    Raises :class:`NoModel` for a voice that is asked for and not there.
    """
    if request.voice is not None:
        if request.voice not in voices:
            known = ", ".join(sorted(voices)) or "none yet"
            raise NoModel(f"no voice is called {request.voice!r}; voices: {known}")
        return request.voice
    if seed_voice is not None:
        return seed_voice
    own = [name for name in voices if not is_shared(name)]
    there = [name for name in own if voices[name]] or own
    if request.usual in there:
        return request.usual
    return "default" if "default" in there or not there else min(there)
