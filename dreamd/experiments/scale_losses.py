"""Of ``dreamd scale``: what breaks under a dream and a farm, and what comes of both.

In each trial a dream must be whole in the end, sample by sample the one that is made here, and a
farm must have brought all of its checkpoints home: what is not there is called LOST.
"""

import itertools
import os
import signal
import threading
import time
from collections.abc import Callable

import numpy as np

from dreamd.approaches.registry import config_of
from dreamd.audio.files import Samples
from dreamd.cluster.certificates import make_certificates
from dreamd.cluster.dreamer import Elsewhere
from dreamd.cluster.farm import Farm
from dreamd.dreaming.job import ChunkWritten, Told
from dreamd.dreaming.render import render
from dreamd.evaluation.markdown import Cells, Part
from dreamd.experiments.cable import other_machine
from dreamd.experiments.scale_bench import Bench, Cluster, Diary, wait_until
from dreamd.home import checkpoints

TRIAL_SECONDS = 30.0
PARTS_BEFORE = 3  # of the dream, that are there when something breaks
OUTAGE = 10.0  # seconds until it is mended
FARMED, FARM_SECONDS = 2, 20.0  # voices of a farm, and how long each learns
LOSSES_HEAD = ["what breaks", "meanwhile", "goes on after", "longest silence",
               "back after", "there in the end"]  # fmt: skip
LOSSES_SAID = (
    "A transpose dream of {secs:.0f} s and a farm of {voices} voices, {farmed:.0f} s each, in "
    "slices as long. What breaks is mended {outage:.0f} s later, and *back after* counts from "
    "then: until dreams go to the cluster again, and until a slice of the farm is at work. A "
    "dream that begins again is silent until it is as far as it was. A slice under way is learned "
    "again."
)


def losses(bench: Bench) -> Part:
    """Who makes a dream, or trains, is killed; the scheduler, and the link to it, come and go."""
    expected = _made_here(bench)
    rows = _worker_killed(bench, expected) + _scheduler_killed(bench, expected)
    rows += _link_down(bench, expected)
    said = LOSSES_SAID.format(
        secs=TRIAL_SECONDS, voices=FARMED, farmed=FARM_SECONDS, outage=OUTAGE
    )  # fmt: skip
    return Part("What is lost", said, LOSSES_HEAD, rows)


def _made_here(bench: Bench) -> Samples:
    job = bench.job("transpose", TRIAL_SECONDS, "expected")
    render(job, bench.settings, lambda said: None)
    return job.file.read(0, job.frames)


# ---------------------------------------------------------------- what is under way


class _Dream:
    """A dream in which something breaks when its first parts are there.

    :param expected: its samples.
    """

    def __init__(self, bench: Bench, expected: Samples) -> None:
        self._bench, self._expected, self.diary = bench, expected, Diary()
        self._job = bench.job("transpose", TRIAL_SECONDS)
        self._times: list[float] = []
        self.broke = 0.0

    def run(self, elsewhere: Elsewhere, breaks: Callable[[], None]) -> None:
        def tell(said: Told) -> None:
            if isinstance(said, ChunkWritten):
                self._times.append(time.monotonic())
                if len(self._times) == PARTS_BEFORE:
                    self.broke = time.monotonic()
                    breaks()

        elsewhere.make(self._job, self._bench.settings, tell, lambda patience: ())

    def row(self, what: str, words: str, back: str = "") -> Cells:
        """``words`` of the line that was said of it."""
        after = self.diary.when(words, self.broke) - self.broke
        silence = max(b - a for a, b in itertools.pairwise(self._times))
        samples = self._job.file.read(0, self._job.frames)
        same = np.array_equal(samples, self._expected)
        return [what, "a dream", f"{after:.1f} s ({words})", f"{silence:.1f} s", back,
                "all of it, the same samples" if same else "LOST: other samples"]  # fmt: skip


class _Farming:
    """A farm in a thread; every slot has a slice of it."""

    def __init__(self, bench: Bench, cluster: Cluster, name: str) -> None:
        self._cluster, self.diary = cluster, Diary()
        self._settings, self._voices = bench.new_home(f"farm-{name}"), bench.voices(FARMED)
        self._config = config_of("spectrum", self._settings)
        farm = Farm(self._settings, self._voices, [self._config], FARM_SECONDS, self.diary)
        self._thread = threading.Thread(target=farm.run, args=(cluster.address,))
        self._thread.start()
        wait_until(lambda: len(cluster.tasks("train-")) == FARMED, "slices at work")
        self._known = set(cluster.tasks("train-"))

    def at_work_again(self) -> float:
        """When a slice was that is none of those before."""
        return wait_until(
            lambda: bool(self._cluster.tasks("train-").keys() - self._known), "a slice at work"
        )

    def row(self, what: str, after: str, back: str = "") -> Cells:
        """Once it is over."""
        self._thread.join()
        place = self._settings.home
        newest = [
            checkpoints.newest(checkpoints.folder(place, v, self._config)) for v in self._voices
        ]
        learned = [checkpoints.header(path).seconds for path in newest if path]
        whole = len(learned) == FARMED and min(learned) > 0.97 * FARM_SECONDS
        told = f"{len(learned)} of {FARMED} checkpoints, of {min(learned, default=0):.0f} s each"
        return [what, "a farm", after, "", back, told if whole else f"LOST: {told}"]


# ---------------------------------------------------------------- what breaks


def _worker_killed(bench: Bench, expected: Samples) -> list[Cells]:
    """Under a dream, then under a farm."""
    what, dream = "a worker is killed", _Dream(bench, expected)
    with bench.cluster(2) as cluster:
        with bench.elsewhere(cluster, dream.diary) as elsewhere:
            dream.run(elsewhere, lambda: os.kill(cluster.pid_of("dream-"), signal.SIGKILL))
        rows = [dream.row(what, "begins again at")]
        cluster.client.wait_for_workers(2)
        farming = _Farming(bench, cluster, "worker")
        time.sleep(FARM_SECONDS / 4)
        os.kill(cluster.pid_of("train-"), signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: len(cluster.client.nthreads()) < 2, "a slot that is gone")
        again = wait_until(lambda: _slots_at(cluster, "train-") == 2, "both slots at work")
        rows.append(farming.row(what, f"{again - killed:.1f} s (its slice begins again)"))
    return rows


def _slots_at(cluster: Cluster, doing: str) -> int:
    return len(set(cluster.tasks(doing).values()))


def _scheduler_killed(bench: Bench, expected: Samples) -> list[Cells]:
    with bench.cluster(2) as cluster:
        return _outage(
            bench, cluster, expected, "the scheduler is killed, and started again",
            cluster.kill_scheduler, cluster.start_scheduler,
        )  # fmt: skip


def _link_down(bench: Bench, expected: Samples) -> list[Cells]:
    """To another machine, encrypted."""
    what = "the link is down, and up again"
    with other_machine() as machine:
        if machine is None:
            return [[what, "", "not tried: network namespaces are not allowed here", "", "", ""]]
        tls = bench.folder / "certificates"
        make_certificates(tls)
        with bench.cluster(2, start=machine.start, host=machine.there, tls=tls) as cluster:
            return _outage(bench, cluster, expected, what, lambda: machine.cable("down"),
                           lambda: machine.cable("up"))  # fmt: skip


def _outage(
    bench: Bench, cluster: Cluster, expected: Samples, what: str, breaks: Callable[[], None],
    mends: Callable[[], None],
) -> list[Cells]:  # fmt: skip
    """Under a dream and a farm at once; mended after a while."""
    farming, dream = _Farming(bench, cluster, what.split()[1]), _Dream(bench, expected)
    at = dict[str, float]()  # when it was mended, and when a slice was at work again

    def mended() -> None:
        mends()
        at["mended"] = time.monotonic()
        cluster.meet()
        at["learns"] = farming.at_work_again()

    mending = threading.Timer(OUTAGE, mended)

    def broken() -> None:
        breaks()
        mending.start()

    with bench.elsewhere(cluster, dream.diary) as elsewhere:
        dream.run(elsewhere, broken)
        mending.join()
        back = dream.diary.when("dreams go to", at["mended"]) - at["mended"]
    noticed = farming.diary.when("does not answer", dream.broke) - dream.broke
    learns = at["learns"] - at["mended"]
    return [
        dream.row(what, "goes on here", f"{back:.1f} s"),
        farming.row(what, f"{noticed:.1f} s (it waits)", f"{learns:.1f} s"),
    ]
