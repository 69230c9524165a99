"""``python -m torture [PART …] [--out docs]``: see :mod:`torture`.

Exit status 1 if anything was broken, and one line for each thing.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from dreamd.home import environment
from torture import broken, flood, kills, library, packets, page, server, soak
from torture.outcome import Outcome

PARTS = {
    "server": "turns",
    "kills": "kills",
    "packets": "packets",
    "flood": "seconds",
    "files": "files",
    "library": "recordings",
    "soak": "minutes",
}
"""Each with the argument that is its size."""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m torture", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; none: all"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--packets", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--recordings", type=int, default=10_000, help="of the library")
    parser.add_argument("--minutes", type=float, default=30.0, help="of the soak")
    parser.add_argument("--turns", type=int, default=8, help="of the audio server, a minute each")
    parser.add_argument(
        "--out", type=page.folder, help="folder whose reliability.md gets the figures"
    )
    return parser.parse_args()


def main() -> int:
    given = arguments()
    seed = given.seed
    runs: dict[str, Callable[[Path], Outcome]] = {
        "server": lambda root: server.run(root, given.turns),
        "kills": lambda root: kills.run(root, seed, given.kills),
        "packets": lambda root: packets.run(root, seed, given.packets),
        "flood": lambda root: flood.run(root, seed, given.seconds),
        "files": lambda root: broken.run(root, seed, given.files),
        "library": lambda root: library.run(root, seed, given.recordings),
        "soak": lambda root: soak.run(root, seed, 60 * given.minutes),
    }
    wrong = 0
    for name in given.parts or PARTS:
        size = PARTS[name]
        command = f"python -m torture {name} --{size} {getattr(given, size):g} --seed {seed}"
        outcome, took, root = _timed(runs[name])
        how = (
            f"`{command}`, {date.today().isoformat()}, {took / 60:.1f} minutes, "
            f"{environment.processor()}:"
        )
        print(outcome.part(how), flush=True)
        if given.out:
            page.record(given.out, outcome.part(how))
        broken_here = outcome.faults + outcome.limits
        wrong += len(broken_here)
        if broken_here:
            print(f"see {root}", file=sys.stderr)
        else:
            shutil.rmtree(root)
    return 1 if wrong else 0


def _timed(run: Callable[[Path], Outcome]) -> tuple[Outcome, float, Path]:
    """In a folder of its own, which is kept where something was broken."""
    root, began = Path(tempfile.mkdtemp(prefix="torture-")), time.monotonic()
    return run(root), time.monotonic() - began, root


if __name__ == "__main__":
    sys.exit(main())
