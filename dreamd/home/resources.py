"""Where what the program ships besides code lies: classes, the Tidal helper, starter models."""

from pathlib import Path

from dreamd.errors import SetupError


def resource_path(name: str) -> Path:
    """Where ``sc_classes``, ``tidal`` or ``models`` lies: in the installed package, or in the
    checkout.

    Raises :class:`SetupError` if neither has it.
    """
    package = Path(__file__).resolve().parent.parent
    for place in (package / "ignore" / name, package.parent / name):
        if place.is_dir():
            return place
    raise SetupError(f"this installation has no {name}: install from a checkout of the project")
