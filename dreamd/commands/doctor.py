"""``dreamd doctor``: is everything as it should be, and how well has each voice been learned?"""

import importlib.metadata
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator

import soundfile

from dreamd.approaches.registry import APPROACHES
from dreamd.commands import install
from dreamd.commands.home_check import Finding, examine_home
from dreamd.dreaming import live_speed
from dreamd.errors import SetupError
from dreamd.home import checkpoints
from dreamd.home.lock import claim
from dreamd.osc import client
from dreamd.settings import Settings

PARTS = ("torch", "numpy", "numba", "soundfile", "av", "soxr", "python-osc", "safetensors")


def examine(settings: Settings) -> Iterator[Finding]:
    """Looks at one thing after another."""
    yield _python()
    yield from _home(settings)
    yield _audio()
    yield from _clients()
    yield _running(settings)
    yield _speed(settings)
    yield from _models(settings)


def _python() -> Finding:
    versions = ", ".join(f"{part} {importlib.metadata.version(part)}" for part in PARTS)
    return Finding("ok", f"Python {platform.python_version()}, {versions}")


def _home(settings: Settings) -> Iterator[Finding]:
    try:
        claim(settings.home)
        with tempfile.TemporaryFile(dir=settings.home):
            pass
    except SetupError as error:
        yield Finding("fault", str(error))
        return
    except OSError as error:
        yield Finding("fault", f"cannot write in {settings.home}: {error.strerror}; use --home")
    yield from examine_home(settings.home)


def _audio() -> Finding:
    formats = soundfile.available_formats()
    missing = [name for name in ("WAV", "AIFF", "FLAC", "OGG", "MP3") if name not in formats]
    if missing:
        return Finding("note", f"libsndfile here cannot read {', '.join(missing)}")
    return Finding("ok", "reads WAV, AIFF, FLAC, OGG, MP3, and by FFmpeg M4A, AAC, Opus and others")


def _clients() -> Iterator[Finding]:
    target, quark = install.classes(), install.quark()
    if quark and target.exists():
        text = f"SuperCollider has the classes twice, in {quark} and {target}: run `dreamd install`"
        yield Finding("fault", text)
    elif quark or target.exists():
        yield Finding("ok", f"SuperCollider finds the classes at {quark or target}")
    else:
        yield Finding("note", "SuperCollider has no DreamRNN classes yet: run `dreamd install`")
    for program, need in (("sclang", "SuperCollider"), ("ghci", "Tidal")):
        where = shutil.which(program)
        if where is None and sys.platform == "linux":
            yield Finding("note", f"no {program} in the path: needed for {need} only")


def _running(settings: Settings) -> Finding:
    try:
        state = client.status(settings)
    except SetupError as error:
        return Finding("note", str(error))
    training = "training" if state["training"] else "training paused"
    return Finding(
        "ok",
        f"dreamd runs at {settings.host}:{settings.port}, {training}, "
        f"{state['running']} dreams running, {state['queue']} waiting, {state['dreams']} made",
    )


def _speed(settings: Settings) -> Finding:
    found = live_speed.measured([settings]).get(live_speed.key_of(settings))
    if found is None:
        return Finding("note", "this machine is too busy to measure what it can dream live")
    text = live_speed.speeds_in_words(found, settings)
    keeps = min(found.values()) >= live_speed.KEEPS_TIME
    return Finding("ok" if keeps else "note", text)


def _models(settings: Settings) -> Iterator[Finding]:
    """The newest checkpoint of every model at home."""
    folder = settings.home / "models"
    voices = sorted(f.name for f in folder.iterdir()) if folder.is_dir() else []
    for voice in voices:
        for approach in APPROACHES:
            for shape, paths in checkpoints.models(
                settings.home, voice, approach, settings.rate
            ).items():
                head = checkpoints.header(paths[-1])
                sides = " in stereo" if shape.channels > 1 else ""
                yield Finding(
                    "ok",
                    f"{voice} {approach} {shape.vector}{sides}: error {head.error:.3f} after "
                    f"{head.steps} steps, {head.seconds:.0f} s of training (1.0 predicts silence)",
                )
    if not voices:
        yield Finding("note", f"no models in {folder} yet")
