"""Duplicates are found by what they share, with a reason for each."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import pytest

from dxp.api import Platform
from dxp.testing.client import DxpClient
from dxp_crm.models import Duplicate, DuplicateTrait
from dxp_crm.services import Crm, duplicates

Dying = Callable[[int], AbstractContextManager[Any]]


@pytest.fixture
def register(key: DxpClient) -> Any:
    def made(**values: Any) -> uuid.UUID:
        answer = key.post("/api/v1/customers", json=values)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return uuid.UUID(answer.get_json()["id"])

    return made


def scan(platform: Platform) -> dict[frozenset[uuid.UUID], tuple[int, list[str]]]:
    crm = platform.services.get(Crm)
    crm.duplicates.scan()
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


@pytest.fixture
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps of few customers, so that a handful of them makes a scan of many steps."""
    monkeypatch.setattr(duplicates, "_CUSTOMERS", 2)
    monkeypatch.setattr(duplicates, "_TRAITS", 3)


def test_a_scan_that_is_killed_goes_on_where_it_stood(
    register: Any, platform: Platform, dying: Dying, small_steps: None
) -> None:
    """Nobody is read twice, and wherever it ends, the pairs are those of a scan in one go."""
    pairs = set()
    for number in range(3):
        mailbox = f"grace{number}@example.com"
        one = register(name="Grace Miller", email=mailbox, phone=f"+3361234567{number}")
        two = register(name="Grace Miler", phone=f"+3361234567{number}")
        pairs.add(frozenset((one, two)))
    found: dict[frozenset[uuid.UUID], Any] = {}
    kills = 0
    while not found:
        with dying(1 + kills % 2) as death:
            found = scan(platform)
        kills += death.happened
    assert kills > 4
    assert set(found) == pairs
    with platform.db.read() as session:
        state = platform.services.get(Crm).duplicates.state(session)
        assert state is not None
        assert (state.number, state.read, state.to_read) == (1, 6, 6)
        assert session.query(DuplicateTrait).count() == 0


def test_two_who_scan_at_once_share_the_work(
    register: Any, platform: Platform, small_steps: None
) -> None:
    for number in range(12):
        register(name="Grace Miller", phone=f"+3361234567{number // 2}")
    service = platform.services.get(Crm).duplicates
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _number: service.scan(), range(2)))
    with platform.db.read() as session:
        assert len(session.scalars(service.found()).all()) == 6
        state = service.state(session)
    assert state is not None
    assert state.read == 12


def test_what_many_share_makes_no_pairs(
    register: Any, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A switchboard's number is compared with nobody's."""
    monkeypatch.setattr(duplicates, "MAX_BLOCK", 3)
    for number in range(4):
        register(name="Grace Miller", phone="+33612345678", email=f"g{number}@example.com")
    assert scan(platform) == {}


def test_the_page_shows_how_far_a_scan_is(
    client: DxpClient, register: Any, platform: Platform, dying: Dying, small_steps: None
) -> None:
    for number in range(6):
        register(name="Grace Miller", phone=f"+3361234567{number}")
    staff = client.as_staff("crm.customers.merge", "crm.customers.read")
    with dying(3):
        scan(platform)
    for address in ("", "/progress"):
        page = staff.get(f"/admin/crm/duplicates{address}").get_data(as_text=True)
        assert "Customers are being read: 4 of 6." in page
    scan(platform)
    assert staff.get("/admin/crm/duplicates/progress").status_code == 303
    assert "Last scan" in staff.get("/admin/crm/duplicates").get_data(as_text=True)


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
