"""Duplicates are found by what they share, with a reason for each."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from dxp.api import Platform
from dxp.testing.client import DxpClient
from dxp_crm.models import Duplicate
from dxp_crm.services import Crm


@pytest.fixture
def register(key: DxpClient) -> Any:
    def made(**values: Any) -> uuid.UUID:
        answer = key.post("/api/v1/customers", json=values)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return uuid.UUID(answer.get_json()["id"])

    return made


def scan(platform: Platform) -> dict[frozenset[uuid.UUID], tuple[int, list[str]]]:
    crm = platform.services.get(Crm)
    with platform.db.write() as session:
        crm.duplicates.scan(session)
    with platform.db.read() as session:
        rows = session.scalars(crm.duplicates.found()).all()
    return {frozenset((row.low_id, row.high_id)): (row.score, row.reasons) for row in rows}


def test_pairs_are_found_by_mailbox_telephone_and_birthday(
    register: Any, platform: Platform
) -> None:
    """However these are written; a name alone makes nobody a duplicate."""
    birthday = {"month": 12, "day": 9, "year": 1906}
    one = register(name="Grace Miller", email="grace@example.com", birthday=birthday)
    two = register(name="Miller, Grace", email="Grace+shop@example.com", birthday=birthday)
    three = register(name="Ada Stone", phone="06 12 34 56 78", country="FR")
    four = register(name="Ada Stohne", phone="+33612345678")
    register(name="Grace Miller")
    found = scan(platform)
    assert set(found) == {frozenset((one, two)), frozenset((three, four))}
    score, reasons = found[frozenset((one, two))]
    assert score == 100
    assert {"same_mailbox", "same_birthday"} <= set(reasons)
    assert "same_phone" in found[frozenset((three, four))][1]


def test_another_birthday_speaks_against_it(register: Any, platform: Platform) -> None:
    """Twins share a name's beginning and a telephone."""
    for name, day in (("Ann Lee", 1), ("Ann Lea", 2)):
        birthday = {"month": 1, "day": day, "year": 1990}
        register(name=name, phone="+33612345678", birthday=birthday)
    assert scan(platform) == {}


def test_staff_merge_field_by_field_or_say_that_these_are_two(
    client: DxpClient, register: Any, platform: Platform, key: DxpClient
) -> None:
    """The pages from the list to the merged customer; a refuted pair never comes back."""
    one = register(ref="1", name="Grace Miller", phone="+33612345678")
    two = register(ref="2", name="Grace Miler", phone="+33 6 12 34 56 78")
    scan(platform)
    staff = client.as_staff("crm.customers.merge", "crm.customers.read")
    page = staff.get("/admin/crm/duplicates").get_data(as_text=True)
    assert "same telephone number" in page
    url = f"/admin/crm/merge/{one}/{two}"
    assert "Grace Miler" in staff.get(url).get_data(as_text=True)
    low, high = sorted((one, two))
    assert staff.submit(f"/admin/crm/duplicates/{low}/{high}/refute").status_code == 303
    assert scan(platform) == {}
    answer = staff.submit(url, {"crm.name": "loser", "crm.ref": "winner"})
    assert answer.status_code == 303, answer.get_data(as_text=True)
    merged = key.get(f"/api/v1/customers/{two}").get_json()
    assert (merged["id"], merged["name"], merged["ref"]) == (str(one), "Grace Miler", "1")
    assert staff.submit(url, {}).status_code == 422
    with platform.db.read() as session:
        assert session.query(Duplicate).count() == 0
