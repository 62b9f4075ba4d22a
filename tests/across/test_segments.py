"""Segments over the facts of other plugins."""

from __future__ import annotations

import uuid
from typing import Any

from dxp.api import FactFieldsContext, FactsContext, Platform, Plugin
from dxp.contracts import SEGMENTS_FACT, OrderPlaced
from dxp.testing import DxpClient

SCOPES = (
    "crm.customers.read",
    "crm.customers.write",
    "crm.segments.manage",
    "loyalty.adjustments.write",
)


def _facts(platform: Platform, subject_id: uuid.UUID) -> dict[str, Any]:
    with platform.db.read() as session:
        context = FactsContext(
            session=session, platform=platform, subject_ids=[subject_id], now=platform.clock.now()
        )
        found: dict[str, Any] = {}
        for answer in platform.plugins.call(Plugin.facts, context):
            found |= answer.value.get(subject_id, {})
    return found


def test_points_put_a_customer_into_a_segment_at_once(
    client: DxpClient, platform: Platform, run_jobs: Any
) -> None:
    key = client.as_key(*SCOPES)
    made = key.post("/api/v1/customers", json={"ref": "C-1"}).get_json()
    body = {
        "key": "rich",
        "names": {"en": "Rich"},
        "condition": {"loyalty.points_available": {"$gte": 100}},
        "status": "active",
    }
    assert key.post("/api/v1/segments", json=body).status_code == 201
    run_jobs()
    subject_id = uuid.UUID(made["id"])
    answer = key.post(
        f"/api/v1/members/{subject_id}/adjustments",
        json={"points": 150, "reason_code": "goodwill"},
        headers={"Idempotency-Key": "one"},
    )
    assert answer.status_code in (200, 201), answer.get_json()
    assert _facts(platform, subject_id)[SEGMENTS_FACT] == ["rich"]


def test_every_fact_of_every_plugin_is_described(client: DxpClient, platform: Platform) -> None:
    made = client.as_key(*SCOPES).post("/api/v1/customers", json={"ref": "C-1"}).get_json()
    with platform.db.read() as session:
        context = FactFieldsContext(session=session, platform=platform)
        fields = {
            field.name
            for answer in platform.plugins.call(Plugin.fact_fields, context)
            for field in answer.value
        }
    assert fields == _facts(platform, uuid.UUID(made["id"])).keys() - {SEGMENTS_FACT}


def test_points_that_mature_and_end_move_a_customer_by_time_alone(
    client: DxpClient, platform: Platform, run_jobs: Any, clock: Any
) -> None:
    """At the moments that were foretold; the count of the form says the same at each of them."""
    key = client.as_key(*SCOPES, "loyalty.rules.write")
    rule = {
        "key": "one",
        "name": "One for one",
        "event_type": "order.placed",
        "award": {"type": "per_amount", "points": "1"},
        "pending_days": 3,
        "expires_after_days": 10,
    }
    assert key.post("/api/v1/loyalty/earning-rules", json=rule).status_code == 201
    made = key.post("/api/v1/customers", json={"ref": "C-1"}).get_json()
    subject_id = uuid.UUID(made["id"])
    condition = {"loyalty.points_available": {"$gte": 100}}
    body = {"key": "rich", "names": {"en": "Rich"}, "condition": condition, "status": "active"}
    assert key.post("/api/v1/segments", json=body).status_code == 201
    run_jobs()
    order = OrderPlaced(order_id="o-1", total="150.00", currency="EUR")
    with platform.db.write() as session:
        platform.events.publish(session, order, subject_id=subject_id, occurred_at=clock.now())
    run_jobs()
    seen = []
    for _ in range(4):
        with platform.db.write() as session:
            platform.jobs.enqueue(session, "crm.segments.due", {})
        run_jobs()
        counted = key.post("/api/v1/segments/preview", json={"condition": condition}).get_json()
        seen.append((_facts(platform, subject_id)[SEGMENTS_FACT], counted["count"]))
        clock.advance(days=4)
    assert seen == [([], 0), (["rich"], 1), (["rich"], 1), ([], 0)]


def test_tiers_can_be_asked_for_in_segments(
    client: DxpClient, platform: Platform, run_jobs: Any
) -> None:
    """By key and by rank; who has no tier is below all of them."""
    key = client.as_key(*SCOPES)
    staff = client.as_staff("*")
    assert staff.submit("/admin/loyalty/tiers", {"basis": "orders", "active": "true"}).status_code
    for number, (name, threshold) in enumerate((("silver", "1"), ("gold", "5")), 1):
        form = {"key": name, "name_en": name, "threshold": threshold, "version": str(number)}
        assert staff.submit("/admin/loyalty/tiers/new", form).status_code == 303
    made = [
        uuid.UUID(key.post("/api/v1/customers", json={"ref": f"C-{n}"}).get_json()["id"])
        for n in range(2)
    ]
    conditions = {
        "ranked": {"loyalty.tier_rank": {"$gte": 1}},
        "silver": {"loyalty.tier": "silver"},
        "low": {"loyalty.tier_rank": {"$lt": 1}},
    }
    for name, condition in conditions.items():
        body = {"key": name, "names": {"en": name}, "condition": condition, "status": "active"}
        assert key.post("/api/v1/segments", json=body).status_code == 201
    run_jobs()
    with platform.db.write() as session:
        order = OrderPlaced(order_id="o-1", total="5.00", currency="EUR")
        platform.events.publish(session, order, subject_id=made[0])
    run_jobs()
    found = [sorted(_facts(platform, one)[SEGMENTS_FACT]) for one in made]
    assert found == [["ranked", "silver"], ["low"]]
    for condition in conditions.values():
        counted = key.post("/api/v1/segments/preview", json={"condition": condition}).get_json()
        assert counted["count"] == 1, condition
