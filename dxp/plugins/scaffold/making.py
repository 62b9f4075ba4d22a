"""Copying the pattern of a plugin under its new name."""

from __future__ import annotations

import importlib.util
import keyword
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, StrictUndefined

from dxp.errors import DxpError
from dxp.plugins.discovery import LONGEST_NAME, NAME, announced

PATTERN = "templates/plugin"
_RESERVED = {"core", "dxp", "admin", "api", "contracts", "platform", "plugin", "test", "testing"}
_SUFFIX = ".jinja"


class ScaffoldError(DxpError):
    """A plugin cannot be made under this name or in this place."""


def check_name(name: str) -> None:
    """Refuse a name that cannot be a plugin's.

    Raises:
        ScaffoldError: it is no identifier, is reserved, or belongs to an installed plugin.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME or keyword.iskeyword(name):
        raise ScaffoldError(
            f"{name!r} cannot name a plugin, because the name becomes part of a package, of tables "
            f"and of addresses. Use at most {LONGEST_NAME} small letters and digits, with single "
            "underscores between words, such as wishlist or gift_cards."
        )
    if name in _RESERVED:
        raise ScaffoldError(
            f"{name!r} is a name of the core, so a plugin of that name would be confused with it. "
            "Choose another one."
        )
    if name in announced():
        raise ScaffoldError(
            f"A plugin named {name!r} is installed already ({announced()[name]}), and names are "
            "unique. Choose another one, or uninstall that plugin."
        )


def make_plugin(name: str, folder: Path) -> list[Path]:
    """Write a whole plugin into `folder`, which must not exist or be empty.

    Returns:
        the files that were written.

    Raises:
        ScaffoldError: the name will not do, or the folder holds something.
    """
    check_name(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ScaffoldError(
            f"{folder} is not an empty folder, and nothing in it shall be overwritten. "
            "Name another place with --to."
        )
    words = _words(name)
    environment = Environment(
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701  # makes source code, not pages
    )
    written: list[Path] = []
    for parts, source in _pattern(files(__package__).joinpath(PATTERN)):
        path = folder.joinpath(*(part.replace("__name__", name) for part in parts))
        path = path.with_name(path.name.removesuffix(_SUFFIX))
        path.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        path.write_text(environment.from_string(text).render(words), encoding="utf-8")
        written.append(path)
    written += _compile_catalogues(written)
    _lay_out(folder)
    return written


def _words(name: str) -> Mapping[str, str]:
    parts = name.split("_")
    return {
        "name": name,
        "package": f"dxp_{name}",
        "distribution": f"dxp-{name.replace('_', '-')}",
        "class_name": "".join(part.capitalize() for part in parts),
        "title": " ".join(parts).capitalize(),
        "path": name.replace("_", "-"),
        "variable": f"DXP_PLUGINS__{name.upper()}__",
    }


def _pattern(
    folder: Traversable, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Traversable]]:
    for entry in sorted(folder.iterdir(), key=lambda item: item.name):
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _pattern(entry, (*above, entry.name))
        else:
            yield (*above, entry.name), entry


def _compile_catalogues(written: list[Path]) -> list[Path]:
    compiled: list[Path] = []
    for path in written:
        if path.suffix == ".po":
            with path.open("rb") as source, path.with_suffix(".mo").open("wb") as target:
                write_mo(target, read_po(source, locale=path.parent.parent.name))
            compiled.append(path.with_suffix(".mo"))
    return compiled


def _lay_out(folder: Path) -> None:
    """Lines that fit under one name do not under another: ruff breaks them, where it is there."""
    if importlib.util.find_spec("ruff") is None:
        return
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--select", "I", "--fix", "--quiet"], ["format", "--quiet"]):
        subprocess.run([*ruff, *command, "--no-cache", str(folder)], check=False)  # noqa: S603
