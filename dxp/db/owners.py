"""Who owns which tables: the core, and each plugin by its prefix."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dxp.platform import Platform

CORE = "core"
CORE_PREFIX = "dxp_"
VERSION_TABLE = "alembic_version_"
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Somebody who has tables and migrations of their own.

    Attributes:
        name: `core` or the plugin's.
        prefix: of its tables, with the separator.
        versions: folder of its migrations; None when it can have none.
    """

    name: str
    prefix: str
    versions: Path | None

    @property
    def version_table(self) -> str:
        """The table that says how far this owner's migrations have come."""
        return f"{VERSION_TABLE}{self.name}"


def core_owner() -> Owner:
    """The core itself."""
    return Owner(name=CORE, prefix=CORE_PREFIX, versions=MIGRATIONS / "versions")


def owners_of(platform: Platform) -> list[Owner]:
    """The core, then the started plugins in start order."""
    plugins = (loaded.plugin for loaded in platform.plugins)
    return [
        core_owner(),
        *(
            plugin_owner(plugin.name, prefix=plugin.prefix, package=plugin.import_name)
            for plugin in plugins
        ),
    ]


def plugin_owner(name: str, *, prefix: str, package: str) -> Owner:
    """A plugin; its migrations lie in its package, found without importing it."""
    return Owner(name=name, prefix=prefix, versions=_versions_of(package))


def owner_of_table(table: str, owners: Iterable[Owner]) -> Owner | None:
    """The owner whose prefix fits best: `crm_x_` before `crm_`."""
    fitting = [owner for owner in owners if table.startswith(owner.prefix)]
    return max(fitting, key=lambda owner: len(owner.prefix), default=None)


def find_owner(owners: Sequence[Owner], name: str) -> Owner | None:
    """The owner of that name."""
    return next((owner for owner in owners if owner.name == name), None)


def _versions_of(package: str) -> Path | None:
    # A plugin made up inside the core's own packages or in a test module ships no migrations.
    if package in ("dxp", "__main__"):
        return None
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        return None
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) / "migrations" / "versions" if places else None
