"""Erased persons in files: found by digests, because nothing else of them is kept to look for.

An erasure leaves digests of the person's names in a table. A job then goes once through the files,
whatever the number of persons, and empties the table.
"""

from __future__ import annotations

import csv
import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import orjson
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dxp.api import Platform, dialect_insert
from dxp_crm.models import Customer, Forgotten, Import
from dxp_crm.services.importing.reading import read_rows
from dxp_crm.services.tables import unguarded

FORGET = "crm.import_forget"
AT_ONCE = 50
"""After an erasure of so many the job begins at once; else a schedule begins it."""
ERASED = "erased"
ORPHANED = timedelta(days=1)
_UNFINISHED = ("new", "checking", "checked", "failed")
_CHUNK = 50_000
_PHONE = re.compile(r"\+?\d{5,}")
_IN_PHONES = re.compile(r"[\s().\-/]")
Told = Callable[[str, str], bool]


class Forgetting:
    """Takes erased persons out of the files of imports.

    Args:
        folder: of the files.
        path: the uploaded file of an import, by its id.

    Attributes:
        others: what else keeps files: given what tells who was erased since a file was made, it
            drops those that name somebody, and says whether one is not finished yet.
    """

    def __init__(
        self, platform: Platform, folder: Callable[[], Path], path: Callable[[uuid.UUID], Path]
    ) -> None:
        self._platform = platform
        self._folder = folder
        self._path = path
        self.others: list[Callable[[Callable[[datetime], Told]], bool]] = []

    def note(self, session: Session, subject_ids: Collection[uuid.UUID]) -> None:
        """Persons are being erased: note what files may name them by."""
        rows = session.execute(
            select(Customer.ref, Customer.email, Customer.phone, Customer.name).where(
                Customer.subject_id.in_(subject_ids)
            )
        ).all()
        digests = {
            self._digest(scheme, value)
            for ref, email, phone, name in rows
            for scheme, value in (("ref", ref), ("key", email), ("key", phone), ("name", name))
            if value
        }
        if not digests:
            return
        now = self._platform.clock.now()
        session.execute(
            dialect_insert(session, Forgotten).on_conflict_do_nothing(),
            [{"digest": digest, "at": now} for digest in sorted(digests)],
        )
        if len(subject_ids) <= AT_ONCE:
            self._platform.jobs.enqueue(session, FORGET)

    def work(self) -> int:
        """Search all files for whom the table names; returns how many digests were dealt with.

        While an import is being written its file is left alone, and the digests stay: it goes
        when the import is done.
        """
        done = 0
        while True:
            with self._platform.db.read() as session:
                rows = session.execute(select(Forgotten.digest, Forgotten.at).limit(_CHUNK))
                digests = dict(rows.all())
                jobs = session.scalars(select(Import).order_by(Import.id)).all()
            if not digests:
                return done
            told_since = partial(self._told_since, digests)
            busy = [self._search(job.id, told_since(job.created_at)) for job in jobs]
            busy += [other(told_since) for other in self.others]
            if any(busy):
                return done
            with self._platform.db.write() as session:
                for start in range(0, len(digests), 500):
                    some = sorted(digests)[start : start + 500]
                    session.execute(delete(Forgotten).where(Forgotten.digest.in_(some)))
            done += len(digests)

    def _told_since(self, digests: Mapping[str, datetime], made: datetime) -> Told:
        """Whether a name is of somebody who was erased after a file was made."""

        def told(scheme: str, value: str) -> bool:
            at = digests.get(self._digest(scheme, value))
            return at is not None and at >= made

        return told

    def sweep(self, session: Session) -> None:
        """Delete files that no import needs: of those that were written, and of broken uploads."""
        if not self._folder().is_dir():
            return
        rows = session.execute(select(Import.id, Import.state))
        states = {str(import_id): state for import_id, state in rows}
        before = (self._platform.clock.wall() - ORPHANED).timestamp()
        for path in self._folder().iterdir():
            state = states.get(path.stem)
            orphan = state is None and path.stat().st_mtime < before
            if orphan or (path.suffix == ".csv" and state in ("committed", "reverted")):
                path.unlink(missing_ok=True)

    def _search(self, import_id: uuid.UUID, told: Told) -> bool:
        """Look through the files of one import; whether that has to wait."""
        with self._platform.db.read() as session:
            job = session.get(Import, import_id)
        if job is None:
            return False
        named = job.state in _UNFINISHED and _names(self._rows(job), job, told)
        with self._platform.db.write() as session:
            held = session.scalar(select(Import).where(Import.id == import_id).with_for_update())
            if held is None:
                return False
            if named and held.state in _UNFINISHED:
                held.state, held.failure = "failed", ERASED
                self._platform.db.after_commit(
                    session, partial(self._path(import_id).unlink, missing_ok=True)
                )
            elif held.state in ("checking", "committing"):
                return True
            held.faults_bytes = self._scrub(held, told)
        return False

    def _rows(self, job: Import) -> Iterator[Sequence[str]]:
        path = self._path(job.id)
        if not path.is_file():
            return iter(())
        rows = read_rows(
            path, encoding=job.encoding, delimiter=job.delimiter, width=len(job.headings)
        )
        return (row.cells for row in rows)

    def _scrub(self, job: Import, told: Told) -> int:
        """Take rows that name somebody out of the faulty ones; the length that is left."""
        path = self._folder() / f"{job.id}.faults"
        if not path.is_file() or not job.faults_bytes:
            return job.faults_bytes
        kept = path.with_suffix(".kept")
        left, size, gone = job.faults_bytes, 0, False
        with path.open("rb") as source, kept.open("wb") as target:
            kept.chmod(0o600)
            while left > 0 and (line := source.readline()):
                left -= len(line)
                cells = orjson.loads(line)["cells"]
                if _names([cells], job, told) or any(told("name", cell) for cell in _full(cells)):
                    gone = True
                    continue
                size += target.write(line)
        if gone:
            kept.replace(path)
            return size
        kept.unlink()
        return job.faults_bytes

    def _digest(self, scheme: str, value: str) -> str:
        return self._platform.subjects.digest(f"file.{scheme}", _canonical(value))


def names_in_csv(path: Path, told: Told) -> bool:
    """Whether a file that we made ourselves names somebody."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        refs = [index for index, name in enumerate(next(reader, [])) if name == "ref"]
        return any(
            any(told("key", cell) or told("name", cell) for cell in _full(cells))
            or any(told("ref", unguarded(cells[index])) for index in refs if index < len(cells))
            for cells in reader
        )


def _names(
    rows: Iterator[Sequence[str]] | Sequence[Sequence[str]], job: Import, told: Told
) -> bool:
    """Whether a row holds somebody's number, in the column of numbers, or address or telephone."""
    refs = [index for index, name in enumerate(job.headings) if job.mapping.get(name) == "ref"]
    return any(
        any(told("ref", unguarded(cells[index].strip())) for index in refs if index < len(cells))
        or any(told("key", cell) for cell in _full(cells))
        for cells in rows
    )


def _full(cells: Sequence[str]) -> Iterator[str]:
    return (unguarded(text) for cell in cells if (text := cell.strip()))


def _canonical(value: str) -> str:
    """As people compare names: without regard to case, and telephone numbers by their digits."""
    plain = unicodedata.normalize("NFKC", value).strip().casefold()
    digits = _IN_PHONES.sub("", plain)
    return digits if _PHONE.fullmatch(digits) else plain
