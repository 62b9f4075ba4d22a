"""A missing service costs its tests one line; where none may be missing, it fails them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from dxp.testing.databases import PostgresDatabases, databases_for, scratch_folder
from dxp.testing.services import missing


def test_a_missing_service_skips_and_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DXP_REQUIRE_SERVICES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Redis does not answer; set DXP_TEST_REDIS"):
        missing("Redis", variable="DXP_TEST_REDIS")


def test_a_missing_service_fails_where_all_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DXP_REQUIRE_SERVICES", "1")
    with pytest.raises(pytest.fail.Exception, match="Redis does not answer"):
        missing("Redis", variable="DXP_TEST_REDIS")


def test_a_server_that_does_not_answer_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DXP_REQUIRE_SERVICES", raising=False)
    databases = databases_for("postgresql://nobody@127.0.0.1:1/none", tmp_path)
    assert isinstance(databases, PostgresDatabases)
    with pytest.raises(pytest.skip.Exception, match="PostgreSQL does not answer"):
        databases.blank()


def test_what_a_killed_run_left_behind_is_cleared_by_the_next() -> None:
    with scratch_folder() as mine:
        ended = subprocess.run(
            [sys.executable, "-c", "import os; print(os.getpid())"],
            capture_output=True,
            text=True,
            check=True,
        )
        orphan = mine.with_name(f"dxp-test-{ended.stdout.strip()}-left")
        orphan.mkdir()
        (orphan / "test.sqlite3").touch()
        with scratch_folder():
            assert not orphan.exists()
            assert mine.exists()
    assert not mine.exists()
