"""``dreamd bench``: how fast dreaming and learning are on this machine, as Markdown.

Each figure that is a ratio comes from both sides measured in turn in one run, several times;
the medians are printed. The README's figures are this command's output.
"""

import os
import platform
import queue
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numba
import numpy as np
import torch
from torch import nn

from dreamd.approaches import registry
from dreamd.approaches.base import Approach, SampleWise, initialize
from dreamd.approaches.config import config_of
from dreamd.approaches.registry import APPROACHES
from dreamd.audio import files, plucked_string
from dreamd.audio.files import Samples
from dreamd.audio.vocoder import Vocoder
from dreamd.corpus.recording import Recording
from dreamd.dreaming import worker
from dreamd.dreaming.job import Finished, Job
from dreamd.dreaming.seeds import Seed
from dreamd.errors import SetupError
from dreamd.evaluation.markdown import Row, part, table
from dreamd.home import log
from dreamd.kernels import sliding_lstm
from dreamd.kernels.adam import Adam
from dreamd.kernels.matmul import matmul
from dreamd.kernels.sliding_lstm import SlidingLSTM
from dreamd.osc.messages import Request
from dreamd.settings import Settings
from dreamd.training.messages import Progress, SetRecordings
from dreamd.workers.messages import Ready
from dreamd.workers.process import Worker, WorkerExited, WorkerMessage

ROUNDS = 5
CONCURRENT_SECONDS = 2.0
REFERENCE = Settings(hop=1024)  # V = 1024, n = 8, H = 128, L = 1
SAMPLE_WISE = ("transpose", "column")
SIZES: tuple[tuple[str, Settings], ...] = (
    ("reference", REFERENCE),
    ("H 64", replace(REFERENCE, hidden=64)),
    ("H 256", replace(REFERENCE, hidden=256)),
    ("H 512", replace(REFERENCE, hidden=512)),
    ("V 256", replace(REFERENCE, vector=256)),
    ("V 2048", replace(REFERENCE, vector=2048)),
    ("44.1 kHz", replace(REFERENCE, rate=44100)),
)


def report() -> Iterator[str]:
    """The report's parts, each as soon as it is measured."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    sliding_lstm.warm()
    yield machine()
    yield sample_wise()
    yield first_samples()
    yield whole_vectors()
    yield concurrently()
    yield vocoder()
    yield together()
    yield while_training()
    yield training()


# ---------------------------------------------------------------- measuring


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def in_turn(*works: Callable[[], object], rounds: int = ROUNDS) -> list[float]:
    """The median seconds of each, measured one after another, round after round.

    A first round does not count: memory and clocks take a moment to settle.
    """
    for work in works:
        work()
    taken = [[seconds(work) for work in works] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*taken, strict=True)]


# ---------------------------------------------------------------- the parts


def machine() -> str:
    """What this is measured on, and how fast it multiplies matrices."""
    rate = matrix_rate()
    return (
        f"{processor()}, {os.cpu_count()} cores, {platform.system()}; "
        f"Python {platform.python_version()}, PyTorch {torch.__version__}, "
        f"numba {numba.__version__}. One core multiplies matrices of the sizes used here at "
        f"{rate / 1e9:.0f} billion multiply-adds a second.\n"
    )


def processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")  # Linux; elsewhere Python knows a name
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def matrix_rate() -> float:
    """Multiply-adds a second of one core, ``(256, 128) × (128, 512)``."""
    a, b = torch.randn(256, 128), torch.randn(512, 128).t()

    def work() -> None:
        for _ in range(200):
            matmul(a, b)

    return 200 * 256 * 128 * 512 / in_turn(work)[0]


@dataclass(frozen=True)
class Made:
    """A model with random weights, and a seed for it."""

    model: Approach
    queue: torch.Tensor


def made(approach: str, settings: Settings) -> Made:
    torch.manual_seed(0)
    shape = config_of(approach, settings)
    model = initialize(registry.make(shape), settings.init_std).eval()
    samples = plucked_string.chord((45, 57, 64), model.seed_samples, settings.rate, 0.5)
    return Made(model, model.elements(torch.from_numpy(samples)))


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
    blocks = iter(SlidingLSTM(dream.model.sliding(), dream.queue.numpy(), threads))
    while len(next(blocks)) < min(sliding_lstm.LARGEST, dream.model.shape.vector):
        pass

    def work() -> None:
        count = 0
        while count < samples:
            count += len(next(blocks))

    return work


def sample_wise() -> str:
    """transpose and column: the literal loop and the fast path side by side."""
    rate = matrix_rate()
    rows = [row for name, settings in SIZES for row in sample_wise_rows(name, settings, rate)]
    head = [
        "size", "approach", "literal µs", "1 core µs", "2 cores µs", "× literal, 1 core", "2 cores",
        "× real time, 1 core", "2 cores", "multiply-adds", "of the matrix rate", "reordered",
        "of the matrix rate",
    ]  # fmt: skip
    text = (
        "Microseconds for a sample. *literal*: the window-by-window PyTorch loop with its best "
        "number of threads. *multiply-adds*: what the fast path executes for a sample; "
        "*reordered*: what it would without FFTs, 4HV + n·4H². Beside each: that count a second, "
        "on one core, over the core's matrix rate."
    )
    return part("Sample-wise dreaming", text, table(head, rows))


def sample_wise_rows(name: str, settings: Settings, rate: float) -> Iterator[Row]:
    cores = os.cpu_count() or 1
    for approach in SAMPLE_WISE:
        if name != "reference" and approach != "column":
            continue  # the two cost the same to within a dot product
        dream = made(approach, settings)
        steps, samples = 150, 8 * sliding_lstm.LARGEST
        plain, plain_all, one, two = in_turn(
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
        shape = dream.model.shape
        counts = sliding_lstm.multiply_adds(shape.vector, shape.window, shape.hidden, shape.layers)
        spent = sum(counts[k] for k in ("recurrence", "block", "sub-block", "FFT"))
        real = 1e6 / settings.rate
        yield [
            name, approach, f"{slow:.0f}", f"{one:.1f}", f"{two:.1f}", f"{slow / one:.0f}",
            f"{slow / two:.0f}", f"**{real / one:.1f}**", f"**{real / two:.1f}**",
            f"{spent / 1e3:.0f} k", f"{spent / one * 1e6 / rate:.0%}",
            f"{counts['reordered'] / 1e3:.0f} k", f"{counts['reordered'] / one * 1e6 / rate:.0%}",
        ]  # fmt: skip


def first_samples() -> str:
    """From a known seed to the first 256 samples."""
    rows = []
    for approach in SAMPLE_WISE:
        dream = made(approach, REFERENCE)

        def begin(dream: Made = dream) -> None:
            count = 0
            for block in dream.model.run(dream.queue):
                count += len(block)
                if count >= 256:
                    return

        rows.append([approach, f"{1e3 * in_turn(begin)[0]:.0f} ms"])
    text = "From a known seed to the first 256 samples, in a process that is warm:"
    return part("The first samples", text, table(["approach", "time"], rows))


def whole_vectors() -> str:
    """vector and spectrum, vocoder included."""
    rows = []
    for approach, lengths in (("vector", (1024, 256)), ("spectrum", (1024, 256, 56))):
        for length in lengths:
            dream = made(approach, replace(REFERENCE, vector=length, hop=length))
            steps = 20 * 1024 // length

            def work(dream: Made = dream, steps: int = steps) -> None:
                decode = dream.model.decoder()
                for k, elements in enumerate(dream.model.run(dream.queue)):
                    decode(elements)
                    if k == steps:
                        return

            taken = in_turn(work)[0]
            speed = steps * length / REFERENCE.rate / taken
            rows.append([approach, str(length), f"**{speed:.0f}**"])
    text = "One core, vocoder included."
    return part("Whole vectors", text, table(["approach", "V or hop", "× real time"], rows))


def concurrently() -> str:
    """Dreams that learn as they go, at the defaults, nothing else being trained."""
    rows = []
    cases = [("vector", 1024), ("vector", 256), ("spectrum", 1024), ("spectrum", 256)]
    cases += [(approach, 1024) for approach in SAMPLE_WISE]
    with tempfile.TemporaryDirectory() as home:
        recording = example(Path(home))
        for approach, length in cases:
            settings = replace(REFERENCE, vector=length, hop=length)
            works = [learning(approach, settings, recording, threads) for threads in (1, 2)]
            one, two = (CONCURRENT_SECONDS / taken for taken in in_turn(*works, rounds=3))
            rows.append([approach, str(length), f"**{one:.1f}**", f"**{two:.1f}**"])
    text = (
        "The default: the dream learns from a walk through a recording, a step of Adam for each "
        "vector or spectrum, or for each 256 (column: 512) samples. Times real time."
    )
    return part("Concurrent dreams", text,
                table(["approach", "V or hop", "1 core", "2 cores"], rows))  # fmt: skip


def learning(
    approach: str, settings: Settings, recording: Recording, threads: int
) -> Callable[[], None]:
    """Seconds of a concurrent dream, its first blocks behind it."""
    dream = made(approach, settings)
    job = Job(
        serial=0,
        request=Request(approach),
        voice="bench",
        shape=dream.model.shape,
        weights=None,
        seed=Seed("noise"),
        peak=recording.peak,
        loudest=recording.loudest,
        path=Path(),
        frames=0,
        rand=0,
        follow=recording,
    )
    blocks = worker.concurrent(dream.model, dream.queue, job, replace(settings, threads=threads))
    next(blocks)

    def work() -> None:
        count = 0
        while count < CONCURRENT_SECONDS * settings.rate:
            count += len(next(blocks))

    return work


def vocoder() -> str:
    """The vocoder alone, at every hop of the paper's Table 1."""
    rows = []
    for hop in (1024, 512, 256, 128, 56):
        vocode = Vocoder(REFERENCE.frame, hop)
        spectra = np.random.default_rng(0).random((200, REFERENCE.frame // 2 + 1), np.float32)

        def work(vocode: Vocoder = vocode, spectra: Samples = spectra) -> None:
            for spectrum in spectra:
                vocode(spectrum)

        rows.append([str(hop), f"{200 * hop / REFERENCE.rate / in_turn(work)[0]:.0f}"])
    text = "Spectra of 513 random bins, a third of them peaks; one core."
    return part("The vocoder alone", text, table(["hop", "× real time"], rows))


class Dreamers:
    """As many dreaming processes as the daemon has, and jobs for them."""

    def __init__(self, home: Path, count: int) -> None:
        self._home, self._heard = home, queue.SimpleQueue[WorkerMessage | WorkerExited]()
        settings = replace(REFERENCE, home=home)
        self._workers = [
            Worker(f"dreamer-{k}", "dreamd.dreaming.worker", settings, self._heard.put)
            for k in range(count)
        ]
        self._wait(Ready, count)

    def dream(self, approach: str, count: int, secs: float) -> None:
        """``count`` dreams, dealt out as dreamers become free."""
        jobs = [self._job(approach, k, secs) for k in range(count)]
        for child, job in zip(self._workers, jobs, strict=False):
            child.send(job)
        for job in jobs[len(self._workers) :]:
            name = self._wait(Finished, 1)
            next(c for c in self._workers if c.name == name).send(job)
        self._wait(Finished, min(count, len(self._workers)))

    def end(self) -> None:
        for child in self._workers:
            child.end()
        for child in self._workers:
            child.join()

    def _job(self, approach: str, serial: int, secs: float) -> Job:
        frames, path = round(secs * REFERENCE.rate), self._home / f"{approach}-{serial}.wav"
        files.DreamFile(path, REFERENCE.rate).create(frames)
        return Job(
            serial=serial,
            request=Request(approach),
            voice="bench",
            shape=config_of(approach, REFERENCE),
            weights=None,
            seed=Seed("noise"),
            peak=0.5,
            loudest=0.25,
            path=path,
            frames=frames,
            rand=serial,
        )

    def _wait(self, kind: type, count: int) -> str:
        """Until that many of this kind have been heard; gives the last one's sender."""
        while True:
            heard = self._heard.get()
            if isinstance(heard, WorkerExited):
                raise SetupError(f"a dreaming process {heard.why}; see {log.path(self._home)}")
            if isinstance(heard.message, kind):
                count -= 1
                if not count:
                    return heard.name


def together() -> str:
    """Eight dreams asked for at once, against one."""
    rows = []
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as home:
        dreamers = Dreamers(Path(home), cores)
        for approach in APPROACHES:
            secs = 3.0 if approach in SAMPLE_WISE else 30.0
            one, eight = in_turn(
                partial(dreamers.dream, approach, 1, secs),
                partial(dreamers.dream, approach, 8, secs),
                rounds=3,
            )
            batch = f"{batching(approach):.2f}"
            rows.append(
                [approach, f"{one:.2f} s", f"{eight:.2f} s", f"**{eight / one:.1f}**", batch]
            )
        dreamers.end()
    text = (
        f"Dreams of 3 s (sample-wise) and 30 s, made by {cores} processes. The last column is what "
        "one process would gain by making eight in one batch: eight steps one by one, over one "
        "step of eight."
    )
    return part("Eight dreams together", text,
                table(["approach", "one", "eight", "eight over one", "batched"], rows))  # fmt: skip


def batching(approach: str) -> float:
    """Time of eight dream steps over that of one step with eight windows."""
    dream = made(approach, REFERENCE)
    one = dream.model.inputs(dream.queue)
    if approach in SAMPLE_WISE:  # its products have many rows already: 128 and 1024 of them
        weight, few, many = torch.randn(128, 512), torch.randn(256, 128), torch.randn(2048, 128)
        apart, joined = in_turn(
            lambda: [torch.mm(few, weight) for _ in range(8)], lambda: torch.mm(many, weight)
        )
        return apart / joined
    eight = one.repeat(8, 1, 1)
    apart, joined = in_turn(
        lambda: [dream.model(one) for _ in range(8)], lambda: dream.model(eight), rounds=50
    )
    return apart / joined


def while_training() -> str:
    """The sample-wise approaches on one core while the learner trains, at its low priority."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        recording = example(home)
        heard: queue.SimpleQueue[WorkerMessage | WorkerExited] = queue.SimpleQueue()
        learner = Worker(
            "learner",
            "dreamd.training.worker",
            replace(REFERENCE, home=home),
            heard.put,
            humble=True,
        )
        learner.send(SetRecordings((recording,)))
        while not isinstance(getattr(heard.get(), "message", None), Progress):
            pass
        for approach in SAMPLE_WISE:
            dream, samples = made(approach, REFERENCE), 40 * sliding_lstm.LARGEST
            taken = in_turn(sliding(dream, samples, 1))[0]
            rows.append([approach, f"**{samples / REFERENCE.rate / taken:.1f}**"])
        learner.end()
        learner.join()
    text = "One dream on one core while all four approaches of a voice are being trained:"
    return part("While it trains", text, table(["approach", "× real time"], rows))


def example(home: Path) -> Recording:
    """The project's own phrase as a recording."""
    samples = files.resample(plucked_string.phrase(), plucked_string.MODEL_RATE, REFERENCE.rate)
    cache = home / "phrase.f32"
    samples.tofile(cache)
    return Recording(
        voice="pluck",
        source="phrase.wav",
        cache=str(cache),
        frames=len(samples),
        rate=REFERENCE.rate,
        peak=float(np.abs(samples).max()),
        loudest=float(samples.std()),
        joined=time.time(),
    )


def training() -> str:
    """Learning by shared projections against nn.LSTM on the same windows, unfolded."""
    rows = []
    cases = [(approach, replace(REFERENCE, hidden=hidden))
             for approach in SAMPLE_WISE for hidden in (128, 256)]  # fmt: skip
    cases += [("vector", REFERENCE), ("vector", replace(REFERENCE, vector=256))]
    cases += [("spectrum", replace(REFERENCE, hop=256))]
    with torch.enable_grad():
        for approach, settings in cases:
            plain, shared = windows_a_second(approach, settings)
            shape = config_of(approach, settings)
            rows.append([approach, str(shape.vector), str(shape.hidden), f"{plain:.0f}",
                         f"{shared:.0f}", f"**{shared / plain:.1f}**"])  # fmt: skip
    text = (
        "Training windows a second on one core: forward, mean squared error, backward, clipping "
        "and Adam. *nn.LSTM*: on unfolded windows, with the better of two batch sizes (64 and as "
        "many as the other). *shared*: the same windows, each vector projected once."
    )
    head = ["approach", "V or hop", "H", "nn.LSTM", "shared", "shared over nn.LSTM"]
    return part("Training", text, table(head, rows))


def windows_a_second(approach: str, settings: Settings) -> tuple[float, float]:
    """Of nn.LSTM on unfolded windows, and of shared projections."""
    count, stretch = settings.batch, settings.stretch
    models = [registry.make(config_of(approach, settings)) for _ in range(3)]
    adams = [Adam(model, 1e-3) for model in models]
    samples = 0.1 * torch.randn(count, models[0].stretch_samples(stretch))
    kept = np.ones((count, stretch), bool)
    windows = samples.unfold(1, models[0].example_samples, models[0].shape.vector)
    unfolded = windows.reshape(count * stretch, -1).contiguous()

    def plain(k: int, some: torch.Tensor) -> None:
        inputs, labels = models[k].examples(some)
        loss = nn.functional.mse_loss(models[k](inputs), labels)
        adams[k].descend(loss, REFERENCE.clip)

    def shared() -> None:
        vectors, after = models[2].stretches(samples)
        loss, _ = models[2].error(vectors, after, kept)
        adams[2].descend(loss, REFERENCE.clip)

    few, all_, new = in_turn(
        lambda: plain(0, unfolded[:64]), lambda: plain(1, unfolded), shared, rounds=9
    )
    whole = count * stretch
    return max(64 / few, whole / all_), whole / new
