"""A dream whose parts come as samples: made by the ordinary renderer in a folder of its own.

A worker makes dreams so, and a performer's own process where a cluster went in the middle of one.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from dreamd.dreaming.helm import Hear
from dreamd.dreaming.job import ChunkWritten, Job
from dreamd.dreaming.render import render
from dreamd.settings import Settings

TellSamples = Callable[[Any, bytes], None]
"""Hears what is said of a dream; of a part that is written, its samples too (float32)."""


def make_apart(job: Job, settings: Settings, tell: TellSamples, hear: Hear) -> int:
    """As :func:`dreamd.dreaming.render.render`; ``job.path`` is not touched."""
    with tempfile.TemporaryDirectory(prefix="dreamd-") as folder:
        job = replace(job, path=Path(folder) / "dream.wav")
        file = job.file
        file.create(job.frames)

        def say(said: Any) -> None:
            part = isinstance(said, ChunkWritten)
            tell(said, file.read(said.start, said.frames).tobytes() if part else b"")

        return render(job, settings, say, hear)
