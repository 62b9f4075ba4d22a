"""The audit log from the command line."""

from __future__ import annotations

import json
import re

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import Installation


@pytest.fixture
def here(installation: Installation) -> Installation:
    installation.ok("db", "upgrade")
    installation.ok("staff", "create", "ada@example.com", "--role", "administrator")
    return installation


def tamper(here: Installation, statement: str) -> None:
    engine = create_engine(here.environ["DXP_DATABASE__URL"])
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def test_an_untouched_log_verifies_and_gives_an_anchor(here: Installation) -> None:
    told = here.ok("audit", "verify")
    found = re.search(r"Anchor: (\d+:[0-9a-f]{64})", told)
    assert found is not None
    assert "entries fit" in here.ok("audit", "verify", "--anchor", found[1])


def test_the_first_entry_that_was_changed_is_named(here: Installation) -> None:
    tamper(here, "UPDATE dxp_audit_entry SET actor_label = 'Mallory' WHERE seq >= 2")
    result = here.dxp("audit", "verify")
    assert result.exit_code == 1
    assert "Entry 2 does not fit" in result.output
    report = json.loads(here.dxp("audit", "verify", "--json").output)
    assert (report["ok"], report["broken_seq"]) == (False, 2)


def test_an_anchor_shows_that_the_end_was_cut_off(here: Installation) -> None:
    anchor = json.loads(here.ok("audit", "verify", "--json"))["anchor"]
    tamper(here, "DELETE FROM dxp_audit_entry WHERE seq = (SELECT MAX(seq) FROM dxp_audit_entry)")
    assert json.loads(here.ok("audit", "verify", "--json"))["ok"] is True
    result = here.dxp("audit", "verify", "--anchor", anchor)
    assert result.exit_code == 1
    assert "ends before" in result.output


def test_another_secret_key_does_not_pass_for_the_right_one(here: Installation) -> None:
    result = here.dxp(
        "audit", "verify", DXP_SECRET_KEY="a-second-secret-0123456789-zyxwvutsrqponmlkji"
    )
    assert result.exit_code == 1


def test_a_malformed_anchor_is_refused(here: Installation) -> None:
    result = here.dxp("audit", "verify", "--anchor", "5:xyz")
    assert result.exit_code == 2
    assert "An anchor is a number" in result.output


def test_entries_are_listed_and_filtered(here: Installation) -> None:
    assert "core.staff.created" in here.ok("audit", "list")
    lines = here.ok("audit", "list", "--json", "--action", "core.staff").splitlines()
    (entry,) = [json.loads(line) for line in lines]
    assert entry["actor"] == {"key": "system:command-line", "label": "command-line"}
    assert entry["after"]["email"] == "ada@example.com"
    assert here.ok("audit", "list", "--json", "--since", "2999-01-01") == ""
    assert here.ok("audit", "list", "--json", "--object", "core.role:viewer").count("\n") == 1
