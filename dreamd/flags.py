"""A flag for each setting: how the command line shows them, and the settings that come of it."""

import argparse
from dataclasses import replace
from pathlib import Path

from dreamd.settings import Settings, check, flag, in_group


def add_settings(new: argparse.ArgumentParser, *groups: str) -> None:
    """Flags of the settings in these groups; home, host and port are every command's. Of a model's
    sizes only those are among the arguments that somebody chose."""
    shown = in_group(*groups)
    always = [s for s in in_group("places") if s.name in ("home", "host", "port")]
    for setting in [*(s for s in always if s not in shown), *shown]:
        help = f"{setting.metadata['help']} (default: {setting.default})".replace("%", "%%")
        if isinstance(setting.default, bool):
            new.add_argument(flag(setting.name), action="store_true", help=help)
            continue
        kind = a_path if isinstance(setting.default, Path) else type(setting.default)
        default = argparse.SUPPRESS if setting in in_group("model") else setting.default
        new.add_argument(flag(setting.name), type=kind, default=default, help=help)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The settings that the flags ask for. Raises :class:`SetupError` for impossible ones."""
    given = vars(arguments)
    names = {s.name for s in in_group("places", "sound", "model", "training", "dreaming")}
    settings = replace(Settings(), **{k: v for k, v in given.items() if k in names})
    home = settings.home.absolute()
    tidal = "" if given.get("no_tidal") else settings.tidal
    return check(replace(settings, home=home, tidal=tidal))


def a_path(text: str) -> Path:
    """A file or folder as it is given on the command line.

    >>> a_path("takes/a.wav").name
    'a.wav'

    Raises for nothing at all, which would be the current folder (``--home "$FORGOTTEN"``), and for
    the home of somebody whom nobody knows.
    """
    if not text.strip():
        raise argparse.ArgumentTypeError("no file or folder is named: the text is empty")
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise argparse.ArgumentTypeError(f"nobody's home is {text}") from None
