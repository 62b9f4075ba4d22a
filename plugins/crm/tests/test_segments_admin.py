"""Segments in the admin: the form for conditions, the preview, lists and files."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from dxp.api import FactField
from dxp.testing import DxpClient
from dxp_crm.web.admin import condition_form

FIELDS = {
    "crm.country": FactField(name="crm.country", label="Country", kind="text"),
    "points": FactField(name="points", label="Points", kind="number"),
    "flag": FactField(name="flag", label="Flag", kind="boolean"),
    "crm.tags": FactField(name="crm.tags", label="Tags", kind="texts"),
    "since": FactField(name="since", label="Since", kind="moment"),
    "birthday": FactField(name="birthday", label="Birthday", kind="day"),
}


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff("crm.customers.read", "crm.customers.write", "crm.segments.manage")


@pytest.fixture
def people(client: DxpClient) -> None:
    key = client.as_key("crm.customers.read", "crm.customers.write")
    for ref, name, country in (
        ("C-1", "Ada", "FR"),
        ("C-2", "=HYPERLINK()", "FR"),
        ("C-3", "Eve", "DE"),
    ):
        key.post("/api/v1/customers", json={"ref": ref, "name": name, "country": country})


def form(**rows: str) -> dict[str, str]:
    """A sent form with one row below the root."""
    sent = {"c.type": "group", "c.join": "all", "c.0.type": "field"}
    return sent | {f"c.0.{name}": value for name, value in rows.items()}


FRENCH = {"name": "French", "key": "french", "kind": "dynamic"} | form(
    field="crm.country", op="$eq", value="FR"
)


@pytest.mark.parametrize(
    "condition",
    [
        {"$and": [{"crm.country": {"$eq": "FR"}}, {"points": {"$gte": 10}}]},
        {"$or": [{"flag": {"$ne": True}}, {"crm.tags": {"$in": ["a", "b"]}}]},
        {"$nor": [{"since": {"$gt": "-30d", "$lte": "now"}}]},
        {"$and": [{"birthday": {"$anniversary": {"within": "-3d"}}}]},
        {"$and": [{"crm.country": {"$exists": False}}]},
        {"$and": [{"$segment": "vip"}, {"$not": {"$segment": "gone"}}]},
        {"$and": [{"$event": {"type": "order.placed", "count": {"$gte": 2}, "within": "30d"}}]},
        {
            "$and": [
                {"$or": [{"points": {"$lt": 1.5}}, {"points": {"$eq": 3}}]},
                {"flag": {"$eq": False}},
            ]
        },
    ],
)
def test_the_form_says_a_condition_and_means_the_same(condition: Mapping[str, Any]) -> None:
    tree = condition_form.tree_of(condition, FIELDS)
    assert tree is not None
    assert condition_form.condition_of(tree, FIELDS) == condition


@pytest.mark.parametrize(
    "condition",
    [
        {"points": {"$gt": 1, "$lt": 3}},
        {"unknown": 1},
        {"$not": {"points": 1}},
        {"$event": {"type": "x", "within": "12h"}},
        {"$event": {"type": "x", "where": {"a": 1}}},
    ],
)
def test_what_the_form_has_no_words_for_stays_json(condition: Mapping[str, Any]) -> None:
    assert condition_form.tree_of(condition, FIELDS) is None


def test_a_segment_is_built_tried_saved_and_switched_on(
    editor: DxpClient, people: None, run_jobs: Any, visible: Any
) -> None:
    preview = visible(editor.submit("/admin/crm/segments/preview", FRENCH))
    assert "Ada" in preview
    assert "Eve" not in preview
    answer = editor.submit("/admin/crm/segments/new", FRENCH)
    assert answer.status_code == 303, answer.get_data(as_text=True)[:3000]
    assert "draft" in editor.get("/admin/crm/segments/french").get_data(as_text=True)
    editor.submit("/admin/crm/segments/french/status", {"status": "active"})
    run_jobs()
    page = visible(editor.get("/admin/crm/segments/french"))
    assert "Ada" in page
    assert "Eve" not in page
    assert "French" in editor.get("/admin/crm/segments").get_data(as_text=True)
    edit = editor.get("/admin/crm/segments/french/edit").get_data(as_text=True)
    assert 'value="FR"' in edit


def test_buttons_add_and_remove_rows(editor: DxpClient) -> None:
    url = "/admin/crm/segments/builder"
    page = editor.submit(url, FRENCH | {"do": "add:c:event"}).get_data(as_text=True)
    assert 'name="c.1.event"' in page
    assert 'value="FR"' in page
    page = editor.submit(url, FRENCH | {"do": "remove:c.0"}).get_data(as_text=True)
    assert "c.0." not in page
    page = editor.submit(url, FRENCH | {"do": "source"}).get_data(as_text=True)
    assert "$eq" in page
    source = {"mode": "source", "source": '{"crm.country": {"$eq": "FR"}}', "do": "form"}
    assert 'value="FR"' in editor.submit(url, source).get_data(as_text=True)


def test_a_faulty_source_is_kept_and_named(editor: DxpClient) -> None:
    for source in ("{", "[]", '{"crm.contry": 1}', '{"crm.country": {"$near": 1}}'):
        sent = {"name": "X", "key": "x", "mode": "source", "source": source}
        answer = editor.submit("/admin/crm/segments/new", sent)
        assert answer.status_code == 422
        assert "Who is meant" in answer.get_data(as_text=True)
        preview = editor.submit("/admin/crm/segments/preview", sent)
        assert preview.status_code == 200
        assert "is-warning" in preview.get_data(as_text=True)


def test_a_list_is_filled_from_a_file_and_downloaded_without_formulas(
    editor: DxpClient, people: None
) -> None:
    editor.submit("/admin/crm/segments/new", {"name": "VIP", "key": "vip", "kind": "static"})
    sent = {"do": "add", "file": (io.BytesIO(b"ref,x\r\nC-1,1\r\nC-2,2\r\nC-9,3\r\n"), "a.csv")}
    answer = editor.submit("/admin/crm/segments/vip/members", sent)
    assert answer.status_code == 303
    text = editor.get("/admin/crm/segments/vip/members.csv").get_data(as_text=True)
    assert text.splitlines()[0] == "ref,name,email,since"
    assert "C-1,Ada" in text
    assert "C-2,'=HYPERLINK()" in text
    editor.submit("/admin/crm/segments/vip/members", {"do": "remove", "refs": "C-1, C-2"})
    text = editor.get("/admin/crm/segments/vip/members.csv").get_data(as_text=True)
    assert len(text.splitlines()) == 1
    bad = {"do": "add", "file": (io.BytesIO(b"\xff\xfe"), "a.csv")}
    assert editor.submit("/admin/crm/segments/vip/members", bad).status_code == 303


def test_the_page_of_a_customer_shows_their_segments_and_why(
    editor: DxpClient, client: DxpClient, people: None, run_jobs: Any
) -> None:
    editor.submit("/admin/crm/segments/new", FRENCH)
    editor.submit("/admin/crm/segments/french/status", {"status": "active"})
    run_jobs()
    key = client.as_key("crm.customers.read")
    [ada] = key.get("/api/v1/customers?filter[ref]=C-1").get_json()["data"]
    page = editor.get(f"/admin/crm/customers/{ada['id']}").get_data(as_text=True)
    assert f"/customers/{ada['id']}/segments/french" in page
    why = editor.get(f"/admin/crm/customers/{ada['id']}/segments/french").get_data(as_text=True)
    assert "Country" in why
    assert "In the segment" in why


def test_who_may_only_read_changes_nothing(client: DxpClient, editor: DxpClient) -> None:
    editor.submit("/admin/crm/segments/new", FRENCH)
    reader = client.as_staff("crm.customers.read")
    assert reader.get("/admin/crm/segments/french").status_code == 200
    for path in ("edit", "status", "delete", "members"):
        assert reader.submit(f"/admin/crm/segments/french/{path}").status_code == 403
