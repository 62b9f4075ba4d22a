"""Who may not see a birthday does not read it from another plugin either."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.api import Platform, SystemActor, hidden_facts, hidden_profile_fields
from dxp.testing import DxpClient
from dxp_crm.services import Crm
from dxp_loyalty.events import BirthdayGiftIssued

ACTOR = SystemActor(name="test")
CONSENTS = [
    {"purpose": "birthday", "granted": True, "channel": "web", "text_version": "1"},
]
GIFT = BirthdayGiftIssued(rule="birthday", points=50)
SCOPES = ("crm.customers.read", "loyalty.ledger.read", "loyalty.occasions.read")


@pytest.fixture
def grace(client: DxpClient, platform: Platform, run_jobs: Any) -> uuid.UUID:
    """A customer whose birthday only keepers may see, with a gift on her timeline."""
    crm = platform.services.get(Crm)
    rule = {"key": "birthday", "points": 50, "texts": {"en": {"name": "Birthday gift"}}}
    made = client.as_key("loyalty.occasions.write").post(
        "/api/v1/loyalty/occasion-rules", json=rule
    )
    assert made.status_code == 201, made.get_json()
    with platform.db.write() as session:
        birthday = {"month": 11, "day": 29, "year": 1971, "calendar": "gregorian"}
        customer = crm.customers.register(
            session, ACTOR, {"ref": "C-1", "birthday": birthday, "consents": CONSENTS}
        )
        platform.events.publish(session, GIFT, subject_id=customer.subject_id)
        crm.visibility.restrict(
            session, ACTOR, record="person", name="birthday", see_roles=["x"], change_roles=["x"]
        )
    run_jobs()
    return customer.subject_id


def test_facts_that_reveal_it_are_hidden_and_not_asked_for(
    client: DxpClient, grace: uuid.UUID, platform: Platform
) -> None:
    reader = client.as_staff(*SCOPES, "crm.segments.manage")
    source = {"mode": "source", "source": '{"crm.birthday": {"$exists": true}}'}
    told = {"mode": "source", "source": f'{{"$event": {{"type": "{GIFT.type}"}}}}'}
    for sent in (source, told):
        page = reader.submit("/admin/crm/conditions/preview", sent).get_data(as_text=True)
        assert "may not filter by" in page
    key = SystemActor(name="reader", permissions=frozenset(SCOPES))
    with platform.db.read() as session:
        assert hidden_profile_fields(platform, session, key) == {"birthday"}
        hidden = hidden_facts(platform, session, key)
        assert {"crm.birthday", "loyalty.birthday_in_days"} <= hidden
        assert "crm.country" not in hidden
        everything = SystemActor(name="all", permissions=frozenset("*"))
        assert hidden_facts(platform, session, everything) == frozenset()


def test_the_timeline_and_the_panels_leave_out_what_reveals_it(
    client: DxpClient, grace: uuid.UUID
) -> None:
    url = f"/api/v1/customers/{grace}/timeline"

    def types(reader: DxpClient) -> set[str]:
        return {row["type"] for row in reader.get(url).get_json()["data"]}

    assert GIFT.type in types(client.as_key(*SCOPES, "crm.fields.restricted"))
    assert GIFT.type not in types(client.as_key(*SCOPES))
    assert "customer.registered" in types(client.as_key(*SCOPES))
    page = f"/admin/crm/customers/{grace}"
    seen, hidden = (
        reader.get(page).get_data(as_text=True)
        for reader in (client.as_staff("*"), client.as_staff(*SCOPES))
    )
    assert seen.count("Birthday gift issued") == hidden.count("Birthday gift issued") + 1
    planned = "can be claimed until", ">Gift<"
    assert any(words in seen for words in planned)
    assert not any(words in hidden for words in planned)
    for member, shown in ((client.as_staff("*"), True), (client.as_staff(*SCOPES), False)):
        ledger = member.get(f"/admin/loyalty/members/{grace}").get_data(as_text=True)
        assert ("29 Nov" in ledger) is shown
    grants = "/api/v1/loyalty/occasions"
    assert client.as_key(*SCOPES, "crm.fields.restricted").get(grants).get_json()["data"]
    assert client.as_key(*SCOPES).get(grants).get_json()["data"] == []
