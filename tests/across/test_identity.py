"""Who is who: a browser finds its owner by a rule, two customers become one by a person only."""

from __future__ import annotations

import io
import threading
import uuid
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.events import EventRow, NewEvent
from dxp.platform import Platform
from dxp.privacy import Merge
from dxp.subjects import Subject
from dxp.testing import staff_actor
from dxp.testing.client import DxpClient
from dxp_crm.models import Customer
from dxp_crm.services import Crm
from tests.across.scopes import all_scopes

STAFF = staff_actor("*")
MAIL = "grace@example.com"


@pytest.fixture
def key(client: DxpClient) -> DxpClient:
    return all_scopes(client)


@pytest.fixture
def two(key: DxpClient) -> tuple[str, str]:
    """Grace, who has the address, and Ada, who has none."""
    found = []
    for body in ({"ref": "G", "name": "Grace", "email": MAIL}, {"ref": "A", "name": "Grace"}):
        answer = key.post("/api/v1/customers", json=body)
        assert answer.status_code == 201, answer.get_data(as_text=True)
        found.append(answer.get_json()["id"])
    return found[0], found[1]


def by_registration(key: DxpClient, _platform: Platform, _ids: tuple[str, str]) -> str:
    answer = key.post("/api/v1/customers", json={"ref": "N", "name": "Grace", "email": MAIL})
    return str(answer.get_json()["code"])


def by_registration_in_capitals(key: DxpClient, _platform: Platform, _ids: tuple[str, str]) -> str:
    answer = key.post("/api/v1/customers", json={"ref": "N", "email": MAIL.upper()})
    return str(answer.get_json()["code"])


def by_a_change(key: DxpClient, _platform: Platform, ids: tuple[str, str]) -> str:
    url = f"/api/v1/customers/{ids[1]}"
    etag = key.get(url).headers["ETag"]
    answer = key.patch(url, json={"email": MAIL}, headers={"If-Match": etag})
    return str(answer.get_json()["code"])


def by_an_import(_key: DxpClient, platform: Platform, _ids: tuple[str, str]) -> str:
    crm = platform.services.get(Crm)
    file = io.BytesIO(f"ref,email\nA,{MAIL}\n".encode())
    job = crm.imports.import_at_once(STAFF, file, kind="customers", file_name="all.csv")
    assert job.counts.get("faulty") == 1
    return "customer_exists"


def by_the_nightly_scan(_key: DxpClient, platform: Platform, _ids: tuple[str, str]) -> str:
    platform.services.get(Crm).duplicates.scan()
    return "customer_exists"


def by_identifying_a_browser_of_another(
    key: DxpClient, _platform: Platform, ids: tuple[str, str]
) -> str:
    body = {"anonymous_id": "shared-computer"}
    assert key.post(f"/api/v1/customers/{ids[0]}/identify", json=body).status_code == 200
    answer = key.post(f"/api/v1/customers/{ids[1]}/identify", json=body)
    assert answer.get_json()["code"] == "anonymous_id_taken"
    return "customer_exists"


def by_an_event_of_another(key: DxpClient, _platform: Platform, _ids: tuple[str, str]) -> str:
    """A registration that a shop reports with somebody else's address in it is no proof."""
    data = {"order_id": "1", "total": "1.00", "currency": "USD", "lines": [], "email": MAIL}
    event = {"id": "e", "type": "order.placed", "subject": {"ref": "A"}, "data": data}
    key.post("/api/v1/events", json={"events": [event]})
    return "customer_exists"


@pytest.mark.parametrize(
    "attempt",
    [
        by_registration,
        by_registration_in_capitals,
        by_a_change,
        by_an_import,
        by_the_nightly_scan,
        by_identifying_a_browser_of_another,
        by_an_event_of_another,
    ],
)
def test_two_customers_never_become_one_by_a_rule(
    attempt: Any, key: DxpClient, platform: Platform, two: tuple[str, str]
) -> None:
    """The same address, from whatever side it comes, is refused or put before a person."""
    assert attempt(key, platform, two) == "customer_exists"
    with platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Merge)) == 0
        assert session.scalar(select(func.count()).select_from(Customer)) == 2
        merged = select(func.count()).where(Subject.merged_into_id.is_not(None))
        assert session.scalar(merged) == 0
        assert session.get_one(Customer, uuid.UUID(two[1])).email is None


def view(key: DxpClient, platform: Platform, number: str, *, ago: int) -> dict[str, Any]:
    """A page view of a browser, so many minutes ago."""
    at = platform.clock.now() - timedelta(minutes=ago)
    event = {
        "id": number,
        "type": "page.viewed",
        "subject": {"anonymous_id": "browser"},
        "occurred_at": at.isoformat(),
        "data": {"path": f"/{number}"},
    }
    answer = key.post("/api/v1/events", json={"events": [event]})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return dict(answer.get_json()["data"][0])


def timeline(key: DxpClient, customer: str) -> list[str]:
    url = f"/api/v1/customers/{customer}/timeline?filter[type]=page.viewed"
    return [item["data"]["path"][-1] for item in key.get(url).get_json()["data"]]


def test_late_events_of_a_browser_find_their_way_to_its_owner(
    key: DxpClient, platform: Platform, two: tuple[str, str]
) -> None:
    """Before, during and after the log-in, in any order, twice, and back when it is undone."""
    grace = two[0]
    view(key, platform, "3", ago=30)
    body = {"anonymous_id": "browser"}
    for _twice in range(2):
        answer = key.post(f"/api/v1/customers/{grace}/identify", json=body)
        assert answer.get_json() == {"id": grace}
    view(key, platform, "1", ago=50)
    view(key, platform, "4", ago=1)
    view(key, platform, "2", ago=40)
    assert view(key, platform, "2", ago=40)["status"] == "duplicate"
    assert timeline(key, grace) == ["4", "3", "2", "1"]
    with platform.db.write() as session:
        (merge,) = session.scalars(select(Merge))
        browser = merge.loser_id
        platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
    assert timeline(key, grace) == []
    with platform.db.read() as session:
        mine = select(func.count()).where(
            EventRow.subject_id == browser, EventRow.type == "page.viewed"
        )
        assert session.scalar(mine) == 4


def test_a_browser_that_was_never_seen_belongs_to_its_owner_from_its_first_event(
    key: DxpClient, platform: Platform, two: tuple[str, str]
) -> None:
    key.post(f"/api/v1/customers/{two[1]}/identify", json={"anonymous_id": "browser"})
    view(key, platform, "1", ago=90)
    assert timeline(key, two[1]) == ["1"]


def test_a_browser_goes_with_the_customer_whose_owner_signed_in(
    key: DxpClient, platform: Platform, two: tuple[str, str]
) -> None:
    """It neither stands in the way of undoing a later look at the merge, nor is it lost by it."""
    grace, ada = (uuid.UUID(one) for one in two)
    with platform.db.write() as session:
        merge = platform.privacy.merges.merge(session, STAFF, winner_id=grace, loser_id=ada)
    view(key, platform, "1", ago=9)
    key.post(f"/api/v1/customers/{ada}/identify", json={"anonymous_id": "browser"})
    view(key, platform, "2", ago=8)
    assert timeline(key, two[0]) == ["2", "1"]
    with platform.db.write() as session:
        platform.privacy.merges.undo(session, STAFF, merge_id=merge.id)
    view(key, platform, "3", ago=7)
    assert timeline(key, two[0]) == []
    assert timeline(key, two[1]) == ["3", "2", "1"]


def test_what_is_being_written_about_a_browser_is_not_lost_to_its_log_in(
    platform: Platform, two: tuple[str, str]
) -> None:
    """Whoever writes first: the event ends where the browser does."""
    with platform.db.write() as session:
        browser = platform.subjects.meet(session, ["browser"])["browser"].subject_id

    def log_in() -> None:
        with platform.db.write() as session:
            platform.privacy.identity.identify(
                session, STAFF, subject_id=uuid.UUID(two[0]), anonymous_id="browser"
            )

    signing_in = threading.Thread(target=log_in)
    with platform.db.write() as session:
        whose = platform.subjects.meet(session, ["browser"])["browser"]
        signing_in.start()
        # Time for a log-in that nothing holds up to be through.
        signing_in.join(timeout=0.5)
        data = {"order_id": "1", "total": "1.00", "currency": "USD", "lines": []}
        event = NewEvent(
            type="order.placed",
            data=data,
            subject_id=whose.subject_id,
            origin_id=whose.origin_id,
            source="shop",
            external_id="1",
        )
        platform.events.publish_many(session, [event])
    signing_in.join()
    with platform.db.read() as session:
        row = session.scalars(select(EventRow).where(EventRow.external_id == "1")).one()
        assert (str(row.subject_id), row.origin_id) == (two[0], browser)
