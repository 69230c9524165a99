"""A flag for each setting: how the command line shows them, and the settings that come of it."""

import argparse
from dataclasses import replace
from pathlib import Path

from dreamd.settings import Settings, check, flag, in_group


def add_settings(new: argparse.ArgumentParser, *groups: str) -> None:
    """Flags of the settings in these groups; home, host and port are every command's."""
    shown = in_group(*groups)
    always = [s for s in in_group("places") if s.name in ("home", "host", "port")]
    for setting in [*(s for s in always if s not in shown), *shown]:
        help = f"{setting.metadata['help']} (default: {setting.default})".replace("%", "%%")
        if isinstance(setting.default, bool):
            new.add_argument(flag(setting.name), action="store_true", help=help)
            continue
        kind = type(setting.default) if not isinstance(setting.default, Path) else Path
        new.add_argument(flag(setting.name), type=kind, default=setting.default, help=help)


def settings_from(arguments: argparse.Namespace) -> Settings:
    """The settings that the flags ask for. Raises :class:`SetupError` for impossible ones."""
    given = vars(arguments)
    names = {s.name for s in in_group("places", "sound", "model", "training", "dreaming")}
    settings = replace(Settings(), **{k: v for k, v in given.items() if k in names})
    home = settings.home.expanduser().absolute()
    tidal = "" if given.get("no_tidal") else settings.tidal
    return check(replace(settings, home=home, tidal=tidal))
