"""The files that dreams lie in: WAV, float, of fixed length, valid at any moment.

The bank makes them, dreamers fill them in, SuperCollider reads them meanwhile.
"""

import struct
from pathlib import Path

import numpy as np

from dreamd.audio.channels import Samples

_HEADER = struct.Struct("<4sI4s 4sIHHIIHHH 4sII 4sI")
_FORM = (b"RIFF", b"WAVE", b"fmt ", 18, 3, 32, 0, b"fact", 4)
"""What the headers of all dreams share."""


class DreamFile:
    """A 32-bit float WAV file of fixed length that is filled in while others read it.

    The header never changes after creation, so a reader at any moment finds a valid file:
    silence where nothing has been written yet.
    """

    def __init__(self, path: Path, rate: int, channels: int = 1) -> None:
        self.path, self.rate, self.channels = path, rate, channels
        self._frame = 4 * channels  # bytes

    def create(self, frames: int) -> None:
        """Header, and ``frames`` frames of silence."""
        size, channels = self._frame * frames, self.channels
        header = _HEADER.pack(
            b"RIFF", _HEADER.size - 8 + size, b"WAVE",
            b"fmt ", 18, 3, channels, self.rate, self._frame * self.rate, self._frame, 32, 0,
            b"fact", 4, frames,
            b"data", size,
        )  # fmt: skip
        with self.path.open("wb") as file:
            file.write(header)
            file.truncate(_HEADER.size + size)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Whether a file has the header, byte for byte, that :meth:`create` gives, and its length.

        An empty file is one that could not be created: the disk was full.
        """
        if not path.is_file():
            return False
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(_HEADER.size)
        if len(head) < _HEADER.size:
            return not head
        fields = _HEADER.unpack(head)
        form, (channels, _, _, frame) = (fields[0], *fields[2:6], *fields[10:14]), fields[6:10]
        fits = channels in (1, 2) and frame == 4 * channels
        return form == _FORM and fits and size == _HEADER.size + fields[-1]

    def write(self, start: int, samples: Samples) -> None:
        """``samples`` into place, from frame ``start`` on."""
        with self.path.open("r+b") as file:
            file.seek(_HEADER.size + self._frame * start)
            file.write(samples.astype("<f4").tobytes())

    def read(self, start: int, frames: int) -> Samples:
        """What is there from frame ``start`` on."""
        with self.path.open("rb") as file:
            file.seek(_HEADER.size + self._frame * start)
            samples = np.frombuffer(file.read(self._frame * frames), "<f4")
        return samples if self.channels == 1 else samples.reshape(-1, self.channels)
