"""Lists are read off an index in their order: no sort, no scan, however many customers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from dxp.api import EventRow, NewEvent, Platform
from dxp.testing import make_subject, rows_touched
from dxp_crm.models import MessageEntry, Task, Ticket
from dxp_crm.services import Crm
from dxp_crm.services.tasks import TaskFilter
from dxp_crm.services.tickets import TicketFilter
from dxp_crm.services.timeline import TimelineFilter, timeline_query

SOMEBODY = uuid.UUID("01900000-0000-7000-8000-000000000001")


def down(query: Any, *columns: Any) -> Any:
    return query.order_by(*(column.desc() for column in columns)).limit(50)


LISTS: dict[str, Callable[[Crm], Any]] = {
    "timeline": lambda _crm: down(timeline_query(SOMEBODY), EventRow.occurred_at, EventRow.id),
    "timeline by kind": lambda _crm: down(
        timeline_query(SOMEBODY, TimelineFilter(types=["order.placed"])),
        EventRow.occurred_at,
        EventRow.id,
    ),
    "my tasks": lambda crm: (
        crm.tasks.matching(TaskFilter(owner_id=SOMEBODY, state="open"))
        .order_by(Task.due_at, Task.id)
        .limit(50)
    ),
    "all tasks": lambda crm: (
        crm.tasks.matching(TaskFilter(state="open")).order_by(Task.due_at, Task.id).limit(50)
    ),
    "tickets": lambda crm: down(crm.tickets.matching(TicketFilter()), Ticket.updated_at, Ticket.id),
    "tickets by status": lambda crm: down(
        crm.tickets.matching(TicketFilter(status="open")), Ticket.updated_at, Ticket.id
    ),
    "tickets of a customer": lambda crm: down(
        crm.tickets.matching(TicketFilter(subject_id=SOMEBODY)), Ticket.updated_at, Ticket.id
    ),
    "messages": lambda crm: down(
        crm.messages.of_customer(SOMEBODY), MessageEntry.created_at, MessageEntry.id
    ),
}


def test_one_kind_of_events_is_read_without_passing_over_the_others(platform: Platform) -> None:
    order = {"order_id": "1", "total": "1", "currency": "EUR"}
    somebody = make_subject(platform)
    orders = timeline_query(somebody, TimelineFilter(types=["order.placed"]))
    query = down(orders, EventRow.occurred_at, EventRow.id)
    counts = []
    with platform.db.write() as session:
        for views in (30, 600):
            told = [("order.placed", order), *[("page.viewed", {"path": "/", "title": ""})] * views]
            platform.events.publish_many(
                session,
                [NewEvent(type=kind, data=data, subject_id=somebody) for kind, data in told],
            )
            with rows_touched(session) as touched:
                session.execute(query).all()
            counts.append(touched.count)
    few, many = counts
    # There is one order more in the second count.
    assert 0 < few <= many <= 2 * few


@pytest.mark.parametrize("name", sorted(LISTS))
def test_a_page_of_a_list_is_read_off_an_index_in_its_order(platform: Platform, name: str) -> None:
    query = LISTS[name](platform.services.get(Crm))
    with platform.db.read() as session:
        connection = session.connection()
        sql = query.compile(connection, compile_kwargs={"literal_binds": True})
        if connection.dialect.name == "sqlite":
            rows = connection.execute(text(f"EXPLAIN QUERY PLAN {sql}")).all()
            plan = "\n".join(row[3] for row in rows)
            assert "TEMP B-TREE" not in plan, plan
        else:
            for kind in ("seqscan", "bitmapscan", "sort"):
                connection.execute(text(f"SET LOCAL enable_{kind} = off"))
            rows = connection.execute(text(f"EXPLAIN {sql}")).all()
            plan = "\n".join(row[0] for row in rows)
            assert "Sort" not in plan, plan
    assert "USING INDEX" in plan or "Index Scan" in plan, plan
