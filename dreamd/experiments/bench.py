"""``dreamd bench``: how fast dreaming and learning are on this machine, as Markdown.

``docs/performance.md`` is this command's output.
"""

from collections.abc import Iterator

import torch

from dreamd.experiments import bench_dreams, bench_processes, bench_training, timing
from dreamd.kernels import sliding_lstm


def report() -> Iterator[str]:
    """The report's parts, each as soon as it is measured."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    sliding_lstm.warm()
    yield timing.machine()
    yield bench_dreams.sample_wise()
    yield bench_dreams.first_samples()
    yield bench_dreams.whole_vectors()
    yield bench_dreams.concurrently()
    yield bench_dreams.vocoder()
    yield bench_processes.together()
    yield bench_processes.while_training()
    yield bench_training.training()
