"""Files that are no audio, whatever they are called: what is wrong with each, and what to do.

:mod:`dreamd.audio.files` has every file checked here first. Every reason is one line, which names
the file.
"""

import os
import stat
from pathlib import Path

from dreamd.errors import BadRecording

RATES = range(1000, 1_000_001)
"""Hz. A header that says another rate is broken, and what it would become has no bounds."""


def shown(path: Path) -> str:
    """A path as it can be printed in a line and sent, whatever its bytes are.

    >>> shown(Path("caf\\udce9.wav")), shown(Path("two\\nlines.wav"))
    ('caf\\\\xe9.wav', 'two\\\\nlines.wav')
    """
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def check_audio(path: Path) -> bytes:
    """The first bytes of a file that may be audio.

    Raises :class:`BadRecording` for what is none, whatever its name: with the reason, and what to
    do about it.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise BadRecording(f"{_no_file(found.st_mode)}: {shown(path)}")
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise BadRecording(f"{no_access(path, error)}: {shown(path)}") from None
    what = _not_audio(head)
    if what:
        raise BadRecording(f"cannot be read as audio ({what}): {shown(path)}")
    return head


def _no_file(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "is a folder: recordings lie directly in the folder of their voice"
    return "is no audio file but a pipe, a socket or a device"


def no_access(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "is a link to a file that is not there" if path.is_symlink() else "no such file"
    if isinstance(error, PermissionError):
        return "may not be read: give dreamd the right to (chmod u+r)"
    return f"cannot be read ({error.strerror})"


def _not_audio(head: bytes) -> str | None:
    """What these first bytes are, where they are certainly no audio."""
    if not head:
        return "it is empty"
    if not any(head) and len(head) >= 512:
        return "it holds nothing but zeros: was it copied or synced to its end?"
    start = head.lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return "it is a web page: download the recording itself"
    if head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"7z\xbc\xaf", b"Rar!")):
        return "it is an archive: unpack it"
    if all(byte >= 0x20 or byte in b"\t\r\n" for byte in head[:64]) and head.isascii():
        return "it is text"
    return None


def is_mpeg(path: Path, head: bytes) -> bool:
    """MP3 by its name, its tag, or a frame of MPEG or AAC: libsndfile's decoder would write about
    every damaged frame onto the performer's screen."""
    return (
        path.suffix.lower() == ".mp3"
        or head[:3] == b"ID3"
        or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)
    )


def check_rate(rate: int, path: Path) -> int:
    if rate not in RATES:
        raise BadRecording(
            f"its header says {rate} Hz, a rate that no recording has; export it anew: "
            f"{shown(path)}"
        )
    return rate


INDEXED = (".m4a", ".mp4", ".m4b", ".mov", ".3gp", ".3gpp", ".3ga", ".qta")
"""Without the index that is written last these cannot be decoded."""


def unreadable(path: Path, reason: str) -> str:
    """The line for a file that looks like audio, and of which nobody can read anything."""
    if path.suffix.lower() in INDEXED:
        with path.open("rb") as file:
            if b"moov" not in file.read(1 << 16):
                reason = "it was cut short before its index was written: copy or convert it again"
    return f"cannot be read as audio ({reason}): {shown(path)}"
