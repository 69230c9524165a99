"""Another machine, as a network namespace of this one, and the cable to it, which can be pulled.

``dreamd scale`` and the tests have a scheduler and a worker there. It takes Linux, ``ip`` and root.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from shutil import which
from typing import IO


class OtherMachine:
    """Its programs speak with this machine by the cable alone."""

    def __init__(self) -> None:
        number, net = os.getpid(), f"10.213.{os.getpid() % 250}"
        self.here, self.there = f"{net}.1", f"{net}.2"
        self._space, self._ends = f"dreamd-{number}", (f"d{number}a", f"d{number}b")

    def start(self, *command: str, out: IO[str] | None = None) -> "subprocess.Popen[bytes]":
        """One of our own commands as a process there."""
        said = out or subprocess.DEVNULL
        return subprocess.Popen(
            ["ip", "netns", "exec", self._space, sys.executable, "-m", "dreamd", *command],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
        )  # fmt: skip

    def cable(self, state: str) -> None:
        """``up`` or ``down``."""
        assert _ip(f"link set {self._ends[0]} {state}")

    def begin(self) -> bool:
        """Whether it is there: it may not be allowed."""
        space, (near, far) = self._space, self._ends
        return _ip(f"netns add {space}") and all(map(_ip, (
            f"link add {near} type veth peer name {far} netns {space}",
            f"addr add {self.here}/24 dev {near}",
            f"-n {space} addr add {self.there}/24 dev {far}",
            f"-n {space} link set {far} up",
            f"-n {space} link set lo up",
            f"link set {near} up",
        )))  # fmt: skip

    def end(self) -> None:
        _ip(f"link del {self._ends[0]}")
        _ip(f"netns del {self._space}")


@contextmanager
def other_machine() -> Iterator[OtherMachine | None]:
    """None where this is not allowed."""
    machine = OtherMachine()
    try:
        yield machine if machine.begin() else None
    finally:
        machine.end()


def _ip(words: str) -> bool:
    program = which("ip")
    return (
        program is not None
        and not subprocess.run(
            [program, *words.split()], capture_output=True, check=False
        ).returncode
    )
