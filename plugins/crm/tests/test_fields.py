"""Fields that staff define: what they take, and that no value is lost."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxp.api import FactsContext, Platform, Unprocessable
from dxp.testing.client import DxpClient
from dxp_crm.models import FieldDefinition
from dxp_crm.plugin import CrmPlugin
from dxp_crm.services.fields import check_fields

CHOICES: list[dict[str, Any]] = [{"value": value, "labels": {}} for value in ("s", "m", "l")]


def definition(kind: str, **changes: Any) -> FieldDefinition:
    return FieldDefinition(
        **{
            "record": "person",
            "key": "it",
            "type": kind,
            "labels": {"en": "It"},
            "help": {},
            "choices": CHOICES if kind.startswith("choice") else [],
            "required": False,
            "archived_at": None,
            **changes,
        }
    )


def make(client: DxpClient, key: str, kind: str, **more: Any) -> dict[str, Any]:
    answer = client.post(
        "/api/v1/fields", json={"key": key, "type": kind, "labels": {"en": key.title()}, **more}
    )
    assert answer.status_code == 201, answer.get_data(as_text=True)
    found: dict[str, Any] = answer.get_json()
    return found


@pytest.fixture
def manager(client: DxpClient) -> DxpClient:
    return client.as_key("crm.customers.read", "crm.customers.write", "crm.fields.manage")


FITTING: dict[str, list[Any]] = {
    "text": ["a", " spaced ", "علی"],
    "number": [1, 1.5, -3, 3.0],
    "integer": [0, 42, 42.0],
    "boolean": [True, False],
    "date": ["2026-02-28"],
    "choice": ["m"],
    "choices": [["l", "s", "s"], ["m"]],
    "url": ["https://example.com/a?b=c"],
}
UNFIT: dict[str, list[Any]] = {
    "text": [1, True, ["a"], "a" * 2001, "nul\x00", "half \ud800", {}],
    "number": ["1", True, float("nan"), float("inf"), 10**16, [1]],
    "integer": [1.5, "1", True, 10**16],
    "boolean": [1, 0, "true"],
    "date": ["2026-02-30", "2026-1-1", "20260101", 20260101, "２０２６-01-01"],
    "choice": ["xl", 1, ["m"], True],
    "choices": ["m", ["xl"], [1], [["m"]]],
    "url": ["example.com", "javascript:alert(1)", "http://", "https://a b", "http://[", 5],
}


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind in FITTING for value in FITTING[kind]]
)
def test_a_fitting_value_is_taken_in_one_form(kind: str, value: Any) -> None:
    once = check_fields([definition(kind)], {"it": value})
    assert once["it"] is not None
    assert check_fields([definition(kind)], once) == once


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind in UNFIT for value in UNFIT[kind]]
)
def test_a_value_of_another_type_is_refused_by_name(kind: str, value: Any) -> None:
    with pytest.raises(Unprocessable) as refused:
        check_fields([definition(kind)], {"it": value})
    assert [error.pointer for error in refused.value.errors] == ["/fields/it"]


@given(st.sampled_from(sorted(FITTING)), st.text() | st.integers() | st.floats() | st.booleans())
def test_whatever_is_sent_is_either_stored_in_its_final_form_or_refused(
    kind: str, value: Any
) -> None:
    for from_text in (False, True):
        try:
            once = check_fields([definition(kind)], {"it": value}, from_text=from_text)
        except Unprocessable:
            continue
        assert check_fields([definition(kind)], once) == once


@given(st.integers(-(10**15), 10**15), st.dates(), st.booleans())
def test_written_out_values_mean_what_they_say(number: int, day: date, truth: bool) -> None:
    written = {"n": str(number), "d": day.isoformat(), "b": "yes" if truth else "no"}
    definitions = [
        definition("integer", key="n"),
        definition("date", key="d"),
        definition("boolean", key="b"),
    ]
    found = check_fields(definitions, written, from_text=True)
    assert found == {"n": number, "d": day.isoformat(), "b": truth}


def test_a_new_record_needs_its_required_fields_and_keeps_them(manager: DxpClient) -> None:
    make(manager, "size", "choice", required=True, choices=[{"value": "m"}])
    missing = manager.post("/api/v1/customers", json={"name": "Ada"})
    assert (missing.status_code, missing.get_json()["code"]) == (422, "invalid_fields")
    made = manager.post("/api/v1/customers", json={"name": "Ada", "fields": {"size": "m"}})
    assert made.get_json()["fields"] == {"size": "m"}
    emptied = manager.patch(
        f"/api/v1/customers/{made.get_json()['id']}",
        json={"fields": {"size": None}},
        headers={"If-Match": '"v1"'},
    )
    assert emptied.status_code == 422
    assert emptied.get_json()["errors"][0]["pointer"] == "/fields/size"


def test_a_change_names_only_what_it_changes(manager: DxpClient) -> None:
    make(manager, "size", "integer")
    make(manager, "club", "text")
    made = manager.post("/api/v1/customers", json={"fields": {"size": 42, "club": "north"}})
    changed = manager.patch(
        f"/api/v1/customers/{made.get_json()['id']}",
        json={"fields": {"club": None}},
        headers={"If-Match": '"v1"'},
    )
    assert changed.get_json()["fields"] == {"size": 42}


def test_an_unknown_and_an_archived_field_take_no_value(manager: DxpClient) -> None:
    size = make(manager, "size", "integer")
    made = manager.post("/api/v1/customers", json={"fields": {"size": 42}}).get_json()
    assert manager.put(f"/api/v1/fields/{size['id']}/archived").status_code == 204
    for values in ({"size": 43}, {"shoe": 1}):
        answer = manager.post("/api/v1/customers", json={"fields": values})
        assert answer.status_code == 422
        assert answer.get_json()["errors"][0]["code"] == "unknown_field"
    assert manager.get(f"/api/v1/customers/{made['id']}").get_json()["fields"] == {}
    assert manager.delete(f"/api/v1/fields/{size['id']}/archived").status_code == 204
    assert manager.get(f"/api/v1/customers/{made['id']}").get_json()["fields"] == {"size": 42}


def test_what_would_lose_values_is_refused(manager: DxpClient) -> None:
    sizes = [{"value": "m"}, {"value": "l"}]
    size = make(manager, "size", "choice", choices=sizes)
    manager.post("/api/v1/customers", json={"fields": {"size": "m"}})
    url = f"/api/v1/fields/{size['id']}"
    labels = {"en": "Size"}
    for change in (
        {"type": "text", "labels": labels},
        {"type": "choice", "labels": labels, "choices": [{"value": "l"}]},
    ):
        assert manager.put(url, json=change).get_json()["code"] == "field_in_use"
    assert manager.delete(url).get_json()["code"] == "field_in_use"
    more = {"type": "choice", "labels": labels, "choices": [*sizes, {"value": "xl"}]}
    assert manager.put(url, json=more).status_code == 200


def test_a_field_without_values_can_change_and_go(manager: DxpClient) -> None:
    size = make(manager, "size", "integer")
    manager.post("/api/v1/customers", json={"name": "without"})
    url = f"/api/v1/fields/{size['id']}"
    assert manager.put(url, json={"type": "text", "labels": {"en": "Size"}}).status_code == 200
    assert manager.delete(url).status_code == 204
    assert manager.get("/api/v1/fields").get_json() == []


def test_customers_are_filtered_by_a_field(manager: DxpClient) -> None:
    make(manager, "size", "integer")
    make(manager, "clubs", "choices", choices=[{"value": "north"}, {"value": "south"}])
    make(manager, "member", "boolean")
    for ref, values in (
        ("A", {"size": 42, "clubs": ["north", "south"], "member": True}),
        ("B", {"size": 41, "clubs": ["south"], "member": False}),
    ):
        manager.post("/api/v1/customers", json={"ref": ref, "fields": values})

    def found(query: str) -> list[str]:
        data = manager.get(f"/api/v1/customers?{query}").get_json()["data"]
        return [item["ref"] for item in data]

    assert found("filter[field.size]=42") == ["A"]
    assert found("filter[field.clubs]=south") == ["B", "A"]
    assert found("filter[field.clubs]=north;south") == ["A"]
    assert found("filter[field.member]=false") == ["B"]
    assert found("filter[field.size]=41&filter[field.member]=true") == []


@pytest.mark.parametrize("query", ["filter[field.nothing]=1", "filter[field.size]=tall"])
def test_a_filter_that_cannot_be_is_refused_by_name(manager: DxpClient, query: str) -> None:
    make(manager, "size", "integer")
    answer = manager.get(f"/api/v1/customers?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, "unknown_filter")
    assert answer.get_json()["errors"][0]["parameter"] == query.partition("=")[0]


def test_conditions_see_the_values_as_facts(manager: DxpClient, platform: Platform) -> None:
    make(manager, "size", "integer")
    make(manager, "club", "text")
    answer = manager.post("/api/v1/customers", json={"ref": "A", "fields": {"size": 42}})
    assert answer.status_code == 201
    with platform.db.read() as session:
        subject_id = platform.subjects.find(session, "ref", "A")
        assert subject_id is not None
        context = FactsContext(
            session=session, platform=platform, subject_ids=[subject_id], now=platform.clock.now()
        )
        plugin = platform.plugins.loaded["crm"].plugin
        assert isinstance(plugin, CrmPlugin)
        facts = plugin.facts(context)[subject_id]
    assert (facts["crm.fields.size"], facts["crm.fields.club"]) == (42, None)


def test_a_field_is_made_ordered_and_used_in_the_admin(client: DxpClient) -> None:
    staff = client.as_staff("crm.fields.manage", "crm.customers.read", "crm.customers.write")
    for key, kind, choices in (("size", "integer", ""), ("tier", "choice", "gold = Gold\nnone")):
        answer = staff.submit(
            "/admin/crm/fields/new",
            {"key": key, "type": kind, "choices": choices, "label.en": f"The {key}"},
        )
        assert answer.status_code == 303, answer.get_data(as_text=True)
    listed = client.as_key("crm.customers.read").get("/api/v1/fields").get_json()
    order = [item["id"] for item in reversed(listed)]
    assert staff.submit("/admin/crm/fields/order", {"order": order}).status_code == 303
    page = staff.get("/admin/crm/customers/new").get_data(as_text=True)
    assert page.index("The tier") < page.index("The size")
    faulty = staff.submit("/admin/crm/customers/new", {"name": "Ada", "fields.size": "tall"})
    assert faulty.status_code == 422
    assert 'value="tall"' in faulty.get_data(as_text=True)
    made = staff.submit(
        "/admin/crm/customers/new", {"name": "Ada", "fields.size": "42", "fields.tier": "gold"}
    )
    shown = staff.get(made.headers["Location"]).get_data(as_text=True)
    assert "Gold" in shown
    assert ">42<" in shown
