"""Finding plugins and putting them in start order."""

from __future__ import annotations

import graphlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import Version

from dxp.errors import ConfigurationError
from dxp.plugins.spec import API_VERSION, Plugin

ENTRY_POINTS = "dxp.plugins"
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
LONGEST_NAME = 30


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plugin class and the distribution that brought it."""

    plugin: type[Plugin]
    version: str
    distribution: str


def installed(*, disabled: Sequence[str] = ()) -> list[Found]:
    """All plugins that installed distributions announce, but for the `disabled` ones.

    Those are not even imported, so that a broken plugin can be switched off.

    Raises:
        ConfigurationError: an announced plugin cannot be imported, or is none.
    """
    found: list[Found] = []
    seen: dict[str, str] = {}
    for entry in metadata.entry_points(group=ENTRY_POINTS):
        origin = entry.dist.name if entry.dist else entry.value
        if entry.name in disabled or seen.get(entry.name) == entry.value:
            continue
        if entry.name in seen:
            raise ConfigurationError(
                f"two distributions announce a plugin named {entry.name!r} "
                f"({seen[entry.name]} and {entry.value}); uninstall one of them"
            )
        seen[entry.name] = entry.value
        try:
            plugin = entry.load()
        except Exception as error:
            raise ConfigurationError(
                f"plugin {entry.name!r} of {origin} cannot be imported: {error!r}; mend it, "
                f"uninstall {origin}, or name it in disabled_plugins"
            ) from error
        if not (isinstance(plugin, type) and issubclass(plugin, Plugin)):
            raise ConfigurationError(
                f"{entry.value} of {origin} is announced as a plugin but is no subclass of "
                "dxp.api.Plugin; point the entry point at the class"
            )
        own = getattr(plugin, "name", None)
        if own != entry.name:
            raise ConfigurationError(
                f"plugin {entry.name!r} of {origin} calls itself {own!r}, and settings, "
                "tables and commands go by the name; give the entry point and the class the same"
            )
        found.append(describe(plugin, entry.dist))
    return found


def announced() -> dict[str, str]:
    """Entry point values by plugin name, without importing anything."""
    return {entry.name: entry.value for entry in metadata.entry_points(group=ENTRY_POINTS)}


def describe(plugin: type[Plugin], distribution: metadata.Distribution | None = None) -> Found:
    """A plugin class as `Found`; without a distribution it counts as version 0."""
    return Found(
        plugin=plugin,
        version=distribution.version if distribution else "0",
        distribution=distribution.name if distribution else plugin.__module__,
    )


def start_order(found: Sequence[Found]) -> list[Found]:
    """Plugins after all that they require or follow; ties by name.

    Raises:
        ConfigurationError: a required plugin is missing or of the wrong version, the API version
            is another, or the requirements go in a circle (which is printed).
    """
    by_name = {item.plugin.name: item for item in found}
    graph: dict[str, set[str]] = {}
    if len(by_name) < len(found):
        names = [item.plugin.name for item in found]
        twice = next(name for name in names if names.count(name) > 1)
        raise ConfigurationError(
            f"two plugins are named {twice!r}, and settings, tables and commands go by the name; "
            "rename one of them"
        )
    for name, item in by_name.items():
        _check_name(item)
        _check_api(item)
        _check_requirements(item, by_name)
        graph[name] = set(item.plugin.requires) | (set(item.plugin.after) & by_name.keys())
    return [by_name[name] for name in _sorted_by_name(graph)]


def _sorted_by_name(graph: Mapping[str, Iterable[str]]) -> list[str]:
    sorter = graphlib.TopologicalSorter(graph)
    try:
        sorter.prepare()
    except graphlib.CycleError as error:
        circle = " -> ".join(reversed(error.args[1]))
        raise ConfigurationError(
            f"plugins wait for each other in a circle: {circle}; "
            "make one of them name the other in `after` no more, or disable one"
        ) from error
    order: list[str] = []
    ready: list[str] = []
    while sorter.is_active():
        ready = sorted([*ready, *sorter.get_ready()])
        name = ready.pop(0)
        order.append(name)
        sorter.done(name)
    return order


def _check_name(item: Found) -> None:
    name = item.plugin.name
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise ConfigurationError(
            f"{item.plugin.__qualname__} of {item.distribution} calls itself {name!r}, which "
            "cannot be part of tables and addresses; use at most "
            f"{LONGEST_NAME} small letters, digits and single underscores"
        )


def _check_api(item: Found) -> None:
    if item.plugin.api_version != API_VERSION:
        raise ConfigurationError(
            f"plugin {item.plugin.name!r} is written for plugin API {item.plugin.api_version}, "
            f"this dxp has {API_VERSION}; install a release of {item.distribution} that fits"
        )


def _check_requirements(item: Found, by_name: Mapping[str, Found]) -> None:
    for wanted, versions in item.plugin.requires.items():
        other = by_name.get(wanted)
        if other is None:
            raise ConfigurationError(
                f"plugin {item.plugin.name!r} requires {wanted!r}, which is not installed or not "
                f"enabled; install or enable it, or disable {item.plugin.name!r}"
            )
        try:
            accepted = SpecifierSet(versions)
        except InvalidSpecifier as error:
            raise ConfigurationError(
                f"plugin {item.plugin.name!r} requires {wanted!r} in the versions {versions!r}, "
                "which is no version range; write it like '>=0.1,<1'"
            ) from error
        if not accepted.contains(Version(other.version), prereleases=True):
            raise ConfigurationError(
                f"plugin {item.plugin.name!r} requires {wanted} {versions}, but {other.version} "
                "is installed; change one of the two"
            )
