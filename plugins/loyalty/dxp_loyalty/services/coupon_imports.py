"""Bringing in codes from a file: each row in, or told with its reason."""

from __future__ import annotations

import csv
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform, Unprocessable, dialect_insert, gettext
from dxp_loyalty.models import CouponBatch, CouponCode
from dxp_loyalty.services.coupon_batches import CouponBatches
from dxp_loyalty.services.coupon_codes import CodeMaker, normalised
from dxp_loyalty.services.entries import table_of

COLUMNS = ("code", "member", "valid_until", "max_uses")
LEAST_CODE, MOST_CODE = 4, 64
MOST_FAULTS = 200
MOST_USES = 1_000_000_000
_BATCH = 500


@dataclass(frozen=True, kw_only=True)
class RowFault:
    """Why a row was left out; `row` as a spreadsheet counts, the heading being 1."""

    row: int
    detail: str


@dataclass(kw_only=True)
class ImportReport:
    """What an import did; only the first `MOST_FAULTS` faults are listed."""

    imported: int = 0
    faulty: int = 0
    faults: list[RowFault] = field(default_factory=list)

    def refuse(self, row: int, detail: str) -> None:
        self.faulty += 1
        if len(self.faults) < MOST_FAULTS:
            self.faults.append(RowFault(row=row, detail=detail))


class CouponImports:
    """Reads CSV files with the columns `code`, `member`, `valid_until` and `max_uses`."""

    def __init__(self, platform: Platform, batches: CouponBatches, codes: CodeMaker) -> None:
        self._platform = platform
        self._batches = batches
        self._codes = codes

    def run(
        self, session: Session, batch_id: uuid.UUID, lines: Iterable[str], *, actor: Actor
    ) -> ImportReport:
        """Bring the codes of a file into an imported batch, good rows in, faulty ones told.

        `member` is the shop's number of a customer, or an id; such a code is theirs alone.

        Raises:
            Unprocessable: the file has no column `code`, or is no table (`invalid_file`), or the
                batch was generated (`invalid_coupon_batch`).
        """
        batch = self._batches.get(session, batch_id, lock=True)
        if batch.origin != "imported" or batch.state == "withdrawn":
            raise Unprocessable(
                gettext(
                    "Codes cannot be brought into this batch, because it was generated or "
                    "withdrawn; make a batch for import"
                ),
                code="invalid_coupon_batch",
            )
        report = ImportReport()
        rows = self._rows(lines)
        while some := list(islice(rows, _BATCH)):
            self._take_in(session, batch, some, report)
        self._batches.imported(session, batch, report.imported, actor=actor)
        return report

    def _rows(self, lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, str]]]:
        reader = csv.DictReader(_without_mark(lines))
        try:
            headings = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if "code" not in headings:
                raise _invalid_file(gettext("it has no column “code” in its first line"))
            reader.fieldnames = headings
            for row in reader:
                yield (
                    reader.line_num,
                    {name: (row.get(name) or "").strip() for name in COLUMNS if name in headings},
                )
        except (csv.Error, UnicodeDecodeError) as error:
            raise _invalid_file(gettext("it is no table in UTF-8 with commas")) from error

    def _take_in(
        self,
        session: Session,
        batch: CouponBatch,
        rows: Sequence[tuple[int, Mapping[str, str]]],
        report: ImportReport,
    ) -> None:
        named = {row["member"] for _number, row in rows if row.get("member")}
        members = self._members(session, named)
        hashes = [self._codes.hash(row["code"]) for _number, row in rows]
        known = set(
            session.scalars(select(CouponCode.code_hash).where(CouponCode.code_hash.in_(hashes)))
        )
        good: list[dict[str, Any]] = []
        for (number, row), code_hash in zip(rows, hashes, strict=True):
            values, wrong = self._values(row, members)
            if wrong is None and code_hash in known:
                wrong = gettext("This code is there already.")
            if wrong is not None:
                report.refuse(number, wrong)
                continue
            known.add(code_hash)
            good.append(
                {
                    "code_hash": code_hash,
                    "batch_id": batch.id,
                    "state": "issued",
                    "uses": 0,
                    "max_uses": batch.max_uses,
                    "subject_id": None,
                    "valid_until": None,
                    "created_at": self._platform.clock.now(),
                    **values,
                }
            )
        if good:
            session.connection().execute(
                dialect_insert(session, table_of(CouponCode)).on_conflict_do_nothing(), good
            )
        report.imported += len(good)

    def _members(self, session: Session, named: set[str]) -> dict[str, uuid.UUID]:
        """Customers by the shop's number or by id."""
        found = self._platform.subjects.find_many(session, [("ref", name) for name in named])
        members = {value: subject_id for (_scheme, value), subject_id in found.items()}
        ids = {name: key for name in named - set(members) if (key := _as_id(name)) is not None}
        known = self._platform.subjects.get_many(session, set(ids.values()))
        return members | {name: known[key] for name, key in ids.items() if key in known}

    @staticmethod
    def _values(
        row: Mapping[str, str], members: Mapping[str, uuid.UUID]
    ) -> tuple[dict[str, Any], str | None]:
        """What a row says, or why it cannot be used."""
        values: dict[str, Any] = {}
        if not LEAST_CODE <= len(normalised(row["code"])) <= MOST_CODE:
            return values, gettext(
                "A code has from %(least)s to %(most)s letters and digits.",
                least=LEAST_CODE,
                most=MOST_CODE,
            )
        if name := row.get("member"):
            if name not in members:
                return values, gettext("There is no customer with this number or id.")
            values["subject_id"] = members[name]
        if text := row.get("valid_until"):
            moment = _as_moment(text)
            if moment is None:
                return values, gettext("The end is no date such as 2026-12-31.")
            values["valid_until"] = moment
        if text := row.get("max_uses"):
            if not (text.isascii() and text.isdigit() and 1 <= int(text[:12]) <= MOST_USES):
                return values, gettext("The number of uses is a whole number from 1 on.")
            values["max_uses"] = int(text)
        return values, None


def _without_mark(lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        text = line.removeprefix("\ufeff") if number == 0 else line
        yield text.replace("\x00", "")


def _as_id(name: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(name)
    except ValueError:
        return None


def _as_moment(text: str) -> datetime | None:
    """A moment; a plain day is its end, in UTC."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if len(text) == 10:
        moment = moment.replace(hour=23, minute=59, second=59)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _invalid_file(why: str) -> Unprocessable:
    return Unprocessable(
        gettext("The file was not read, because %(why)s; save it as CSV in UTF-8", why=why),
        code="invalid_file",
    )
