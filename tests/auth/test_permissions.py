"""The register of permissions."""

from __future__ import annotations

import pytest

from dxp.auth import Permission
from dxp.auth.permissions import CORE_PERMISSIONS, PermissionRegistry
from dxp.errors import ConfigurationError, Unprocessable


@pytest.fixture
def registry() -> PermissionRegistry:
    registry = PermissionRegistry()
    registry.declare(
        [
            Permission(name="core.read", label="Read"),
            Permission(name="core.manage", label="Manage", scope=False),
        ],
        plugin="core",
    )
    registry.declare([Permission(name="shop.sell", label="Sell")], plugin="shop")
    return registry


def test_permissions_are_grouped_by_the_plugin_that_declared_them(
    registry: PermissionRegistry,
) -> None:
    names = {plugin: [p.name for p in found] for plugin, found in registry.grouped().items()}
    assert names == {"core": ["core.read", "core.manage"], "shop": ["shop.sell"]}
    scopes = {p: [x.name for x in found] for p, found in registry.grouped(scopes=True).items()}
    assert scopes == {"core": ["core.read"], "shop": ["shop.sell"]}


def test_a_permission_belongs_to_one_plugin(registry: PermissionRegistry) -> None:
    with pytest.raises(ConfigurationError, match=r"'shop\.sell'.*'shop'.*'thief'"):
        registry.declare([Permission(name="shop.sell", label="Sell")], plugin="thief")


def test_names_are_sorted_and_told_once(registry: PermissionRegistry) -> None:
    assert registry.check(["shop.sell", "core.read", "shop.sell"]) == ["core.read", "shop.sell"]


def test_an_unknown_name_is_refused_with_the_nearest_one(registry: PermissionRegistry) -> None:
    with pytest.raises(Unprocessable, match=r"did you mean 'shop\.sell'") as caught:
        registry.check(["shop.sel"])
    assert caught.value.code == "unknown_permission"


def test_a_permission_that_is_no_scope_is_refused_for_keys(registry: PermissionRegistry) -> None:
    for name in ("core.manage", "*"):
        assert registry.check([name]) == [name]
        with pytest.raises(Unprocessable):
            registry.check([name], scopes=True)


def test_names_of_absent_plugins_pass_only_where_they_are_held_already(
    registry: PermissionRegistry,
) -> None:
    assert registry.check(["gone.read"], keep=["gone.read"]) == ["gone.read"]
    with pytest.raises(Unprocessable):
        registry.check(["gone.read"], keep=["gone.write"])


def test_no_key_may_manage_staff_roles_or_keys() -> None:
    managing = {p.name for p in CORE_PERMISSIONS if not p.scope}
    assert {"core.staff.manage", "core.roles.manage", "core.keys.manage"} <= managing
