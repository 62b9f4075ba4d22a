"""Segments over the facts of other plugins."""

from __future__ import annotations

import uuid
from typing import Any

from dxp.api import FactFieldsContext, FactsContext, Platform, Plugin
from dxp.contracts import SEGMENTS_FACT
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
