"""Editing dxp.toml: one list in it, with everything else left as people wrote it."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from dxp.errors import ConfigurationError

if TYPE_CHECKING:
    from dxp.settings import Settings

FILE_NAME = "dxp.toml"


def file_to_edit(settings: Settings) -> Path:
    """The settings file that decides which plugins are disabled.

    Raises:
        ConfigurationError: a variable decides it, so editing the file would change nothing.
    """
    origin = settings.origins.get("disabled_plugins", "")
    if origin.startswith("DXP_"):
        raise ConfigurationError(
            f"{origin} decides which plugins are disabled, so the settings file has no say.\n"
            f"Change the variable, or remove it and run this again."
        )
    return settings.source or Path(FILE_NAME).absolute()


def write_disabled(file: Path, names: Collection[str]) -> None:
    """Set `disabled_plugins`; the file is made when there is none, and replaced as a whole."""
    import tomlkit

    text = file.read_text(encoding="utf-8") if file.exists() else ""
    document = tomlkit.parse(text)
    section = document.setdefault("dxp", tomlkit.table())
    if names:
        section["disabled_plugins"] = sorted(names)
    else:
        section.pop("disabled_plugins", None)
        if not section:
            document.pop("dxp")
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_text(tomlkit.dumps(document), encoding="utf-8")
    if file.exists():
        draft.chmod(file.stat().st_mode & 0o777)
    draft.replace(file)
