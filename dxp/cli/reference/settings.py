"""The settings page, from the schemas that check them."""

from __future__ import annotations

from pathlib import Path

from dxp.cli.reference.docstrings import docstring_of, paragraph
from dxp.cli.reference.markdown import code, page, table
from dxp.plugins.manager import PluginManager
from dxp.settings.describe import SettingDoc, as_toml, reference
from dxp.settings.schema import SECTIONS, RootSchema

INTRODUCTION = """\
Settings are read from `dxp.toml` in the working directory, or from the file `DXP_CONFIG` names, and
from environment variables, which win. `dxp settings example` prints a whole file to start from.
They are checked before anything starts; a wrong one is named with its place and an example."""


def settings_page(manager: PluginManager) -> str:
    """Return the page on every setting of the core and of the plugins that were started."""
    schemas = {"dxp": RootSchema, **SECTIONS}
    blocks = [INTRODUCTION]
    for section, docs in _reference(manager).items():
        schema = schemas.get(section)
        blocks.append(f"## [{section}]")
        if schema is None:
            plugin = manager.loaded[section.partition(".")[2]].plugin
            if plugin.settings_schema is not None:
                blocks.append(paragraph(docstring_of(plugin.settings_schema).text))
        rows = [
            (code(doc.key), _default(doc), doc.help + _note(doc), _example(doc), code(doc.variable))
            for doc in docs
        ]
        blocks.append(table(("key", "default", "meaning", "example", "variable"), rows))
    return page("Settings", *blocks)


def undocumented(manager: PluginManager) -> list[str]:
    """Name each setting without a sentence of help or without an example."""
    return [
        f"{section}.{doc.key}"
        for section, docs in _reference(manager).items()
        for doc in docs
        if not doc.help.strip() or doc.example is None
    ]


def _reference(manager: PluginManager) -> dict[str, list[SettingDoc]]:
    plugins = {
        loaded.name: loaded.plugin.settings_schema
        for loaded in manager
        if loaded.plugin.settings_schema is not None
    }
    return reference(plugins)


def _default(doc: SettingDoc) -> str:
    if doc.default is None or doc.default == "":
        return ""
    value = doc.default.as_posix() if isinstance(doc.default, Path) else doc.default
    return code(as_toml(value))


def _example(doc: SettingDoc) -> str:
    return code(as_toml(doc.example))


def _note(doc: SettingDoc) -> str:
    return " Never shown or logged." if doc.secret else ""
