"""Permissions of the core, and the register of all that plugins declare."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from dxp.auth.actors import Permission
from dxp.errors import ConfigurationError, FieldError, Unprocessable
from dxp.i18n import lazy_gettext as _l

ALL = "*"
OWNER_CORE = "core"

CORE_PERMISSIONS = (
    Permission(name="core.staff.manage", label=_l("Manage staff"), scope=False),
    Permission(name="core.roles.manage", label=_l("Manage roles"), scope=False),
    Permission(name="core.keys.manage", label=_l("Manage API keys"), scope=False),
    Permission(name="core.audit.read", label=_l("Read the audit log"), scope=False),
    Permission(name="core.jobs.read", label=_l("See background jobs")),
    Permission(name="core.jobs.manage", label=_l("Send failed jobs again"), scope=False),
    Permission(name="core.metrics.read", label=_l("Read metrics")),
    Permission(name="core.privacy.read", label=_l("See privacy requests"), scope=False),
    Permission(
        name="core.privacy.manage",
        label=_l("Answer privacy requests, export, erase and merge customers"),
        scope=False,
    ),
    Permission(name="events.write", label=_l("Send events"), browser=True),
    Permission(name="events.read", label=_l("Read events")),
    Permission(name="customers.token", label=_l("Issue tokens to customers")),
    Permission(name="demo.clock", label=_l("Shift the demo's day")),
)


class PermissionRegistry:
    """All permissions that exist, by name, each with the plugin that declared it."""

    def __init__(self) -> None:
        self._known: dict[str, Permission] = {}
        self._owners: dict[str, str] = {}

    def declare(self, permissions: Iterable[Permission], *, plugin: str) -> None:
        """Make permissions known.

        Raises:
            ConfigurationError: another plugin declares one of the names.
        """
        for permission in permissions:
            owner = self._owners.get(permission.name)
            if owner is not None:
                raise ConfigurationError(
                    f"permission {permission.name!r} is declared by {owner!r} and by {plugin!r}; "
                    "a role that holds it would open both: start its name with the plugin's"
                )
            self._known[permission.name] = permission
            self._owners[permission.name] = plugin

    def __contains__(self, name: object) -> bool:
        return name in self._known

    def __iter__(self) -> Iterator[Permission]:
        return iter(self._known.values())

    def all(self) -> Sequence[Permission]:
        """Every permission, in the order of declaration."""
        return list(self._known.values())

    def scopes(self) -> Sequence[Permission]:
        """Those that an API key may be given."""
        return [permission for permission in self if permission.scope]

    def for_browsers(self) -> frozenset[str]:
        """Names of those that a browser's key may be given."""
        return frozenset(permission.name for permission in self if permission.browser)

    def grouped(self, *, scopes: bool = False) -> Mapping[str, Sequence[Permission]]:
        """Permissions by the plugin that declared them, the core's first."""
        groups: dict[str, list[Permission]] = {}
        for permission in self.scopes() if scopes else self.all():
            groups.setdefault(self._owners[permission.name], []).append(permission)
        return groups

    def check(
        self,
        names: Iterable[str],
        *,
        scopes: bool = False,
        keep: Iterable[str] = (),
        pointer: str = "/permissions",
    ) -> list[str]:
        """`names` sorted and without repetition.

        Args:
            scopes: only those that an API key may hold.
            keep: names that pass unknown: what a role already holds of an absent plugin.

        Raises:
            Unprocessable: one is unknown, or no scope (`unknown_permission`).
        """
        wanted = sorted(set(names))
        allowed = {permission.name for permission in (self.scopes() if scopes else self.all())}
        allowed |= set(keep) | (set() if scopes else {ALL})
        wrong = [name for name in wanted if name not in allowed]
        if wrong:
            raise Unprocessable(
                f"{', '.join(map(repr, wrong))} cannot be given, because no started plugin "
                f"declares it{' as a scope' if scopes else ''}{self._hint(wrong[0], allowed)}; "
                "`dxp staff permissions` lists what there is",
                code="unknown_permission",
                errors=[
                    FieldError(code="unknown_permission", detail=name, pointer=pointer)
                    for name in wrong
                ],
            )
        return wanted

    @staticmethod
    def _hint(name: str, allowed: Iterable[str]) -> str:
        near = difflib.get_close_matches(name, allowed, n=1)
        return f" (did you mean {near[0]!r}?)" if near else ""
