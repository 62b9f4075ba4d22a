"""A field that is kept for some roles leaves by no way to others."""

from __future__ import annotations

import re
from typing import Any

import pytest

from dxp.api import Platform, SystemActor
from dxp.contracts import Profiles
from dxp.testing.client import DxpClient
from dxp_crm.permissions import MERGE
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft

SECRETS = {
    "email": "secret-address@example.com",
    "phone": "+33 555 0199",
    "ref": "SECRET-REF",
    "name": "Secretia Hidden",
    "country": "NO",
    "timezone": "Antarctica/Troll",
    "fields.risk": "risky-business",
}


@pytest.fixture
def secretive(platform: Platform) -> Any:
    """A customer all of whose fields are kept for the role `keeper`."""
    crm, actor = platform.services.get(Crm), SystemActor()
    with platform.db.write() as session:
        platform.accounts.roles.create(
            session, actor, name="keeper", title="Keepers", permissions=[]
        )
        crm.definitions.create(
            session,
            actor,
            record="person",
            key="risk",
            draft=FieldDraft(type="text", labels={"en": "Risk"}),
        )
        values = {name: text for name, text in SECRETS.items() if "." not in name}
        customer = crm.customers.register(
            session,
            actor,
            values
            | {
                "tags": ["secret-tag"],
                "fields": {"risk": SECRETS["fields.risk"]},
                "birthday": {"month": 11, "day": 29, "year": 1971, "calendar": "gregorian"},
            },
        )
        for name in (*SECRETS, "tags", "birthday"):
            crm.visibility.restrict(
                session,
                actor,
                record="person",
                name=name,
                see_roles=["keeper"],
                change_roles=["keeper"],
            )
        return customer.subject_id


LEAKS = re.compile(
    "|".join(
        re.escape(text)
        for text in (*SECRETS.values(), "secret-tag", "1971-11-29")
        if text != SECRETS["country"]
    )
    + "|Norway",
    re.I,
)
SCOPES = ("crm.customers.read", "crm.customers.write")


def test_the_api_answers_nothing_of_it(client: DxpClient, secretive: Any) -> None:
    key = client.as_key(*SCOPES)
    url = f"/api/v1/customers/{secretive}"
    body = key.get(url).get_json()
    assert (body["email"], body["tags"], body["birthday"], body["fields"]) == (None, [], None, {})
    assert "email" in body["hidden"]
    for path in (url, f"{url}/timeline", "/api/v1/customers"):
        assert not LEAKS.search(key.get(path).get_data(as_text=True)), path


def test_nothing_can_be_filtered_or_searched_by_it(client: DxpClient, secretive: Any) -> None:
    key = client.as_key(*SCOPES)
    for query in (
        "filter[email]=secret-address@example.com",
        "filter[ref]=SECRET-REF",
        "filter[tag]=secret-tag",
        "filter[field.risk]=risky-business",
    ):
        answer = key.get(f"/api/v1/customers?{query}")
        assert (answer.status_code, answer.get_json()["code"]) == (403, "field_restricted"), query
    assert key.get("/api/v1/tags").status_code == 403
    staff = client.as_staff(*SCOPES)
    for text in ("secretia", "secret-address", "0199", "secret-ref"):
        for path in (f"/admin/crm/customers?q={text}", f"/admin/search?q={text}"):
            assert str(secretive) not in staff.get(path).get_data(as_text=True), path


def test_pages_and_forms_show_nothing_of_it(client: DxpClient, secretive: Any) -> None:
    staff = client.as_staff(*SCOPES)
    for path in ("", f"/{secretive}", f"/{secretive}/edit"):
        page = staff.get(f"/admin/crm/customers{path}")
        assert page.status_code == 200
        assert not LEAKS.search(page.get_data(as_text=True)), path


def test_it_cannot_be_changed_by_any_way(client: DxpClient, secretive: Any) -> None:
    key = client.as_key(*SCOPES)
    url = f"/api/v1/customers/{secretive}"
    changes: list[dict[str, Any]] = [
        {"email": "new@example.com"},
        {"fields": {"risk": "low"}},
        {"tags": []},
    ]
    for change in changes:
        answer = key.patch(url, json=change, headers={"If-Match": '"v1"'})
        assert answer.get_json()["code"] == "field_restricted", change
    answer = key.put(f"{url}/birthday", json={"month": 1, "day": 1})
    assert answer.get_json()["code"] == "field_restricted"
    made = key.post("/api/v1/customers", json={"email": "new@example.com"})
    assert made.get_json()["code"] == "field_restricted"
    form = client.as_staff(*SCOPES).submit(
        f"/admin/crm/customers/{secretive}/edit", {"email": "new@example.com"}
    )
    assert form.status_code == 422


def test_names_for_other_plugins_hold_nothing_that_is_kept_back(
    platform: Platform, secretive: Any
) -> None:
    with platform.db.read() as session:
        assert platform.services.get(Profiles).display_name(session, secretive) is None


def test_the_permission_for_all_fields_opens_them(client: DxpClient, secretive: Any) -> None:
    key = client.as_key(*SCOPES, "crm.fields.restricted")
    body = key.get(f"/api/v1/customers/{secretive}").get_json()
    assert (body["email"], body["hidden"]) == (SECRETS["email"], [])


def test_the_role_opens_them_to_staff(
    client: DxpClient, platform: Platform, secretive: Any
) -> None:
    client.as_staff("*")
    staff = client.as_staff(*SCOPES)
    assert staff.staff_id is not None
    with platform.db.write() as session:
        held = platform.accounts.staff.roles_of(session, [staff.staff_id])[staff.staff_id]
        platform.accounts.staff.set_roles(
            session, SystemActor(), staff.staff_id, [*(role.name for role in held), "keeper"]
        )
    page = staff.get(f"/admin/crm/customers/{secretive}").get_data(as_text=True)
    assert SECRETS["email"] in page
    assert SECRETS["fields.risk"] in page


def test_customers_see_themselves_but_not_the_shops_own_fields(
    client: DxpClient, secretive: Any
) -> None:
    body = client.as_customer(secretive).get("/api/v1/me/profile").get_json()
    assert body["email"] == SECRETS["email"]
    assert (body["fields"], body["hidden"]) == ({}, [])


def test_a_rule_is_made_in_the_admin(client: DxpClient, platform: Platform, grace: Any) -> None:
    manager = client.as_staff("crm.fields.manage")
    saved = manager.submit(
        "/admin/crm/fields/access/person/email", {"see": "roles", "change": "everybody"}
    )
    assert saved.status_code == 303
    assert "lock" in manager.get("/admin/crm/fields").get_data(as_text=True)
    reader = client.as_key("crm.customers.read")
    assert reader.get(f"/api/v1/customers/{grace['id']}").get_json()["email"] is None
    opened = manager.submit(
        "/admin/crm/fields/access/person/email", {"see": "everybody", "change": "everybody"}
    )
    assert opened.status_code == 303
    assert reader.get(f"/api/v1/customers/{grace['id']}").get_json()["email"] is not None
    assert manager.get("/admin/crm/fields/access/person/nothing").status_code == 404


def test_the_audit_log_keeps_it_back(client: DxpClient, platform: Platform, secretive: Any) -> None:
    reader = client.as_staff("core.audit.read", *SCOPES)
    with platform.db.read() as session:
        entries = [
            entry.seq
            for entry in platform.audit.entries(session)
            if entry.action == "crm.customer.registered"
        ]
    page = reader.get(f"/admin/audit/{entries[0]}").get_data(as_text=True)
    assert "birthday" in page
    assert not LEAKS.search(page)
    keeper = client.as_staff("core.audit.read", "crm.fields.restricted")
    assert LEAKS.search(keeper.get(f"/admin/audit/{entries[0]}").get_data(as_text=True))


def test_a_merge_offers_nothing_of_it_to_choose(client: DxpClient, secretive: Any) -> None:
    other = client.as_key(*SCOPES, "crm.fields.restricted").post(
        "/api/v1/customers", json={"name": "Other", "email": "other@example.com"}
    )
    staff = client.as_staff(MERGE, *SCOPES)
    page = staff.get(f"/admin/crm/merge/{other.get_json()['id']}/{secretive}")
    assert page.status_code == 200
    assert not LEAKS.search(page.get_data(as_text=True))
