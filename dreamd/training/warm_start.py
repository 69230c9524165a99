"""Where a new model begins: its scale, and the starter model that errs least on the recordings.

The trainer calls both for a model that has no checkpoint yet.
"""

import copy
import logging
from pathlib import Path

import torch
from torch import Tensor

from dreamd.approaches.base import Approach
from dreamd.errors import NoModel
from dreamd.home import checkpoints, pretrained
from dreamd.kernels.windowed_lstm import Kept
from dreamd.training.sampler import WindowSampler

SCALE_DRAWS, SCALE_BATCH = 8, 64  # batches of windows that the scale of a new model is measured on
STARTER_LIMIT = 1.0  # error of a starter from which on training begins anew: that of silence


def measure(model: Approach, sampler: WindowSampler) -> None:
    """Tells a fresh model what its inputs are to be divided by, from windows of recordings."""
    scale = 1e-6
    for _ in range(SCALE_DRAWS):
        samples = torch.from_numpy(sampler.batch(SCALE_BATCH, model.example_samples))
        scale = max(scale, model.measure(samples))
    model.scale = scale
    model.settle(samples)


def nearest_starter(
    model: Approach, voice: str, home: Path, vectors: Tensor, after: Tensor, kept: Kept
) -> dict[str, Tensor] | None:
    """``model``'s state with the weights of the starter that errs least on these stretches of the
    voice's recordings.

    None where no starter predicts them better than silence does.
    """
    nearest, least, trial = None, STARTER_LIMIT, copy.deepcopy(model)
    for path in pretrained.all_of(model.config, voice, home):
        try:
            head, arrays = checkpoints.load(path)
            trial.take(arrays, head.config)
        except NoModel as error:
            logging.warning("a starter is of no use: %s", error)
            continue
        for name, own in model.named_buffers():  # measured on the voice's own recordings
            trial.get_buffer(name).copy_(own)
        with torch.no_grad():
            squares, power = trial.error(vectors, after, kept)
        if float(squares / power) < least:
            nearest, least = trial.state_dict(), float(squares / power)
            trial = copy.deepcopy(trial)
    return nearest
