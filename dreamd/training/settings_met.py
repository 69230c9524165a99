"""What the settings mean for a model that exists: each acts on it, or one line says why not.

The trainer asks once for each model, as it begins.
"""

import math

from dreamd.home import checkpoints
from dreamd.home.header import Header
from dreamd.settings import Settings, flag


def meet(head: Header, settings: Settings) -> tuple[float, list[str]]:
    """The learning rate that a model goes on with, and the lines for the performer."""
    rate, line = rate_to_go_on_with(head, settings)
    lines = [line, initial_weights(head, settings), sizes(head, settings)]
    return rate, [each for each in lines if each]


def rate_to_go_on_with(head: Header, settings: Settings) -> tuple[float, str | None]:
    """The learning rate that a model goes on with, and a line where that needs saying.

    A flag acts. Without one a model keeps its own, which training may have halved.
    """
    asked, kept = settings.learning_rate, head.learning_rate
    name = f"{head.config.approach} of {head.voice}"
    if asked == kept or math.log2(asked / kept) in range(1, 30):  # halved where it went astray
        return kept, None
    if asked != Settings().learning_rate:
        return asked, f"{name}: learning rate {asked:g} from here on, it was {kept:g}"
    said = f"{name} goes on with its own learning rate, {kept:g}; --learning-rate changes it"
    return kept, said


def initial_weights(head: Header, settings: Settings) -> str | None:
    """A line where initial weights are asked for and the model has learned already."""
    if settings.init_std == Settings().init_std or not head.steps:
        return None
    return (
        f"{head.config.approach} of {head.voice} has learned already: {flag('init_std')} acts on "
        "new models alone"
    )


def sizes(head: Header, settings: Settings) -> str | None:
    """A line where a model begins anew beside one of other sizes: sizes never change."""
    there = checkpoints.other_models(settings.home, head.voice, head.config)
    if head.steps or not there:
        return None
    name = f"{head.config.approach} of {head.voice}"
    beside = f"so one of these sizes begins anew beside {', '.join(there)}"
    return f"{name}: sizes of a model never change, {beside}"
