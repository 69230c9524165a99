"""The commands beyond one machine: scheduler, worker, farm, certificates. :mod:`dreamd.cli` adds
them.

Nothing of the engine is imported before a command needs it; all but the certificates need the extra
``dreamrnn[cluster]``.
"""

import argparse
import contextlib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import platformdirs

from dreamd.approaches.registry import APPROACHES
from dreamd.cluster.address import (
    LOCAL,
    PORT,
    check_engine,
    cluster_at,
)
from dreamd.corpus.voice_names import performer_name, voice_name
from dreamd.errors import SetupError
from dreamd.flags import a_path, settings_from
from dreamd.home import environment
from dreamd.settings import Settings

AddCommand = Callable[..., argparse.ArgumentParser]


def checked(settings: Settings) -> Settings:
    """The same, with a name in the cluster, where there is one. Before a daemon starts: raises
    :class:`SetupError` for a cluster that cannot be."""
    if not settings.cluster:
        for one in ("tls", "name", "share"):
            if getattr(settings, one):
                raise SetupError(f"--{one} goes with --cluster")
        return settings
    cluster_at(settings.cluster, settings.tls)
    for voice in filter(None, settings.share.split(",")):
        if voice_name(voice) != voice:
            raise SetupError(f"--share takes voices, as dreamd status calls them, got {voice!r}")
    name = settings.name or performer_name(socket.gethostname().partition(".")[0])
    if performer_name(name) != name:
        raise SetupError(f"--name is a word without dots, such as {performer_name(name)}")
    return replace(settings, name=name)


def add_commands(command: AddCommand) -> None:
    _add_programs(command)
    _add_farm(command)
    new = command("scale", _scale, "measure what a cluster costs and gives, as Markdown")
    new.add_argument(
        "--minutes",
        type=float,
        default=1.0,
        help="that each model of its farms learns (default: 1)",
    )
    new.add_argument("--out", type=a_path, metavar="FILE", help="page to write, too")
    new = command("certificates", _certificates, "make the certificates of an ensemble")
    new.add_argument("folder", type=a_path, metavar="FOLDER")


def _add_programs(command: AddCommand) -> None:
    new = command("scheduler", _scheduler, "let workers and performers of a cluster meet")
    new.add_argument(
        "address", nargs="?", default=f"127.0.0.1:{PORT}", metavar="ADDRESS",
        help="where to listen, 0.0.0.0 opens it to others (default: %(default)s)",
    )  # fmt: skip
    new.add_argument("--file", type=a_path, help="JSON file to make, which says where it is")
    _add_tls(new)

    new = command("worker", _worker, "dream and learn for whoever asks the scheduler")
    new.add_argument("address", metavar="ADDRESS", help="the scheduler's, or its JSON file")
    new.add_argument("--slots", type=int, default=0, help="dreams at a time; 0: one for each core")
    new.add_argument(
        "--device", default="auto", choices=("auto", "cpu", "cuda", "mps"), help="where to train"
    )
    new.add_argument("--shelf", type=a_path, help="folder for what it is sent")
    _add_tls(new)


def _add_farm(command: AddCommand) -> None:
    new = command(
        "farm", _farm, "train all voices of a folder by a cluster", "sound", "model", "training"
    )
    new.add_argument("recordings", metavar="FOLDER", help="or an address that workers read: s3://…")
    new.add_argument("--cluster", required=True, metavar="ADDRESS", help=f"or {LOCAL!r}: made here")
    new.add_argument("--minutes", type=float, required=True, help="of training for each model")
    new.add_argument("--approach", action="append", choices=APPROACHES, help="again for another")
    new.add_argument("--vectors", type=int, nargs="+", default=[], help="vector lengths or hops")
    new.add_argument("--plain", action="store_true", help="lines instead of bars")
    _add_tls(new)


def _add_tls(new: argparse.ArgumentParser) -> None:
    new.add_argument("--tls", default="", metavar="FOLDER", help="of the certificates")


def _say(line: str) -> None:
    print(line, flush=True)


def _scheduler(arguments: argparse.Namespace) -> None:
    address = cluster_at(arguments.address, arguments.tls)
    from dreamd.cluster.programs import run_scheduler

    run_scheduler(address, arguments.file, _say)


def _worker(arguments: argparse.Namespace) -> None:
    address = partial(cluster_at, arguments.address, arguments.tls)
    address()
    shelf = arguments.shelf or platformdirs.user_cache_path("dreamd", appauthor=False) / "shelf"
    from dreamd.cluster.programs import run_worker

    run_worker(address, arguments.slots, arguments.device, shelf.absolute(), _say)


def _farm(arguments: argparse.Namespace) -> None:
    if not arguments.minutes > 0:
        raise SetupError("--minutes must be more than 0")
    settings, local = settings_from(arguments), arguments.cluster == LOCAL
    check_engine()
    where = None if local else cluster_at(arguments.cluster, arguments.tls)
    from dreamd.cluster.farm import Farm, configs, recordings_of
    from dreamd.cluster.local import local_cluster
    from dreamd.home.lock import lock_home
    from dreamd.terminal.bars import Bars

    shapes = configs(settings, arguments.approach or APPROACHES, arguments.vectors)
    folder = None if "://" in arguments.recordings else Path(arguments.recordings).expanduser()
    with lock_home(settings.home, folder), Bars(arguments.plain) as bars:
        voices = recordings_of(settings, folder or arguments.recordings, bars.say)
        farm = Farm(replace(settings, cluster=""), voices, shapes, 60 * arguments.minutes, bars)
        with contextlib.ExitStack() as stack:
            address = where or stack.enter_context(local_cluster(settings.home / "shelf"))
            farm.run(address)


def _certificates(arguments: argparse.Namespace) -> None:
    from dreamd.cluster.certificates import make_certificates

    make_certificates(arguments.folder)
    print(f"{arguments.folder}: bring this folder to every machine, and give it as --tls")


def _scale(arguments: argparse.Namespace) -> None:
    check_engine()
    environment.check_place(arguments.out)
    from dreamd.experiments import scale, timing

    print(machine := timing.machine(), flush=True)
    parts, began = [], time.monotonic()
    for part in scale.report(arguments.minutes):
        print(part, flush=True)
        parts.append(part)
    if arguments.out:
        said = scale.introduction(arguments.minutes, time.monotonic() - began)
        page = "\n".join([said, machine, *map(str, parts)])
        environment.write_page(arguments.out, page)
