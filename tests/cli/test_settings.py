"""`dxp settings`: what holds, from where, and how to set it."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

from dxp.settings.secret import weakness
from dxp.testing.apps import SECRET

if TYPE_CHECKING:
    from tests.cli.conftest import AddPlugin, Installation


def test_show_tells_each_value_and_its_source_and_hides_secrets(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.write_settings(f"[plugins.{name}]\nrate = 3\n")
    text = installation.ok("settings", "show", DXP_SERVER__PORT="9000")
    assert SECRET not in text
    shown = json.loads(installation.ok("settings", "show", "--json", DXP_SERVER__PORT="9000"))
    assert shown["server.port"] == {"value": "9000", "source": "DXP_SERVER__PORT"}
    assert shown[f"plugins.{name}.rate"] == {"value": "3", "source": "dxp.toml:2"}
    assert shown["server.host"]["source"] == "default"
    assert shown["secret_key"]["value"] == "********"


def test_the_example_explains_the_cores_and_the_plugins_settings(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    text = installation.ok("settings", "example")
    assert f"[plugins.{name}]" in text
    assert "# How much." in text
    assert f"plugins.{name}" not in tomllib.loads(text)
    assert "server" in tomllib.loads(text)


def test_the_example_can_be_had_when_the_settings_are_wrong(installation: Installation) -> None:
    installation.write_settings("[sever]\nport = 1\n")
    assert "[server]" in installation.ok("settings", "example")


def test_a_new_secret_is_strong_and_never_the_same(installation: Installation) -> None:
    first, second = (installation.ok("settings", "secret").strip() for _ in range(2))
    assert first != second
    assert weakness(first) is None


def test_a_plugins_wrong_setting_is_told_with_its_place(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.write_settings(f"[plugins.{name}]\nrate = 'fast'\n")
    assert f"plugins.{name}.rate (dxp.toml:2): Not a valid integer. Example: rate = 2" in (
        installation.refused("plugins")
    )
    installation.write_settings("")
    variable = f"DXP_PLUGINS__{name.upper()}__RATE"
    assert f"plugins.{name}.rate ({variable}): Not a valid integer. Example: {variable}=2" in (
        installation.refused("plugins", **{variable: "fast"})
    )
