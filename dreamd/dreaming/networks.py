"""The networks that dream: what is in the checkpoints of a job.

:mod:`dreamd.dreaming.course` asks :func:`model_of` for each dream, and :func:`walking` for the
paused ones.
"""

import copy
import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.approaches.config import ModelConfig
from dreamd.dreaming.chance import Draws, stream
from dreamd.dreaming.job import Job
from dreamd.dreaming.weight_walk import AGES, WeightWalk
from dreamd.errors import NoModel
from dreamd.home import checkpoints, pretrained
from dreamd.home.header import Header


def model_of(job: Job, init_std: float) -> Approach:
    """The network that dreams; it is shared, whoever wants to change it copies it."""
    try:
        return _network(job, init_std)
    except NoModel as error:
        there = present(job)
        if (there.weights, there.blend_target) == (job.weights, job.blend_target):
            raise  # it has not gone: nobody can read it
        logging.warning("%s; the newest weights that are there dream", error)
        return _network(there, init_std)


def present(job: Job) -> Job:
    """The job with checkpoints that are there. Some may have gone since it was asked for: a take
    was forgotten, and with it what was learned from it; an endless dream begins anew long after,
    and of old checkpoints few are kept. Then the newest one dreams, or a starter model."""
    ages = tuple(age for age in job.ages if age.exists())
    if job.weights is not None and not job.weights.exists():
        newest = checkpoints.newest(job.weights.parent)
        starter = newest is None
        newest = newest or next(iter(pretrained.all_of(job.config, job.voice)), None)
        job = replace(job, weights=newest, starter=starter)
    if job.blend_target is not None and not job.blend_target.exists():
        job = replace(job, blend_target=job.weights)
    return replace(job, ages=ages)


def _network(job: Job, init_std: float) -> Approach:
    if job.weights is None:
        torch.manual_seed(job.rand)
        return initialize(registry.make(job.config, job.peak), init_std).eval()
    blend = job.request.blend if job.blend_target else 0.0
    target = job.blend_target and _version(job.blend_target)
    return _load(job.config, _version(job.weights), target, blend)


Version = tuple[Path, int]
"""A checkpoint, and when it was written: where what was learned is set aside and learning goes on
from before it, another of the same steps may come."""


def _version(path: Path) -> Version:
    try:
        return path, path.stat().st_mtime_ns
    except OSError:  # whoever reads it says why not
        return path, 0


@lru_cache(maxsize=4)
def _load(
    config: ModelConfig, weights: Version, blend_target: Version | None, blend: float
) -> Approach:
    head, arrays = _weights(weights)
    if blend_target is not None:
        head, arrays = checkpoints.blend((head, arrays), _weights(blend_target), blend)
    model = registry.make(config, head.scale)
    model.deviation = head.deviation
    model.take(arrays, head.config)
    return model.eval()


@lru_cache(maxsize=2 * AGES)
def _weights(weights: Version) -> tuple[Header, dict[str, NDArray[Any]]]:
    """A checkpoint; the dreams of a voice ask for the same few again and again."""
    return checkpoints.load(weights[0])


def walking(job: Job, model: Approach, reach: float) -> tuple[Approach, WeightWalk | None]:
    """The network of a paused dream, and how its weights walk; a copy, where they do."""
    ages = _ages(job, model.scale) if reach else []
    if len(ages) < 2:
        return model, None
    weights = [{name: torch.from_numpy(array) for name, array in age.items()} for age in ages]
    fork, rng = copy.deepcopy(model), stream(job.rand, Draws.WALK)
    return fork, WeightWalk(fork, weights, reach, rng)


def _ages(job: Job, scale: float) -> list[dict[str, NDArray[Any]]]:
    """The newest weights of the job's model that can be read and mixed, oldest first. What is
    damaged is set aside, and passed over: the walk has other places."""
    found: list[dict[str, NDArray[Any]]] = []
    for path in reversed(job.ages):
        try:
            head, arrays = _weights(_version(path))
        except NoModel as error:
            logging.warning("no walk goes there: %s", error)
            continue
        if head.scale == scale:
            found.insert(0, arrays)
        if len(found) == AGES:
            break
    return found
