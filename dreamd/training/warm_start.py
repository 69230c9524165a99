"""Where a new model begins: its scale, and the starter model that errs least on the recordings.

The trainer calls both for a model that has no checkpoint yet.
"""

import copy
import logging
from pathlib import Path

import torch
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach
from dreamd.approaches.config import ModelConfig
from dreamd.errors import NoModel
from dreamd.home import checkpoints, pretrained
from dreamd.kernels.windowed_lstm import Kept
from dreamd.training.sampler import WindowSampler

SCALE_DRAWS, SCALE_BATCH = 8, 64  # batches of windows that the scale of a new model is measured on
STARTER_LIMIT = 1.0  # error of a starter from which on training begins anew: that of silence


def measured_scale(config: ModelConfig, sampler: WindowSampler) -> float:
    """What the model's inputs are to be divided by, from windows of these recordings."""
    model, scale = registry.make(config), 1e-6
    for _ in range(SCALE_DRAWS):
        samples = sampler.batch(SCALE_BATCH, model.example_samples)
        scale = max(scale, model.measure(torch.from_numpy(samples)))
    return scale


def nearest_starter(
    model: Approach, voice: str, home: Path, vectors: Tensor, after: Tensor, kept: Kept
) -> dict[str, Tensor] | None:
    """The weights of the starter that errs least on these stretches of the voice's recordings.

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
        with torch.no_grad():
            squares, power = trial.error(vectors, after, kept)
        if float(squares / power) < least:
            nearest, least = trial.state_dict(), float(squares / power)
            trial = copy.deepcopy(trial)
    return nearest
