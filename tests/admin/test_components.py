"""What the components that plugins reuse make of their arguments."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.admin.markup import elements, one, policy_breaches

Render = Callable[..., str]
FORMS = '{% import "dxp/components/forms.html" as f %}'
UI = '{% import "dxp/components/ui.html" as ui %}'
TABLES = '{% import "dxp/components/tables.html" as t %}'

COLUMNS = [
    {"label": "Name", "sort": "name"},
    {"label": "Points", "sort": "points", "kind": "number"},
    {"label": "Actions", "hidden": True},
]
TABLE = TABLES + (
    "{% call(row) t.table(rows, columns, caption='Customers', sort=sort) %}"
    "{{ t.cell_link(row.name, '/admin/c/1') }}<td>{{ row.points }}</td><td></td>{% endcall %}"
)


@pytest.mark.parametrize(
    "call",
    [
        "text('name', 'Name', value)",
        "email('name', 'Name', value)",
        "number('name', 'Name', value)",
        "date('name', 'Name', value)",
        "textarea('name', 'Name', value)",
        "select('name', 'Name', [(value, value)], value)",
        "checkbox('name', 'Name', true, value)",
        "secret('name', 'Name')",
        "rich_text('name', 'Name', value)",
    ],
)
def test_every_field_has_a_label_of_its_own_and_escapes_its_value(
    render: Render, call: str
) -> None:
    """A control without a label is silent to a screen reader; a raw value is a script."""
    html = render(FORMS + "{{ f." + call + " }}", value='"><script>alert(1)</script>')
    control = next(e for e in elements(html) if e.attributes.get("name") == "name")
    assert one(html, "label", for_=control.attributes["id"]).text.startswith("Name")
    assert elements(html, "script") == []


def test_an_error_is_tied_to_its_field(render: Render) -> None:
    """So that it is read out with the field, and not only seen in red."""
    html = render(FORMS + "{{ f.text('email', 'E-mail', 'x', errors={'email': ['Not valid.']}) }}")
    control = one(html, "input", name="email").attributes
    assert control["aria-invalid"] == "true"
    assert "Not valid." in one(html, id=control["aria-describedby"]).text


def test_errors_of_other_fields_leave_a_field_alone(render: Render) -> None:
    html = render(FORMS + "{{ f.text('email', 'E-mail', 'x', errors={'name': ['Missing.']}) }}")
    assert "aria-invalid" not in one(html, "input", name="email").attributes
    assert "Missing." not in html


def test_help_and_error_are_both_read_out(render: Render) -> None:
    html = render(FORMS + "{{ f.text('a', 'A', help='As printed.', errors=['Too long.']) }}")
    ids = one(html, "input", name="a").attributes["aria-describedby"].split()
    assert [one(html, id=each).text.strip() for each in ids] == ["As printed.", "Too long."]


def test_the_error_summary_links_to_each_field(render: Render) -> None:
    source = FORMS + (
        "{{ f.error_summary(errors, {'name': 'Name'}) }}{{ f.text('name', 'Name', errors=errors) }}"
    )
    html = render(source, errors={"name": ["Missing."], "_schema": ["Ends before it begins."]})
    link = one(html, "a")
    assert one(html, id=link.attributes["href"].removeprefix("#")).tag == "input"
    assert "Ends before it begins." in one(html, role="alert").text
    assert render(source, errors={}).count("alert") == 0


def test_a_form_that_writes_carries_the_token_and_one_that_reads_does_not(render: Render) -> None:
    """A token in the address of a search would end up in logs."""
    source = FORMS + "{% call f.form('/x', method=method) %}{% endcall %}"
    assert elements(render(source, method="post"), "input", name="csrf_token")
    assert not elements(render(source, method="get"), "input", name="csrf_token")


def test_a_stored_secret_never_comes_back_to_the_page(render: Render) -> None:
    html = render(FORMS + "{{ f.secret('token', 'Token', is_set=true) }}")
    control = one(html, "input", name="token").attributes
    assert control["type"] == "password"
    assert "value" not in control


def test_rich_text_sends_the_document_it_was_given(render: Render) -> None:
    """The editor reads JSON from the field and writes it back there."""
    document = {"type": "doc", "content": [{"type": "text", "text": "<b>&\"'"}]}
    html = render(
        FORMS + "{{ f.rich_text('body', 'Body', doc, dir='rtl', lang='fa') }}", doc=document
    )
    field = one(html, "textarea", name="body")
    assert json.loads(field.text) == document
    assert (field.attributes["dir"], field.attributes["lang"]) == ("rtl", "fa")
    assert json.loads(field.attributes["data-labels"])["bold"] == "Bold"


def test_several_boxes_keep_what_was_chosen(render: Render) -> None:
    html = render(
        FORMS + "{{ f.multi_select('tags', 'Tags', [(1, 'One'), (2, 'Two', 'help')], ['2']) }}"
    )
    boxes = elements(html, "input", name="tags")
    assert ["checked" in box.attributes for box in boxes] == [False, True]
    assert one(html, "fieldset").text.strip().startswith("Tags")


def test_a_table_says_how_it_is_sorted_and_how_to_turn_it_round(render: Render) -> None:
    rows = [{"name": "Leila", "points": 3}]
    html = render(TABLE, at="/admin/c?q=l&cursor=abc", rows=rows, columns=COLUMNS, sort="name")
    head = [e for e in elements(html, "th") if e.attributes.get("scope") == "col"]
    assert [e.attributes.get("aria-sort") for e in head] == ["ascending", None, None]
    links = [e.attributes["href"] for e in elements(html, "a", class_="dx-sort")]
    assert links == ["/admin/c?q=l&sort=-name", "/admin/c?q=l&sort=points"]


def test_a_table_without_rows_shows_the_empty_state(render: Render) -> None:
    html = render(TABLE, rows=[], columns=COLUMNS, sort=None)
    assert elements(html, "table") == []
    assert "Nothing here yet" in html


def test_paging_offers_what_there_is(render: Render) -> None:
    """The first page leads on, a later one also back to the beginning, the only one nowhere."""
    source = TABLES + "{{ t.pages(next) }}"
    first = render(source, at="/admin/c?q=x", next="n1")
    assert [e.attributes["href"] for e in elements(first, "a")] == ["/admin/c?q=x&cursor=n1"]
    last = render(source, at="/admin/c?q=x&cursor=n1", next=None)
    assert [e.attributes["href"] for e in elements(last, "a")] == ["/admin/c?q=x"]
    assert elements(render(source, at="/admin/c", next=None), "a") == []


def test_a_confirmation_posts_only_from_its_dialog(render: Render) -> None:
    html = render(
        '{% import "dxp/components/dialogs.html" as d %}'
        "{{ d.confirm('Delete', '/admin/x/delete', 'Delete it?', 'For good.', 'del', "
        "fields={'version': 3}) }}"
    )
    opener = one(html, "button", data_dialog_open="del")
    assert opener.attributes["type"] == "button"
    dialog = one(html, "dialog", id="del")
    assert one(html, id=dialog.attributes["aria-labelledby"]).text == "Delete it?"
    assert one(html, "form").attributes["action"] == "/admin/x/delete"
    assert one(html, "input", name="version").attributes["value"] == "3"
    assert one(html, "input", name="csrf_token").attributes["value"]


@pytest.mark.parametrize("values", [[], [4], [5, 5, 5], [1, 9, 3]])
def test_a_sparkline_stays_inside_its_frame(render: Render, values: list[int]) -> None:
    """Also with no spread at all, where scaling would divide by zero."""
    html = render(
        '{% import "dxp/components/charts.html" as c %}{{ c.sparkline(values, "Orders") }}',
        values=values,
    )
    lines = elements(html, "polyline")
    assert len(lines) == (1 if len(values) > 1 else 0)
    for line in lines:
        points = [point.split(",") for point in line.attributes["points"].split()]
        assert len(points) == len(values)
        assert all(0 <= float(x) <= 100 and 0 <= float(y) <= 40 for x, y in points)


def test_figures_of_a_chart_are_also_in_its_text(render: Render) -> None:
    html = render(
        '{% import "dxp/components/charts.html" as c %}{{ c.columns(items, "Orders") }}',
        items=[("Jan", 30), ("Feb", 0)],
    )
    assert "Jan 30; Feb 0" in one(html, "figcaption").text


def test_empty_facts_show_a_dash_and_a_word_for_it(render: Render) -> None:
    html = render(UI + "{{ ui.facts([('Born', none), ('Points', 0)]) }}")
    assert [e.text.strip() for e in elements(html, "dd")] == ["–None", "0"]


def test_icon_buttons_have_a_name(render: Render) -> None:
    html = render(UI + "{{ ui.button('Edit', icon_name='pencil', icon_only=true) }}")
    button = one(html, "button")
    assert button.attributes["aria-label"] == "Edit"
    assert one(html, "i").attributes["aria-hidden"] == "true"


def test_no_component_breaks_the_policy_of_the_pages(render: Render) -> None:
    """No inline script, no style attribute, no event attribute: they would silently not work."""
    html = render(
        UI
        + FORMS
        + TABLE
        + '{% import "dxp/components/charts.html" as c %}'
        + '{% import "dxp/components/page.html" as p %}'
        + "{{ c.bars([('A', 1), ('B', 2)]) }}{{ c.columns([('A', 1)], 'x') }}"
        + "{{ c.sparkline([1, 2], 'x') }}{{ ui.code('x') }}{{ ui.copyable('x') }}"
        + "{{ f.rich_text('b', 'B') }}{{ f.secret('s', 'S') }}"
        + "{{ p.timeline([{'title': 'A', 'when': 'now'}]) }}",
        rows=[{"name": "A", "points": 1}],
        columns=COLUMNS,
        sort="-name",
    )
    assert policy_breaches(html) == []
