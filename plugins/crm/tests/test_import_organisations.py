"""Organisations from files, and the people who belong to them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Platform, SystemActor
from dxp_crm.models import ORGANISATION, Customer, Import, Membership, Organisation
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.importing import ImportService

ACTOR = SystemActor(name="import")
FILE = (
    "Number,Company,Pays,Tags\nN-1,North Roasters,fr,vip\nN-2,Süd,,\nN-3,,DE,\nN-4,Four,France,\n"
)


@pytest.fixture
def imports(platform: Platform) -> ImportService:
    return platform.services.get(Crm).imports


def load(imports: ImportService, text: str, kind: str = "organisations") -> Import:
    return imports.import_at_once(ACTOR, io.BytesIO(text.encode()), kind=kind, file_name="some.csv")


def revert(platform: Platform, job: Import) -> Import:
    imports = platform.services.get(Crm).imports
    with platform.db.write() as session:
        imports.revert(session, ACTOR, imports.get(session, job.id, lock=True))
    return imports.run(job.id)


def there(platform: Platform) -> dict[str | None, Organisation]:
    with platform.db.read() as session:
        return {row.number: row for row in session.scalars(select(Organisation))}


def belongs(platform: Platform) -> set[tuple[str | None, str | None, str | None]]:
    """Who belongs where, and as what."""
    with platform.db.read() as session:
        rows = session.execute(
            select(Customer.ref, Organisation.number, Membership.role)
            .join(Membership, Membership.subject_id == Customer.subject_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
        )
        return {(ref, number, role) for ref, number, role in rows}


def reasons(platform: Platform, job: Import) -> dict[int, str]:
    imports = platform.services.get(Crm).imports
    with platform.db.read() as session:
        return {row.row: " ".join(row.reasons) for row in imports.faulty_rows(session, job)}


def test_organisations_come_from_a_file_and_faulty_rows_are_named(
    imports: ImportService, platform: Platform
) -> None:
    job = load(imports, FILE)
    assert job.counts == {"new": 2, "faulty": 2}
    assert reasons(platform, job) == {
        3: "Name: It is empty, and a value is needed.",
        4: "Country: It is not a country code such as FR.",
    }
    north = there(platform)["N-1"]
    assert (north.name, north.country, north.tags) == ("North Roasters", "FR", ["vip"])
    assert load(imports, FILE).counts == {"same": 2, "faulty": 2}
    again = "number,name,country\nN-1,,GB\nN-1,Twice,\n,None,\n"
    job = load(imports, again)
    assert job.counts == {"changed": 1, "faulty": 2}
    assert (there(platform)["N-1"].name, there(platform)["N-1"].country) == ("North Roasters", "GB")


def test_their_own_fields_are_imported_by_type(imports: ImportService, platform: Platform) -> None:
    with platform.db.write() as session:
        draft = FieldDraft(type="integer", labels={"en": "Seats"})
        platform.services.get(Crm).definitions.create(
            session, ACTOR, record=ORGANISATION, key="seats", draft=draft
        )
    job = load(imports, "number,name,seats\nN-1,One,12\nN-2,Two,many\n")
    assert job.counts == {"new": 1, "faulty": 1}
    assert there(platform)["N-1"].fields == {"seats": 12}


def test_people_are_attached_by_the_number_of_the_organisation(
    imports: ImportService, platform: Platform, events: Any
) -> None:
    load(imports, FILE)
    text = "ref,name,company,role\nA,Ada,N-1,buyer\nB,Bob,,\nC,Cy,N-9,\nD,Dee,N-2,\n"
    job = load(imports, text, "customers")
    assert job.counts == {"new": 3, "faulty": 1}
    assert reasons(platform, job) == {
        3: "Number of the organisation: No organisation has the number N-9; import the "
        "organisations first."
    }
    assert belongs(platform) == {("A", "N-1", "buyer"), ("D", "N-2", None)}
    assert events.types.count("crm.organisation_joined") == 2
    assert load(imports, text, "customers").counts == {"same": 3, "faulty": 1}
    more = "ref,company,role\nA,N-1,owner\nB,N-2,\nD,N-2,\n"
    assert load(imports, more, "customers").counts == {"changed": 2, "same": 1}
    assert belongs(platform) == {("A", "N-1", "owner"), ("B", "N-2", None), ("D", "N-2", None)}


def test_what_people_came_to_belong_to_is_taken_back(
    imports: ImportService, platform: Platform
) -> None:
    load(imports, FILE)
    load(imports, "ref,company,role\nA,N-1,buyer\nB,,\n", "customers")
    before = belongs(platform)
    job = load(imports, "ref,name,company,role\nA,Ada,N-1,owner\nB,,N-2,\nC,,N-2,\n", "customers")
    assert job.counts == {"changed": 2, "new": 1}
    job = revert(platform, job)
    assert (job.counts["reverted"], job.counts["kept"]) == (3, 0)
    assert belongs(platform) == before
    with platform.db.read() as session:
        names = {row.ref: row.name for row in session.scalars(select(Customer))}
    assert names == {"A": None, "B": None}


def test_a_revert_leaves_organisations_that_were_touched_or_have_people(
    imports: ImportService, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    load(imports, "number,name,country\nold,Old,FR\n")
    job = load(imports, "number,name,country\nold,New,GB\nA,A,\nB,B,\nC,C,\n")
    load(imports, "ref,company\nP,B\n", "customers")
    with platform.db.write() as session:
        platform.services.get(Crm).organisations.update(
            session,
            ACTOR,
            organisation_id=there(platform)["C"].id,
            version=None,
            changes={"name": "By hand"},
        )
    job = revert(platform, job)
    assert (job.counts["reverted"], job.counts["kept"]) == (2, 2)
    left = there(platform)
    assert set(left) == {"old", "B", "C"}
    assert (left["old"].name, left["old"].country) == ("Old", "FR")
    with platform.db.read() as session:
        kept = {entry.row: entry.kept for entry in imports.kept(session, job)}
    assert kept == {3: "peopled", 4: "touched"}
