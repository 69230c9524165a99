"""``dreamd bench``: how fast dreaming and learning are on this machine, as Markdown.

With ``--out FOLDER`` the report becomes ``FOLDER/performance.md``, and its figures one line of JSON
at the end of ``FOLDER/performance.jsonl``: the project's own lie in ``docs/``.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import torch

from dreamd import __version__
from dreamd.evaluation.markdown import Part
from dreamd.experiments import bench_dreams, bench_processes, bench_training
from dreamd.kernels import sliding_lstm

INTRODUCTION = """# Performance

What `dreamd bench` printed; unless it says concurrent, dreams are paused ones. Figures in one row
were measured in turn, and are medians. Machines differ by a factor of two, and one machine by the
hour: compare ratios, or two versions side by side on one machine that does nothing else. Earlier
runs, one JSON object in each line: `performance.jsonl`.
"""


def report() -> Iterator[Part]:
    """The report's parts, each as soon as it is measured."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    sliding_lstm.warm()
    yield bench_dreams.sample_wise()
    yield bench_dreams.first_samples()
    yield bench_dreams.whole_vectors()
    yield bench_dreams.concurrently()
    yield bench_dreams.vocoder()
    yield bench_processes.together()
    yield bench_processes.while_training()
    yield bench_processes.learning_share()
    yield bench_training.training()


def record(folder: Path, machine: str, parts: Sequence[Part]) -> None:
    """Writes the page, and adds a line to its history."""
    page = "\n".join([INTRODUCTION, machine, *map(str, parts)])
    (folder / "performance.md").write_text(page, encoding="utf-8")
    said = {
        "date": date.today().isoformat(),
        "version": __version__,
        "machine": machine.strip(),
        "parts": {part.title: [part.head, *part.rows] for part in parts},
    }
    with (folder / "performance.jsonl").open("a", encoding="utf-8") as history:
        history.write(json.dumps(said, ensure_ascii=False) + "\n")
