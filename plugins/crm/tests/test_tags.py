"""Tags: kept as a list that is always what records carry."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import Platform, Problem, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.models import Customer, Tag, TagLink
from dxp_crm.services import Crm, tag_changes

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), unique=True, max_size=3)


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


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of two, so that a handful of records is more than is rewritten at once."""
    monkeypatch.setattr(tag_changes, "BATCH", 2)


def register_five(manager: DxpClient, *tags: str) -> None:
    for number in range(5):
        manager.post("/api/v1/customers", json={"ref": f"R-{number}", "tags": ["x", *tags]})


def carried(client: DxpClient) -> list[list[str]]:
    found = client.get("/api/v1/customers").get_json()["data"]
    return [item["tags"] for item in sorted(found, key=lambda item: str(item["ref"]))]


def test_many_records_are_renamed_by_a_job_whose_progress_shows(
    manager: DxpClient, run_jobs: Any, small_batches: None
) -> None:
    register_five(manager, "vip")
    url = f"/api/v1/tags/{tags_of(manager)['vip']['id']}"
    change = manager.put(url, json={"name": "gold"}).get_json()["change"]
    assert (change["old_name"], change["done"], change["total"]) == ("vip", 0, 5)
    assert carried(manager).count(["x", "gold"]) == 0
    assert len(found(manager, "gold")) == 5
    for again in (
        manager.put(url, json={"name": "best"}),
        manager.delete(url),
        manager.post("/api/v1/tags", json={"name": "vip"}),
    ):
        assert (again.status_code, again.get_json()["code"]) == (409, "tag_busy")
    run_jobs()
    assert carried(manager) == [["x", "gold"]] * 5
    assert tags_of(manager)["gold"]["change"] is None
    assert manager.delete(url).status_code == 204


def test_who_is_given_the_old_name_meanwhile_gets_the_new_one(
    manager: DxpClient, run_jobs: Any, small_batches: None
) -> None:
    register_five(manager, "vip")
    tag = tags_of(manager)["vip"]
    manager.put(f"/api/v1/tags/{tag['id']}", json={"name": "gold"})
    late = manager.post("/api/v1/customers", json={"ref": "S", "tags": ["vip"]})
    assert late.get_json()["tags"] == ["gold"]
    run_jobs()
    assert list(tags_of(manager)) == ["gold", "x"]
    assert carried(manager) == [["x", "gold"]] * 5 + [["gold"]]


@pytest.mark.parametrize("target", ["best", None])
def test_a_merge_or_a_deletion_that_is_killed_goes_on_where_it_stood(
    manager: DxpClient,
    platform: Platform,
    run_jobs: Any,
    dying: Any,
    small_batches: None,
    target: str | None,
) -> None:
    register_five(manager, "vip")
    manager.post("/api/v1/customers", json={"ref": "S", "tags": ["vip", "best"]})
    tags = tags_of(manager)
    url = f"/api/v1/tags/{tags['vip']['id']}"
    if target is None:
        assert manager.delete(url).status_code == 204
    else:
        manager.post(f"{url}/merge", json={"into": tags["best"]["id"]})
    with dying(2):
        platform.services.get(Crm).tags.changes.carry_on(uuid.UUID(tags["vip"]["id"]))
    change = tags_of(manager)["vip"]["change"]
    assert (change["done"], change["total"]) == (4, 6)
    run_jobs()
    rest = [] if target is None else [target]
    assert carried(manager) == [["x", *rest]] * 5 + [["best"]]
    counts = {name: tag["customers"] for name, tag in tags_of(manager).items()}
    assert counts == {"best": 1 if target is None else 6, "x": 5}


def test_the_page_of_a_tag_shows_how_far_its_change_is(
    client: DxpClient, manager: DxpClient, run_jobs: Any, small_batches: None
) -> None:
    staff = client.as_staff("crm.tags.manage", "crm.customers.read")
    register_five(manager, "vip", "best")
    tags = tags_of(manager)
    url = f"/admin/crm/tags/{tags['vip']['id']}"
    answer = staff.submit(f"{url}/merge", {"into": tags["best"]["id"]})
    assert answer.headers["Location"].endswith(url)
    for page in (url, f"{url}/progress"):
        text = staff.get(page).get_data(as_text=True)
        assert "What carries it gets “best” instead. 0 of 5 records are done." in text
    assert "being changed: 0 %" in staff.get("/admin/crm/tags").get_data(as_text=True)
    run_jobs()
    assert staff.get(f"{url}/progress").headers["Location"].endswith("/admin/crm/tags")


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(st.sampled_from(["write", "rename", "merge", "delete", "work"]), NAMES),
        max_size=6,
    ),
    st.sampled_from([1, 500]),
)
def test_after_any_changes_the_index_is_what_the_records_carry(
    platform: Platform, steps: list[tuple[str, list[str]]], batch: int
) -> None:
    """Whether they were done at once, or overtook one another in the background."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tag_changes, "BATCH", batch)
        work_through(platform, steps)
    with platform.db.read() as session:
        assert platform.services.get(Crm).tags.changes.under_way(session) == {}
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


def work_through(platform: Platform, steps: list[tuple[str, list[str]]]) -> None:
    crm, actor = platform.services.get(Crm), SystemActor()
    with platform.db.write() as session:
        made = [crm.customers.register(session, actor, {"tags": ["a", "b"]}) for _ in range(2)]
    for what, names in [*steps, ("work", [])]:
        with suppress(Problem), platform.db.write() as session:
            known = {tag.name: tag.id for tag in crm.tags.listed(session)}
            present = [known[name] for name in names if name in known]
            if what == "write":
                crm.customers.update(
                    session,
                    actor,
                    subject_id=made[len(names) % 2].subject_id,
                    version=None,
                    changes={"tags": names},
                )
            elif what == "rename" and present:
                crm.tags.update(session, actor, tag_id=present[0], name="e", color="info")
            elif what == "merge" and len(present) > 1:
                crm.tags.merge(session, actor, tag_id=present[0], into=present[1])
            elif what == "delete" and present:
                crm.tags.delete(session, actor, tag_id=present[0])
        if what == "work":
            with platform.db.read() as session:
                changing = list(crm.tags.changes.under_way(session))
            for tag_id in changing:
                crm.tags.changes.carry_on(tag_id)


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
