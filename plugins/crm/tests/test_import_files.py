"""What stays of a file: as little as possible, for as short as possible."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.api import NotFound, Platform, SystemActor
from dxp.testing.client import DxpClient
from dxp_crm.models import Forgotten, Import
from dxp_crm.services import Crm
from dxp_crm.services.importing import ImportService

ACTOR = SystemActor(name="import")
MARK = "Zyx"
GRACE = {
    "ref": f"{MARK}-7",
    "email": f"{MARK}@example.com",
    "phone": "+33 6 12 34 56 78",
    "name": f"{MARK} Miller",
}


@pytest.fixture
def imports(platform: Platform) -> ImportService:
    return platform.services.get(Crm).imports


@pytest.fixture
def person(key: DxpClient) -> uuid.UUID:
    answer = key.post("/api/v1/customers", json=GRACE)
    assert answer.status_code == 201
    return uuid.UUID(answer.get_json()["id"])


def folder_of(platform: Platform) -> Path:
    return platform.settings.data_dir / "imports"


def marked(platform: Platform) -> list[str]:
    """The files of the whole data folder in which the person's mark stands."""
    return sorted(
        path.suffix
        for path in platform.settings.data_dir.rglob("*")
        if path.is_file()
        and MARK.casefold().encode() in path.read_bytes().lower()
        # The database is not the files' concern; on SQLite it lies elsewhere anyway.
        and "sqlite" not in path.name
    )


def taken_in(imports: ImportService, text: str) -> Import:
    return imports.take_in(
        ACTOR, io.BytesIO(text.encode()), kind="customers", file_name="people.csv"
    )


def check(platform: Platform, job: Import) -> None:
    imports = platform.services.get(Crm).imports
    with platform.db.write() as session:
        held = imports.get(session, job.id, lock=True)
        imports.check(session, ACTOR, held, mapping=held.mapping, options={})


def erase(platform: Platform, subject_id: uuid.UUID) -> None:
    with platform.db.write() as session:
        platform.privacy.erasure.erase(session, ACTOR, subject_id=subject_id)


def state_of(platform: Platform, job: Import) -> tuple[str, str | None]:
    with platform.db.read() as session:
        found = platform.services.get(Crm).imports.get(session, job.id)
        return found.state, found.failure


def test_a_file_is_deleted_when_it_was_written(imports: ImportService, platform: Platform) -> None:
    job = imports.import_at_once(
        ACTOR, io.BytesIO(b"ref,email\nA,none\nB,\n"), kind="customers", file_name="x.csv"
    )
    assert [path.suffix for path in folder_of(platform).iterdir()] == [".faults"]
    with platform.db.read() as session:
        assert [row.row for row in imports.faulty_rows(session, job)] == [1]


@pytest.mark.parametrize(
    "row",
    [
        f"{GRACE['ref']},x,,",
        f",,0033,{GRACE['email'].upper()}",
        f"'{GRACE['phone']},x,,",
        f"new,{GRACE['email']},,bad",
    ],
)
def test_an_unfinished_file_goes_with_whom_it_names(
    imports: ImportService,
    platform: Platform,
    person: uuid.UUID,
    run_jobs: Callable[[], int],
    row: str,
) -> None:
    mentions = taken_in(imports, f"ref,name,phone,email\nA,Ada,,\n{row}\n")
    other = taken_in(imports, "ref,name,phone,email\nA,Ada,,\nB,Bob,,\n")
    for job in (mentions, other):
        check(platform, job)
    run_jobs()
    erase(platform, person)
    run_jobs()
    assert marked(platform) == []
    with pytest.raises(NotFound):
        state_of(platform, mentions)
    assert state_of(platform, other) == ("checked", None)
    with platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Forgotten)) == 0


def test_faulty_rows_go_with_the_erased_person_whom_they_name(
    imports: ImportService, platform: Platform, person: uuid.UUID, run_jobs: Callable[[], int]
) -> None:
    rows = [
        "A,none,Ada",
        f"{GRACE['ref']},none,{MARK}",
        f"B,none,{GRACE['name'].upper()}",
        "C,none,Cy",
    ]
    text = "ref,email,name\n" + "\n".join(rows) + "\n"
    job = imports.import_at_once(
        ACTOR, io.BytesIO(text.encode()), kind="customers", file_name="x.csv"
    )
    assert marked(platform) == [".faults"]
    erase(platform, person)
    run_jobs()
    assert marked(platform) == []
    with platform.db.read() as session:
        left = imports.get(session, job.id)
        assert list(imports.faulty_rows(session, left)) == []


def test_a_file_that_came_after_the_erasure_stays(
    imports: ImportService,
    platform: Platform,
    person: uuid.UUID,
    run_jobs: Callable[[], int],
    clock: Any,
) -> None:
    """The person has become a customer again."""
    erase(platform, person)
    clock.advance(seconds=1)
    job = taken_in(imports, f"ref,email\n{GRACE['ref']},{GRACE['email']}\n")
    run_jobs()
    assert state_of(platform, job) == ("new", None)


def test_an_import_that_is_taken_back_leaves_other_files_alone(
    imports: ImportService, platform: Platform, run_jobs: Callable[[], int]
) -> None:
    """It is a mistake that is undone; the corrected file may wait already."""
    text = "ref,email\nA,a@x.example\n"
    first = imports.import_at_once(
        ACTOR, io.BytesIO(text.encode()), kind="customers", file_name="x.csv"
    )
    second = taken_in(imports, text)
    with platform.db.write() as session:
        imports.revert(session, ACTOR, imports.get(session, first.id, lock=True))
    run_jobs()
    assert state_of(platform, first) == ("reverted", None)
    assert state_of(platform, second) == ("new", None)


def test_the_page_works_when_the_file_is_gone(
    client: DxpClient,
    imports: ImportService,
    platform: Platform,
    person: uuid.UUID,
    run_jobs: Callable[[], int],
) -> None:
    editor = client.as_staff("crm.customers.read", "crm.customers.import")
    job = taken_in(imports, f"ref,email\n{GRACE['ref']},\n")
    erase(platform, person)
    run_jobs()
    assert editor.get(f"/admin/crm/imports/{job.id}").status_code == 404
    lost = taken_in(imports, "ref\nA\n")
    (folder_of(platform) / f"{lost.id}.csv").unlink()
    assert editor.get(f"/admin/crm/imports/{lost.id}").status_code == 200
    check(platform, lost)
    run_jobs()
    assert state_of(platform, lost) == ("failed", "gone")
    assert "The file is gone" in editor.get(f"/admin/crm/imports/{lost.id}").get_data(as_text=True)


def test_what_broken_uploads_left_is_swept_away(
    imports: ImportService, platform: Platform, clock: Any
) -> None:
    waiting = taken_in(imports, "ref\nA\n")
    for name in (f"{uuid.uuid4()}.csv", f"{uuid.uuid4()}.faults"):
        (folder_of(platform) / name).write_text("left behind")
    with platform.db.write() as session:
        imports.prune(session)
    assert len(list(folder_of(platform).iterdir())) == 3, "it may be an upload under way"
    clock.advance_wall(days=2)
    with platform.db.write() as session:
        imports.prune(session)
    assert [path.stem for path in folder_of(platform).iterdir()] == [str(waiting.id)]
