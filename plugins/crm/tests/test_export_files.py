"""Exports that a job makes: of the list, a view or a segment, for who asked, for a day."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from dxp.api import Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.models import PERSON, Customer, Export
from dxp_crm.services import Crm
from dxp_crm.services.views import ViewDraft

ACTOR = SystemActor(name="test")
PAGE = "/admin/crm/exports"
PEOPLE = (
    {"ref": "A", "name": "=1+1", "email": "a@x.example", "tags": ["vip"]},
    {"ref": "B", "name": "علي", "country": "FR"},
    {"ref": "C", "name": "Cy", "country": "FR"},
)


@pytest.fixture
def crm(platform: Platform) -> Crm:
    crm = platform.services.get(Crm)
    with platform.db.write() as session:
        crm.customers.register_many(session, ACTOR, PEOPLE)
    return crm


@pytest.fixture
def reader(client: DxpClient) -> DxpClient:
    return client.as_staff("crm.customers.read", "crm.customers.export", "crm.segments.manage")


def made(platform: Platform) -> Export:
    with platform.db.read() as session:
        return session.scalars(select(Export).order_by(Export.id.desc()).limit(1)).one()


def export(
    reader: DxpClient, platform: Platform, run_jobs: Callable[[], int], **wanted: str
) -> list[dict[str, str]]:
    """Asked for, made, and fetched."""
    assert reader.submit(PAGE, wanted).status_code == 303
    assert "Being made" in reader.get(PAGE).get_data(as_text=True)
    run_jobs()
    answer = reader.get(f"{PAGE}/{made(platform).id}/file")
    assert answer.status_code == 200, answer.get_data(as_text=True)
    assert "attachment" in answer.headers["Content-Disposition"]
    text = answer.get_data().decode("utf-8-sig")
    answer.close()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_list_is_exported_by_a_job_without_formulas(
    crm: Crm, reader: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    rows = export(reader, platform, run_jobs)
    assert [row["ref"] for row in rows] == ["A", "B", "C"]
    assert rows[0]["name"] == "'=1+1"
    assert rows[1]["name"] == "علي"
    done = made(platform)
    assert (done.state, done.rows, done.total) == ("ready", 3, 3)
    assert [row["ref"] for row in export(reader, platform, run_jobs, tag="vip")] == ["A"]
    assert [row["ref"] for row in export(reader, platform, run_jobs, text="cy")] == ["C"]
    with platform.db.read() as session:
        actions = [entry.action for entry in platform.audit.entries(session)]
    assert actions.count("crm.customers.exported") == 3
    assert actions.count("crm.customers.fetched") == 3


def test_a_view_and_a_segment_are_exported(
    crm: Crm, reader: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    with platform.db.write() as session:
        draft = ViewDraft(
            name="French",
            shared=True,
            text="",
            condition={"crm.country": "FR"},
            columns=["name", "ref"],
            sort="created_at",
        )
        view_id = crm.views.save(session, ACTOR, draft).id
    rows = export(reader, platform, run_jobs, view=str(view_id))
    assert rows == [{"ref": "B", "name": "علي"}, {"ref": "C", "name": "Cy"}]
    reader.submit("/admin/crm/segments/new", {"name": "VIP", "key": "vip", "kind": "static"})
    reader.submit("/admin/crm/segments/vip/members", {"do": "add", "refs": "A, C"})
    rows = export(reader, platform, run_jobs, segment="vip")
    assert [row["ref"] for row in rows] == ["A", "C"]


def test_what_does_not_exist_is_refused_with_a_word(
    crm: Crm, reader: DxpClient, platform: Platform
) -> None:
    for wanted in ({"view": "nonsense"}, {"view": str(uuid.uuid4())}, {"segment": "none"}):
        assert reader.submit(PAGE, wanted).status_code == 303
    with platform.db.read() as session:
        assert session.scalars(select(Export)).all() == []
    assert reader.get(f"{PAGE}/{uuid.uuid4()}/file").status_code == 303


def test_columns_that_are_kept_for_others_are_left_out_also_later(
    crm: Crm, reader: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    def keep(name: str) -> None:
        with platform.db.write() as session:
            crm.visibility.restrict(
                session, ACTOR, record=PERSON, name=name, see_roles=["boss"], change_roles=["*"]
            )

    keep("email")
    rows = export(reader, platform, run_jobs)
    assert "email" not in rows[0]
    assert export(reader, platform, run_jobs, text="a@x.example") == []
    keep("name")
    answer = reader.get(f"{PAGE}/{made(platform).id}/file")
    assert answer.status_code == 303
    assert "kept for other roles" in reader.get(PAGE).get_data(as_text=True)


def test_a_file_is_its_owners_and_goes_after_a_day(
    crm: Crm,
    client: DxpClient,
    reader: DxpClient,
    platform: Platform,
    run_jobs: Callable[[], int],
    clock: Any,
) -> None:
    export(reader, platform, run_jobs)
    url = f"{PAGE}/{made(platform).id}/file"
    other = client.as_staff("crm.customers.export")
    assert other.get(url).status_code == 303
    assert client.as_staff("crm.customers.read").get(url).status_code == 403
    clock.advance(hours=25)
    assert reader.get(url).status_code == 303
    with platform.db.write() as session:
        assert crm.export_files.drop_expired(session) == 1
    assert list((platform.settings.data_dir / "exports").iterdir()) == []


def test_a_file_that_names_an_erased_person_goes(
    crm: Crm, reader: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    export(reader, platform, run_jobs, tag="vip")
    first = made(platform)
    export(reader, platform, run_jobs, text="cy")
    second = made(platform)
    with platform.db.write() as session:
        cy = session.scalars(select(Customer.subject_id).where(Customer.ref == "C")).one()
        platform.privacy.erasure.erase(session, ACTOR, subject_id=cy)
    run_jobs()
    kept = [path.stem for path in (platform.settings.data_dir / "exports").iterdir()]
    assert kept == [str(first.id)]
    assert reader.get(f"{PAGE}/{second.id}/file").status_code == 303
    assert "Somebody in it was erased" in reader.get(PAGE).get_data(as_text=True)


def test_a_job_that_was_killed_makes_the_file_anew(
    crm: Crm, reader: DxpClient, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    reader.submit(PAGE)
    folder = platform.settings.data_dir / "exports"
    folder.mkdir(parents=True)
    (folder / f"{made(platform).id}.csv").write_text("half of a file")
    run_jobs()
    text = (folder / f"{made(platform).id}.csv").read_text(encoding="utf-8-sig")
    assert text.startswith("name,ref,")
    assert "half" not in text
