"""Customers as a file: safe to open, only what may be seen, and good to import again."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pytest

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.commands import export_command
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.listing import CustomerFilter
from dxp_crm.services.tables import guarded, unguarded

ACTOR = SystemActor(name="export")
ROWS = (
    {"ref": "A", "name": "=1+1", "phone": "+33 1 23", "tags": ["vip", "new"]},
    {"ref": "B", "name": "علي", "birthday": {"month": 2, "day": 29, "calendar": "gregorian"}},
    {"ref": "C", "birthday": {"month": 1, "day": 2, "year": 1380, "calendar": "jalali"}},
)


@pytest.fixture
def known(platform: Platform) -> Crm:
    crm = platform.services.get(Crm)
    with platform.db.write() as session:
        draft = FieldDraft(type="choices", labels={"en": "Colours"}, choices=[{"value": "red"}])
        crm.definitions.create(session, ACTOR, record="person", key="colours", draft=draft)
        crm.customers.register_many(session, ACTOR, ROWS)
        crm.customers.register(session, ACTOR, {"ref": "D", "fields": {"colours": ["red"]}})
    return crm


def table(lines: Any) -> dict[str, dict[str, str]]:
    text = "".join(lines).removeprefix("\ufeff")
    return {row["ref"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def test_every_field_stands_in_the_file_and_no_cell_is_a_formula(known: Crm) -> None:
    rows = table(known.exports.customers(ACTOR, CustomerFilter()))
    assert (rows["A"]["name"], rows["A"]["phone"]) == ("'=1+1", "'+33 1 23")
    assert rows["A"]["tags"] == "vip,new"
    assert (rows["B"]["name"], rows["B"]["birthday"]) == ("علي", "02-29")
    assert (rows["C"]["birthday"], rows["C"]["birthday_calendar"]) == ("1380-01-02", "jalali")
    assert rows["D"]["colours"] == "red"


def test_an_export_imported_again_changes_nothing(known: Crm) -> None:
    lines = known.exports.customers(ACTOR, CustomerFilter(tag="vip"))
    data = "".join(lines).encode()
    job = known.imports.import_at_once(
        ACTOR, io.BytesIO(data), kind="customers", file_name="again.csv"
    )
    assert job.counts == {"same": 1}


@pytest.mark.parametrize("cell", ["", "a", "=1", "+1", "-1", "@x", "'", "'a", "\t=1", "＝1"])
def test_what_is_guarded_comes_back_as_it_was(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))


def test_hidden_fields_stay_out_of_the_file(
    known: Crm, platform: Platform, client: DxpClient
) -> None:
    with platform.db.write() as session:
        for name in ("phone", "fields.colours"):
            known.visibility.restrict(
                session,
                ACTOR,
                record="person",
                name=name,
                see_roles=["boss"],
                change_roles=["boss"],
            )
    staff = client.as_staff("crm.customers.read", "crm.customers.export")
    answer = staff.get("/admin/crm/customers.csv?tag=vip")
    assert answer.mimetype == "text/csv"
    rows = table([answer.get_data(as_text=True)])
    assert set(rows) == {"A"}
    assert {"phone", "colours"}.isdisjoint(rows["A"])
    with platform.db.read() as session:
        (entry,) = [
            entry
            for entry in platform.audit.entries(session)
            if entry.action == "crm.customers.exported"
        ]
    assert entry.actor_key == f"staff:{staff.staff_id}"


def test_exporting_takes_a_permission_of_its_own(client: DxpClient, known: Crm) -> None:
    reader = client.as_staff("crm.customers.read", "crm.customers.write")
    assert reader.get("/admin/crm/customers.csv").status_code == 403
    assert "customers.csv" not in reader.get("/admin/crm/customers").get_data(as_text=True)


def test_the_command_writes_the_same_file(known: Crm, app: Any, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with app.app_context():
        assert export_command.callback is not None
        export_command.callback(path=path, tag=None)
    assert set(table([path.read_text(encoding="utf-8")])) == {"A", "B", "C", "D"}
