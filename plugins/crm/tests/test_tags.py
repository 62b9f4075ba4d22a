"""Tags: kept as a list that is always what records carry."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.models import Customer, Tag, TagLink
from dxp_crm.services import Crm

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), unique=True)


@pytest.fixture
def manager(client: DxpClient) -> DxpClient:
    return client.as_key("crm.customers.read", "crm.customers.write", "crm.tags.manage")


def tags_of(client: DxpClient) -> dict[str, dict[str, Any]]:
    return {tag["name"]: tag for tag in client.get("/api/v1/tags").get_json()}


def found(client: DxpClient, tag: str) -> list[str]:
    answer = client.get(f"/api/v1/customers?filter[tag]={tag}")
    return [item["ref"] for item in answer.get_json()["data"]]


def test_a_tag_that_a_customer_is_given_joins_the_list(manager: DxpClient) -> None:
    manager.post("/api/v1/customers", json={"ref": "A", "tags": ["vip", "early"]})
    manager.post("/api/v1/customers", json={"ref": "B", "tags": ["vip"]})
    counts = {name: tag["customers"] for name, tag in tags_of(manager).items()}
    assert counts == {"early": 1, "vip": 2}
    assert found(manager, "vip") == ["B", "A"]
    assert found(manager, "nobody") == []


def test_a_new_name_shows_on_every_record_with_a_new_version(manager: DxpClient) -> None:
    made = manager.post("/api/v1/customers", json={"ref": "A", "tags": ["x", "vip"]}).get_json()
    tag = tags_of(manager)["vip"]
    answer = manager.put(f"/api/v1/tags/{tag['id']}", json={"name": "gold", "color": "warning"})
    assert answer.get_json()["customers"] == 1
    now = manager.get(f"/api/v1/customers/{made['id']}").get_json()
    assert now["tags"] == ["x", "gold"]
    assert now["version"] == made["version"] + 1
    assert found(manager, "gold") == ["A"]


def test_a_name_that_is_taken_is_refused(manager: DxpClient) -> None:
    manager.post("/api/v1/customers", json={"tags": ["a", "b"]})
    tag = tags_of(manager)["a"]
    assert manager.put(f"/api/v1/tags/{tag['id']}", json={"name": "b"}).status_code == 409
    assert manager.post("/api/v1/tags", json={"name": "b"}).status_code == 409


def test_merged_tags_are_one_and_counted_once(manager: DxpClient) -> None:
    manager.post("/api/v1/customers", json={"ref": "A", "tags": ["vip", "best"]})
    manager.post("/api/v1/customers", json={"ref": "B", "tags": ["best"]})
    tags = tags_of(manager)
    merged = manager.post(
        f"/api/v1/tags/{tags['best']['id']}/merge", json={"into": tags["vip"]["id"]}
    )
    assert merged.get_json()["customers"] == 2
    assert list(tags_of(manager)) == ["vip"]
    assert found(manager, "vip") == ["B", "A"]


def test_a_deleted_tag_is_taken_off(manager: DxpClient) -> None:
    made = manager.post("/api/v1/customers", json={"tags": ["old", "new"]}).get_json()
    assert manager.delete(f"/api/v1/tags/{tags_of(manager)['old']['id']}").status_code == 204
    assert manager.get(f"/api/v1/customers/{made['id']}").get_json()["tags"] == ["new"]


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.tuples(st.sampled_from(["write", "rename", "merge", "delete"]), NAMES), max_size=6)
)
def test_after_any_changes_the_index_is_what_the_records_carry(
    platform: Platform, steps: list[tuple[str, list[str]]]
) -> None:
    crm, actor = platform.services.get(Crm), SystemActor()
    with platform.db.write() as session:
        customer = crm.customers.register(session, actor, {"tags": ["a"]})
        for what, names in steps:
            known = {tag.name: tag.id for tag in crm.tags.listed(session)}
            present = [name for name in names if name in known]
            if what == "write":
                crm.customers.update(
                    session,
                    actor,
                    subject_id=customer.subject_id,
                    version=None,
                    changes={"tags": names},
                )
            elif what == "rename" and present and "e" not in known:
                crm.tags.update(session, actor, tag_id=known[present[0]], name="e", color="info")
            elif what == "merge" and len(present) > 1:
                crm.tags.merge(session, actor, tag_id=known[present[0]], into=known[present[1]])
            elif what == "delete" and present:
                crm.tags.delete(session, actor, tag_id=known[present[0]])
        rows = session.execute(
            select(TagLink.record_id, Tag.name).join(Tag, Tag.id == TagLink.tag_id)
        )
        linked = {(row.record_id, row.name) for row in rows}
        carried = {
            (found.subject_id, name)
            for found in session.scalars(select(Customer))
            for name in found.tags
        }
    assert linked == carried


def test_a_tag_is_kept_in_the_admin(client: DxpClient, manager: DxpClient, visible: Any) -> None:
    staff = client.as_staff("crm.tags.manage", "crm.customers.read")
    manager.post("/api/v1/customers", json={"name": "Ada", "tags": ["vip", "best"]})
    assert staff.submit("/admin/crm/tags/new", {"name": "early"}).status_code == 303
    tags = tags_of(manager)
    url = f"/admin/crm/tags/{tags['vip']['id']}"
    assert staff.submit(url, {"name": "best", "color": "info"}).status_code == 422
    assert staff.submit(f"{url}/merge", {"into": tags["best"]["id"]}).status_code == 303
    assert "Ada" in visible(staff.get("/admin/crm/customers?tag=best"))
    assert "Ada" not in visible(staff.get("/admin/crm/customers?tag=early"))
