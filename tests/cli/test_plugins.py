"""`dxp plugins` and `dxp plugin`: seeing, enabling, disabling, removing."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, insert

from dxp.plugins.models import PluginFailure

if TYPE_CHECKING:
    from tests.cli.conftest import AddPlugin, Installation


def listed(installation: Installation) -> dict[str, dict[str, Any]]:
    document = json.loads(installation.ok("plugins", "--json"))
    return {plugin["name"]: plugin for plugin in document["plugins"]}


def test_the_list_tells_state_order_version_and_hooks(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    first = add_plugin()
    second = add_plugin(requires={first: ">=1"})
    assert listed(installation)[first]["state"] == "behind"
    installation.ok("db", "upgrade")
    plugins = listed(installation)
    assert [(plugins[name]["state"], plugins[name]["order"]) for name in (first, second)] == [
        ("started", 1),
        ("started", 2),
    ]
    assert plugins[second]["requires"] == {first: ">=1"}
    assert plugins[first]["version"] == "1.2"
    assert plugins[first]["distribution"] == f"dxp-{first}"
    assert "health" in plugins[first]["hooks"]
    assert plugins[first]["migrated"] == "0001"


def test_the_list_for_people_names_each_plugin_and_each_hooks_implementers(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    assert f"{name} implements commands, disabled, enabled, health" in installation.ok("plugins")
    hooks = installation.ok("plugins", "--hooks").splitlines()
    (health,) = [line for line in hooks if line.startswith("health")]
    assert health.split() == ["health", "isolate", name]


def test_the_list_tells_what_failed_in_other_processes(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    assert "Failed" not in installation.ok("plugins")
    engine = create_engine(installation.environ["DXP_DATABASE__URL"])
    failed = {
        "plugin": name,
        "hook": "facts",
        "total": 3,
        "last_at": datetime(2026, 3, 10, 9, tzinfo=UTC),
        "last_error": "KeyError, in wishes/plugin.py, line 7",
    }
    with engine.begin() as connection:
        connection.execute(insert(PluginFailure), [failed])
    engine.dispose()
    told = installation.ok("plugins")
    (line,) = [line for line in told.splitlines() if "KeyError" in line]
    assert line.split()[:3] == [name, "facts", "3"]
    document = json.loads(installation.ok("plugins", "--json"))
    assert document["failures"][0]["last_at"] == "2026-03-10T09:00:00+00:00"


def test_disabling_tells_the_plugin_and_keeps_its_tables(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    text = installation.ok("plugin", "disable", name)
    assert f"{name} is sorry to go" in text
    assert "Restart dxp to apply it" in text
    assert f'"{name}"' in installation.settings_text
    assert "# Kept as written." in installation.settings_text
    plugin = listed(installation)[name]
    assert (plugin["state"], plugin["migrated"]) == ("disabled", "0001")
    assert "disabled already" in installation.ok("plugin", "disable", name)


def test_enabling_makes_the_tables_and_lets_the_plugin_set_itself_up(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    installation.ok("db", "upgrade")
    name = add_plugin()
    installation.ok("plugin", "disable", name)
    text = installation.ok("plugin", "enable", name)
    assert f"{name:<18} -> 0001" in text
    assert f"{name} sets itself up" in text
    assert listed(installation)[name]["state"] == "started"
    assert "enabled already" in installation.ok("plugin", "enable", name)


def test_what_was_done_to_a_plugin_is_in_the_audit_log(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    for arguments in (("disable",), ("enable",), ("remove", "--yes")):
        installation.ok("plugin", arguments[0], name, *arguments[1:])
    lines = installation.ok("audit", "list", "--json").splitlines()
    entries = [json.loads(line) for line in lines]
    done = [entry["action"] for entry in entries if entry["object"]["id"] == name]
    assert sorted(done) == ["core.plugin.disabled", "core.plugin.enabled", "core.plugin.removed"]
    assert "Traceback" not in installation.ok("audit", "verify")


def test_a_plugin_can_be_disabled_before_there_are_any_tables(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    assert "could not be told" in installation.ok("plugin", "disable", name)
    assert listed(installation)[name]["state"] == "disabled"


def test_a_plugin_that_another_requires_stays(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    first = add_plugin()
    second = add_plugin(requires={first: ""})
    installation.ok("db", "upgrade")
    for verb in ("disable", "remove"):
        text = installation.refused("plugin", verb, first)
        assert f"{second} cannot do without '{first}'" in text
        assert f"dxp plugin disable {second}" in text
    installation.ok("plugin", "disable", second)
    installation.ok("plugin", "disable", first)


def test_a_plugin_that_cannot_be_imported_can_still_be_disabled(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    package = installation.folder / f"site-{name}" / f"dxp_{name}"
    (package / "plugin.py").write_text("import no_such_module\n", encoding="utf-8")
    assert "cannot be imported" in installation.refused("db", "status")
    assert "could not be told" in installation.ok("plugin", "disable", name)
    installation.ok("db", "upgrade")


def test_removing_exports_the_rows_and_drops_the_tables(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    installation.ok("plugin", "disable", name)
    installation.ok("plugin", "enable", name)
    asked = installation.dxp("plugin", "remove", name, answer="n\n")
    assert asked.exit_code == 1
    text = installation.ok("plugin", "remove", name, "--yes")
    assert f"{name} cleans up" in text
    assert f"pip uninstall dxp-{name}" in text
    (export,) = (installation.folder / "var" / "exports").iterdir()
    (row,) = (export / f"{name}_thing.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(row)["label"] == "made when it was enabled"
    owners = {item["owner"] for item in json.loads(installation.ok("db", "status", "--json"))}
    assert owners == {"core"}


def test_an_unknown_plugin_is_refused_with_the_nearest_name(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    for verb in ("enable", "disable", "remove"):
        assert f"Did you mean '{name}'?" in installation.refused("plugin", verb, f"{name}x")


def test_a_variable_that_decides_is_not_overruled_by_the_file(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    before = installation.settings_text
    text = installation.refused("plugin", "disable", name, DXP_DISABLED_PLUGINS="cms")
    assert "DXP_DISABLED_PLUGINS decides" in text
    assert installation.settings_text == before
