"""The rules of the house: imports point one way, one module per library, settings documented."""

import ast
import re
from pathlib import Path

import pytest

from dreamd.messages import REQUEST_KEYS
from dreamd.settings import Settings, flag, in_group

PACKAGE = Path(__file__).parent.parent / "dreamd"

ROWS: tuple[set[str], ...] = (
    {"__main__"},
    {"cli"},
    {"rearing"},
    {"table1"},
    {"daemon", "doctor", "bench", "study", "verdict"},
    {"offline"},
    {"state", "children"},
    {"learner", "dreamer", "watcher", "ingester", "client", "install", "lock"},
    {"desk", "screen", "osc", "log", "plan", "governor", "walk", "pitch"},
    {"jobs"},
    {"starters"},
    {"corpus", "weights", "seeds", "bank"},
    {"report"},
    {"judge"},
    {"solos", "life", "artifacts", "resemblance", "copying", "order"},
    {"pluck", "recording", "approaches", "hearing"},
    {"recurrence", "slide", "partials", "joint", "output"},
    {"prediction"},
    {"vocoder", "audio", "shapes", "cell", "product", "adam"},
    {"messages", "settings", "markdown", "share"},
    {"errors"},
)
"""Each row may import from the rows below it alone. A module that is in none fails the test."""

ONLY_IMPORTER = {
    "pythonosc": "osc", "watchdog": "watcher", "soundfile": "audio", "soxr": "audio",
    "rich": "screen", "safetensors": "weights", "filelock": "lock", "parselmouth": "pitch",
    "PIL": "report",
}  # fmt: skip
ALSO = {("soundfile", "doctor")}  # asks libsndfile what it can read

LIGHT = {"cli", "daemon", "state", "desk", "plan", "weights", "seeds", "corpus", "client", "jobs"}
"""What the daemon's main process loads: never PyTorch, which takes seconds and 200 MB."""


def modules() -> dict[str, Path]:
    flat = {path.stem: path for path in PACKAGE.glob("*.py") if path.stem != "__init__"}
    return {**flat, **{f"approaches.{p.stem}": p for p in (PACKAGE / "approaches").glob("*.py")}}


def imports(path: Path) -> set[str]:
    """Every module imported anywhere in a file, by its full name."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "dreamd":
            names |= {f"dreamd.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def row(name: str) -> int:
    found = [k for k, names in enumerate(ROWS) if name in names]
    assert len(found) == 1, f"{name} has no place in the house"
    return found[0]


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_point_one_way(name: str) -> None:
    here = name.split(".")[0]
    for full in imports(modules()[name]):
        if full.startswith("dreamd.") and not full.endswith("__version__"):
            there = full.split(".")[1]
            if there != here:
                assert row(there) > row(here), f"{name} imports {full}"


def test_learner_and_dreamer_meet_only_through_files() -> None:
    assert "dreamd.dreamer" not in imports(PACKAGE / "learner.py")
    assert "dreamd.learner" not in imports(PACKAGE / "dreamer.py")


@pytest.mark.parametrize("library", sorted(ONLY_IMPORTER))
def test_one_importer_of_each_library(library: str) -> None:
    users = {
        name for name, path in modules().items()
        if any(full.split(".")[0] == library for full in imports(path))
    }  # fmt: skip
    also = {name for lib, name in ALSO if lib == library}
    assert users - also == {ONLY_IMPORTER[library]}


@pytest.mark.parametrize("name", sorted(LIGHT))
def test_the_main_process_has_no_pytorch(name: str) -> None:
    top = ast.parse(modules()[name].read_text(encoding="utf-8")).body
    for node in top:
        if isinstance(node, ast.Import | ast.ImportFrom):
            said = ast.unparse(node)
            assert "torch" not in said, said
            assert not {"learner", "dreamer", "approaches", "offline"} & set(said.split()), said


def test_every_setting_is_in_the_readme_with_its_default() -> None:
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    for setting in in_group("places", "sound", "model", "training", "dreaming"):
        begins = f"| `{flag(setting.name)}` |"
        line = next((li for li in readme.splitlines() if li.startswith(begins)), None)
        assert line is not None, f"{flag(setting.name)} is not in the README"
        if setting.name != "home":
            assert f"| {setting.default} |" in line, line
        assert setting.metadata["help"] in line, line


@pytest.mark.parametrize(
    ("client", "named", "not_said"),
    [
        ("README.md", r"`([a-z]+)`", set()),
        ("sc_classes/HelpSource/Classes/DreamRNN.schelp", r"(?m)^(?:## |argument:: )([a-z, ]+)",
         {"notes"}),  # an Array as the seed
        ("sc_classes/HelpSource/Classes/DreamDirt.schelp", r"code::([a-z]+)::", set()),
        ("sc_classes/Classes/DreamDirt.sc", r"[\\~]([a-z]+)", set()),
    ],
)  # fmt: skip
def test_a_request_s_keys_have_the_same_names_everywhere(
    client: str, named: str, not_said: set[str]
) -> None:
    """Tidal's are in test_tidal."""
    text = (PACKAGE.parent / client).read_text(encoding="utf-8")
    names = {name.strip() for names in re.findall(named, text) for name in names.split(",")}
    assert set(REQUEST_KEYS) - not_said <= names


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
