"""Where settings come from: a TOML file and environment variables, each value with its place."""

from __future__ import annotations

import dataclasses
import difflib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dxp.errors import ConfigurationError
from dxp.settings.schema import SECTIONS, RootSchema

FILE_NAME = "dxp.toml"
PREFIX = "DXP_"
IN_CODE = "given in code"
# Read elsewhere, before or beside the settings.
_RESERVED = ("DXP_CONFIG", "DXP_REQUIRE_SERVICES", "DXP_TEST_")

Parts = tuple[str, ...]
ROOT_KEYS = tuple(RootSchema().fields)
_HEADER = re.compile(r"\s*\[(?P<name>[^\[\]]+)\]\s*(?:#.*)?")
_KEY = re.compile(r"""\s*(?P<key>[A-Za-z0-9_.\-"']+)\s*=""")


@dataclass(frozen=True, kw_only=True)
class Given:
    """One value that somebody set. `place` names the file and line, or the variable."""

    value: Any
    place: str


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing wrong with the settings."""

    key: str
    place: str
    text: str
    example: str = ""

    def __str__(self) -> str:
        where = self.key if self.place in ("", self.key) else f"{self.key} ({self.place})"
        return f"{where}: {self.text}" + (
            f"\n      Example: {self.example}" if self.example else ""
        )


def keys_of(section: str) -> tuple[str, ...]:
    """The known keys of a section; of the root for an empty name."""
    return ROOT_KEYS if not section else tuple(SECTIONS[section]().fields)


def read_file(path: Path) -> tuple[dict[Parts, Given], list[Fault]]:
    """Read a TOML file into values by path, such as ("server", "port").

    Raises:
        ConfigurationError: the file cannot be read or is not TOML.
    """
    try:
        content = path.read_text(encoding="utf-8")
        document = tomllib.loads(content)
    except OSError as error:
        raise ConfigurationError(
            f"The settings file {path} cannot be read: {error.strerror}.\n"
            "Mend its permissions, or name another one in DXP_CONFIG."
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"The settings file {path} is not UTF-8 text: {error.reason} at byte {error.start}.\n"
            "Save it as UTF-8."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(
            f"The settings file {path} is not TOML: {error}.\n"
            "Mend that line; text values need quotes. `dxp settings example` prints a whole file."
        ) from error
    lines = _lines(content)
    given: dict[Parts, Given] = {}
    faults: list[Fault] = []
    for parts, value in _walk(document):
        line = lines.get(parts)
        place = f"{path.name}:{line}" if line else path.name
        fault = _unknown(parts, place)
        if fault is not None:
            faults.append(fault)
        else:
            given[parts] = Given(value=value, place=place)
    return given, faults


def read_environment(environ: Mapping[str, str]) -> tuple[dict[Parts, Given], list[Fault]]:
    """Read variables such as DXP_ENVIRONMENT, DXP_SERVER__PORT and DXP_PLUGINS__CRM__KEY."""
    given: dict[Parts, Given] = {}
    faults: list[Fault] = []
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(_RESERVED):
            continue
        parts = tuple(part.lower() for part in name.removeprefix(PREFIX).split("__"))
        if parts[0] == "plugins" and len(parts) == 3 and all(parts):
            given[parts] = Given(value=_literal(value), place=name)
        elif (len(parts) == 1 and parts[0] in ROOT_KEYS) or (
            len(parts) == 2 and parts[0] in SECTIONS and parts[1] in keys_of(parts[0])
        ):
            given[parts] = Given(value=value, place=name)
        else:
            near = _near_variable(name)
            # Other programs may have DXP_ variables of their own; a near miss is a slip.
            if near or "__" in name:
                hint = f"did you mean {near}?" if near else "`dxp settings example` lists them all."
                faults.append(Fault(key=name, place=name, text=f"there is no such setting; {hint}"))
    return given, faults


def variable_of(parts: Parts) -> str:
    """The environment variable of a setting."""
    return PREFIX + "__".join(parts).upper()


def flatten(overrides: Mapping[str, Any]) -> dict[Parts, Given]:
    """Values given in code, nested as in the file with the root's keys on top."""
    given: dict[Parts, Given] = {}
    for key, value in overrides.items():
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            value = dataclasses.asdict(value)
        if key == "plugins":
            for plugin, section in value.items():
                for name, item in section.items():
                    given[("plugins", plugin, name)] = Given(value=item, place=IN_CODE)
        elif key in SECTIONS:
            for name, item in value.items():
                given[(key, name)] = Given(value=item, place=IN_CODE)
        else:
            given[(key,)] = Given(value=value, place=IN_CODE)
    return given


def near_hint(name: str, known: tuple[str, ...], listing: str) -> str:
    """Name the nearest right word, or list all of them."""
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean {close[0]!r}?" if close else f"{listing}: {', '.join(sorted(known))}."


def _unknown(parts: Parts, place: str) -> Fault | None:
    """The fault in a path that came from a file; root keys have lost their [dxp] already."""
    section, *rest = parts
    key = ".".join(parts)
    if section == "plugins":
        if len(parts) == 3:
            return None
        text = "settings of a plugin belong in a section such as [plugins.loyalty]"
        return Fault(key=key, place=place, text=text)
    if section in SECTIONS:
        if not rest:
            text = f"must be a section, written [{section}] on a line of its own"
            return Fault(key=key, place=place, text=text)
        if rest[0] in keys_of(section):
            return None
        hint = near_hint(rest[0], keys_of(section), f"[{section}] has")
        return Fault(key=key, place=place, text=f"there is no such setting; {hint}")
    if section == "dxp" and rest:
        if rest[0] in ROOT_KEYS:
            return None
        hint = near_hint(rest[0], ROOT_KEYS, "[dxp] has")
        return Fault(key=key, place=place, text=f"there is no such setting; {hint}")
    if section in ROOT_KEYS:
        return Fault(key=key, place=place, text="belongs in the section [dxp]")
    hint = near_hint(section, ("dxp", "plugins", *SECTIONS), "the sections are")
    what = "section" if rest else "setting"
    return Fault(key=section, place=place, text=f"there is no such {what}; {hint}")


def _walk(document: Mapping[str, Any]) -> Iterator[tuple[Parts, Any]]:
    for section, body in document.items():
        if not isinstance(body, Mapping):
            yield (section,), body
        elif section == "plugins":
            for plugin, values in body.items():
                if not isinstance(values, Mapping):
                    yield (section, plugin), values
                    continue
                for key, value in values.items():
                    yield (section, plugin, key), value
        else:
            for key, value in body.items():
                yield (section, key), value


def _lines(content: str) -> dict[Parts, int]:
    """The line on which each key is set, as far as a simple reading can tell."""
    found: dict[Parts, int] = {}
    section: Parts = ()
    for number, line in enumerate(content.splitlines(), start=1):
        header = _HEADER.fullmatch(line)
        if header:
            section = _split(header["name"])
            found.setdefault(section, number)
            continue
        key = _KEY.match(line)
        if key:
            whole = section + _split(key["key"])
            for length in range(len(section) + 1, len(whole) + 1):
                found.setdefault(whole[:length], number)
    return found


def _split(dotted: str) -> Parts:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


def _literal(value: str) -> Any:
    """A list or a table when it looks like one; else the text, which the schema reads on."""
    if value[:1] in ("[", "{"):
        try:
            return tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            return value
    return value


def _near_variable(name: str) -> str | None:
    known = [variable_of((key,)) for key in ROOT_KEYS]
    known += [variable_of((section, key)) for section in SECTIONS for key in keys_of(section)]
    single = {variable.replace("__", "_"): variable for variable in known}
    if name.replace("__", "_") in single:
        return single[name.replace("__", "_")]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.85)
    return close[0] if close else None
