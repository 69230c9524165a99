"""What this machine can dream live: measured once, in seconds, and remembered in the home.

:mod:`dreamd.daemon.server` asks :func:`that_keep_time` as it starts, where nobody chose the sizes,
``dreamd doctor`` asks :func:`measured`. Both load no PyTorch: what is not known yet is measured in
a process of its own.
"""

import contextlib
import json
import multiprocessing
import signal
import tempfile
import time
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from dreamd.approaches.registry import APPROACHES, config_of
from dreamd.audio import plucked_string, resampling
from dreamd.corpus.recording import Recording
from dreamd.dreaming.job import Job
from dreamd.dreaming.seeds import Seed
from dreamd.home import environment
from dreamd.home.lock import is_there
from dreamd.osc.requests import Request
from dreamd.settings import Settings

KEEPS_TIME = 1.5
"""Times real time that a dream must be made at to be played while it is made."""

SMALLER = (96, 64, 48)
"""Hidden units to learn with where the usual number is too slow."""

LONGEST_MEASURING = 20.0
"""Seconds that a start waits for it: a machine that takes longer is too busy to be measured."""

MEASURED_FOR = 0.1  # seconds of processor time, in each of so many turns
TURNS = 3
FILE = "live-speed.json"

Speeds = dict[str, float]
"""By approach: how many times real time a concurrent dream is made, on one core."""


def that_keep_time(settings: Settings) -> tuple[Settings, Speeds]:
    """The settings with as many hidden units as this machine can dream with live, in every
    approach; and how fast these are. A machine that is too busy to be measured keeps the settings
    as they are, and nothing is known. The home is there."""
    fewer = [replace(settings, hidden=hidden) for hidden in SMALLER if hidden < settings.hidden]
    sizes, known = [settings, *fewer], _remembered(settings.home)
    chosen = _first(sizes, known) or _first(sizes, known | measured(sizes))
    return chosen or (settings, {})


def _first(sizes: list[Settings], known: dict[str, Speeds]) -> tuple[Settings, Speeds] | None:
    """The largest that keeps time, else the smallest; None where not enough is known."""
    for each in sizes:
        if (speeds := known.get(key_of(each))) is None:
            return None
        chosen = each, speeds
        if min(speeds.values()) >= KEEPS_TIME:
            break
    return chosen


def measured(sizes: list[Settings]) -> dict[str, Speeds]:
    """Of these, one after another until one keeps time: in some seconds what each does here, by
    :func:`key_of`. It is remembered: also what was measured while the machine was busy, until
    somebody measures it again."""
    print("measuring what this machine can dream live: some seconds", flush=True)
    spawn, found = multiprocessing.get_context("spawn"), dict[str, Speeds]()
    ours, theirs = spawn.Pipe(duplex=False)
    child = spawn.Process(target=_measure, args=(theirs, sizes), daemon=True)
    child.start()
    theirs.close()
    until = time.monotonic() + LONGEST_MEASURING
    with contextlib.suppress(EOFError):  # that is all, or it was killed
        while ours.poll(max(until - time.monotonic(), 0.0)):
            found |= ours.recv()
    child.kill()
    child.join()
    _remember(sizes[0].home, found)
    return found


def speeds_in_words(found: Speeds, settings: Settings) -> str:
    """
    >>> speeds_in_words({"column": 2.91, "vector": 52.3}, Settings())
    'dreams live, at 11025 Hz with 128 hidden units: column 2.9, vector 52 times real time'
    """
    each = (f"{name} {speed:.{1 if speed < 10 else 0}f}" for name, speed in found.items())
    units = f"{settings.hidden} hidden units"
    if settings.hidden in SMALLER:
        units += " (as many as keep time here)"
    how = f"at {settings.rate} Hz{', in stereo,' if settings.channels > 1 else ''} with"
    text = f"dreams live, {how} {units}: {', '.join(each)} times real time"
    slow = [name for name, speed in found.items() if speed < KEEPS_TIME]
    return f"{text}; too slow to be played while it is made: {', '.join(slow)}" if slow else text


def key_of(settings: Settings) -> str:
    """This machine, and the shapes of the models."""
    names = (config_of(approach, settings).name for approach in APPROACHES)
    return " ".join((environment.processor(), *names))


def _remember(home: Path, found: dict[str, Speeds]) -> None:
    if found and is_there(home):
        with contextlib.suppress(OSError):  # a full disk: it is measured again
            (home / FILE).write_text(json.dumps(_remembered(home) | found, indent=1))


def _remembered(home: Path) -> dict[str, Speeds]:
    """Nothing where it cannot be read: then it is measured again."""
    try:
        held = dict(json.loads((home / FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return {}
    return {key: found for key, found in held.items() if _is_whole(found)}


def _is_whole(found: object) -> bool:
    if not isinstance(found, dict) or found.keys() != set(APPROACHES):
        return False
    return all(isinstance(speed, float) for speed in found.values())


# ---------------------------------------------------------------- in a process of its own


def _measure(pipe: Connection, sizes: list[Settings]) -> None:
    """The process: sends what it finds, size by size, until one keeps time."""
    from dreamd.dreaming import render

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    render.prepare()
    for settings in sizes:
        speeds = dream_a_little(settings)
        pipe.send({key_of(settings): speeds})
        if min(speeds.values()) >= KEEPS_TIME:
            return


def dream_a_little(settings: Settings) -> Speeds:
    """With untrained networks. Counted is the processor's time, not the clock's: other programs may
    be at work."""
    with tempfile.TemporaryDirectory() as folder:
        recording = phrase_recording(Path(folder), settings.rate)
        return {approach: _speed(approach, settings, recording) for approach in APPROACHES}


def _speed(approach: str, settings: Settings, recording: Recording) -> float:
    from dreamd.dreaming import render

    blocks = render.blocks(untrained_job(approach, settings, recording), settings)
    fastest = 0.0
    for _ in range(1 + TURNS):  # in the first, memory and clocks settle
        made, began = 0, time.process_time()
        while (taken := time.process_time() - began) < MEASURED_FOR or not made:
            made += len(next(blocks))
        fastest = max(fastest, made / settings.rate / taken)
    return fastest


def phrase_recording(folder: Path, rate: int) -> Recording:
    """The project's own phrase as a recording, its samples in ``folder``."""
    samples = resampling.resample(plucked_string.phrase(), plucked_string.MODEL_RATE, rate)
    cache = folder / "phrase.f32"
    samples.tofile(cache)
    return Recording(
        voice="pluck",
        source="phrase.wav",
        cache=str(cache),
        frames=len(samples),
        rate=rate,
        peak=float(np.abs(samples).max()),
        loudest=float(samples.std()),
        joined=time.time(),
    )


def untrained_job(approach: str, settings: Settings, recording: Recording | None) -> Job:
    """A dream of an untrained network, from noise; concurrent where there is a recording."""
    return Job(
        serial=0,
        request=Request(approach),
        voice="pluck",
        config=config_of(approach, settings),
        weights=None,
        seed=Seed("noise"),
        peak=recording.peak if recording else 0.5,
        loudest=recording.loudest if recording else 0.25,
        path=Path(),
        frames=0,
        rate=settings.rate,
        rand=0,
        follow=recording,
    )
