"""The four steps of an import, as staff go through them in the admin."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from dxp.api import Platform
from dxp.testing.client import DxpClient
from dxp_crm.models import Customer, Import

NEW = "/admin/crm/imports/new"


@pytest.fixture
def editor(client: DxpClient) -> DxpClient:
    return client.as_staff("crm.customers.read", "crm.customers.import")


def upload(
    editor: DxpClient, data: bytes, *, name: str = "people.csv", kind: str = "customers"
) -> TestResponse:
    return editor.submit(NEW, {"file": (io.BytesIO(data), name), "kind": kind, "source": "shop"})


def uploaded(editor: DxpClient, data: bytes, **more: str) -> str:
    """The address of the import of a file that was taken."""
    answer = upload(editor, data, **more)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return str(answer.headers["Location"])


def text_of(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)))


def test_a_file_goes_in_by_four_steps_and_back(
    editor: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    url = uploaded(editor, b"number,mail,full name\nA,a@x.example,Ada\nB,nonsense,Bob\n")
    page = text_of(editor.get(url))
    assert "Step 2 of 4" in page
    assert "Such as A · B" in page
    fields = {"column-0": "ref", "column-1": "email", "column-2": "name", "mode": "upsert"}
    assert editor.submit(f"{url}/check", fields).status_code == 303
    assert "every 1s" in editor.get(url).get_data(as_text=True)
    run_jobs()
    done = editor.get(f"{url}/progress", headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] == url
    page = text_of(editor.get(url))
    assert "New 1" in page
    assert "E-mail: It is not an e-mail address." in page
    assert editor.submit(f"{url}/commit").status_code == 303
    run_jobs()
    with platform.db.read() as session:
        assert [row.ref for row in session.scalars(select(Customer))] == ["A"]
    assert editor.submit(f"{url}/revert").status_code == 303
    run_jobs()
    assert "Rows taken back 1" in text_of(editor.get(url))
    with platform.db.read() as session:
        assert session.scalars(select(Customer)).all() == []
        actions = [entry.action for entry in platform.audit.entries(session)]
    for action in ("uploaded", "committed", "reverted"):
        assert f"crm.import.{action}" in actions


def test_faulty_rows_come_as_a_file_with_the_reason_and_without_formulas(
    editor: DxpClient, run_jobs: Callable[[], int]
) -> None:
    url = uploaded(editor, b'ref;mail\n"=1+1";nonsense\nB;b@x.example\nC;c;d\n')
    editor.submit(f"{url}/check", {"column-0": "ref", "column-1": "email"})
    run_jobs()
    answer = editor.get(f"{url}/faults.csv")
    assert answer.mimetype == "text/csv"
    assert "people.csv" in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig")), delimiter=";"))
    assert rows == [
        ["ref", "mail", "Row", "Reason"],
        ["'=1+1", "nonsense", "1", "E-mail: It is not an e-mail address."],
        ["C", "c", "3", "It has 3 cells, and the heading names 2."],
    ]


def test_reasons_are_told_in_the_language_of_who_reads(
    editor: DxpClient, run_jobs: Callable[[], int]
) -> None:
    """They are found in a job, which knows no reader."""
    url = uploaded(editor, b"ref,mail\nA,nonsense\n")
    editor.submit(f"{url}/check", {"column-0": "ref", "column-1": "email"})
    run_jobs()
    for locale in ("en", "fr"):
        page = editor.get(f"{url}?locale={locale}")
        assert page.status_code == 200
        assert f'lang="{locale}"' in page.get_data(as_text=True)


def test_a_mapping_that_makes_no_sense_comes_back_as_it_was_chosen(editor: DxpClient) -> None:
    url = uploaded(editor, b"a,b\n1,2\n")
    answer = editor.submit(f"{url}/check", {"column-0": "name", "column-1": "name"})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Another column is Name already." in page
    assert "Say which column is Number in the shop." in page
    assert 'value="name" selected' in answer.get_data(as_text=True)


def test_who_is_not_sure_of_the_encoding_is_asked_first(
    editor: DxpClient, platform: Platform
) -> None:
    url = uploaded(editor, "ref,name\n1,عمر الحسن\n".encode("cp1256"))
    page = editor.get(url)
    assert "Are these words right?" in text_of(page)
    assert "عمر الحسن" in text_of(page)
    assert 'name="column-0"' not in page.get_data(as_text=True)
    wrong = editor.submit(f"{url}/reading", {"encoding": "utf-8-sig", "delimiter": "comma"})
    assert wrong.status_code == 422
    assert "Line 2 cannot be read" in text_of(wrong)
    right = editor.submit(f"{url}/reading", {"encoding": "cp1256", "delimiter": "comma"})
    assert right.status_code == 303
    assert 'name="column-0"' in editor.get(right.headers["Location"]).get_data(as_text=True)


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "The file is empty."),
        (b"PK\x03\x04", "This is a workbook"),
        (b"ref,ref\n", "stands twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_reason(
    editor: DxpClient, platform: Platform, data: bytes, word: str
) -> None:
    answer = upload(editor, data)
    assert answer.status_code == 422
    assert word in text_of(answer)
    with platform.db.read() as session:
        assert session.scalars(select(Import)).all() == []


def test_a_form_without_a_file_and_of_no_kind_is_refused(editor: DxpClient) -> None:
    assert editor.submit(NEW, {"kind": "customers"}).status_code == 422
    assert upload(editor, b"ref\nA\n", kind="kettles").status_code == 422


def test_a_file_may_be_larger_than_other_bodies(editor: DxpClient, platform: Platform) -> None:
    data = b"ref\n" + b"A\n" * platform.settings.api.max_body_bytes
    answer = upload(editor, data)
    assert answer.status_code == 303
    # The test client puts a large body into a temporary file, and leaves it open.
    answer.request.environ["wsgi.input"].close()


def test_a_step_that_was_done_meanwhile_is_not_done_twice(
    editor: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    url = uploaded(editor, b"ref\nA\n")
    for path in ("commit", "revert"):
        answer = editor.submit(f"{url}/{path}")
        assert answer.status_code == 303
        assert "moved on meanwhile" in text_of(editor.get(url))
    editor.submit(f"{url}/check", {"column-0": "ref"})
    editor.submit(f"{url}/check", {"column-0": "name"})
    assert editor.submit(f"{url}/delete").headers["Location"] == url
    run_jobs()
    assert editor.submit(f"{url}/delete").headers["Location"] == "/admin/crm/imports"
    assert editor.get(url).status_code == 404


def test_the_list_shows_what_each_file_did(editor: DxpClient) -> None:
    uploaded(editor, b"ref\nA\n", name="march.csv")
    page = text_of(editor.get("/admin/crm/imports"))
    assert "march.csv" in page
    assert "To be mapped" in page


def test_imports_take_a_permission_of_their_own(client: DxpClient) -> None:
    reader = client.as_staff("crm.customers.read", "crm.customers.write")
    assert reader.get("/admin/crm/imports").status_code == 403
    assert upload(reader, b"ref\nA\n").status_code == 403


def test_orders_are_mapped_by_their_own_fields(
    editor: DxpClient, key: DxpClient, grace: dict[str, Any], run_jobs: Callable[[], int]
) -> None:
    url = uploaded(
        editor,
        b"Commande;Client;Date;Montant;Devise\n7;C-1;24/12/2025;1 234,50;EUR\n",
        kind="order.placed",
    )
    page = editor.get(url).get_data(as_text=True)
    for name in ("order_id", "occurred_at", "total", "currency"):
        assert f'<option value="{name}" selected' in page
    fields = {
        "column-0": "order_id",
        "column-1": "ref",
        "column-2": "occurred_at",
        "column-3": "total",
        "column-4": "currency",
        "decimal": ",",
        "dates": "dmy",
    }
    editor.submit(f"{url}/check", fields)
    run_jobs()
    editor.submit(f"{url}/commit")
    run_jobs()
    timeline = key.get(f"/api/v1/customers/{grace['id']}/timeline?filter[type]=order.placed")
    (order,) = timeline.get_json()["data"]
    assert (order["data"]["total"], order["source"]) == ("1234.5000", "shop")
    assert order["occurred_at"].startswith("2025-12-24T00:00:00")
