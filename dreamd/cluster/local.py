"""A cluster on this machine: a scheduler and a worker of our own, as long as they are needed."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from dreamd.cluster.address import ClusterAddress

ENDING = 10.0  # seconds that a program has to end before it is killed


@contextmanager
def local_cluster(
    shelf: Path, slots: int = 0, device: str = "cpu", out: IO[str] | None = None
) -> Iterator[ClusterAddress]:
    """A slot for each core, unless ``slots`` says how many; ``out`` takes what they print."""
    address = ClusterAddress("127.0.0.1", free_port())
    where, count = f"127.0.0.1:{address.port}", str(slots or os.cpu_count() or 1)
    commands = (
        ("scheduler", where),
        ("worker", where, "--slots", count, "--device", device, "--shelf", str(shelf)),
    )
    programs = [start(*command, out=out) for command in commands]
    try:
        yield address
    finally:
        for program in reversed(programs):
            end(program)


def start(*command: str, out: IO[str] | None = None) -> "subprocess.Popen[bytes]":
    """One of our own commands as a process."""
    said = out or subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-m", "dreamd", *command],
        stdin=subprocess.DEVNULL, stdout=said, stderr=said,
    )  # fmt: skip


def end(program: "subprocess.Popen[bytes]") -> None:
    program.terminate()
    try:
        program.wait(ENDING)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
