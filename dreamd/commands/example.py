"""The recordings of ``dreamd run`` without a folder: one voice, ``pluck``, made here."""

from pathlib import Path

from dreamd.audio import files, plucked_string
from dreamd.errors import SetupError
from dreamd.home.lock import claim
from dreamd.settings import Settings


def example(settings: Settings) -> Path:
    """A folder with one voice and its recording. Raises :class:`SetupError`."""
    claim(settings.home)
    folder = settings.home / "example"
    path = folder / "pluck" / "phrase.wav"
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write(path, plucked_string.phrase(), plucked_string.MODEL_RATE)
    except OSError as error:
        raise SetupError(
            f"cannot write in {settings.home} ({error.strerror}): choose another --home"
        ) from None
    return folder
