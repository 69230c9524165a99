"""``python -m concert [--minutes 60] [--seed 1] [--out docs]``: a set that plays itself.

Exit status 1 if anything was wrong with it; the tapes with what was wrong then stay.
"""

import argparse
import shutil
import sys
import tempfile
from datetime import date
from pathlib import Path

from torture import page

from concert import stage
from dreamd.home import environment


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m concert", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--out", type=page.folder, help="folder whose reliability.md gets the figures"
    )
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="concert-"))
    outcome = stage.run(root, given.seed, 60 * given.minutes)
    part = outcome.part(
        f"`python -m concert --minutes {given.minutes:g} --seed {given.seed}`, "
        f"{date.today().isoformat()}, {environment.processor()}:"
    )
    print(part, flush=True)
    if given.out:
        page.record(given.out, part)
    if outcome.faults or outcome.limits:
        print(f"see {root}", file=sys.stderr)
        return 1
    shutil.rmtree(root)
    return 0


if __name__ == "__main__":
    sys.exit(main())
