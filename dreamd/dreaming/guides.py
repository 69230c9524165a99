"""The seed going on past its window: what steers the cursor of a dream with an ``outline``.

:mod:`dreamd.dreaming.render` asks :func:`of` once for each such dream.
"""

from dreamd.audio import files
from dreamd.corpus import events
from dreamd.corpus.recording import cut
from dreamd.dreaming import seed_samples
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.cursor import Guide
from dreamd.dreaming.seeds import Seed

LONGEST_GUIDE = 120.0
"""Seconds of a seed that are followed."""


def of(seed: Seed, count: int, rate: int, rand: int, lead: int = 0) -> Guide | None:
    """The guide of a dream whose queue was filled with ``count`` samples of this seed.

    :param lead: samples by which what is learned at a place is heard before it.

    None for a seed that does not go on (notes, noise, silence), or whose end is its window's.
    """
    rng = stream(rand, Draws.SEED)  # draws the place that the queue's seed drew
    if seed.recording is not None:
        recording = seed.recording
        start = seed_samples.start_of(seed, recording.frames, count, rate, rng)
        found = events.known(recording)
        if found is None:
            found = events.find(
                cut(recording, 0, min(recording.frames, int(LONGEST_GUIDE * rate))), rate
            )
        return Guide(found, recording.frames, start + count - lead)
    if seed.path is not None:
        start = seed_samples.start_of(
            seed, int(files.info(seed.path).seconds * rate), count, rate, rng
        )
        samples = files.excerpt(seed.path, rate, 0.0, int(LONGEST_GUIDE * rate))
        return Guide(events.find(samples, rate), len(samples), start + count - lead)
    return None
