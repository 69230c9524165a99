"""The dreaming process: from a job to a filled file.

The daemon starts :func:`main` once for each dream that may be made at a time and sends it
jobs; :func:`make` is the whole of one dream, and serves ``dreamd dream`` as well. How the
elements of a dream come about is the sampling: a generator from :data:`SAMPLINGS`.
"""

import copy
import time
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, initialize
from dreamd.audio import vocoder
from dreamd.audio.files import DreamFile, Samples
from dreamd.audio.limiter import Limiter
from dreamd.dreaming import seeds
from dreamd.dreaming.follower import Follower
from dreamd.dreaming.job import ChunkWritten, Finished, Job, JobFailed, Stop
from dreamd.errors import BadRecording, Cancelled, Diverged, DreamError
from dreamd.home import checkpoints
from dreamd.kernels import sliding_lstm, windowed_lstm
from dreamd.settings import Settings
from dreamd.workers.messages import End, Ready

CHUNK = 0.15
"""Seconds of work after which what is finished goes to the file and to the clients."""

LEARN = {"vector": 2e-3, "spectrum": 2e-4, "transpose": 3e-4, "column": 2e-3}
"""Learning rates of a concurrent dream's walk, at the usual lengths; see :func:`learning_rate`."""

Sampling = Callable[[Approach, Tensor, Job, Settings], Iterator[Samples]]


def paused(model: Approach, queue: Tensor, job: Job, settings: Settings) -> Iterator[Samples]:
    """Dreams for ever from one set of weights (the paper's first way of sampling)."""
    decode, noise = model.decoder(), job.request.temperature * model.deviation
    for elements in model.run(queue, noise, settings.threads):
        yield decode(elements).numpy()


def concurrent(model: Approach, queue: Tensor, job: Job, settings: Settings) -> Iterator[Samples]:
    """Learns and dreams in lockstep (the paper's second way, and all of its examples).

    A cursor walks a recording. At each step the dream's own copy of the network learns from the
    window at the cursor, the cursor moves on by one element (times ``pace``), and the dream
    goes on by one element. So the weights lean towards whatever the cursor is passing. Where an
    element is a sample, a step is a block of them and its windows lie all over the block. The
    dream's level leans as well, towards that of what the cursor is passing, and what nobody could
    foretell there (a pick, a breath) strikes a sample-wise dream too.
    """
    rate = learning_rate(job)
    if job.follow is None or not rate:
        yield from paused(model, queue, job, settings)
        return
    fork = copy.deepcopy(model)
    span = job.request.pace * fork.block * fork.element_samples
    walk = Follower(fork, job.follow, job.followat, span, rate)
    noise, decode = job.request.temperature * fork.deviation, fork.decoder()
    elements = fork.run(queue, noise, settings.threads, walk)
    while True:
        walk.step()
        yield decode(next(elements)).numpy()


def learning_rate(job: Job) -> float:
    """Of the walk: the request's own, else the approach's.

    Shorter elements make more steps a second, each of which is to lean less: without that small
    hops copy what the cursor passes (C3), and short vectors are noisy (C1).
    """
    request, length = job.request, job.shape.vector
    if request.learn is not None:
        return request.learn
    usual = LEARN[request.approach]
    match request.approach:
        case "vector":
            usual *= min(length / 1024, 1.0) ** 0.5
        case "spectrum":
            usual *= min(length / 256, 1.0)
    return usual


SAMPLINGS: dict[str, Sampling] = {"paused": paused, "concurrent": concurrent}


def make(
    job: Job,
    settings: Settings,
    tell: Callable[[ChunkWritten], None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Makes one dream: its file is filled from start to end, ``tell`` hears of each part.

    ``stopped`` is asked after each block, some hundredths of a second. Raises a
    :class:`DreamError` if the seed cannot be read, the dream breaks, or somebody stopped it.
    """
    model = model_of(job, settings.init_std)
    queue = begin(model, job)
    blocks = SAMPLINGS[job.request.sampling](model, queue, job, settings)
    output = Limiter(job.frames, job.shape.rate, job.peak, job.loudest)
    file = DreamFile(job.path, job.shape.rate)
    made, flushed = 0, -CHUNK  # the first block goes out at once
    waiting: list[Samples] = []
    while made < job.frames:
        waiting.append(next(blocks))
        if stopped():
            raise Cancelled("cancelled")
        if made + sum(map(len, waiting)) < job.frames and time.monotonic() - flushed < CHUNK:
            continue
        try:
            ready = output(np.concatenate(waiting)[: job.frames - made])
        except FloatingPointError:
            raise Diverged("the dream stopped being finite numbers: try another seed") from None
        file.write(made, ready)
        tell(ChunkWritten(job.serial, made, len(ready)))
        made, flushed = made + len(ready), time.monotonic()
        waiting.clear()


def begin(model: Approach, job: Job) -> Tensor:
    """The dream's queue, filled from its seed; chance starts from ``rand``.

    Raises :class:`BadRecording` if the seed cannot be read.
    """
    rng = np.random.default_rng(job.rand & (2**63 - 1))
    try:
        samples = seeds.load(job.seed, model.seed_samples, job.shape.rate, job.peak, rng)
    except BadRecording as error:
        raise BadRecording(f"seed: {error}") from None
    torch.manual_seed(job.rand)
    return model.elements(torch.from_numpy(np.array(samples, np.float32)))


def model_of(job: Job, init_std: float) -> Approach:
    """The network that dreams; it is shared, whoever wants to change it copies it."""
    if job.weights is None:
        torch.manual_seed(job.rand)
        return initialize(registry.make(job.shape, job.peak), init_std).eval()
    return _load(job.weights, job.blend_target, job.request.blend if job.blend_target else 0.0)


@lru_cache(maxsize=4)
def _load(path: Path, blend_target: Path | None = None, blend: float = 0.0) -> Approach:
    """Checkpoints never change once written, so their paths are enough of a key."""
    head, arrays = checkpoints.load(path)
    if blend_target is not None:
        head, arrays = checkpoints.blend((head, arrays), checkpoints.load(blend_target), blend)
    model = registry.make(head.shape, head.scale)
    model.deviation = head.deviation
    model.load_state_dict({name: torch.from_numpy(array) for name, array in arrays.items()})
    return model.eval()


def prepare() -> None:
    """What a process must do before its first dream, so that the dream does not wait for it."""
    torch.set_num_threads(1)  # the sample loop has its own; small steps gain nothing
    torch.set_grad_enabled(False)
    sliding_lstm.warm()
    windowed_lstm.warm()
    vocoder.warm()


def main(pipe: Connection, settings: Settings) -> None:
    """The process: one job after another."""
    prepare()
    pipe.send(Ready())

    def stopped(job: Job) -> bool:
        while pipe.poll():
            match pipe.recv():
                case Stop(serial) if serial == job.serial:
                    return True
                case End():
                    raise SystemExit
        return False

    while True:
        match pipe.recv():
            case Job() as job:
                began = time.monotonic()
                try:
                    make(job, settings, pipe.send, partial(stopped, job))
                    pipe.send(Finished(job.serial, time.monotonic() - began))
                except DreamError as error:
                    pipe.send(JobFailed(job.serial, error.code, str(error)))
            case End():
                return
