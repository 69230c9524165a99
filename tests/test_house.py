"""The rules of the house: imports point one way, one module for each library, settings documented.

``python tests/test_house.py`` prints the table of rooms.
"""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from dreamd.approaches.registry import APPROACHES
from dreamd.osc.requests import REQUEST_KEYS
from dreamd.settings import Settings, flag, in_group

PACKAGE = Path(__file__).parent.parent / "dreamd"

ROOMS = (
    "command line", "experiments", "cluster", "commands", "daemon",
    "dreaming", "training", "reading",
    "workers", "evaluation", "home", "osc", "corpus", "approaches", "audio", "kernels", "terminal",
    "ground",
)  # fmt: skip
"""From the roof down: a room imports from those after it, never from those before it."""

ROOT = {
    "cli": "command line",
    "flags": "command line",
    "ensemble": "command line",
    "__main__": "command line",
    "__init__": "ground",
}
"""The modules at the root; the others there (settings, errors) are the ground of the house."""

ONLY_IMPORTER = {
    "pythonosc": "osc.transport", "watchdog": "corpus.watcher", "soundfile": "audio.files",
    "soxr": "audio.resampling", "av": "audio.ffmpeg", "rich": "terminal",
    "safetensors": "home.checkpoints", "filelock": "home.lock", "parselmouth": "corpus.pitch",
    "PIL": "evaluation.pictures", "distributed": "cluster", "dask": "cluster", "fsspec": "cluster",
}  # fmt: skip
ALSO = {("soundfile", "commands.doctor")}  # asks libsndfile what it can read


@cache
def modules() -> dict[str, Path]:
    """Every module by its name inside the package: ``audio.files``."""
    paths = (path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
    return {".".join(path.with_suffix("").parts): PACKAGE / path for path in paths}


def room(name: str) -> str:
    """
    >>> room("audio.files"), room("cli"), room("errors")
    ('audio', 'command line', 'ground')
    """
    first, _, rest = name.partition(".")
    return first if rest else ROOT.get(first, "ground")


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module imported anywhere in a file, by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {each for each in inside if own(each) in modules()} or {node.module}
    return frozenset(names)


def own(full: str) -> str:
    """A module's name inside the package; empty for a module of somebody else's."""
    return full.removeprefix("dreamd.") if full.startswith("dreamd.") else ""


def uses(name: str) -> frozenset[str]:
    """The modules of the house that a module imports."""
    return {own(full) for full in imports(modules()[name])} & modules().keys()


def test_every_room_is_known() -> None:
    assert {room(name) for name in modules()} == set(ROOMS)


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_down(name: str) -> None:
    for there in uses(name):
        assert ROOMS.index(room(there)) >= ROOMS.index(room(name)), f"{name} imports {there}"


def test_no_module_imports_itself_by_way_of_others() -> None:
    below: dict[str, set[str]] = {}

    def reach(name: str, path: tuple[str, ...] = ()) -> set[str]:
        assert name not in path, " -> ".join((*path, name))
        if name not in below:
            direct = uses(name)
            below[name] = direct.union(*(reach(each, (*path, name)) for each in direct))
        return below[name]

    for name in modules():
        reach(name)


def test_training_and_dreaming_meet_only_through_files() -> None:
    for name in modules():
        if room(name) == "dreaming":
            assert not [there for there in uses(name) if room(there) == "training"]


@pytest.mark.parametrize("library", sorted(ONLY_IMPORTER))
def test_one_importer_of_each_library(library: str) -> None:
    users = {
        name for name, path in modules().items()
        if any(full.split(".")[0] == library for full in imports(path))
    }  # fmt: skip
    also = {name for lib, name in ALSO if lib == library}
    only = ONLY_IMPORTER[library]
    assert users - also
    assert all(user == only or room(user) == only for user in users - also)


@pytest.mark.parametrize(
    "module", ["dreamd.cli", "dreamd.daemon.server", "dreamd.osc.client", "dreamd.reading.worker"]
)
def test_the_daemon_s_process_has_no_pytorch(module: str) -> None:
    """It takes seconds and 200 MB, and belongs into the processes alone that learn and dream."""
    code = f"import sys, {module}; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert module in ran.stdout.split()
    assert not {"torch", "numba", "scipy", "av"} & set(ran.stdout.split())


# ---------------------------------------------------------------- sizes and names

LONGEST = {"function": 30, "class": 150, "module": 300}
"""Lines, comments and docstrings too. What is longer has its reason in the architecture page."""

ARCHITECTURE = PACKAGE.parent / "docs" / "architecture.md"


def long_ones() -> dict[str, int]:
    """What is longer than it should be, and how many lines it has."""
    found = {}
    for name, path in modules().items():
        text = path.read_text(encoding="utf-8")
        sizes = [(name, "module", len(text.splitlines()))]
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                kind = "class" if isinstance(node, ast.ClassDef) else "function"
                assert node.end_lineno is not None
                sizes.append((f"{name}.{node.name}", kind, node.end_lineno - node.lineno + 1))
        found |= {each: lines for each, kind, lines in sizes if lines > LONGEST[kind]}
    return found


def top_names(path: Path) -> set[str]:
    """The public classes, functions and constants of a module."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign):
            names |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def shared_names() -> dict[str, list[str]]:
    """Names that stand at the top of two or more modules."""
    homes: dict[str, list[str]] = {}
    for name, path in sorted(modules().items()):
        for each in top_names(path):
            homes.setdefault(each, []).append(name)
    return {each: there for each, there in sorted(homes.items()) if len(there) > 1}


SAME_MEANING = {
    "main",  # a process begins
    "serve",  # and hears what it is told, to the end
    "report",  # the parts of a report, each as soon as it is measured
    "warm",  # compiles what the first use would wait for
    "load",
    "keep",
    "known",
    "of",
    "scan",  # of a file of ours: read it, write it, is it there, …
    "decode",  # bytes to what they stand for
    "measure",
    "score",  # of a sound: its numbers; of these: 0…1
    "status",  # the daemon's
    "told",  # in words
    "Array",
    "Numbers",  # of float32; of float64
    "RANDS",  # of the dreams that are measured
}
"""Names that mean the same wherever they stand."""


def test_what_is_long_has_its_reason() -> None:
    page = ARCHITECTURE.read_text(encoding="utf-8")
    assert not [each for each in long_ones() if f"`{each}`" not in page]


def test_a_name_means_one_thing() -> None:
    assert shared_names().keys() <= SAME_MEANING, shared_names()


def table_of_rooms() -> str:
    """Markdown: each room, its modules and lines, and how many of its imports go where."""
    lines = ["| room | modules | lines | imports from |", "|---|---|---|---|"]
    for each in ROOMS:
        names = [name for name in modules() if room(name) == each]
        size = sum(len(modules()[name].read_text().splitlines()) for name in names)
        there = [room(used) for name in names for used in uses(name)]
        counts = [f"{other} {there.count(other)}" for other in ROOMS if other in there]
        lines.append(f"| {each} | {len(names)} | {size} | {', '.join(counts) or '-'} |")
    return "\n".join(lines)


def test_every_setting_is_documented_with_its_default() -> None:
    page = (PACKAGE.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    for setting in in_group("places", "sound", "model", "training", "dreaming"):
        begins = f"| `{flag(setting.name)}` |"
        line = next((li for li in page.splitlines() if li.startswith(begins)), None)
        assert line is not None, f"{flag(setting.name)} is not in docs/settings.md"
        if setting.name != "home":
            assert f"| {setting.default} |" in line, line
        assert setting.metadata["help"] in line, line


OTHERS = {"gain"}  # SuperDirt's own


@pytest.mark.parametrize(
    ("client", "named", "not_said"),
    [
        ("docs/requests.md", r"`([a-z]+)`", set()),
        ("docs/protocol.md", r"`([a-z]+)`", set()),
        ("sc_classes/HelpSource/Classes/DreamRNN.schelp", r"(?m)^(?:## |argument:: )([a-z, ]+)",
         {"notes"}),  # an Array as the seed
        ("sc_classes/HelpSource/Classes/DreamDirt.schelp", r"code::([a-z]+)::", OTHERS),
        ("sc_classes/Classes/DreamDirt.sc", r"[\\~]([a-z]+)", OTHERS),
    ],
)  # fmt: skip
def test_a_request_s_keys_have_the_same_names_everywhere(
    client: str, named: str, not_said: set[str]
) -> None:
    """Tidal's are in test_tidal."""
    text = (PACKAGE.parent / client).read_text(encoding="utf-8")
    names = {name.strip() for names in re.findall(named, text) for name in names.split(",")}
    assert set(REQUEST_KEYS) - not_said <= names


@pytest.mark.parametrize(
    "client",
    ["README.md", "docs/requests.md", "sc_classes/HelpSource/Classes/DreamRNN.schelp",
     "tidal/DreamRNN.hs", "tidal/DreamRNN.ghci"],
)  # fmt: skip
def test_every_approach_is_known_to_the_clients(client: str) -> None:
    text = (PACKAGE.parent / client).read_text(encoding="utf-8")
    assert not [name for name in APPROACHES if name not in text], f"{client} does not know it"


def test_settings_that_cannot_work_are_refused() -> None:
    from dataclasses import replace

    from dreamd.errors import SetupError
    from dreamd.settings import check

    for wrong in (
        {"rate": 10}, {"port": 0}, {"hidden": 0}, {"dropout": 1.5}, {"device": "tpu"},
        {"frame": 100}, {"frame": 1025},
    ):  # fmt: skip
        with pytest.raises(SetupError, match=flag(next(iter(wrong)))):
            check(replace(Settings(), **wrong))
    assert check(Settings()) == Settings()


if __name__ == "__main__":
    print(table_of_rooms())
    print("\nLonger than they should be:", long_ones() or "none")
    print("\nNames at the top of two modules:", shared_names() or "none")
