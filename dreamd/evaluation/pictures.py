"""Sounds as pictures: waveforms and spectrograms, as PNG.

The pages (:mod:`dreamd.evaluation.report`, :mod:`dreamd.evaluation.walk`) show them. The only
importer of Pillow. Samples are mono, at any rate.
"""

import math
from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from dreamd.audio.files import Samples
from dreamd.evaluation.mel import TINY, Levels, frames_of

WIDTH, HEIGHT, TALL = 1200, 160, 256
"""Pixels: of pictures, of a waveform, of a spectrogram."""
LINE = 16  # pixels of a name in a gallery
PICTURE_FRAME = 0.093  # seconds of a spectrum, to the next power of two
PICTURE_DEPTH = 80.0  # dB from the darkest to the brightest

COLOURS = "07091e 371a57 791f76 bb2d71 ed5656 fe914c facb82 fcfbdf"
"""From soft to loud: the lightness (CIE L*) rises evenly, the hue goes from blue to yellow."""
SLATE = "0f1318 2b333d 515d6b 7b8896 a6b2be"
"""The same for what lines are drawn over: it stays dark, and has next to no colour."""
WAVE = "000000 8db4d6 3f7cb4"  # nothing, up to the peak, up to the root mean square


def levels(samples: Samples, rate: int) -> Levels:
    """The short-time spectra in dB ``(at most WIDTH + 1, bins)``, up to half the rate."""
    frame = 2 ** round(math.log2(PICTURE_FRAME * rate))
    window = np.blackman(frame).astype(np.float32) / frame
    spectra = np.fft.rfft(frames_of(samples, frame, math.ceil(len(samples) / WIDTH)) * window)
    return 10 * np.log10(np.square(np.abs(spectra), dtype=np.float32) + TINY)


def spectrogram(
    samples: Samples, rate: int, loudest: float | None = None, palette: str = COLOURS
) -> bytes:
    """PNG: time to the right, frequency up, brightness over :data:`PICTURE_DEPTH` dB up to
    ``loudest``, or else to what is loudest here."""
    heard = levels(samples, rate)
    return _png(_drawn(heard, float(heard.max()) if loudest is None else loudest), colours(palette))


def gallery(sounds: Sequence[tuple[str, Samples]], rate: int) -> bytes:
    """PNG: the spectrograms of several sounds at one scale, one under the other, with their names
    and how high they reach."""
    heard = [levels(samples, rate) for _, samples in sounds]
    loudest = max(float(each.max()) for each in heard)
    picture = Image.new("L", (WIDTH, (TALL + LINE) * len(sounds)))
    draw = ImageDraw.Draw(picture)
    for number, ((name, samples), each) in enumerate(zip(sounds, heard, strict=True)):
        top = number * (TALL + LINE)
        said = f"{name}: {len(samples) / rate:.1f} s, up to {rate / 2000:g} kHz"
        draw.text((4, top + 2), said, fill=255)
        picture.paste(_drawn(each, loudest).resize((WIDTH, TALL)), (0, top + LINE))
    return _png(picture, colours())


def _drawn(heard: Levels, top: float) -> Image.Image:
    bright = np.clip(1 + (heard.T[::-1] - top) / PICTURE_DEPTH, 0, 1)
    picture = Image.fromarray(np.round(255 * bright).astype(np.uint8))
    return picture.resize((picture.width, TALL), Image.Resampling.BOX)


def colours(palette: str = COLOURS) -> NDArray[np.uint8]:
    """256 of them, ``(256, 3)``."""
    points = _rgb(palette)
    places = np.linspace(0, len(points) - 1, 256)
    each = [np.interp(places, np.arange(len(points)), channel) for channel in points.T]
    return np.round(each).astype(np.uint8).T


def waveform(samples: Samples, peak: float) -> bytes:
    """PNG, transparent: from the lowest to the highest sample, darker up to the mean square."""
    edges = np.linspace(0, len(samples), WIDTH, endpoint=False).astype(int)
    low, high = np.minimum.reduceat(samples, edges), np.maximum.reduceat(samples, edges)
    count = np.maximum(np.diff(edges, append=len(samples)), 1)
    mean = np.sqrt(np.add.reduceat(samples**2, edges) / count)
    y = np.linspace(1, -1, HEIGHT)[:, None] * max(peak, 1e-6)
    line = max(peak, 1e-6) / HEIGHT  # silence is a line
    inside = (y <= high + line) & (y >= low - line)
    loud = inside & (np.abs(y) <= mean)
    return _png(Image.fromarray(inside.astype(np.uint8) + loud), _rgb(WAVE), transparency=0)


def _rgb(hexes: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(hexes), np.uint8).reshape(-1, 3)


def _png(picture: Image.Image, palette: NDArray[np.uint8], **more: int) -> bytes:
    picture.putpalette(palette.tobytes())
    file = BytesIO()
    picture.save(file, "PNG", optimize=True, **more)
    return file.getvalue()
