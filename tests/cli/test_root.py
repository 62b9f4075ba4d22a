"""The command line finds its commands, loads little, and speaks plainly when it refuses."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import click
import pytest

from dxp.cli.main import COMMANDS, Entry

if TYPE_CHECKING:
    from tests.cli.conftest import AddPlugin, Installation


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_listed_command_is_there(name: str) -> None:
    entry: Entry = COMMANDS[name]
    module, _, attribute = entry.at.partition(":")
    command = getattr(import_module(module), attribute)
    assert isinstance(command, click.Command)
    assert command.help


def test_help_lists_commands_and_plugins(installation: Installation, add_plugin: AddPlugin) -> None:
    name = add_plugin()
    text = installation.ok("--help")
    assert "doctor" in text
    assert f"See: dxp {name} --help" in text


def test_help_loads_neither_the_database_nor_the_web() -> None:
    program = (
        "import sys\nfrom dxp.cli.main import root\n"
        "root(['--help'], standalone_mode=False)\n"
        "heavy = {'sqlalchemy', 'flask', 'marshmallow', 'rich', 'alembic'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_misspelt_command_gets_the_nearest_right_one(installation: Installation) -> None:
    assert "Did you mean 'doctor'?" in installation.refused("docter")


def test_faulty_settings_are_told_without_a_traceback(installation: Installation) -> None:
    installation.write_settings("[server]\nport = 'http'\n")
    text = installation.refused("db", "status")
    assert "server.port (dxp.toml:2): must be an integer" in text


def test_another_settings_file_can_be_named(installation: Installation) -> None:
    (installation.folder / "other.toml").write_text("[log]\nlevel = 'error'\n", encoding="utf-8")
    text = installation.ok("--config", "other.toml", "settings", "show")
    assert "other.toml:2" in text


def test_a_command_that_needs_a_current_database_says_what_to_run(
    installation: Installation,
) -> None:
    assert "dxp db upgrade" in installation.refused("staff", "list")


def test_a_plugins_commands_run_within_its_application(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    rate = {f"DXP_PLUGINS__{name.upper()}__RATE": "7"}
    assert f"hello from {name}, rate 7" in installation.ok(name, "greet", **rate)
    assert "Say hello." in installation.ok(name, "--help")


def test_a_plugins_commands_heed_the_settings_file_that_is_named(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    own = installation.settings_text + f"[plugins.{name}]\nrate = 9\n"
    (installation.folder / "other.toml").write_text(own, encoding="utf-8")
    assert "rate 9" in installation.ok("--config", "other.toml", name, "greet")


def test_a_disabled_plugins_commands_say_how_to_get_them(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    installation.ok("plugin", "disable", name)
    assert f"dxp plugin enable {name}" in installation.refused(name, "greet")
