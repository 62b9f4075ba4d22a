"""Segments in the admin: the form for conditions, the preview, lists and files."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from dxp.api import FactField, Platform, SystemActor
from dxp.testing import DxpClient
from dxp_crm.services import Crm
from dxp_crm.services.segments.event_fields import DataField
from dxp_crm.web.admin import condition_form, condition_rows
from tests.conditions.strategies import conditions

FIELDS = {
    "crm.country": FactField(name="crm.country", label="Country", kind="text"),
    "points": FactField(name="points", label="Points", kind="number"),
    "flag": FactField(name="flag", label="Flag", kind="boolean"),
    "crm.tags": FactField(name="crm.tags", label="Tags", kind="texts"),
    "since": FactField(name="since", label="Since", kind="moment"),
    "birthday": FactField(name="birthday", label="Birthday", kind="day"),
}
DATA = {
    name: DataField(name=name, label=name, kind=kind)
    for name, kind in (
        ("total", "money"),
        ("currency", "text"),
        ("paid", "boolean"),
        ("on", "date"),
        ("lines[].sku", "text"),
        ("lines[].quantity", "number"),
    )
}
WORDS = condition_form.Words(
    fields=FIELDS, data=lambda name: DATA if name == "order.placed" else None
)


def order(**asked: Any) -> dict[str, Any]:
    return {"$event": {"type": "order.placed", "count": {"$gte": 2}} | asked}


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff(
        "crm.customers.read",
        "crm.customers.write",
        "crm.customers.export",
        "crm.segments.manage",
    )


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
        {"$and": [{"since": {"$lte": "-3mo"}}, {"since": {"$gt": "now", "$lte": "+36h"}}]},
        {"$and": [{"birthday": {"$gte": "2026-03-01", "$lt": "2026-04-01"}}]},
        {"$and": [{"points": {"$gte": 5, "$lte": 7.5}}]},
        {"$and": [order(within="30d"), order(within="36h"), order(within="4w")]},
        {"$or": [order(within="3mo"), order(since="2026-01-01"), order(until="2026-01-01")]},
        {"$and": [order(since="2026-01-01", until="2026-02-01")]},
        {"$and": [order(where={"total": {"$number": {"$gte": 99.5}}})]},
        {
            "$and": [
                order(where={"$and": [{"currency": {"$in": ["EUR"]}}, {"paid": {"$eq": True}}]})
            ]
        },
        {"$and": [order(where={"lines": {"$elemMatch": {"sku": {"$eq": "TEA"}}}}, within="2w")]},
        {"$and": [order(where={"total": {"$exists": False}})]},
        {"$and": [order(where={"on": {"$gte": "2026-01-01", "$lt": "2026-02-01"}})]},
        {
            "$and": [
                {"$or": [{"points": {"$lt": 1.5}}, {"points": {"$eq": 3}}]},
                {"flag": {"$eq": False}},
            ]
        },
    ],
)
def test_the_form_says_a_condition_and_means_the_same(condition: Mapping[str, Any]) -> None:
    tree = condition_form.tree_of(condition, WORDS)
    assert tree is not None
    assert not condition_form.check(tree, WORDS)
    assert condition_rows.alike(condition_form.condition_of(tree, WORDS), condition)


@pytest.mark.parametrize(
    "condition",
    [
        {"points": {"$gt": 1, "$lt": 3}},
        {"unknown": 1},
        {"$not": {"points": 1}},
        {"points": True},
        {"points": {"$gte": "5"}},
        {"points": {"$eq": " 5"}},
        {"flag": 1},
        {"crm.country": " FR "},
        {"crm.country": {"$in": ["a,b"]}},
        {"crm.country": {"$in": []}},
        {"since": {"$gte": "2026-03-01T09:00:00Z"}},
        {"since": {"$gt": "-030d", "$lte": "now"}},
        {"$or": [{"points": 1}, {}]},
        {"$and": [{"points": 1} for _number in range(120)]},
        {"$event": {"type": "x"}},
        order(within="3600s"),
        order(within="30d", since="2026-01-01"),
        order(since="2026-01-01T09:00:00Z"),
        order(count={"$gt": 1, "$lt": 5}),
        order(where={"color": "red"}),
        order(where={"total": {"$gte": "5"}}),
        order(where={"lines": {"$elemMatch": {"sku": "A", "quantity": 2}}}),
        order(where={"$or": [{"currency": "EUR"}, {"paid": True}]}),
    ],
)
def test_what_the_form_has_no_words_for_stays_json(condition: Mapping[str, Any]) -> None:
    assert condition_form.tree_of(condition, WORDS) is None


@given(source=conditions)
def test_whatever_the_form_shows_means_the_same_when_it_is_saved(source: dict[str, Any]) -> None:
    """The form writes the members of an object as a list, and a plain value as `$eq`."""
    kinds: Mapping[str, Any] = {"x": "number", "y": "text", "z": "day"}
    words = condition_form.Words(
        fields={name: FactField(name=name, label=name, kind=kind) for name, kind in kinds.items()},
        data=lambda _type: {"x": DataField(name="x", label="x", kind="text")},
    )
    tree = condition_form.tree_of(source, words)
    if tree is None:
        return
    sent: dict[str, str] = {}
    _send(tree, "c", sent)
    back = condition_form.condition_of(condition_form.read(sent), words)
    assert _parts(back) == _parts(source)


def _send(node: Mapping[str, Any], at: str, sent: dict[str, str]) -> None:
    """What a browser sends for a tree."""
    for name, value in node.items():
        if name == "nodes":
            for number, inner in enumerate(value):
                _send(inner, f"{at}.{number}", sent)
        elif isinstance(value, str):
            sent[f"{at}.{name}"] = value


def _parts(source: Mapping[str, Any]) -> list[str]:
    """What a condition asks for all at once, in one order and one spelling."""
    found: list[str] = []
    for key, value in source.items():
        if key == "$and":
            found += [text for part in value for text in _parts(part)]
        elif key in ("$or", "$nor"):
            found.append(f"{key} {[_parts(part) for part in value]}")
        elif key == "$event":
            count = value.get("count", {"$gte": 1})
            asked = {k: v for k, v in value.items() if k not in ("where", "count")}
            asked["count"] = count if isinstance(count, dict) else {"$eq": count}
            where = _parts(value.get("where") or {})
            found.append(f"{json.dumps(asked, sort_keys=True)} {where}")
        else:
            plain = key.startswith("$") or isinstance(value, dict)
            found.append(json.dumps({key: value if plain else {"$eq": value}}, sort_keys=True))
    return sorted(found)


def test_a_segment_is_built_tried_saved_and_switched_on(
    editor: DxpClient, people: None, run_jobs: Any, visible: Any
) -> None:
    preview = visible(editor.submit("/admin/crm/conditions/preview", FRENCH))
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
    url = "/admin/crm/conditions/builder"
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
        preview = editor.submit("/admin/crm/conditions/preview", sent)
        assert preview.status_code == 200
        assert "is-warning" in preview.get_data(as_text=True)


def test_a_list_is_filled_from_a_file_and_downloaded_without_formulas(
    editor: DxpClient, platform: Platform, people: None
) -> None:
    editor.submit("/admin/crm/segments/new", {"name": "VIP", "key": "vip", "kind": "static"})
    sent = {"do": "add", "file": (io.BytesIO(b"ref,x\r\nC-1,1\r\nC-2,2\r\nC-9,3\r\n"), "a.csv")}
    answer = editor.submit("/admin/crm/segments/vip/members", sent)
    assert answer.status_code == 303
    text = editor.get("/admin/crm/segments/vip/members.csv").get_data().decode("utf-8-sig")
    assert text.splitlines()[0] == "ref,name,email,since"
    assert "C-1,Ada" in text
    assert "C-2,'=HYPERLINK()" in text
    with platform.db.read() as session:
        actions = [entry.action for entry in platform.audit.entries(session)]
    assert "crm.customers.exported" in actions
    editor.submit("/admin/crm/segments/vip/members", {"do": "remove", "refs": "C-1, C-2"})
    text = editor.get("/admin/crm/segments/vip/members.csv").get_data(as_text=True)
    assert len(text.splitlines()) == 1
    bad = {"do": "add", "file": (io.BytesIO(b"\xff\xfe"), "a.csv")}
    assert editor.submit("/admin/crm/segments/vip/members", bad).status_code == 422


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


def test_events_are_counted_by_what_their_data_holds_and_when(
    editor: DxpClient, client: DxpClient, people: None
) -> None:
    key = client.as_key("events.write")
    told = [("C-1", "99.50", "TEA", "2026-01-31"), ("C-2", "100.00", "TEA", "2026-02-01")]
    told += [("C-3", "250.00", "CUP", "2026-01-05"), ("C-3", "9.00", "TEA", "2026-01-06")]
    events = [
        {
            "id": f"o-{number}",
            "type": "order.placed",
            "subject": {"ref": ref},
            "occurred_at": f"{day}T10:00:00Z",
            "data": {
                "order_id": f"o-{number}",
                "total": total,
                "currency": "EUR",
                "lines": [{"sku": sku, "quantity": 1, "total": total}],
            },
        }
        for number, (ref, total, sku, day) in enumerate(told)
    ]
    answer = key.post("/api/v1/events", json={"events": events})
    assert [row["status"] for row in answer.get_json()["data"]] == ["accepted"] * 4

    def found(rows: dict[str, str], **event: str) -> list[str]:
        sent = {"c.type": "group", "c.join": "all", "c.0.type": "event", "c.0.count": "1"}
        sent |= {"c.0.event": "order.placed", "c.0.op": "$gte", "c.0.window": "ever"}
        sent |= {f"c.0.{name}": value for name, value in event.items()}
        sent |= {f"c.0.0.{name}": value for name, value in rows.items()}
        page = editor.submit("/admin/crm/conditions/preview", sent).get_data(as_text=True)
        names = (("Ada", "C-1"), ("=HYPERLINK()", "C-2"), ("Eve", "C-3"))
        return [ref for name, ref in names if name in page]

    total = {"type": "where", "field": "total", "op": "$gte", "value": "100"}
    assert found(total) == ["C-2", "C-3"]
    assert found(total | {"op": "between", "value": "99", "value2": "100"}) == ["C-1", "C-2"]
    assert found({"type": "where", "field": "lines[].sku", "op": "$eq", "value": "TEA"}, count="1")
    january = {"window": "between", "since": "2026-01-01", "until": "2026-01-31"}
    assert found(total, **january) == ["C-3"]
    assert found({}, **january) == ["C-1", "C-3"]
    assert found({}, window="since", since="2026-02-01") == ["C-2"]
    assert found({}, window="before", until="2026-01-06") == ["C-3"]


def test_a_row_that_means_nothing_says_so_and_nothing_is_saved(editor: DxpClient) -> None:
    rows = {"c.type": "group", "c.join": "all", "c.0.type": "event", "c.0.count": "often"}
    rows |= {"c.0.event": "order.placed", "c.0.op": "$gte", "c.0.window": "ever"}
    answer = editor.submit("/admin/crm/segments/new", {"name": "X", "key": "x"} | rows)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert page.count("Write how many times") == 2
    assert 'value="often"' in page
    assert 'id="b-c-0-fault"' in page


def test_hidden_fields_are_not_asked_for_in_the_data_of_events(
    editor: DxpClient, platform: Platform
) -> None:
    crm = platform.services.get(Crm)
    with platform.db.write() as session:
        crm.visibility.restrict(
            session,
            SystemActor(name="test"),
            record="person",
            name="birthday",
            see_roles=["x"],
            change_roles=["x"],
        )
    where = {"$or": [{"birthday.month": 3}]}
    source = {"$event": {"type": "customer.birthday_changed", "where": where}}
    sent = {"mode": "source", "source": json.dumps(source)}
    page = editor.submit("/admin/crm/conditions/preview", sent).get_data(as_text=True)
    assert "may not filter by birthday" in page
