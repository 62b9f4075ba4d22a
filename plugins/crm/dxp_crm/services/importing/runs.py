"""Passes over a file: a dry run and a commit differ only in whether the plan is written.

A pass goes batch by batch, and each batch is one transaction, in which the position is saved too.
Killed at any moment it goes on at the last position: nothing is left out and nothing is doubled.
Memory holds one batch, whatever the size of the file.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from os import SEEK_END
from pathlib import Path

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from dxp.api import Actor, Platform
from dxp_crm.models import Import, ImportEntry
from dxp_crm.services.importing.columns import Field
from dxp_crm.services.importing.kinds import Kind, Line, parse_row, refuse_doubled
from dxp_crm.services.importing.reading import Row, read_rows
from dxp_crm.services.importing.seen import scratch

OUTCOMES = ("new", "changed", "same", "faulty")
Progress = Callable[[int], None]


@dataclass(frozen=True, kw_only=True)
class OnBehalf(Actor):
    """Who began an import, in the job that goes on with it."""

    actor_key: str
    name: str

    kind = "staff"

    @property
    def key(self) -> str:
        return self.actor_key

    @property
    def label(self) -> str:
        return self.name


class Overtaken(Exception):
    """Another worker has gone on with this import; whatever this one read does not count."""


class Run:
    """One pass over one file.

    Args:
        state: in which the import has to be; anything else stops the pass.
        folder: of the files of imports.
    """

    def __init__(
        self, platform: Platform, kind: Kind, *, job: Import, state: str, folder: Path
    ) -> None:
        self._platform = platform
        self._kind = kind
        self._id = job.id
        self._state = state
        self._job = job
        self._path = folder / f"{job.id}.csv"
        self._faults = folder / f"{job.id}.faults"
        with platform.db.read() as session:
            locale = platform.settings.locale.default
            fields = {item.name: item for item in kind.fields(session, locale=locale)}
        self._columns: list[tuple[int, Field]] = [
            (index, fields[job.mapping[heading]])
            for index, heading in enumerate(job.headings)
            if job.mapping.get(heading) in fields
        ]

    def go(self, actor: Actor, *, writes: bool, progress: Progress | None = None) -> None:
        """Read on from the saved position to the end.

        Args:
            writes: False for a dry run.
            progress: told the bytes of the file that were read, after each batch.

        Raises:
            Overtaken: another worker has the import.
        """
        size = self._platform.plugins.settings_of("crm")["import_batch"]
        done = self._job.position
        with ExitStack() as stack:
            seen = stack.enter_context(scratch())
            faults = stack.enter_context(self._faults.open("ab"))
            rows = read_rows(
                self._path,
                encoding=self._job.encoding,
                delimiter=self._job.delimiter,
                width=len(self._job.headings),
            )
            for batch in _batches(rows, size):
                lines = [parse_row(row, self._columns, self._job.options) for row in batch]
                refuse_doubled(lines, seen.firsts(self._unique(lines)))
                left = [line for line in lines if line.number > done]
                if not left:
                    continue
                with self._platform.db.write() as session:
                    job = self._claim(session, done)
                    self._kind.plan(session, actor, job, left, lock=writes)
                    if writes:
                        self._kind.write(session, actor, job, left)
                        self._note(session, left)
                    # A pass that was killed may have written on, without the row of its position.
                    faults.truncate(job.faults_bytes)
                    faults.write(b"".join(_fault_line(line) for line in left if line.faults))
                    faults.flush()
                    job.position = done = left[-1].number
                    job.read_bytes = batch[-1].read
                    job.faults_bytes = faults.seek(0, SEEK_END)
                    job.counts = _added(job.counts, left)
                if progress is not None:
                    progress(batch[-1].read)

    def _claim(self, session: Session, position: int) -> Import:
        """The import, held for this batch, if nobody else went on with it."""
        job = session.scalar(select(Import).where(Import.id == self._id).with_for_update())
        if job is None or job.state != self._state or job.position != position:
            raise Overtaken(str(self._id))
        return job

    def _unique(self, lines: Sequence[Line]) -> list[tuple[int, str, str]]:
        return [
            (line.number, name, str(line.values[name]))
            for line in lines
            if not line.faults
            for name in self._kind.unique()
            if name in line.values
        ]

    def _note(self, session: Session, lines: Sequence[Line]) -> None:
        now = self._platform.clock.now()
        rows = [
            {
                "import_id": self._id,
                "row": line.number,
                "action": line.written.action,
                "object_id": line.written.object_id,
                "version": line.written.version,
                "before": line.written.before,
                "at": now,
            }
            for line in lines
            if line.written is not None
        ]
        if rows:
            session.execute(insert(ImportEntry), rows)


class Reverting:
    """Takes back what an import did, last row first, batch by batch."""

    def __init__(self, platform: Platform, kind: Kind, import_id: uuid.UUID) -> None:
        self._platform = platform
        self._kind = kind
        self._id = import_id

    def go(self, actor: Actor, *, progress: Progress | None = None) -> None:
        """Until no row is left that was not looked at; killed, it goes on where it stood."""
        size = self._platform.plugins.settings_of("crm")["import_batch"]
        while True:
            with self._platform.db.write() as session:
                job = session.scalar(select(Import).where(Import.id == self._id).with_for_update())
                if job is None or job.state != "reverting":
                    raise Overtaken(str(self._id))
                entries = session.scalars(
                    select(ImportEntry)
                    .where(ImportEntry.import_id == self._id, ImportEntry.kept.is_(None))
                    .order_by(ImportEntry.row.desc())
                    .limit(size)
                ).all()
                if not entries:
                    return
                answers = self._kind.revert(session, actor, entries)
                gone = [row for row, kept in answers.items() if kept is None]
                mine = ImportEntry.import_id == self._id
                session.execute(delete(ImportEntry).where(mine, ImportEntry.row.in_(gone)))
                for reason in sorted({kept for kept in answers.values() if kept is not None}):
                    rows = [row for row, kept in answers.items() if kept == reason]
                    session.execute(
                        update(ImportEntry)
                        .where(mine, ImportEntry.row.in_(rows))
                        .values(kept=reason)
                    )
                job.position += len(entries)
                job.counts = {
                    **job.counts,
                    "reverted": job.counts.get("reverted", 0) + len(gone),
                    "kept": job.counts.get("kept", 0) + len(entries) - len(gone),
                }
            if progress is not None:
                progress(len(entries))


def count_entries(session: Session, import_id: uuid.UUID) -> int:
    """How many rows of an import did something that was not taken back."""
    query = select(func.count()).select_from(ImportEntry)
    return session.scalar(query.where(ImportEntry.import_id == import_id)) or 0


def _batches(rows: Iterator[Row], size: int) -> Iterator[list[Row]]:
    while batch := list(islice(rows, size)):
        yield batch


def _fault_line(line: Line) -> bytes:
    return orjson.dumps(
        {
            "row": line.number,
            "cells": [cell.encode("utf-8", "replace").decode() for cell in line.cells],
            "faults": [fault.as_dict() for fault in line.faults],
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _added(counts: dict[str, int], lines: Sequence[Line]) -> dict[str, int]:
    found = dict(counts)
    for line in lines:
        found[line.outcome] = found.get(line.outcome, 0) + 1
    return found
