"""Staff from the command line."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Installation


@pytest.fixture
def here(installation: Installation) -> Installation:
    installation.ok("db", "upgrade")
    return installation


def people(here: Installation) -> dict[str, dict[str, object]]:
    return {row["email"]: row for row in json.loads(here.ok("staff", "list", "--json"))}


def test_somebody_new_gets_a_first_password(here: Installation) -> None:
    told = here.ok("staff", "create", "Ada@Example.com", "--role", "administrator")
    assert re.search(r"First password, to be changed at sign-in: [A-Za-z0-9]{20}\n", told)
    assert people(here)["ada@example.com"] == {
        "email": "ada@example.com",
        "name": "Ada@Example.com",
        "roles": ["administrator"],
        "active": True,
        "second_factor": False,
        "last_sign_in_at": None,
    }
    assert "ada@example.com" in here.ok("staff", "list")


def test_a_password_on_input_is_taken_and_not_printed(here: Installation) -> None:
    result = here.dxp(
        "staff",
        "create",
        "ada@example.com",
        "--name",
        "Ada",
        "--password-stdin",
        answer="a phrase from a file\n",
    )
    assert result.exit_code == 0, result.output
    assert "a phrase from a file" not in result.output
    assert "First password" not in result.output
    assert "may do nothing yet" in result.output
    empty = here.dxp("staff", "create", "b@example.com", "--password-stdin", answer="\n")
    assert empty.exit_code == 2


def test_refusals_say_what_to_do(here: Installation) -> None:
    here.ok("staff", "create", "ada@example.com", "--role", "administrator")
    assert "already has this e-mail" in here.refused("staff", "create", "ada@example.com")
    assert "dxp staff roles" in here.refused("staff", "create", "b@example.com", "--role", "x")
    assert "dxp staff list" in here.refused("staff", "disable", "nobody@example.com")
    assert "nobody who may do everything" in here.refused("staff", "disable", "ada@example.com")


def test_somebody_is_disabled_and_enabled(here: Installation) -> None:
    here.ok("staff", "create", "ada@example.com")
    here.ok("staff", "create", "boss@example.com", "--role", "administrator")
    here.ok("staff", "disable", "ada@example.com")
    assert people(here)["ada@example.com"]["active"] is False
    here.ok("staff", "enable", "ada@example.com")
    assert people(here)["ada@example.com"]["active"] is True


def test_roles_are_listed_shown_and_set(here: Installation) -> None:
    assert "administrator" in here.ok("staff", "roles")
    here.ok("staff", "create", "ada@example.com")
    assert "no role" in here.ok("staff", "roles", "ada@example.com")
    here.ok("staff", "roles", "ada@example.com", "viewer", "administrator")
    assert people(here)["ada@example.com"]["roles"] == ["administrator", "viewer"]


def test_permissions_are_listed_with_their_plugin(here: Installation) -> None:
    told = here.ok("staff", "permissions")
    assert re.search(r"core\.staff\.manage\s+Manage staff\s+core\s+no", told)


def test_a_password_is_reset(here: Installation) -> None:
    here.ok("staff", "create", "ada@example.com")
    told = here.ok("staff", "reset-password", "ada@example.com", "--second-factor-off")
    assert "First password" in told
