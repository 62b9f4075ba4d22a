"""Files that were imported, what each of their rows did, and files that were exported."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from dxp.api import Base, Id


class Import(Base):
    """One file on its way in.

    Attributes:
        kind: `customers`, or the type of the events in it.
        source: for events, the name of the system that they are from.
        headings_key: by which the mapping is remembered for the next file of the same headings.
        mapping: field by heading; headings that are left out are not there.
        state: `new`, `checking`, `checked`, `committing`, `committed`, `reverting`, `reverted`
            or `failed`; what ends in "ing" is done by a job.
        position: rows that the present pass has behind it; a pass that was killed goes on there.
        read_bytes: how much of the file that is.
        faults_bytes: length of the file of faulty rows at `position`.
        counts: rows by outcome, of the present pass or of the last one.
        failure: why the state is `failed`: `gone`, or `erased` when somebody in the file was.
    """

    __tablename__ = "crm_import"
    __table_args__ = (Index(None, "headings_key", "id"), Index(None, "created_at"))

    id: Mapped[Id]
    kind: Mapped[str] = mapped_column(String(100))
    source: Mapped[str] = mapped_column(String(100))
    file_name: Mapped[str] = mapped_column(String(200))
    size: Mapped[int] = mapped_column(BigInteger)
    encoding: Mapped[str] = mapped_column(String(20))
    encoding_sure: Mapped[bool]
    delimiter: Mapped[str] = mapped_column(String(1))
    headings: Mapped[list[str]]
    headings_key: Mapped[str] = mapped_column(String(64))
    mapping: Mapped[dict[str, Any]]
    options: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(20))
    position: Mapped[int] = mapped_column(default=0)
    read_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    faults_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    counts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    failure: Mapped[str | None] = mapped_column(String(500))
    actor_key: Mapped[str] = mapped_column(String(100))
    actor_label: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    committed_at: Mapped[datetime | None]


class ImportEntry(Base):
    """What one row of a file did, so that it can be taken back.

    Attributes:
        action: `created` or `changed`.
        object_id: the customer's id, or the event's.
        version: of the customer after it; another one means that it was touched since.
        before: the fields that were changed, as they were.
        kept: why a revert left it as it is.
    """

    __tablename__ = "crm_import_entry"
    __table_args__ = (Index(None, "object_id"),)

    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("crm_import.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    action: Mapped[str] = mapped_column(String(10))
    object_id: Mapped[uuid.UUID]
    version: Mapped[int | None]
    before: Mapped[dict[str, Any] | None]
    at: Mapped[datetime]
    kept: Mapped[str | None] = mapped_column(String(20))


class Forgotten(Base):
    """The digest of a name of somebody who was erased, until the files were searched for it."""

    __tablename__ = "crm_forgotten"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime]


class Export(Base):
    """A file of customers that a job makes, and that can be fetched for a while.

    Attributes:
        name: what it is of, for people.
        wanted: which customers, as `dxp_crm.services.exporting` reads it.
        columns: of these fields, as far as they may be seen; empty for all.
        state: `queued`, `ready`, `failed`, `erased` when somebody in it was, or `expired`.
        rows, total: customers written, and about how many there will be; for the progress.
        size: of the file, in bytes.
    """

    __tablename__ = "crm_export"
    __table_args__ = (Index(None, "actor_key", "id"), Index(None, "expires_at"))

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(String(200))
    wanted: Mapped[dict[str, Any]]
    columns: Mapped[list[str]]
    state: Mapped[str] = mapped_column(String(20))
    rows: Mapped[int] = mapped_column(default=0)
    total: Mapped[int | None]
    size: Mapped[int] = mapped_column(BigInteger, default=0)
    actor_key: Mapped[str] = mapped_column(String(100))
    actor_label: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
