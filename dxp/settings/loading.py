"""Loading: file, then variables, then overrides; checked as one, with all faults told at once."""

from __future__ import annotations

import dataclasses
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from marshmallow import Schema, ValidationError

from dxp.errors import ConfigurationError
from dxp.settings.describe import SettingDoc, as_toml, docs_of
from dxp.settings.model import Settings
from dxp.settings.schema import SECTIONS, RootSchema
from dxp.settings.secret import FILE_NAME as SECRET_FILE
from dxp.settings.secret import stored_secret, weakness
from dxp.settings.sources import (
    FILE_NAME,
    IN_CODE,
    Fault,
    Given,
    Parts,
    flatten,
    near_hint,
    read_environment,
    read_file,
    variable_of,
)

_REMEDY = "Make one with `dxp settings secret` and set it in the environment: DXP_SECRET_KEY=…"


def load_settings(
    path: Path | str | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Settings:
    """Read and check the settings. Later sources win: file, environment, overrides.

    Makes the installation's secret in the data folder when none is set, unless the environment
    is `production`.

    Args:
        path: of the TOML file; by default DXP_CONFIG, else dxp.toml in the working directory, if
            there is one.
        environ: variables; by default those of the process.
        overrides: values by name, sections nested, such as
            `{"environment": "test", "server": {"port": 0}}`.

    Raises:
        ConfigurationError: names every fault, with its place, an example, and the nearest right
            name of a misspelt one.
    """
    variables = os.environ if environ is None else environ
    file = find_file(path, variables)
    given: dict[Parts, Given] = {}
    faults: list[Fault] = []
    if file is not None:
        from_file, faults = read_file(file)
        given = {_without_root(parts): item for parts, item in from_file.items()}
    from_environment, more = read_environment(variables)
    given |= from_environment
    given |= flatten(overrides or {})
    settings, found = _check(given)
    faults += [*more, *found, *_check_secret(given)]
    if faults or settings is None:
        raise ConfigurationError(_report(faults))
    return _placed(settings, file, given)


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Check values given in code; no file and no variable is read.

    Args:
        values: by name, sections nested, as `overrides` of `load_settings`.

    Raises:
        ConfigurationError: names every fault.
    """
    given = flatten(values)
    settings, faults = _check(given)
    faults += _check_secret(given)
    if faults or settings is None:
        raise ConfigurationError(_report(faults))
    return _placed(settings, None, given)


def find_file(path: Path | str | None, environ: Mapping[str, str]) -> Path | None:
    """The settings file to read.

    Raises:
        ConfigurationError: one is named and is not there.
    """
    named = path or environ.get("DXP_CONFIG")
    if named:
        file = Path(named).expanduser().absolute()
        if not file.is_file():
            how = "it was asked for" if path else "DXP_CONFIG names it"
            raise ConfigurationError(
                f"There is no settings file {file}, and {how}.\n"
                "Mend the name, or make the file: dxp settings example > dxp.toml"
            )
        return file
    file = Path(FILE_NAME).absolute()
    return file if file.is_file() else None


_NOWHERE = Given(value=None, place="")


def _without_root(parts: Parts) -> Parts:
    return parts[1:] if parts[0] == "dxp" else parts


def _check(given: Mapping[Parts, Given]) -> tuple[Settings | None, list[Fault]]:
    faults: list[Fault] = []
    base = Settings()
    top = {parts[0]: item.value for parts, item in given.items() if len(parts) == 1}
    root = _load(RootSchema, "", _merged(base, RootSchema, top), given, faults)
    sections: dict[str, Any] = {}
    for name, schema in SECTIONS.items():
        values = {p[1]: g.value for p, g in given.items() if len(p) == 2 and p[0] == name}
        section = getattr(base, name)
        if name == "locale":
            values = _fitting_fallbacks(values, section.fallbacks)
        loaded = _load(schema, name, _merged(section, schema, values), given, faults)
        if loaded is not None:
            sections[name] = type(section)(**loaded)
    plugins: dict[str, dict[str, Any]] = defaultdict(dict)
    for parts, item in given.items():
        if parts[0] == "plugins":
            plugins[parts[1]][parts[2]] = item.value
    if faults or root is None:
        return None, faults
    if root["secret_key"]:
        root["secret_key"] = root["secret_key"].strip()
    return Settings(**root, **sections, plugins=dict(plugins)), []


@cache
def _made(schema: type[Schema]) -> Schema:
    """One instance of each schema, which keeps nothing of what it loads."""
    return schema()


def _merged(base: object, schema: type[Schema], values: Mapping[str, Any]) -> dict[str, Any]:
    held = {name: getattr(base, name) for name in _made(schema).fields}
    return held | dict(values)


def _fitting_fallbacks(values: dict[str, Any], usual: Mapping[str, str]) -> dict[str, Any]:
    """Whoever narrows the locales need not undo the fallbacks of those that are gone."""
    available = values.get("available")
    if "fallbacks" in values or available is None:
        return values
    if isinstance(available, str):
        available = [word.strip() for word in available.split(",")]
    kept = {key: to for key, to in usual.items() if key in available and to in available}
    return values | {"fallbacks": kept}


def _load(
    schema: type[Schema],
    section: str,
    values: dict[str, Any],
    given: Mapping[Parts, Given],
    faults: list[Fault],
) -> dict[str, Any] | None:
    try:
        loaded: dict[str, Any] = _made(schema).load(values)
    except ValidationError as error:
        messages = error.messages if isinstance(error.messages, dict) else {"": error.messages}
        docs = {doc.key: doc for doc in docs_of(schema)}
        for key, found in messages.items():
            parts = (section, key) if section else (key,)
            item = given.get(parts, _NOWHERE)
            faults += [_fault(parts, item, text, docs) for text in _texts(found)]
        return None
    return loaded


def _fault(parts: Parts, item: Given, message: str, docs: Mapping[str, SettingDoc]) -> Fault:
    key = ".".join(parts)
    doc = docs.get(parts[-1])
    if doc is None:
        hint = near_hint(parts[-1], tuple(docs), f"[{parts[0] if parts[1:] else 'dxp'}] has")
        return Fault(key=key, place=item.place, text=f"there is no such setting; {hint}")
    text = _lowered(message)
    if item is not _NOWHERE and not doc.secret:
        text += f", and is {item.value!r}"
    example = example_line(parts[-1], item.place, doc.example)
    return Fault(key=key, place=item.place, text=text, example=example)


def _texts(messages: Any) -> Iterator[str]:
    if isinstance(messages, Mapping):
        for nested in messages.values():
            yield from _texts(nested)
    elif isinstance(messages, (list, tuple)):
        for nested in messages:
            yield from _texts(nested)
    else:
        yield str(messages)


def _lowered(message: str) -> str:
    message = message.rstrip(".")
    plain = message.removeprefix("Not a valid ")
    if plain != message:
        return f"must be {'an' if plain[0] in 'aeiou' else 'a'} {plain.replace('string', 'text')}"
    return message


def example_line(key: str, place: str, example: Any) -> str:
    """A right value in the form of the source that holds the wrong one.

    Args:
        key: within its section.
        place: where the wrong value stands: a variable, a file and line, or nothing.
    """
    if not place.startswith("DXP_"):
        return f"{key} = {as_toml(example)}"
    if isinstance(example, Mapping):
        return f"{place}={','.join(f'{one}={other}' for one, other in example.items())}"
    if isinstance(example, list):
        return f"{place}={','.join(map(str, example))}"
    return f"{place}={str(example).lower() if isinstance(example, bool) else example}"


def _placed(settings: Settings, file: Path | None, given: Mapping[Parts, Given]) -> Settings:
    """With absolute paths, the origins of values, and the installation's own secret."""
    folder = Path()
    if file is not None and given.get(("data_dir",), _NOWHERE).place.startswith(file.name):
        folder = file.parent
    data_dir = (folder / settings.data_dir).absolute()
    origins = {".".join(parts): item.place for parts, item in given.items()}
    secret = settings.secret_key
    if not secret:
        secret = stored_secret(data_dir)
        origins["secret_key"] = str(data_dir / SECRET_FILE)
    return dataclasses.replace(
        settings, data_dir=data_dir, secret_key=secret, source=file, origins=origins
    )


def _check_secret(values: Mapping[Parts, Given]) -> list[Fault]:
    """In production the secret comes from the environment; anywhere it must be strong."""
    variable = variable_of(("secret_key",))
    production = values.get(("environment",), _NOWHERE).value == "production"
    given = values.get(("secret_key",))
    if given is None or not given.value:
        if not production:
            return []
        text = f"is needed in production, where none is made up. {_REMEDY}"
        return [Fault(key="secret_key", place="not set", text=text)]
    if production and given.place not in (variable, IN_CODE):
        text = (
            "stands in a file, which gets copied and backed up; in production it comes from the "
            f"environment. Move it to {variable}"
        )
        return [Fault(key="secret_key", place=given.place, text=text)]
    fault = weakness(given.value.strip()) if isinstance(given.value, str) else None
    if fault is None:
        return []
    return [Fault(key="secret_key", place=given.place, text=f"{fault}. {_REMEDY}")]


def _report(faults: list[Fault]) -> str:
    count = "One setting is" if len(faults) == 1 else f"{len(faults)} settings are"
    listed = "\n".join(f"  {fault}" for fault in faults)
    return (
        f"{count} wrong, so nothing was started:\n{listed}\n"
        "Mend this and start again; `dxp settings example` prints all settings with their meaning."
    )
