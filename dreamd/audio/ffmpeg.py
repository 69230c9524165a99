"""What libsndfile does not read: M4A, AAC, Opus, WMA, AMR, the sound of a film; and what is left of
a damaged MP3, FLAC or OGG. The only importer of PyAV, which carries FFmpeg.

:mod:`dreamd.audio.files` calls it, and imports it with the first file that needs it.
FFmpeg is told which formats to try: others (playlists) would have it open further files.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer

from dreamd.audio.raw_samples import Block

FORMATS = (
    "aac", "ac3", "aiff", "amr", "amrnb", "amrwb", "ape", "asf", "au", "caf", "dsf", "eac3", "flac",
    "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2", "mp3", "mpc", "mpc8", "ogg", "tta", "w64", "wav",
    "wv",
)  # fmt: skip
av.logging.set_level(None)  # nothing on the performer's screen


class NotAudio(Exception):
    """FFmpeg finds no sound in a file; the message says why."""


def about(path: Path) -> tuple[int, int, int]:
    """Frames (estimated where the file does not say), rate and channels."""
    with _open(path) as file:
        stream = _stream(file)
        rate, channels = stream.rate, stream.channels
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif file.duration:
            seconds = file.duration / av.time_base
        else:
            seconds = 0.0
    return int(seconds * rate), rate, channels


def sound_of(path: Path, start: int) -> Iterator[Block]:
    """The sound from frame ``start`` on, some thousand frames at a time.

    Damaged parts are left out. Raises :class:`NotAudio`.
    """
    with _open(path) as file:
        stream = _stream(file)
        resampler = av.AudioResampler(format="flt", layout=stream.layout, rate=stream.rate)
        missing = start
        for frame in itertools.chain(_frames(file, stream), (None,)):
            try:
                parts = resampler.resample(frame)
            except (av.FFmpegError, ValueError):  # the stream changed its mind: rate, channels
                return
            for part in parts:
                block = part.to_ndarray().astype(np.float32, copy=False).reshape(part.samples, -1)
                skipped = min(missing, len(block))
                missing -= skipped
                if len(block) > skipped:
                    yield block[skipped:]


def _frames(file: InputContainer, stream: AudioStream) -> Iterator[AudioFrame]:
    """What can be decoded; a packet that cannot is left out."""
    packets = iter(file.demux(stream))
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, EOFError):  # the file ends in the middle of something
            packet = None
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        yield from (frame for frame in frames if isinstance(frame, AudioFrame))


def _open(path: Path) -> InputContainer:
    options = {"format_whitelist": ",".join(FORMATS)}
    try:
        return av.open(str(path), options=options, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError):
        raise NotAudio("it is damaged, or no audio") from None


def _stream(file: InputContainer) -> AudioStream:
    for stream in file.streams.audio:
        if stream.codec_context is not None and stream.rate and stream.channels:
            return stream
    raise NotAudio("there is no sound in it that FFmpeg knows")
