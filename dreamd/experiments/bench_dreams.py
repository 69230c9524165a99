"""``dreamd bench``, dreams: how fast each approach dreams in one process, as Markdown."""

import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dreamd.approaches import registry
from dreamd.approaches.sample_wise import SampleWise
from dreamd.audio.files import Samples
from dreamd.audio.vocoder import Vocoder
from dreamd.corpus.recording import Recording
from dreamd.dreaming import render, sampling
from dreamd.dreaming.live_speed import phrase_recording, untrained_job
from dreamd.evaluation.markdown import Cells, Part
from dreamd.experiments import timing
from dreamd.experiments.timing import (
    REFERENCE,
    SAMPLE_WISE,
    Made,
    made,
    matrix_rate,
)
from dreamd.kernels import sliding_lstm
from dreamd.kernels.sliding_lstm import SlidingLSTM
from dreamd.settings import Settings

DREAMT_SECONDS = 2.0
RATE, FULL_BAND = REFERENCE.rate, 44100
SIZES: tuple[tuple[str, Settings], ...] = (
    ("reference", REFERENCE),
    ("H 64", replace(REFERENCE, hidden=64)),
    ("H 256", replace(REFERENCE, hidden=256)),
    ("H 512", replace(REFERENCE, hidden=512)),
    ("V 256", replace(REFERENCE, vector=256)),
    ("V 2048", replace(REFERENCE, vector=2048)),
    ("44.1 kHz", replace(REFERENCE, rate=FULL_BAND)),
)


def literal(dream: Made, steps: int, threads: int) -> Callable[[], None]:
    """``steps`` dream steps by the plain PyTorch loop."""

    def work() -> None:
        torch.set_num_threads(threads)
        queue = dream.queue
        for _ in range(steps):
            _, queue = dream.model.next(queue)
        torch.set_num_threads(1)

    return work


def sliding(dream: Made, samples: int, threads: int) -> Callable[[], None]:
    """``samples`` samples by the fast path, the first blocks behind it."""
    assert isinstance(dream.model, SampleWise)
    config = dream.model.config
    blocks = iter(SlidingLSTM(dream.model.sliding(), dream.queue.numpy(), threads))
    largest = sliding_lstm.largest_block(config.bands)
    while len(next(blocks)) < min(largest, config.vector // config.bands):
        pass

    def work() -> None:
        count = 0
        while count < samples:
            count += len(next(blocks))

    return work


def sample_wise() -> Part:
    """transpose and column: the literal loop and the fast path side by side."""
    rate = matrix_rate()
    rows = [row for name, settings in SIZES for row in sample_wise_rows(name, settings, rate)]
    head = [
        "size", "approach", "literal µs", "1 core µs", "2 cores µs", "× literal, 1 core", "2 cores",
        "× real time, 1 core", "2 cores", "multiply-adds", "of the matrix rate", "reordered",
        "of the matrix rate",
    ]  # fmt: skip
    text = (
        "Microseconds for a sample (at 44.1 kHz: for one of each of the four bands, 5.5 kHz wide, "
        "that a filter bank splits the sound into, each at 11025 Hz). *literal*: the "
        "window-by-window PyTorch loop with its best number of threads. *multiply-adds*: what the "
        "fast path executes for a sample; "
        "*reordered*: what it would without FFTs, 4HV + n·4H². Beside each: that count a second, "
        "on one core, over the core's matrix rate."
    )
    return Part("Sample-wise dreaming", text, head, rows)


def sample_wise_rows(name: str, settings: Settings, rate: float) -> Iterator[Cells]:
    cores = os.cpu_count() or 1
    for approach in SAMPLE_WISE:
        if name != "reference" and approach != "column":
            continue  # the two cost the same to within a dot product
        dream = made(approach, settings)
        steps, samples = 150, 8 * sliding_lstm.LARGEST
        plain, plain_all, one, two = timing.in_turn(
            literal(dream, steps, 1),
            literal(dream, steps, cores),
            sliding(dream, samples, 1),
            sliding(dream, samples, 2),
        )
        slow, one, two = (
            1e6 * min(plain, plain_all) / steps,
            1e6 * one / samples,
            1e6 * two / samples,
        )
        config = dream.model.config
        counts = sliding_lstm.multiply_adds(
            config.vector, config.window, config.hidden, config.layers, config.bands
        )
        spent = sum(counts[k] for k in ("recurrence", "block", "sub-block", "FFT"))
        real = 1e6 * config.bands / settings.rate
        yield [
            name, approach, f"{slow:.0f}", f"{one:.1f}", f"{two:.1f}", f"{slow / one:.0f}",
            f"{slow / two:.0f}", f"**{real / one:.1f}**", f"**{real / two:.1f}**",
            f"{spent / 1e3:.0f} k", f"{spent / one * 1e6 / rate:.0%}",
            f"{counts['reordered'] / 1e3:.0f} k", f"{counts['reordered'] / one * 1e6 / rate:.0%}",
        ]  # fmt: skip


def first_samples() -> Part:
    """From a known seed to the first 256 samples."""
    rows = []
    for approach in SAMPLE_WISE:
        dream, profile = made(approach, REFERENCE), registry.ROWS[approach].concurrent

        def begin(dream: Made = dream, profile: registry.Concurrent = profile) -> None:
            count = 0
            for block in sampling.paused(dream.model, dream.queue, profile):
                count += len(block)
                if count >= 256:
                    return

        rows.append([approach, f"{1e3 * timing.in_turn(begin)[0]:.0f} ms"])
    text = "From a known seed to the first 256 samples, in a process that is warm:"
    return Part("The first samples", text, ["approach", "time"], rows)


def whole_vectors() -> Part:
    """vector and spectrum, vocoder included."""
    rows = []
    for approach, lengths in (("vector", (1024, 256)), ("spectrum", (1024, 256, 56))):
        for length in lengths:
            settings = replace(REFERENCE, vector=length, hop=length)
            blocks = render.blocks(untrained_job(approach, settings, None), settings)
            steps = 20 * 1024 // length

            def work(blocks: Iterator[Samples] = blocks, steps: int = steps) -> None:
                for _ in range(steps):
                    next(blocks)

            next(blocks)  # the network is made, the seed is there
            taken = timing.in_turn(work)[0]
            speed = steps * length / REFERENCE.rate / taken
            rows.append([approach, str(length), f"**{speed:.0f}**"])
    text = "One core, vocoder included."
    return Part("Whole vectors", text, ["approach", "V or hop", "× real time"], rows)


def concurrently() -> Part:
    """Dreams that learn as they go, at the defaults, nothing else being trained."""
    cases = [("vector", 1024, RATE, 1), ("vector", 256, RATE, 1)]
    cases += [("spectrum", 1024, RATE, 1), ("spectrum", 256, RATE, 1)]
    cases += [(approach, 1024, RATE, 1) for approach in SAMPLE_WISE]
    for channels in (1, 2):
        cases += [("vector", 4096, FULL_BAND, channels), ("spectrum", 1024, FULL_BAND, channels)]
        cases += [(approach, 4096, FULL_BAND, channels) for approach in SAMPLE_WISE]
    text = (
        "The default: the dream learns from a walk through a recording, a step of Adam for each "
        "vector or spectrum, or for each 256 (column: 512) samples of a band: at 44.1 kHz "
        "transpose and column dream four at once, in stereo eight. *over paused*: the speed on "
        "one core over that of a paused dream, both measured in turn. Times real time."
    )
    head = ["sound", "approach", "V or hop", "over paused", "1 core", "2 cores", "paused, 1 core"]
    return Part("Concurrent dreams", text, head, [_concurrently(*case) for case in cases])


def _concurrently(approach: str, length: int, rate: int, channels: int) -> list[str]:
    settings = replace(REFERENCE, vector=length, hop=length, rate=rate, channels=channels)
    with tempfile.TemporaryDirectory() as folder:
        recording = phrase_recording(Path(folder), rate)
        works = [going_on(approach, settings, None, 1)]
        works += [going_on(approach, settings, recording, threads) for threads in (1, 2)]
        paused, one, two = (DREAMT_SECONDS / taken for taken in timing.in_turn(*works))
    sound = f"{rate / 1000:.1f} kHz{', stereo' if channels > 1 else ''}"
    over, *speeds = f"{one / paused:.2f}", f"{one:.1f}", f"{two:.1f}"
    return [sound, approach, str(length), *(f"**{each}**" for each in (over, *speeds)),
            f"{paused:.1f}"]  # fmt: skip


def going_on(
    approach: str, settings: Settings, recording: Recording | None, threads: int
) -> Callable[[], None]:
    """Seconds of a dream, its first blocks behind it; concurrent where there is a recording."""
    job = untrained_job(approach, settings, recording)
    blocks = render.blocks(job, replace(settings, threads=threads))
    for _ in range(8):  # of paused ones the first are short
        next(blocks)

    def work() -> None:
        count = 0
        while count < DREAMT_SECONDS * settings.rate:
            count += len(next(blocks))

    return work


def vocoder() -> Part:
    """The vocoder alone, at every hop of the paper's Table 1."""
    rows, frame = [], REFERENCE.length("frame")
    for hop in (1024, 512, 256, 128, 56):
        vocode = Vocoder(frame, hop)
        spectra = np.random.default_rng(0).random((200, 1, frame // 2 + 1), np.float32)

        def work(vocode: Vocoder = vocode, spectra: Samples = spectra) -> None:
            for spectrum in spectra:
                vocode(spectrum)

        rows.append([str(hop), f"{200 * hop / REFERENCE.rate / timing.in_turn(work)[0]:.0f}"])
    text = "Spectra of 513 random bins, a third of them peaks; one core."
    return Part("The vocoder alone", text, ["hop", "× real time"], rows)
