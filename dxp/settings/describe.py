"""Settings in words: the reference, an example file, and what holds now with secrets hidden."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from marshmallow import Schema

from dxp.settings.model import Settings
from dxp.settings.schema import SECTIONS, RootSchema

HIDDEN = "********"


@dataclass(frozen=True, kw_only=True)
class SettingDoc:
    """One setting, for people. `variable` is its environment variable."""

    section: str
    key: str
    help: str
    example: Any
    default: Any
    secret: bool
    variable: str


def docs_of(
    schema: type[Schema], *, section: str = "", base: object = None, variable: str = "DXP_"
) -> list[SettingDoc]:
    """The settings of one section, in the order of its schema. Serves plugins' schemas too."""
    docs = []
    for key, field in schema().fields.items():
        default = getattr(base, key) if base is not None else _default(field.load_default)
        docs.append(
            SettingDoc(
                section=section,
                key=key,
                help=str(field.metadata.get("help", "")),
                example=field.metadata.get("example"),
                default=default,
                secret=bool(field.metadata.get("secret")),
                variable=f"{variable}{key.upper()}",
            )
        )
    return docs


def reference(plugins: Mapping[str, type[Schema]] | None = None) -> dict[str, list[SettingDoc]]:
    """All settings by section: `dxp`, the core's sections, then `plugins.<name>`."""
    base = Settings()
    sections = {"dxp": docs_of(RootSchema, section="dxp", base=base)}
    for name, schema in SECTIONS.items():
        sections[name] = docs_of(
            schema, section=name, base=getattr(base, name), variable=f"DXP_{name.upper()}__"
        )
    for name, schema in (plugins or {}).items():
        sections[f"plugins.{name}"] = docs_of(
            schema, section=f"plugins.{name}", variable=f"DXP_PLUGINS__{name.upper()}__"
        )
    return sections


def example_file(plugins: Mapping[str, type[Schema]] | None = None) -> str:
    """A whole dxp.toml: every setting with its meaning, commented out at its default."""
    lines = [
        "# Settings of dxp. A line that is commented out shows the default, or an example where",
        "# there is none. An environment variable wins over the file: DXP_SERVER__PORT=8080.",
    ]
    for section, docs in reference(plugins).items():
        lines += ["", f"[{section}]"]
        for doc in docs:
            lines.append(f"# {doc.help}")
            unset = doc.default in (None, "", (), [], {})
            value = doc.example if unset else doc.default
            lines.append(f"# {doc.key} = {as_toml(value)}{'  # example' if unset else ''}")
    return "\n".join(lines) + "\n"


def shown(
    settings: Settings, plugins: Mapping[str, type[Schema]] | None = None
) -> Iterator[tuple[str, str, str]]:
    """(key, value with secrets hidden, where it comes from), for every setting."""
    secret_keys = {
        f"{section}.{doc.key}"
        for section, docs in reference(plugins).items()
        for doc in docs
        if doc.secret
    }
    for key, value in _values(settings):
        full = key if "." in key else f"dxp.{key}"
        name = key.rpartition(".")[2]
        hidden = full in secret_keys or any(
            word in name for word in ("secret", "password", "token")
        )
        text = mask(value) if hidden and not isinstance(value, (int, float)) else as_toml(value)
        yield key, text, settings.origins.get(key, "default")


def mask(value: Any) -> str:
    """A secret as it may be shown: a URL without its password, anything else not at all."""
    if not value:
        return '""'
    text = str(value)
    parts = urlsplit(text)
    if ":" not in text or not parts.scheme or (not parts.netloc and parts.password is None):
        return as_toml(text) if _is_plain_url(text) else HIDDEN
    if parts.password is None:
        return as_toml(text)
    host = parts.netloc.rpartition("@")[2]
    netloc = f"{parts.username or ''}:{HIDDEN}@{host}"
    return as_toml(urlunsplit(parts._replace(netloc=netloc)))


def as_toml(value: Any) -> str:
    """A value as TOML writes it."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return str(value)
        case Mapping():
            return "{ " + ", ".join(f"{k} = {as_toml(v)}" for k, v in value.items()) + " }"
        case list() | tuple():
            return "[" + ", ".join(as_toml(item) for item in value) + "]"
        case _:
            text = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{text}"'


def _is_plain_url(text: str) -> bool:
    return text.startswith(("sqlite:", "file:", "memory:"))


def _values(settings: Settings) -> Iterator[tuple[str, Any]]:
    for key in RootSchema().fields:
        yield key, getattr(settings, key)
    for section in SECTIONS:
        for field in dataclasses.fields(getattr(settings, section)):
            yield f"{section}.{field.name}", getattr(getattr(settings, section), field.name)
    for plugin, values in settings.plugins.items():
        for key, value in values.items():
            yield f"plugins.{plugin}.{key}", value


def _default(load_default: Any) -> Any:
    from marshmallow import missing

    if load_default is missing:
        return None
    value = load_default() if callable(load_default) else load_default
    return str(value) if isinstance(value, Path) else value
