"""`dxp db`: what it does and says."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.cli.conftest import AddPlugin, Installation


def test_upgrade_makes_all_tables_and_says_each_step(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    text = installation.ok("db", "upgrade")
    assert "core" in text
    assert f"{name:<18} -> 0001" in text
    assert "the database is current" in text
    assert "Nothing to do" in installation.ok("db", "upgrade")


def test_status_tells_programs_and_people_how_far_each_owner_is(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    before = installation.dxp("db", "status", "--json")
    assert before.exit_code == 1
    installation.ok("db", "upgrade")
    states = {
        item["owner"]: item["state"]
        for item in json.loads(installation.ok("db", "status", "--json"))
    }
    assert states == {"core": "current", name: "current"}
    assert "current" in installation.ok("db", "status")


def test_check_finds_a_table_that_no_migration_makes(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    assert "Models and tables agree" in installation.ok("db", "check")
    installation.ok("db", "downgrade", name, "base", "--yes")
    text = installation.refused("db", "check")
    assert f"{name} is at nothing and needs 0001" in text


def test_check_finds_a_column_that_no_migration_makes(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    package = installation.folder / f"site-{name}" / f"dxp_{name}"
    migration = package / "migrations" / "versions" / "0001_things.py"
    lines = migration.read_text(encoding="utf-8").splitlines()
    kept = "\n".join(line for line in lines if '"label"' not in line)
    migration.write_text(kept, encoding="utf-8")
    installation.ok("db", "upgrade")
    result = installation.dxp("db", "check")
    assert result.exit_code == 1
    assert f"column {name}_thing.label is in the models, not in the database" in result.output
    assert f"dxp db revision {name}" in result.output


def test_revision_writes_what_is_missing_and_then_nothing(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    versions = installation.folder / f"site-{name}" / f"dxp_{name}" / "migrations" / "versions"
    (versions / "0001_things.py").unlink()
    text = installation.ok("db", "revision", name, "-m", "The things")
    (written,) = versions.glob("*.py")
    assert written.name == "0001_the_things.py"
    assert str(written) in text
    assert "hold nothing new" in installation.ok("db", "revision", name, "-m", "Again")
    installation.ok("db", "upgrade")
    assert "Models and tables agree" in installation.ok("db", "check")


def test_downgrade_asks_first(installation: Installation, add_plugin: AddPlugin) -> None:
    name = add_plugin()
    installation.ok("db", "upgrade")
    refused = installation.dxp("db", "downgrade", name, "base", answer="n\n")
    assert refused.exit_code == 1
    assert "current" in installation.ok("db", "status")
    agreed = installation.dxp("db", "downgrade", name, "base", answer="y\n")
    assert agreed.exit_code == 0
    assert f"{name:<18} <- 0001" in agreed.output


def test_an_unknown_owner_is_refused_with_those_there_are(installation: Installation) -> None:
    assert "There are: core." in installation.refused("db", "downgrade", "nobody", "base", "--yes")


def test_a_database_that_cannot_be_reached_is_told_plainly(installation: Installation) -> None:
    text = installation.refused(
        "db", "status", DXP_DATABASE__URL="postgresql://dxp:hunter2@127.0.0.1:1/dxp"
    )
    assert "cannot be reached" in text
    assert "hunter2" not in text
