"""Lists of customers that staff keep by name."""

from __future__ import annotations

import csv
import html
import io
import re
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.models import Customer
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft

ACTOR = SystemActor(name="test")
NEW = "/admin/crm/views/new"
FRENCH = {"mode": "source", "source": '{"crm.country": "FR"}'}


@pytest.fixture
def crm(platform: Platform) -> Crm:
    found = platform.services.get(Crm)
    rows = [
        {"ref": f"R-{n}", "name": f"P{n}", "country": "FR" if n % 2 else "DE"} for n in range(6)
    ]
    with platform.db.write() as session:
        found.customers.register_many(session, ACTOR, rows)
    return found


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff("crm.customers.read", "crm.customers.export")


def saved(editor: DxpClient, **values: Any) -> str:
    """The address of a view that was kept."""
    form = {"name": "French", "columns": ["ref", "country"], "sort": "created_at", **FRENCH}
    answer = editor.submit(NEW, form | values)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def test_a_view_shows_who_meets_its_condition_in_its_columns(editor: DxpClient, crm: Crm) -> None:
    page = editor.get(saved(editor)).get_data(as_text=True)
    assert all(f"R-{n}" in page for n in (1, 3, 5))
    assert "R-2" not in page
    assert "Country" in page
    assert "Time zone" not in page


def test_a_view_costs_the_same_whatever_the_number_of_customers(
    editor: DxpClient, crm: Crm, platform: Platform, count_queries: Any
) -> None:
    url = saved(editor)
    counts = []
    for _round in range(2):
        with count_queries() as queries:
            editor.get(url)
        counts.append(queries.count)
        assert "count(" not in str(queries).lower()
        with platform.db.write() as session:
            rows = [{"ref": f"M-{n}", "country": "FR"} for n in range(60)]
            crm.customers.register_many(session, ACTOR, rows)
    assert counts[0] == counts[1]


def test_a_view_of_ones_own_is_seen_by_nobody_else(
    editor: DxpClient, client: DxpClient, crm: Crm
) -> None:
    own, shared = saved(editor), saved(editor, name="For all", shared="true")
    other = client.as_staff("crm.customers.read")
    assert other.get(own).status_code == 404
    assert other.get(shared).status_code == 200
    page = other.get("/admin/crm/views").get_data(as_text=True)
    assert "For all" in page
    assert "French" not in page
    assert other.submit(f"{shared}/delete").status_code == 403
    assert editor.submit(f"{shared}/delete").status_code == 303
    assert other.get(shared).status_code == 404


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"source": "{"}, "This is not JSON"),
        ({"source": '{"crm.kettle": 1}'}, "kettle"),
        ({"source": "[]"}, "an object"),
        ({"name": ""}, "Give it a name"),
        ({"columns": ["kettle"]}, "Choose one at least."),
        ({"sort": "kettle"}, "Choose another order."),
        ({"source": '{"crm.country": {"$regex": "a.*b"}}'}, "Make a segment of it"),
    ],
)
def test_a_view_that_cannot_be_kept_comes_back_with_the_reason(
    editor: DxpClient, crm: Crm, values: dict[str, Any], word: str
) -> None:
    form = {"name": "French", "mode": "source", "source": "", "columns": ["ref"]}
    answer = editor.submit(NEW, form | values)
    assert answer.status_code == 422
    assert word in answer.get_data(as_text=True)


def test_a_hidden_field_is_neither_shown_nor_asked_for(
    editor: DxpClient, crm: Crm, platform: Platform, visible: Any
) -> None:
    url = saved(editor)
    assert "DE" in visible(editor.get(saved(editor, source="")))
    with platform.db.write() as session:
        crm.visibility.restrict(
            session, ACTOR, record="person", name="country", see_roles=["x"], change_roles=["x"]
        )
    assert editor.get(url).status_code == 403
    assert editor.get(f"{url}.csv").status_code == 403
    assert "DE" not in visible(editor.get(saved(editor, source="")))
    others = saved(editor, source="", columns=["ref"])
    asked = editor.get(f"{others}?sort=-country").get_data(as_text=True)
    assert order_of(asked) == order_of(editor.get(others).get_data(as_text=True))
    form = {"name": "X", "mode": "source", "columns": ["ref"], "sort": "country"}
    assert editor.submit(NEW, form).status_code == 422


def test_a_view_is_changed_and_exported_with_its_columns(editor: DxpClient, crm: Crm) -> None:
    url = saved(editor)
    form = {
        "name": "Germans",
        "source": '{"crm.country": "DE"}',
        "mode": "source",
        "columns": ["name", "ref"],
    }
    assert editor.submit(f"{url}/edit", form).status_code == 303
    assert "Germans" in editor.get(f"{url}/edit").get_data(as_text=True)
    text = editor.get(f"{url}.csv").get_data(as_text=True).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["name", "ref"]
    assert sorted(row[1] for row in rows[1:]) == ["R-0", "R-2", "R-4"]


def order_of(page: str) -> list[str]:
    return re.findall(r"<bdi>(R-\d)</bdi></td>", page)


def test_a_view_is_sorted_by_any_column_and_whoever_lacks_a_value_comes_last(
    editor: DxpClient, crm: Crm, platform: Platform
) -> None:
    with platform.db.write() as session:
        for key, kind in (("size", "number"), ("member", "boolean")):
            draft = FieldDraft(type=kind, labels={"en": key})
            crm.definitions.create(session, ACTOR, record="person", key=key, draft=draft)
        found = {row.ref: row for row in session.scalars(select(Customer))}
        for ref, fields in {
            "R-0": {"size": 10, "member": True},
            "R-1": {"size": 9.5},
            "R-2": {"size": -1, "member": False},
        }.items():
            crm.customers.update(
                session,
                ACTOR,
                subject_id=found[ref].subject_id,
                version=None,
                changes={"fields": fields, "tags": [ref.lower()]},
            )
    url = saved(editor, source="", columns=["ref"], sort="fields.size", direction="")
    assert order_of(editor.get(url).get_data(as_text=True))[:3] == ["R-2", "R-1", "R-0"]
    wanted = {
        "-fields.size": ["R-0", "R-1", "R-2"],
        "-fields.member": ["R-0", "R-2"],
        "tags": ["R-0", "R-1", "R-2"],
        "-ref": ["R-5", "R-4", "R-3"],
        "country": ["R-0", "R-2", "R-4"],
        "birthday": [],
    }
    for sort, first in wanted.items():
        pages = []
        after: str | None = f"{url}?sort={sort}&limit=2"
        while after:
            page = editor.get(after).get_data(as_text=True)
            pages += order_of(page)
            link = re.search(r'rel="next" href="([^"]+)"', page)
            after = None if link is None else html.unescape(link[1])
        assert pages[: len(first)] == first, sort
        assert sorted(pages) == [f"R-{n}" for n in range(6)], sort
    rows = editor.get(f"{url}.csv").get_data(as_text=True).split()
    assert rows[1:4] == ["R-2", "R-1", "R-0"]


def test_customers_open_with_the_view_that_was_chosen_to_begin_with(
    editor: DxpClient, client: DxpClient, crm: Crm
) -> None:
    url = saved(editor, shared="true")
    assert editor.get("/admin/crm/customers").status_code == 200
    editor.submit(f"{url}/default", {"begin": "true"})
    assert editor.get("/admin/crm/customers").headers["Location"] == url
    assert editor.get("/admin/crm/customers?all=1").status_code == 200
    other = client.as_staff("crm.customers.read")
    assert other.get("/admin/crm/customers").status_code == 200
    other.submit(f"{url}/default", {"begin": "true"})
    editor.submit(f"{url}/default", {"begin": "false"})
    assert editor.get("/admin/crm/customers").status_code == 200
    editor.submit(f"{url}/delete")
    assert other.get("/admin/crm/customers").status_code == 200


def test_the_form_of_a_view_counts_whom_its_rows_and_its_text_mean(
    editor: DxpClient, crm: Crm
) -> None:
    rows = {"c.type": "group", "c.join": "all", "c.0.type": "field", "c.0.field": "crm.country"}
    form = {"condition_for": "view", **rows, "c.0.op": "$eq", "c.0.value": "FR", "text": "R-1"}
    found = editor.submit("/admin/crm/conditions/preview", form).get_data(as_text=True)
    assert "P1" in found
    assert "P3" not in found
    kept = saved(editor, mode="", direction="", **rows, **{"c.0.op": "$eq", "c.0.value": "FR"})
    assert order_of(editor.get(kept).get_data(as_text=True)) == ["R-1", "R-3", "R-5"]
    faulty = {"name": "X", "columns": ["ref"], **rows, "c.0.op": "$in", "c.0.value": " "}
    answer = editor.submit(NEW, faulty)
    assert answer.status_code == 422
    assert "Write one value at least." in answer.get_data(as_text=True)
    asked_again = editor.submit(NEW, faulty | {"do": "add:c:event"})
    assert asked_again.status_code == 200
    assert 'name="c.1.event"' in asked_again.get_data(as_text=True)
