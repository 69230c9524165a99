"""Where plain samples lie in a file whose header does not say so: its recorder was killed, or the
file was cut short.

:mod:`dreamd.audio.files` asks :func:`find_samples` before it trusts a header. WAV (also RF64),
AIFF, CAF and AU, as their specifications lay them out; for anything compressed, and for every file
that is as long as it says, the answer is None.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Block = NDArray[np.float32]
"""``(frames, channels)``, full scale -1…1."""

LARGEST_TAIL = 4096
"""Bytes after the samples that may be anything: padding, half a tag."""
MOST_CHUNKS = 1000
MOST_CHANNELS = 1024
UNKNOWN_LENGTHS = (0, 2**32 - 1, 2**64 - 1)
"""Lengths that say: not known yet."""


@dataclass(frozen=True)
class RawSamples:
    """Interleaved samples from byte ``start`` on; ``width`` bytes each, ``kind`` as in numpy."""

    start: int
    claimed: int  # bytes, as the header has it
    rate: int
    channels: int
    order: str  # < or >
    kind: str  # i, u or f
    width: int

    def frames_in(self, size: int) -> int:
        """Whole frames in a file of ``size`` bytes."""
        return max(size - self.start, 0) // (self.channels * self.width)


def find_samples(path: Path) -> RawSamples | None:
    """The samples of a file whose header is wrong about how many there are.

    Raises :class:`OSError` where the file cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            found = _layout(file, size)
        except (struct.error, OverflowError, ValueError):  # a header that ends in the middle
            return None
        if found is None or not _possible(found) or not found.frames_in(size):
            return None
        end = found.start + found.claimed
        return found if end > size or _goes_on(file, found, end, size) else None


def raw_blocks(path: Path, found: RawSamples, start: int, frames: int) -> Iterator[Block]:
    """The samples from frame ``start`` on, ``frames`` at a time."""
    each = found.channels * found.width
    with path.open("rb") as file:
        file.seek(found.start + start * each)
        while data := file.read(frames * each):
            data = data[: len(data) // each * each]
            yield _numbers(data, found).reshape(-1, found.channels)


def _numbers(data: bytes, found: RawSamples) -> Block:
    if found.width == 3:  # the upper three bytes of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, slice(1, 4) if found.order == "<" else slice(0, 3)] = np.frombuffer(
            data, np.uint8
        ).reshape(-1, 3)
        numbers, bits = wide.reshape(-1).view(f"{found.order}i4"), 32
    else:
        numbers = np.frombuffer(data, f"{found.order}{found.kind}{found.width}")
        bits = 8 * found.width
    if found.kind == "f":
        with np.errstate(over="ignore"):
            return numbers.astype(np.float32)
    middle = 2.0 ** (bits - 1) if found.kind == "u" else 0.0
    return ((numbers - np.float64(middle)) / 2.0 ** (bits - 1)).astype(np.float32)


def _possible(found: RawSamples) -> bool:
    known = (found.kind in "iu" and found.width in (1, 2, 3, 4)) or (
        found.kind == "f" and found.width in (4, 8)
    )
    return known and 1 <= found.channels <= MOST_CHANNELS


def _goes_on(file: BinaryIO, found: RawSamples, end: int, size: int) -> bool:
    """Whether samples follow where the header says that they end, and not another chunk."""
    end = min(end + (found.claimed & 1), size)
    rest = size - end
    file.seek(end)
    head = file.read(LARGEST_TAIL)
    if found.claimed and (rest <= LARGEST_TAIL or not any(head)):
        return False
    if len(head) < 8:
        return bool(rest)
    length = struct.unpack(f"{_endian(file)}I", head[4:8])[0]
    a_chunk = all(0x20 <= byte < 0x7F for byte in head[:4]) and length <= rest - 8
    return not a_chunk


def _endian(file: BinaryIO) -> str:
    file.seek(0)
    return "<" if file.read(4) in (b"RIFF", b"RF64", b"BW64") else ">"


# ---------------------------------------------------------------- the four containers


def _layout(file: BinaryIO, size: int) -> RawSamples | None:
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:] == b"WAVE":
        return _wave(file, size)
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _aiff(file, size)
    if head[:4] == b"caff":
        return _caf(file, size)
    return _au(file) if head[:4] == b".snd" else None


def _chunks(file: BinaryIO, size: int, at: int, form: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and length of each chunk from byte ``at`` on; CAF's are not padded."""
    head = struct.Struct(form)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        name, length = head.unpack(file.read(head.size))
        yield name, at + head.size, length
        at += head.size + length + (length & 1 if form != ">4sQ" else 0)
        if at >= size:
            return


def _wave(file: BinaryIO, size: int) -> RawSamples | None:
    layout, long = None, 0
    for name, at, length in _chunks(file, size, 12, "<4sI"):
        if name == b"ds64":
            _, long = struct.unpack("<QQ", file.read(16))
        elif name == b"fmt ":
            tag, channels, rate, _, each, bits = struct.unpack("<HHIIHH", file.read(16))
            if tag == 0xFFFE:
                tag = struct.unpack("<8xH", file.read(10))[0]
            kind = {1: "u" if bits <= 8 else "i", 3: "f"}.get(tag, "?")
            layout = (rate, channels, "<", kind, each // max(channels, 1))
        elif name == b"data" and layout:
            claimed = long if length == UNKNOWN_LENGTHS[1] else length
            return RawSamples(at, _known(claimed), *layout)
    return None


def _aiff(file: BinaryIO, size: int) -> RawSamples | None:
    layout = None
    for name, at, length in _chunks(file, size, 12, ">4sI"):
        if name == b"COMM":
            channels, _, bits, exponent, mantissa = struct.unpack(">HIHHQ", file.read(18))
            form = file.read(4) if length >= 22 else b"NONE"
            rate = int(mantissa * 2.0 ** (exponent - 16383 - 63))
            kind = "f" if form.lower() in (b"fl32", b"fl64") else "i"
            plain = kind == "f" or form in (b"NONE", b"twos", b"sowt", b"in24", b"in32")
            order = "<" if form == b"sowt" else ">"
            layout = (rate, channels, order, kind if plain else "?", (bits + 7) // 8)
        elif name == b"SSND" and layout:
            offset = struct.unpack(">I", file.read(4))[0]
            return RawSamples(at + 8 + offset, max(_known(length) - 8 - offset, 0), *layout)
    return None


def _caf(file: BinaryIO, size: int) -> RawSamples | None:
    layout = None
    for name, at, length in _chunks(file, size, 8, ">4sQ"):
        if name == b"desc":
            rate, form, flags, each, _, channels, _ = struct.unpack(">d4sIIIII", file.read(32))
            kind = ("f" if flags & 1 else "i") if form == b"lpcm" else "?"
            order = "<" if flags & 2 else ">"
            layout = (int(rate), channels, order, kind, each // max(channels, 1))
        elif name == b"data" and layout:
            return RawSamples(at + 4, max(_known(length) - 4, 0), *layout)
        elif not name.strip(b"\0"):  # what was reserved for a header that never came
            return None
    return None


def _au(file: BinaryIO) -> RawSamples | None:
    file.seek(4)
    start, length, encoding, rate, channels = struct.unpack(">IIIII", file.read(20))
    kinds = {2: ("i", 1), 3: ("i", 2), 4: ("i", 3), 5: ("i", 4), 6: ("f", 4), 7: ("f", 8)}
    kind, width = kinds.get(encoding, ("?", 0))
    return RawSamples(start, _known(length), rate, channels, ">", kind, width)


def _known(length: int) -> int:
    return 0 if length in UNKNOWN_LENGTHS else length
