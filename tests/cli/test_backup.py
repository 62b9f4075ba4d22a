"""`dxp backup` and `dxp restore`: what they say, and that an installation comes back."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Installation


@pytest.fixture
def embedded(installation: Installation) -> Installation:
    """An installation on the embedded default, with an administrator's role."""
    installation.environ["DXP_DATABASE__URL"] = "sqlite:///dxp.sqlite3"
    installation.ok("db", "upgrade")
    return installation


def test_a_backup_comes_back_on_another_machine(embedded: Installation) -> None:
    text = embedded.ok("backup", "save.tar.gz")
    assert "save.tar.gz" in text
    assert "The secret key is not in it" in text
    elsewhere = {"DXP_DATA_DIR": str(embedded.folder / "elsewhere")}
    restored = embedded.ok("restore", "save.tar.gz", **elsewhere)
    assert "Restored" in restored
    assert "current" in embedded.ok("db", "status", **elsewhere)


def test_without_a_name_a_backup_is_named_after_the_moment(embedded: Installation) -> None:
    embedded.ok("backup")
    (file,) = (embedded.folder / "var" / "backups").iterdir()
    assert file.name.startswith("dxp-")
    assert file.name.endswith(".tar.gz")


def test_restoring_over_data_takes_force_and_keeps_what_was_there(
    embedded: Installation,
) -> None:
    embedded.ok("backup", "save.zip")
    assert "--force" in embedded.refused("restore", "save.zip")
    assert "The former state is in" in embedded.ok("restore", "save.zip", "--force")


def test_a_backup_with_the_key_says_so(embedded: Installation) -> None:
    del embedded.environ["DXP_SECRET_KEY"]
    embedded.ok("settings", "show")
    assert "sign in as anybody" in embedded.ok("backup", "save.zip", "--with-secret")


@pytest.mark.skipif(
    not os.environ.get("DXP_TEST_DATABASE"), reason="is about PostgreSQL; the run is on SQLite"
)
def test_postgresql_is_told_to_use_its_own_tools(installation: Installation) -> None:
    assert "pg_dump" in installation.refused("backup", "save.zip")
