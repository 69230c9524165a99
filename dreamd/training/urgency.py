"""How urgently the training process computes: last of all what is spare, as others do what is owed.

On Linux priorities are a thread's own and can be lowered alone: so what is spare is computed in a
thread of the lowest priority, and what training is owed on a full machine (:mod:`throttle`) in the
process's main thread. The training process has one :class:`Urgency`.
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait

import psutil
import torch

LINUX = sys.platform.startswith("linux")
LOWEST = 19
EVERY, LONG = 0.1, 1.0
"""Seconds between looks at work of the lowest priority, and until it is starved: it began on a
machine that others need now, and everything here waits for it."""
ELSEWHERE = 10
"""Where a process has one priority, and a lower one for good: low enough to let others go first,
high enough for a few hundredths of a busy core."""


class Urgency:
    """:param threads: that PyTorch computes with."""

    def __init__(self, threads: int) -> None:
        self._group = 0  # the priority of the session, as told to the kernel
        self._spare = ThreadPoolExecutor(1, "spare", _step_back, (threads,))
        if LINUX:
            os.setsid()  # Linux groups processes by session and lets nice act inside a group only
        elif sys.platform == "win32":
            psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            psutil.Process().nice(ELSEWHERE)

    def run(self, work: Callable[[], None], urgent: bool, hurry: Callable[[], bool]) -> None:
        """Has ``work`` done: as soon as anyone's where it is urgent, else when nobody needs the
        machine; until there is reason to ``hurry``, or it takes very long."""
        if urgent or not LINUX:
            self._set_group(0)
            work()
            return
        self._set_group(LOWEST)
        began, working = time.monotonic(), self._spare.submit(work)
        while not wait([working], EVERY).done:
            if hurry() or time.monotonic() - began > LONG:
                self._set_group(0)
        working.result()

    def _set_group(self, nice: int) -> None:
        """The place of the whole session among others; the kernel takes ten such words a second."""
        if nice == self._group or not LINUX:
            return
        try:
            with open("/proc/self/autogroup", "w") as group:
                group.write(str(nice))
            self._group = nice
        except BlockingIOError:  # too soon: at the next turn
            return
        except OSError:  # a kernel without such groups needs none of this
            self._group = nice


def _step_back(threads: int) -> None:
    torch.set_num_threads(threads)
    if LINUX:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
