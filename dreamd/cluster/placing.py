"""The scheduler of a cluster: a task goes to a slot when one is free for it, and no sooner.

Dask's own hands every task out at once, to the worker that it expects to be free first, by how long
others took: there a dream waits for the one before it though another slot has nothing to do, and
two slices of training wait for each other. :mod:`dreamd.cluster.programs` runs this one.
"""

from distributed import Scheduler
from distributed.scheduler import TaskState, WorkerState


class PlacingScheduler(Scheduler):
    """Dask's, but for which worker is given a task, and when."""

    def decide_worker_non_rootish(self, ts: TaskState) -> WorkerState | None:
        """Of the slots that are free for it the one with least to do; None: it waits here."""
        free = [ws for ws in self.running if _is_free(ws, ts)]
        return min(free, key=lambda ws: len(ws.processing), default=None)

    def stimulus_queue_slots_maybe_opened(self, *, stimulus_id: str) -> None:
        """Dask calls it after all that may have freed a slot: who waits here has a turn, by
        priority, and of equals who came first."""
        super().stimulus_queue_slots_maybe_opened(stimulus_id=stimulus_id)
        waiting = [ts for ts in self.unrunnable if self.decide_worker_non_rootish(ts)]
        waiting.sort(key=lambda ts: ts.priority or (), reverse=True)  # the last is looked at first
        self.transitions({ts.key: "processing" for ts in waiting}, stimulus_id)


def _is_free(ws: WorkerState, ts: TaskState) -> bool:
    """Whether all that the task takes is there and unused."""
    wanted, used, there = ts.resource_restrictions or {}, ws.used_resources, ws.resources
    return all(used.get(kind, 0) + n <= there.get(kind, 0) for kind, n in wanted.items())
