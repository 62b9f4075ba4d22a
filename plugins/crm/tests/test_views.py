"""Lists of customers that staff keep by name."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.services import Crm

ACTOR = SystemActor(name="test")
NEW = "/admin/crm/views/new"


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
    form = {"name": "French", "condition": '{"crm.country": "FR"}', "columns": ["ref", "country"]}
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
        ({"condition": "{"}, "This is not JSON."),
        ({"condition": '{"crm.kettle": 1}'}, "kettle"),
        ({"condition": "[]"}, "an object"),
        ({"name": ""}, "Give it a name"),
        ({"columns": ["kettle"]}, "Choose one at least."),
    ],
)
def test_a_view_that_cannot_be_kept_comes_back_with_the_reason(
    editor: DxpClient, crm: Crm, values: dict[str, Any], word: str
) -> None:
    form = {"name": "French", "condition": "", "columns": ["ref"]}
    answer = editor.submit(NEW, form | values)
    assert answer.status_code == 422
    assert word in answer.get_data(as_text=True)


def test_a_hidden_field_is_neither_shown_nor_asked_for(
    editor: DxpClient, crm: Crm, platform: Platform, visible: Any
) -> None:
    url = saved(editor)
    assert "DE" in visible(editor.get(saved(editor, condition="")))
    with platform.db.write() as session:
        crm.visibility.restrict(
            session, ACTOR, record="person", name="country", see_roles=["x"], change_roles=["x"]
        )
    assert editor.get(url).status_code == 403
    assert editor.get(f"{url}.csv").status_code == 403
    assert "DE" not in visible(editor.get(saved(editor, condition="")))


def test_a_view_is_changed_and_exported_with_its_columns(editor: DxpClient, crm: Crm) -> None:
    url = saved(editor)
    form = {"name": "Germans", "condition": '{"crm.country": "DE"}', "columns": ["name", "ref"]}
    assert editor.submit(f"{url}/edit", form).status_code == 303
    assert "Germans" in editor.get(f"{url}/edit").get_data(as_text=True)
    text = editor.get(f"{url}.csv").get_data(as_text=True).removeprefix("\ufeff")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["name", "ref"]
    assert sorted(row[1] for row in rows[1:]) == ["R-0", "R-2", "R-4"]
