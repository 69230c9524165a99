"""The commands: parse, hand over, and turn what goes wrong into one line and status 1."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from dreamd import __version__, ensemble
from dreamd.approaches.registry import APPROACHES
from dreamd.errors import DreamError, SetupError
from dreamd.flags import a_path, add_settings, settings_from
from dreamd.home import environment
from dreamd.osc.requests import REQUEST_KEYS, request
from dreamd.settings import flag

Arguments = argparse.Namespace
Command = Callable[..., argparse.ArgumentParser]
"""Adds a command: its name, its function, its help, the groups of settings that it takes."""


def main(argv: Sequence[str] | None = None) -> int:
    """The program: 0, or 1 after one line on standard error."""
    if argv is None:
        environment.speak_utf8()
    arguments = parser().parse_args(argv)
    try:
        environment.before_all(arguments.home)
        return int(arguments.command(arguments) or 0)
    except DreamError as error:
        print(f"dreamd: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:  # `dreamd status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:  # a name that is too long, a disk that is full
        print(f"dreamd: {error.strerror or error}: {error.filename or 'a file'}", file=sys.stderr)
    return 1


# ---------------------------------------------------------------- flags


class _Parser(argparse.ArgumentParser):
    """One line for a wrong flag, and status 1."""

    def error(self, message: str) -> NoReturn:
        self.exit(1, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> argparse.ArgumentParser:
    top = _Parser(prog="dreamd", description="Dream new audio from your own recordings.")
    top.add_argument("--version", action="version", version=f"dreamd {__version__}")
    commands = top.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)

    def command(
        name: str, function: Callable[[Arguments], int | None], help: str, *groups: str
    ) -> argparse.ArgumentParser:
        new: argparse.ArgumentParser = commands.add_parser(name, help=help, description=help)
        new.set_defaults(command=function)
        add_settings(new, *groups)
        return new

    _add_playing(command)
    _add_measuring(command)
    _add_looking(command)
    ensemble.add_commands(command)
    return top


def _add_playing(command: Command) -> None:
    """What a performer starts."""
    everything = ("places", "sound", "model", "training", "dreaming")
    new = command("run", _run, "watch a folder, learn, and answer dream requests", *everything)
    new.add_argument(
        "recordings", nargs="?", type=a_path, metavar="RECORDINGS",
        help="folder to learn from, a sub-folder for each voice; without it, an example",
    )  # fmt: skip
    new.add_argument("--no-tidal", action="store_true", help="tell Tidal nothing")

    new = command("dream", _dream, "make one dream, no daemon needed", "sound", "dreaming")
    new.add_argument("--out", type=a_path, required=True, metavar="FILE", help="WAV file to make")
    for key in REQUEST_KEYS:
        new.add_argument(flag(key), dest=f"request_{key}", help=f"request key {key}")

    new = command("train", _train, "train one approach on a folder", "sound", "model", "training")
    new.add_argument("recordings", type=a_path, metavar="RECORDINGS")
    new.add_argument("--approach", choices=APPROACHES, required=True)
    new.add_argument("--minutes", type=float, required=True)


def _add_measuring(command: Command) -> None:
    """What measures the project itself."""
    new = command("bench", _bench, "measure this machine, as Markdown; some minutes")
    new.add_argument("--out", type=a_path, metavar="FOLDER", help="for page and history")
    new = command(
        "study", _study, "measure how alive dreams of a folder are, as Markdown; some ten minutes",
        "sound", "model", "training",
    )  # fmt: skip
    new.add_argument("recordings", type=a_path, metavar="RECORDINGS")
    new.add_argument(
        "--minutes", type=float, default=0.0,
        help="of training before, for each approach (default: %(default)s)",
    )  # fmt: skip
    parts = ("seeds", "samplings", "walks", "pitches", "starters", "first", "image")
    new.add_argument("--part", choices=parts, help="one part of it alone")
    new = command(
        "table1", _table1, "every row of the paper's Table 1: train, dream, judge, show",
        "sound", "model", "training",
    )  # fmt: skip
    new.add_argument("recordings", type=a_path, metavar="RECORDINGS")
    new.add_argument("--minutes", type=float, required=True, help="of training for each row")
    new.add_argument("--out", type=a_path, metavar="FOLDER", help="instead of HOME/table1")
    new = command(
        "starters", _starters, "remake the starter models that the project ships (in a checkout)",
        "sound", "model", "training",
    )  # fmt: skip
    new.add_argument("--minutes", type=float, required=True, help="of training for each model")
    new.add_argument(
        "--out", type=a_path, metavar="FOLDER", help="instead of the checkout's models"
    )


def _add_looking(command: Command) -> None:
    """What looks at what there is."""
    new = command("judge", _judge, "rate dreams by the paper's three criteria")
    new.add_argument("dreams", type=a_path, nargs="+", metavar="DREAM")
    new.add_argument(
        "--against", type=a_path, required=True, metavar="RECORDINGS",
        help="the folder or file that was dreamt from",
    )  # fmt: skip
    new.add_argument("--html", type=a_path, metavar="FILE", help="a page to make")
    new.add_argument("--png", type=a_path, metavar="FILE", help="a picture of spectrograms to make")
    new.add_argument("--json", action="store_true", help="as JSON")
    new = command("status", _status, "what a running daemon is doing")
    new.add_argument("--json", action="store_true", help="as JSON")
    new = command("credits", _credits, "which moments of which recordings a dream leant on")
    new.add_argument("dream", metavar="DREAM", help="dream:N of the bank, or a dream's WAV file")
    new.add_argument("--html", type=a_path, metavar="FILE", help="a page to make: see it, hear it")
    command("doctor", _doctor, "is everything in order, what has been learned?", "sound", "model")
    command("install", _install, "put the SuperCollider classes and the Tidal helper in place")


# ---------------------------------------------------------------- commands
# Each imports what it needs: PyTorch takes seconds, and `dreamd status` has no use for it.


def _run(arguments: Arguments) -> None:
    from dreamd.commands.example import example
    from dreamd.daemon.server import Server
    from dreamd.terminal.aside import DrawnAside
    from dreamd.terminal.screens import make_screen

    settings = ensemble.checked(settings_from(arguments))
    folder = environment.real_folder(arguments.recordings or example(settings))
    screen = DrawnAside(make_screen(settings.plain))
    Server(settings, folder, screen, fits="hidden" not in arguments).run()
    os._exit(0)  # all is saved; Python's own end might wait for a terminal or a disk


def _dream(arguments: Arguments) -> None:
    from dreamd.commands import offline

    settings = settings_from(arguments)
    said = {k: getattr(arguments, f"request_{k}", None) for k in REQUEST_KEYS}
    asked = request({k: v for k, v in said.items() if v is not None})
    environment.check_place(arguments.out)
    job = offline.dream(settings, asked, arguments.out)
    print(f"{arguments.out}: {asked.approach} of {job.voice}, rand {job.rand}{job.remarks()}")


def _train(arguments: Arguments) -> None:
    from dreamd.commands import offline
    from dreamd.home.lock import lock_home

    settings = settings_from(arguments)
    if not arguments.minutes > 0:
        raise SetupError("--minutes must be more than 0")
    with lock_home(settings.home, arguments.recordings):
        seconds = 60 * arguments.minutes
        offline.train(settings, arguments.recordings, arguments.approach, seconds, print)


def _bench(arguments: Arguments) -> None:
    from dreamd.experiments import timing
    from dreamd.experiments.bench import record, report

    environment.check_folder(arguments.out)
    print(machine := timing.machine(), flush=True)
    parts = []
    for part in report():
        print(part, flush=True)
        parts.append(part)
    if arguments.out:
        try:
            record(arguments.out, machine, parts)
        except OSError as error:
            raise SetupError(f"cannot write in {arguments.out}: {error.strerror}") from None


def _study(arguments: Arguments) -> None:
    from dreamd.commands import offline
    from dreamd.dreaming import render
    from dreamd.experiments.study import report
    from dreamd.home.lock import lock_home

    settings = settings_from(arguments)
    source = arguments.recordings
    with lock_home(settings.home, source):
        for approach in APPROACHES if arguments.minutes > 0 else ():
            offline.train(settings, source, approach, 60 * arguments.minutes, _aside)
        voices = offline.ingest(settings, source, _aside)
    render.prepare()
    for text in report(settings, voices, arguments.part):
        print(text, flush=True)


def _table1(arguments: Arguments) -> None:
    from dreamd.experiments.table1 import make_table
    from dreamd.home.lock import lock_home

    settings = settings_from(arguments)
    if not arguments.minutes > 0:
        raise SetupError("--minutes must be more than 0")
    folder = arguments.out or settings.home / "table1"
    with lock_home(settings.home, arguments.recordings):
        print(make_table(settings, arguments.recordings, arguments.minutes, folder, _aside))


def _starters(arguments: Arguments) -> None:
    from dreamd.experiments.starters import train_starters
    from dreamd.home.lock import lock_home
    from dreamd.home.resources import resource_path

    settings = settings_from(arguments)
    into = arguments.out or resource_path("models")
    with lock_home(settings.home):
        train_starters(settings, settings.home / "starters", arguments.minutes, into, _aside)


def _judge(arguments: Arguments) -> None:
    from dreamd.evaluation.verdict import verdict

    for place in (arguments.html, arguments.png):
        environment.check_place(place)
    found = verdict(arguments.dreams, arguments.against)
    if arguments.html:
        environment.write_page(arguments.html, found.page())
    if arguments.png:
        environment.write_page(arguments.png, found.picture())
    print(json.dumps(found.json(), indent=2) if arguments.json else found.text())


def _aside(line: str) -> None:
    """A line that is not part of what a command prints."""
    print(line, file=sys.stderr, flush=True)


def _status(arguments: Arguments) -> None:
    from dreamd.osc import client

    state = client.status(settings_from(arguments))
    print(json.dumps(state, indent=2) if arguments.json else client.told(state))


def _credits(arguments: Arguments) -> None:
    from dreamd.home import credits

    dream = credits.dream_named(arguments.dream, settings_from(arguments).home)
    found = credits.of(dream)
    if found is None:
        raise SetupError(f"there are no credits of {arguments.dream}")
    if arguments.html:
        from dreamd.evaluation.walk import walk_page

        environment.write_page(arguments.html, walk_page(dream, found))
    print(credits.told(found))


def _doctor(arguments: Arguments) -> int:
    from dreamd.commands.doctor import examine

    faults = 0
    for finding in examine(settings_from(arguments)):
        print(f"{finding.mark:6}{finding.text}")
        faults += finding.mark == "fault"
    if faults:
        raise SetupError(f"{faults} faults found, see above")
    return 0


def _install(arguments: Arguments) -> None:
    from dreamd.commands.install import install as put

    for placed in put():
        print(placed)
        if placed.target.suffix == ".ghci":
            print(f'  in Tidal: :script "{placed.target}"')
    print("Recompile SuperCollider's class library (or restart it) to see DreamRNN.")
