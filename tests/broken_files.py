"""Audio files that are broken in ways of which nobody thought: whole ones, and chance."""

import io
import random
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soundfile
from conftest import tone

RATE = 44100

BY_LIBSNDFILE = [
    ("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "IMA_ADPCM"), ("AIFF", "PCM_24"),
    ("CAF", "PCM_16"), ("RF64", "FLOAT"), ("AU", "PCM_16"), ("W64", "PCM_16"), ("FLAC", "PCM_16"),
    ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III"),
]  # fmt: skip
BY_FFMPEG = [
    ("m4a", "ipod", "aac"), ("aac", "adts", "aac"), ("opus", "ogg", "libopus"),
    ("webm", "webm", "libopus"), ("caf", "caf", "alac"), ("wv", "wv", "wavpack"),
]  # fmt: skip


def whole() -> dict[str, bytes]:
    """A second in each format, by suffix and codec."""
    wave, made = np.stack((tone(440, 1.0, RATE), tone(300, 1.0, RATE)), 1), {}
    for form, subtype in BY_LIBSNDFILE:
        file = io.BytesIO()
        soundfile.write(file, wave, RATE, format=form, subtype=subtype)
        made[f"{subtype}.{form.lower()}"] = file.getvalue()
    for suffix, form, codec in BY_FFMPEG:
        file = io.BytesIO()
        with av.open(file, "w", format=form) as out:
            stream = out.add_stream(codec, rate=48000, layout="stereo")
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(wave.T), "fltp", "stereo")
            frame.rate = RATE
            fit = av.AudioResampler(stream.codec_context.format, "stereo", 48000)
            waiting = av.AudioFifo()
            for part in (*fit.resample(frame), *fit.resample(None)):
                waiting.write(part)
            while part := waiting.read(stream.codec_context.frame_size or 1024, partial=True):
                out.mux(stream.encode(part))
            out.mux(stream.encode(None))
        made[f"{codec}.{suffix}"] = file.getvalue()
    return made


def broken(folder: Path, count: int, seed: int) -> Iterator[Path]:
    """So many files in ``folder``, one after the other."""
    chance, sources = random.Random(seed), sorted(whole().items())
    for k in range(count):
        name, held = chance.choice(sources)
        path = folder / f"{k}-{name}"
        path.write_bytes(harmed(bytearray(held), chance))
        yield path


def harmed(held: bytearray, chance: random.Random) -> bytearray:
    """Cut short, bytes changed anywhere or in the header, something put in, a field of 0 or FF."""
    kind, size = chance.randrange(5), len(held)
    if kind == 0:
        return held[: chance.randrange(size)]
    if kind in (1, 2):
        reach = size if kind == 1 else min(size, 200)
        for _ in range(chance.randrange(1, 40)):
            held[chance.randrange(reach)] = chance.randrange(256)
    elif kind == 3:
        at = chance.randrange(size)
        held[at:at] = chance.randbytes(chance.randrange(2000))
    else:
        at, byte = chance.randrange(min(size, 400)), chance.choice((0, 255))
        held[at : at + 8] = bytes([byte]) * 8
    return held
