"""``dreamd bench``, training: windows a second beside PyTorch's own LSTM, as Markdown."""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from dreamd.approaches import registry
from dreamd.approaches.registry import config_of
from dreamd.evaluation.markdown import Part
from dreamd.experiments import timing
from dreamd.experiments.timing import REFERENCE, SAMPLE_WISE
from dreamd.kernels.adam import Adam
from dreamd.settings import Settings


def training() -> Part:
    """Learning by shared projections against nn.LSTM on the same windows, unfolded."""
    rows = []
    cases = [(approach, replace(REFERENCE, hidden=hidden))
             for approach in SAMPLE_WISE for hidden in (128, 256)]  # fmt: skip
    cases += [("vector", REFERENCE), ("vector", replace(REFERENCE, vector=256))]
    cases += [("spectrum", replace(REFERENCE, hop=256))]
    with torch.enable_grad():
        for approach, settings in cases:
            plain, shared = windows_a_second(approach, settings)
            config = config_of(approach, settings)
            rows.append([approach, str(config.vector), str(config.hidden), f"{plain:.0f}",
                         f"{shared:.0f}", f"**{shared / plain:.1f}**"])  # fmt: skip
    text = (
        "Training windows a second on one core: forward, mean squared error, backward, clipping "
        "and Adam. *nn.LSTM*: on unfolded windows, with the better of two batch sizes (64 and as "
        "many as the other). *shared*: the same windows, each vector projected once."
    )
    head = ["approach", "V or hop", "H", "nn.LSTM", "shared", "shared over nn.LSTM"]
    return Part("Training", text, head, rows)


def windows_a_second(approach: str, settings: Settings) -> tuple[float, float]:
    """Of nn.LSTM on unfolded windows, and of shared projections."""
    count, stretch = settings.batch, settings.stretch
    models = [registry.make(config_of(approach, settings)) for _ in range(3)]
    adams = [Adam(model, 1e-3) for model in models]
    samples = 0.1 * torch.randn(count, models[0].stretch_samples(stretch))
    kept = np.ones((count, stretch), bool)
    windows = samples.unfold(1, models[0].example_samples, models[0].config.vector)
    unfolded = windows.reshape(count * stretch, -1).contiguous()

    def plain(k: int, some: torch.Tensor) -> None:
        inputs, labels = models[k].examples(some)
        loss = nn.functional.mse_loss(models[k](inputs), labels)
        adams[k].descend(loss, REFERENCE.clip)

    def shared() -> None:
        vectors, after = models[2].stretches(samples)
        loss, _ = models[2].error(vectors, after, kept)
        adams[2].descend(loss, REFERENCE.clip)

    few, all_, new = timing.in_turn(
        lambda: plain(0, unfolded[:64]), lambda: plain(1, unfolded), shared, rounds=9
    )
    whole = count * stretch
    return max(64 / few, whole / all_), whole / new
