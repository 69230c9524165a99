"""A voice's models go back: what they learned in a stretch of time is not used any more.

The training process asks, which alone saves checkpoints, when a recording is forgotten.
"""

from pathlib import Path

from dreamd.corpus import forgotten
from dreamd.home.checkpoints import checkpoints, optimizer_of, saved_at, set_aside


def go_back(home: Path, voice: str, since: float, until: float) -> set[str]:
    """Sets aside a voice's checkpoints that were saved from ``since`` to ``until`` (seconds since
    1970), ``….safetensors.forgotten``, with their optimizers: what was learned in between is not
    used any more.

    Gives the names of the models that have gone back. For whoever saves them: they must not be
    saved anew meanwhile.
    """
    back = set()
    for model in sorted((home / "models" / voice).glob("*")):
        there = checkpoints(model)
        tainted = [path for path in there if since <= saved_at(path) <= until]
        for path in tainted:
            for each in (path, optimizer_of(path)):
                if each.exists():
                    set_aside(each, "forgotten")
        if tainted:
            back.add(model.name)
    return back


def catch_up(home: Path) -> None:
    """All that was forgotten is: where a training process ended before it heard of it."""
    for each in forgotten.lines(home):
        go_back(home, each.voice, each.joined, each.at)
