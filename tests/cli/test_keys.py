"""API keys from the command line."""

from __future__ import annotations

import json
import re

import pytest

from tests.cli.conftest import Installation


@pytest.fixture
def here(installation: Installation) -> Installation:
    installation.ok("db", "upgrade")
    return installation


def test_a_key_is_printed_once(here: Installation) -> None:
    told = here.ok("keys", "create", "shop", "--scope", "events.write", "--days", "30")
    found = re.search(r"dxp_[a-z0-9]{10}_[A-Za-z0-9]{40}", told)
    assert found is not None
    (row,) = json.loads(here.ok("keys", "list", "--json"))
    assert row["scopes"] == ["events.write"]
    assert row["state"] == "active"
    assert row["expires_at"] is not None
    assert found[0] not in here.ok("keys", "list")


def test_scripts_get_the_key_alone(here: Installation) -> None:
    told = here.ok("keys", "create", "shop", "--scope", "events.write", "--quiet")
    assert re.fullmatch(r"dxp_[a-z0-9]{10}_[A-Za-z0-9]{40}\n", told)


def test_a_key_for_browsers_names_its_sites(here: Installation) -> None:
    told = here.ok(
        *("keys", "create", "pages", "--scope", "events.write", "--origin", "https://Shop.example")
    )
    assert "For pages of https://shop.example alone" in told
    (row,) = json.loads(here.ok("keys", "list", "--json"))
    assert row["origins"] == ["https://shop.example"]


@pytest.mark.parametrize("whole", [True, False])
def test_a_key_is_revoked_by_its_prefix_or_the_whole_of_it(
    here: Installation, *, whole: bool
) -> None:
    key = here.ok("keys", "create", "shop", "--scope", "events.write", "--quiet").strip()
    here.ok("keys", "revoke", key if whole else key.split("_")[1])
    (row,) = json.loads(here.ok("keys", "list", "--json"))
    assert row["state"] == "revoked"


def test_refusals_say_what_to_do(here: Installation) -> None:
    assert "did you mean 'events.write'" in here.refused(
        "keys", "create", "shop", "--scope", "event.write"
    )
    assert "dxp keys list" in here.refused("keys", "revoke", "nothing")
    assert here.dxp("keys", "create", "shop").exit_code == 2
