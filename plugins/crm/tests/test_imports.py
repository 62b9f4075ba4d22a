"""Importing customers and events from files, through the service that the admin and the CLI use."""

from __future__ import annotations

import gzip
import io
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from sqlalchemy import func, select

from dxp.api import EventRow, NotFound, Platform, SystemActor
from dxp_crm.demo import CDNOW_CUSTOMERS, CDNOW_ORDERS, cdnow_file, read_cdnow
from dxp_crm.models import Customer, Import
from dxp_crm.services import Crm
from dxp_crm.services.definitions import FieldDraft
from dxp_crm.services.importing import ImportService
from dxp_crm.services.importing.faults import UnreadableFile

ACTOR = SystemActor(name="import")
ORDERS = "order_id,ref,occurred_at,total,currency\n"


@pytest.fixture
def app_settings() -> Mapping[str, Any]:
    return {"plugins": {"crm": {"import_max_mb": 1}}}


@pytest.fixture
def imports(platform: Platform) -> ImportService:
    return platform.services.get(Crm).imports


def load(imports: ImportService, text: str | bytes, kind: str = "customers", **more: Any) -> Import:
    """A file, mapped by its headings and written at once."""
    data = text.encode() if isinstance(text, str) else text
    return imports.import_at_once(ACTOR, io.BytesIO(data), kind=kind, file_name="some.csv", **more)


def reasons(platform: Platform, job: Import) -> dict[int, str]:
    """What was said of the faulty rows."""
    imports = platform.services.get(Crm).imports
    with platform.db.read() as session:
        rows = list(imports.faulty_rows(session, job))
    return {faulty.row: " ".join(faulty.reasons) for faulty in rows}


def people(platform: Platform) -> dict[str | None, Customer]:
    with platform.db.read() as session:
        return {customer.ref: customer for customer in session.scalars(select(Customer))}


def test_faulty_rows_are_named_and_the_rest_goes_on(
    imports: ImportService, platform: Platform
) -> None:
    job = load(imports, 'ref,email,tags\nA,,"vip, new"\nB,nonsense,\nC,,\n')
    assert job.counts == {"new": 2, "faulty": 1}
    assert reasons(platform, job) == {2: "E-mail: It is not an e-mail address."}
    assert people(platform)["A"].tags == ["vip", "new"]


def test_importing_the_same_file_again_changes_nothing(
    imports: ImportService, platform: Platform
) -> None:
    text = "ref,name,email,birthday\nA,Ada,ada@x.example,1999-05-01\nB,,,\n"
    assert load(imports, text).counts == {"new": 2}
    assert load(imports, text).counts == {"same": 2}
    assert people(platform)["A"].version == 1
    rows = "1,A,2026-01-02T10:00:00,9.90,EUR\n2,A,2026-01-03,5,EUR\n"
    first = load(imports, ORDERS + rows, "order.placed", source="shop")
    more = ORDERS + rows + "3,B,2026-01-03,5,EUR\n"
    second = load(imports, more, "order.placed", source="shop")
    assert (first.counts, second.counts) == ({"new": 2}, {"new": 1, "same": 2})
    assert load(imports, more, "order.placed", source="market").counts == {"new": 3}


def test_known_customers_are_changed_where_the_file_says_something(
    imports: ImportService, platform: Platform, events: Any
) -> None:
    load(imports, "ref,name,phone,birthday\nA,Ada,+33 1 23,1999-05-01\nB,Bob,,\n")
    job = load(imports, "ref,name,phone,birthday\nA,Ada L.,,05-01\nB,Bob,,\n")
    assert job.counts == {"changed": 1, "same": 1}
    ada = people(platform)["A"]
    assert (ada.name, ada.phone, ada.birthday_year, ada.version) == ("Ada L.", "+33 1 23", None, 2)
    assert events.types.count("customer.birthday_changed") == 2


@pytest.mark.parametrize(
    ("mode", "counts"),
    [
        ("create", {"new": 1, "same": 1}),
        ("update", {"changed": 1, "faulty": 1}),
        ("upsert", {"new": 1, "changed": 1}),
    ],
)
def test_the_mode_says_what_happens_to_the_known_and_the_new(
    imports: ImportService,
    platform: Platform,
    run_jobs: Callable[[], int],
    mode: str,
    counts: dict[str, int],
) -> None:
    load(imports, "ref,email\nA,a@x.example\n")
    text = b"mail,name\nA@X.example,Ada\nb@x.example,Bob\n"
    job = imports.take_in(ACTOR, io.BytesIO(text), kind="customers", file_name="x.csv")
    with platform.db.write() as session:
        held = imports.get(session, job.id, lock=True)
        imports.check(session, ACTOR, held, mapping=held.mapping, options={"mode": mode})
    run_jobs()
    with platform.db.write() as session:
        held = imports.get(session, job.id, lock=True)
        assert (held.state, held.counts) == ("checked", counts)
        assert len(people(platform)) == 1, "a dry run writes nothing"
        imports.commit(session, ACTOR, held)
    run_jobs()
    with platform.db.read() as session:
        held = imports.get(session, job.id)
    assert (held.state, held.counts) == ("committed", counts)


def test_a_value_that_stands_twice_counts_once_also_batches_apart(
    imports: ImportService, platform: Platform
) -> None:
    many = "".join(f"R{number},\n" for number in range(600))
    job = load(imports, f"ref,email\nA,a@x.example\n{many}a,A@X.example\nA ,\n")
    assert job.counts == {"new": 601, "faulty": 2}
    assert set(reasons(platform, job)) == {602, 603}
    assert "Row 1 of the file" in reasons(platform, job)[603]


def test_a_file_of_new_customers_never_takes_anothers_address(
    imports: ImportService, platform: Platform
) -> None:
    load(imports, "ref,email\nA,a@x.example\nB,b@x.example\n")
    job = load(imports, "ref,email\nC,a@x.example\nB,a@x.example\n")
    assert job.counts == {"faulty": 2}
    assert {ref: person.email for ref, person in people(platform).items()} == {
        "A": "a@x.example",
        "B": "b@x.example",
    }


def test_consents_of_a_file_count_for_new_customers_only(
    imports: ImportService, platform: Platform
) -> None:
    text = "ref,newsletter\nA,oui\nB,لا\n"
    load(imports, text)
    consents = platform.services.get(Crm).consents
    ids = {ref: person.subject_id for ref, person in people(platform).items()}
    with platform.db.write() as session:
        assert consents.granted_many(session, list(ids.values()), "marketing") == {ids["A"]}
        word = {"purpose": "marketing", "granted": False, "channel": "x", "text_version": "1"}
        consents.record(session, ACTOR, subject_id=ids["A"], **word)
    assert load(imports, text).counts == {"same": 2}
    with platform.db.read() as session:
        assert consents.granted_many(session, list(ids.values()), "marketing") == set()


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("2,nobody,2026-01-02,1,EUR", "nobody"),
        ("2,A,yesterday,1,EUR", "yesterday is not a date"),
        ("2,A,,1,EUR", "When it happened: It is empty"),
        ("2,A,2099-01-01,1,EUR", "lies in the future"),
        ("2,A,2026-01-02,-1,EUR", "Total: It is too small or too large."),
        ("2,A,2026-01-02,much,EUR", "much is not a number"),
        ("2,A,2026-01-02,1,euro", "Currency: It is not a currency code"),
        (",A,2026-01-02,1,EUR", "Order number: It is empty"),
        ("1,A,2026-01-02,1,EUR", "Row 1 of the file has the same value."),
        ("2,A,2026-01-02,1", "It has 4 cells, and the heading names 5."),
        ('2,A,2026-01-02,1,"EUR" x', "quotation marks"),
        ("2,A,2026-01-02,1,E\x00R", "NUL"),
        (f"2,A,2026-01-02,1,{'x' * 300_000}", "longer than"),
        (f'2,A,2026-01-02,1,"{"x" * 150_000}"', "longer than"),
    ],
)
def test_an_order_that_does_not_fit_is_left_out_with_the_reason(
    imports: ImportService, platform: Platform, row: str, word: str
) -> None:
    load(imports, "ref\nA\n")
    text = f"{ORDERS}1,A,2026-01-02,1,EUR\n{row}\n3,A,2026-01-02,1,EUR\n"
    job = load(imports, text, "order.placed")
    assert job.counts == {"new": 2, "faulty": 1}
    assert word in reasons(platform, job)[2]


def test_a_quotation_mark_that_stays_open_costs_the_rows_it_swallows_only(
    imports: ImportService, platform: Platform
) -> None:
    job = load(imports, 'ref,name\nA,"open\nB,x\nC,"y"\nD,z\n')
    assert job.counts == {"new": 1, "faulty": 1}
    assert set(people(platform)) == {"D"}


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b"\n\n", "first line is empty"),
        (b"ref,,name\nA,B,C\n", "Column 2 has no heading"),
        (b"ref,name,ref\nA,B,C\n", "heading ref stands twice"),
        (b"PK\x03\x04rest", "workbook"),
        (b"%PDF-1.7", "not a text file"),
        (b"\x1f\x8b\x08damaged", "damaged"),
        (gzip.compress(b"ref\nA\n", mtime=0)[:-6], "damaged"),
        (gzip.compress(gzip.compress(b"ref", mtime=0), mtime=0), "compressed twice"),
        (bytes(range(1, 32)) * 40, "not a text file"),
        (b",".join(b"c%d" % n for n in range(300)), "300 columns"),
        (b"x" * 300_000, "first line cannot be read"),
    ],
)
def test_what_is_no_table_is_refused_and_nothing_is_kept(
    imports: ImportService, platform: Platform, data: bytes, word: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        imports.take_in(ACTOR, io.BytesIO(data), kind="customers", file_name="x.csv")
    assert word in str(caught.value)
    assert list((platform.settings.data_dir / "imports").iterdir()) == []
    with platform.db.read() as session:
        assert session.scalar(select(func.count()).select_from(Import)) == 0


def test_a_small_file_that_unpacks_to_a_huge_one_is_refused(imports: ImportService) -> None:
    bomb = gzip.compress(b"ref\n" + b"A\n" * 3_000_000)
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableFile, match="larger than 1 MB"):
        imports.take_in(ACTOR, io.BytesIO(bomb), kind="customers", file_name="x.csv.gz")


@pytest.mark.parametrize(
    ("encoding", "bom", "sure"),
    [
        ("utf-8", b"", True),
        ("utf-8", b"\xef\xbb\xbf", True),
        ("utf-16-le", b"\xff\xfe", True),
        ("utf-16-be", b"\xfe\xff", True),
        ("utf-16-le", b"", True),
        ("cp1252", b"", False),
        ("cp1256", b"", False),
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_encodings_and_delimiters_are_found(
    imports: ImportService, encoding: str, bom: bytes, sure: bool, delimiter: str
) -> None:
    name = "عمر الحسن" if encoding == "cp1256" else "Amélie"
    rows = [["ref", "name", "city"], ["1", name, "a"], ["2", "x", "b"]]
    text = "\r\n".join(delimiter.join(row) for row in rows)
    data = bom + text.encode(encoding)
    job = imports.take_in(ACTOR, io.BytesIO(data), kind="customers", file_name="x.csv")
    assert (job.headings, job.encoding_sure) == (["ref", "name", "city"], sure)
    assert imports.samples(job)[0] == ["1", name, "a"]


def test_where_the_encoding_is_not_sure_nothing_is_written_until_it_is_named(
    imports: ImportService, platform: Platform
) -> None:
    data = "ref,name\n1,Amélie\n".encode("cp1252")
    with pytest.raises(UnreadableFile, match="cannot be told"):
        load(imports, data)
    assert people(platform) == {}
    assert load(imports, data, encoding="cp1252").counts == {"new": 1}
    assert people(platform)["1"].name == "Amélie"


def test_a_wrong_encoding_is_refused_with_the_line(
    imports: ImportService, platform: Platform
) -> None:
    data = "ref,name\n1,x\n2,Amélie\n".encode("cp1252")
    job = imports.take_in(ACTOR, io.BytesIO(data), kind="customers", file_name="x.csv")
    with platform.db.write() as session, pytest.raises(UnreadableFile, match="Line 3"):
        held = imports.get(session, job.id, lock=True)
        imports.reread(session, held, encoding="utf-8-sig", delimiter=",")


def test_a_formula_is_stored_as_the_text_that_it_is(
    imports: ImportService, platform: Platform
) -> None:
    load(imports, 'ref,name\nA,"=HYPERLINK(""http://x"")"\n')
    assert people(platform)["A"].name == '=HYPERLINK("http://x")'


@pytest.mark.parametrize(
    ("headings", "fields"),
    [
        ("Customer ID,E-Mail,Full name", ["ref", "email", "name"]),
        ("Numéro client;Courriel;Nom;Pays", ["ref", "email", "name", "country"]),
        ("رقم العميل,البريد الإلكتروني,الاسم,الدولة", ["ref", "email", "name", "country"]),
        ("شماره مشتری,ایمیل,نام,تاریخ تولد", ["ref", "email", "name", "birthday"]),
    ],
)
def test_columns_are_known_by_name_in_four_languages(
    imports: ImportService, headings: str, fields: list[str]
) -> None:
    job = imports.take_in(
        ACTOR, io.BytesIO(f"{headings}\n".encode()), kind="customers", file_name="x.csv"
    )
    assert list(job.mapping.values()) == fields


def test_columns_are_known_by_content_and_remembered(
    imports: ImportService, platform: Platform
) -> None:
    text = b"a,b,c\nx@x.example,FR,7\ny@x.example,DE,8\n"
    job = imports.take_in(ACTOR, io.BytesIO(text), kind="customers", file_name="x.csv")
    assert job.mapping == {"a": "email", "b": "country"}
    with platform.db.write() as session:
        held = imports.get(session, job.id, lock=True)
        imports.check(session, ACTOR, held, mapping={"a": "email", "c": "ref"}, options={})
    again = imports.take_in(
        ACTOR, io.BytesIO(b"c,b,a\n1,2,3\n"), kind="customers", file_name="y.csv"
    )
    assert again.mapping == {"a": "email", "c": "ref"}


def test_fields_of_staffs_own_are_imported_by_type(
    imports: ImportService, platform: Platform
) -> None:
    crm = platform.services.get(Crm)
    with platform.db.write() as session:
        for key, kind, choices in (
            ("shoe_size", "number", []),
            ("member", "boolean", []),
            ("met_on", "date", []),
            ("colours", "choices", [{"value": "red"}, {"value": "blue"}]),
        ):
            draft = FieldDraft(type=kind, labels={"fr": f"Le {key}"}, choices=choices)
            crm.definitions.create(session, ACTOR, record="person", key=key, draft=draft)
    text = (
        "ref,shoe_size,Le member,met_on,colours\n"
        'A,42.5,oui,31/12/2025,"red;blue"\nB,big,,,\nC,,,,green\n'
    )
    job = load(imports, text)
    assert job.counts == {"new": 1, "faulty": 2}
    assert people(platform)["A"].fields == {
        "shoe_size": 42.5,
        "member": True,
        "met_on": "2025-12-31",
        "colours": ["red", "blue"],
    }
    assert "Le shoe_size: big is not a number." in reasons(platform, job)[2]
    assert "Le colours: green is none of the choices." in reasons(platform, job)[3]
    again = load(imports, text.replace("42.5", "43"))
    assert again.counts == {"changed": 1, "faulty": 2}
    with platform.db.write() as session:
        imports.revert(session, ACTOR, imports.get(session, again.id, lock=True))
    imports.run(again.id)
    assert people(platform)["A"].fields["shoe_size"] == 42.5


def test_a_field_kept_for_other_roles_is_not_written_by_a_file(
    imports: ImportService, platform: Platform, client: Any
) -> None:
    visibility = platform.services.get(Crm).visibility
    with platform.db.write() as session:
        visibility.restrict(
            session, ACTOR, record="person", name="phone", see_roles=["*"], change_roles=["boss"]
        )
    editor = client.as_staff("crm.customers.import")
    data = {"file": (io.BytesIO(b"ref,phone\nA,12345\n"), "x.csv"), "kind": "customers"}
    url = editor.submit("/admin/crm/imports/new", data).headers["Location"]
    assert '<option value="phone"' not in editor.get(url).get_data(as_text=True)
    answer = editor.submit(f"{url}/check", {"column-0": "ref", "column-1": "phone"})
    assert answer.status_code == 422
    assert "Only other roles may change this field." in answer.get_data(as_text=True)


def test_the_public_sample_reads_as_its_authors_describe_it() -> None:
    path = cdnow_file()
    if path is None:
        pytest.skip("the PyPI package lifetimes, which ships the sample, is not installed")
    rows = list(read_cdnow(path))
    assert len(rows) == CDNOW_ORDERS
    assert len({row["ref"] for row in rows}) == CDNOW_CUSTOMERS


def test_killed_in_the_middle_it_goes_on_without_doubling(
    imports: ImportService, platform: Platform
) -> None:
    """The position is saved with each batch; what was not committed is not there."""

    class Killed(BaseException):
        pass

    rows = "".join(f"R{number},n{number}\n" for number in range(1200))
    text = f"ref,name\nbad,,\n{rows}R0,again\n"
    batches = []

    def watch(_job: Import) -> Callable[[int], None]:
        def told(_read: int) -> None:
            batches.append(1)
            if len(batches) == 2:
                raise Killed

        return told

    with pytest.raises(Killed):
        load(imports, text, progress=watch)
    with platform.db.read() as session:
        (job,) = session.scalars(select(Import)).all()
    assert (job.state, job.position) == ("committing", 1000)
    with (platform.settings.data_dir / "imports" / f"{job.id}.faults").open("ab") as file:
        file.write(b"half a line, and no position")
    job = imports.run(job.id)
    assert job.counts == {"new": 1200, "faulty": 2}
    assert len(people(platform)) == 1200
    assert set(reasons(platform, job)) == {1, 1202}
    with platform.db.read() as session:
        registered = select(func.count()).where(EventRow.type == "customer.registered")
        assert session.scalar(registered) == 1200


def test_a_revert_takes_back_all_but_what_was_touched_since(
    imports: ImportService, platform: Platform, run_jobs: Callable[[], int], clock: Any
) -> None:
    load(imports, "ref,name,email\nold,Old,old@x.example\nother,Other,\n")
    clock.advance(hours=1)
    job = load(
        imports,
        "ref,name,email\nold,New,new@x.example\nother,Changed,\nA,Ada,a@x.example\nB,Bob,\nC,Cy,\n",
    )
    assert job.counts == {"new": 3, "changed": 2}
    clock.advance(hours=1)
    customers = platform.services.get(Crm).customers
    ids = {ref: person.subject_id for ref, person in people(platform).items()}
    with platform.db.write() as session:
        customers.update(
            session, ACTOR, subject_id=ids["B"], version=None, changes={"name": "By hand"}
        )
        customers.update(
            session, ACTOR, subject_id=ids["other"], version=None, changes={"phone": "12345"}
        )
        customers.add_note(session, ACTOR, subject_id=ids["C"], text="Kind.", author="me")
    with platform.db.write() as session:
        imports.revert(session, ACTOR, imports.get(session, job.id, lock=True))
    run_jobs()
    left = people(platform)
    assert set(left) == {"old", "other", "B", "C"}
    assert (left["old"].name, left["old"].email) == ("Old", "old@x.example")
    assert left["other"].name == "Changed"
    with platform.db.read() as session:
        job = imports.get(session, job.id)
        assert [entry.row for entry in imports.kept(session, job)] == [2, 4, 5]
    assert (job.state, job.counts["reverted"], job.counts["kept"]) == ("reverted", 2, 3)
    assert load(imports, "ref,email\nA,a@x.example\nnew,new@x.example\n").counts == {"new": 2}


def test_a_revert_is_refused_after_thirty_days_and_the_file_goes(
    imports: ImportService, platform: Platform, clock: Any
) -> None:
    job = load(imports, "ref\nA\n")
    assert imports.may_revert(job)
    clock.advance(days=31)
    assert not imports.may_revert(job)
    with platform.db.write() as session:
        assert imports.prune(session) == 1
    assert list((platform.settings.data_dir / "imports").iterdir()) == []
    assert set(people(platform)) == {"A"}


def test_a_batch_takes_the_same_number_of_statements_whatever_its_size(
    imports: ImportService, count_queries: Any
) -> None:
    counts = []
    for start, number in ((0, 2), (2, 400)):
        rows = "".join(f"R{n},n{n}@x.example\n" for n in range(start, start + number))
        with count_queries() as queries:
            load(imports, f"ref,email\n{rows}")
        counts.append(queries.count)
    assert counts[0] == counts[1]


def test_an_import_id_that_is_unknown_is_a_problem(
    imports: ImportService, platform: Platform
) -> None:
    with platform.db.read() as session, pytest.raises(NotFound):
        imports.get(session, uuid.uuid4())
