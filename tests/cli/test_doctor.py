"""`dxp doctor` names each fault with its remedy, and goes on to the next."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from dxp.plugins.contexts import HealthCheck

if TYPE_CHECKING:
    from tests.cli.conftest import AddPlugin, Installation


@pytest.fixture(autouse=True)
def _front_end_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether somebody ran the build in this working copy is none of these tests' business."""

    def built(_settings: Any) -> Iterator[HealthCheck]:
        yield HealthCheck(name="front end", ok=True, detail="built")

    import dxp.cli.checks as checks

    listed = [built if c is checks.check_front_end else c for c in checks.BEFORE_START]
    monkeypatch.setattr(checks, "BEFORE_START", tuple(listed))


def findings(installation: Installation, **environ: str) -> dict[str, dict[str, Any]]:
    result = installation.dxp("doctor", "--json", **environ)
    found = {item["name"]: item for item in json.loads(result.stdout)}
    assert result.exit_code == (0 if all(item["ok"] for item in found.values()) else 1)
    return found


def faults(installation: Installation, **environ: str) -> dict[str, str]:
    found = findings(installation, **environ)
    return {name: item["advice"] for name, item in found.items() if not item["ok"]}


def test_a_sound_installation_is_well(installation: Installation) -> None:
    installation.ok("db", "upgrade")
    assert faults(installation) == {}
    assert {"settings", "disk", "database", "migrations", "jobs"} <= set(findings(installation))
    assert "All is well." in installation.ok("doctor")


def test_a_database_that_is_behind_is_told_with_the_command(installation: Installation) -> None:
    assert "dxp db upgrade" in faults(installation)["migrations"]


def test_faulty_settings_are_told(installation: Installation) -> None:
    installation.write_settings("[server]\nport = 'x'\n")
    assert set(faults(installation)) == {"settings"}


def test_a_database_that_does_not_answer_is_told(installation: Installation) -> None:
    url = "postgresql://dxp@127.0.0.1:1/dxp"
    assert "dxp settings show" in faults(installation, DXP_DATABASE__URL=url)["migrations"]


def test_servers_that_do_not_answer_are_told(installation: Installation) -> None:
    installation.ok("db", "upgrade")
    found = faults(
        installation,
        DXP_JOBS__TRANSPORT="dramatiq",
        DXP_JOBS__BROKER_URL="redis://127.0.0.1:1/0",
        DXP_MAIL__URL="smtp://127.0.0.1:1",
    )
    assert {"broker", "mail"} <= set(found)


def test_a_secret_that_others_may_read_is_told(installation: Installation) -> None:
    del installation.environ["DXP_SECRET_KEY"]
    installation.ok("db", "upgrade")
    key = installation.folder / "var" / "secret.key"
    assert faults(installation) == {}
    key.chmod(0o644)
    assert f"chmod 600 {key}" in faults(installation)["secret key"]


def test_a_plugins_own_complaint_is_told(installation: Installation, add_plugin: AddPlugin) -> None:
    name = add_plugin(healthy=False)
    installation.ok("db", "upgrade")
    assert faults(installation) == {f"{name}: mood": "Cheer it up."}
    text = installation.dxp("doctor").output
    assert "moody" in text
    assert "1 of " in text


def test_a_plugin_that_keeps_dxp_from_starting_is_told(
    installation: Installation, add_plugin: AddPlugin
) -> None:
    name = add_plugin()
    package = installation.folder / f"site-{name}" / f"dxp_{name}"
    (package / "plugin.py").write_text("import no_such_module\n", encoding="utf-8")
    assert set(faults(installation)) == {"start"}


def test_a_damaged_database_is_told(installation: Installation) -> None:
    file = installation.folder / "var" / "dxp.sqlite3"
    installation.environ["DXP_DATABASE__URL"] = "sqlite:///dxp.sqlite3"
    installation.ok("db", "upgrade")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'dxp_role'"
        ).fetchone()
    content = bytearray(file.read_bytes())
    content[(page - 1) * 4096 + 100 : page * 4096] = b"\xee" * 3996
    content[(page - 1) * 4096] = 0xEE
    file.write_bytes(bytes(content))
    found = findings(installation)["database"]
    assert not found["ok"]
