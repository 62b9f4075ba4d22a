"""Writing the log: many rows in one statement, and which of them were new."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import orjson
from sqlalchemy import Table, bindparam, select, text
from sqlalchemy.orm import Session

from dxp.db import in_utc
from dxp.db.engine import insert_for
from dxp.events.models import EventRow
from dxp.events.types import EventRecord

# One parameter instead of eight a row: sending them and binding them costs more than the insert.
_POSTGRESQL = text(
    """
    INSERT INTO dxp_event
        (id, type, subject_id, origin_id, source, external_id, occurred_at, received_at, data)
    SELECT id, type, subject_id, origin_id, source, external_id, occurred_at, received_at, data
    FROM json_to_recordset(CAST(:rows AS json)) AS rows(
        id uuid, type varchar, subject_id uuid, origin_id uuid, source varchar, external_id varchar,
        occurred_at timestamptz, received_at timestamptz, data jsonb
    )
    ON CONFLICT DO NOTHING
    RETURNING id
    """
).bindparams(bindparam("rows"))


def insert_events(session: Session, records: Sequence[EventRecord]) -> set[uuid.UUID]:
    """Write events; returns the ids of those that were new, which is to say not sent before."""
    session.flush()
    if session.get_bind().dialect.name == "postgresql":
        return _insert_as_document(session, records)
    return _insert_rows(session, records)


def _insert_as_document(session: Session, records: Sequence[EventRecord]) -> set[uuid.UUID]:
    rows = [
        {
            "id": record.id,
            "type": record.type,
            "subject_id": record.subject_id,
            "origin_id": record.origin_id,
            "source": record.source,
            "external_id": record.external_id,
            "occurred_at": in_utc(record.occurred_at),
            "received_at": in_utc(record.received_at),
            "data": dict(record.data),
        }
        for record in records
    ]
    document = orjson.dumps(rows).decode()
    return set(session.connection().execute(_POSTGRESQL, {"rows": document}).scalars())


def _insert_rows(session: Session, records: Sequence[EventRecord]) -> set[uuid.UUID]:
    rows = [
        {
            "id": record.id,
            "type": record.type,
            "subject_id": record.subject_id,
            "origin_id": record.origin_id,
            "source": record.source,
            "external_id": record.external_id,
            "occurred_at": record.occurred_at,
            "received_at": record.received_at,
            "data": dict(record.data),
        }
        for record in records
    ]
    connection = session.connection()
    done = connection.execute(
        _insert_statement(), rows, execution_options={"preserve_rowcount": True}
    )
    ids = {record.id for record in records}
    if done.rowcount == len(rows):
        return ids
    # Asking afterwards, and only when some were known, is cheaper than RETURNING for all.
    return set(connection.execute(select(EventRow.id).where(EventRow.id.in_(ids))).scalars())


@lru_cache(maxsize=1)
def _insert_statement() -> Any:
    """Made once: building it costs as much as running it."""
    table = EventRow.__table__
    assert isinstance(table, Table)
    return insert_for("sqlite", table).on_conflict_do_nothing()
