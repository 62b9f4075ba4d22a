"""Registering many customers at once: the same as one after another, in few statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from dxp.api import EventRow, Platform, Problem, SystemActor
from dxp_crm.models import Consent, Customer
from dxp_crm.services import Crm, CustomerService

ACTOR = SystemActor(name="import")

CONSENTS = st.fixed_dictionaries(
    {
        "purpose": st.sampled_from(["birthday", "marketing", "Not A Purpose"]),
        "granted": st.booleans(),
        "channel": st.just("web"),
        "text_version": st.just("1"),
    }
)
BIRTHDAYS = st.fixed_dictionaries(
    {
        "month": st.integers(1, 12),
        "day": st.integers(28, 31),
        "year": st.sampled_from([None, 1999, 2000, 2999]),
        "calendar": st.sampled_from(["gregorian", "jalali"]),
    }
)
ROWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "ref": st.sampled_from(["A", " A", "B", "Ｂ", "C", "known"]),
            "email": st.sampled_from(["a@x.example", "A@X.example", "b@x.example"]),
            "name": st.sampled_from(["Ada", None, "علي"]),
            "timezone": st.sampled_from(["Europe/Paris", None]),
            "tags": st.just(["vip"]),
            "birthday": st.none() | BIRTHDAYS,
            "consents": st.lists(CONSENTS, max_size=2),
        },
    ),
    max_size=6,
)

Answers = Sequence[Customer | Problem]
Way = Callable[[CustomerService, Any, Sequence[dict[str, Any]]], Answers]


def one_by_one(customers: CustomerService, session: Any, rows: Sequence[dict[str, Any]]) -> Answers:
    answers: list[Customer | Problem] = []
    for row in rows:
        try:
            answers.append(customers.register(session, ACTOR, row))
        except Problem as problem:
            answers.append(problem)
    return answers


def at_once(customers: CustomerService, session: Any, rows: Sequence[dict[str, Any]]) -> Answers:
    return customers.register_many(session, ACTOR, rows)


@given(rows=ROWS)
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_many_at_once_is_the_same_as_one_after_another(
    platform: Platform, clock: Any, rows: list[dict[str, Any]]
) -> None:
    """Also when some are refused, and when two want the same number or address."""
    assert outcome(platform, at_once, rows) == outcome(platform, one_by_one, rows)


def outcome(platform: Platform, way: Way, rows: Sequence[dict[str, Any]]) -> Any:
    """All that `way` leaves behind, without the ids; the database is then as before."""
    customers = platform.services.get(Crm).customers
    with platform.db.write() as session:
        undone = session.begin_nested()
        customers.register(session, ACTOR, {"ref": "known"})
        answers = [
            answer.code if isinstance(answer, Problem) else answer.snapshot()
            for answer in way(customers, session, rows)
        ]
        people = session.scalars(select(Customer).order_by(Customer.subject_id)).all()
        number = {person.subject_id: index for index, person in enumerate(people)}
        consents = session.scalars(select(Consent).order_by(Consent.subject_id, Consent.id))
        events = session.scalars(select(EventRow).order_by(EventRow.subject_id, EventRow.id))
        left = (
            answers,
            [(person.snapshot(), person.search, person.version) for person in people],
            [(number[c.subject_id], c.purpose, c.granted, c.actor) for c in consents],
            [(e.type, number.get(e.subject_id), e.data) for e in events if e.subject_id in number],
            # The audit log is chained at the commit; what waits for it tells of the same things.
            sorted(
                (entry.action, number[entry.subject_id], str(entry.after))
                for entry, _transaction in session.info["dxp_audit_pending"]
            ),
        )
        undone.rollback()
    return left


def test_hundreds_take_as_many_statements_as_one(platform: Platform, count_queries: Any) -> None:
    customers = platform.services.get(Crm).customers
    counts = []
    for start, number in ((0, 1), (1, 300)):
        rows = [
            {"ref": f"R-{index}", "email": f"{index}@x.example", "birthday": {"month": 5, "day": 1}}
            for index in range(start, start + number)
        ]
        with count_queries() as queries, platform.db.write() as session:
            customers.register_many(session, ACTOR, rows)
        counts.append(queries.count)
    assert counts[0] == counts[1]
    assert counts[0] < 15


def test_a_refusal_of_one_undoes_no_other(platform: Platform) -> None:
    customers = platform.services.get(Crm).customers
    with platform.db.write() as session:
        first, second, third = customers.register_many(
            session, ACTOR, [{"ref": "A"}, {"ref": "A"}, {"ref": "B"}]
        )
    assert isinstance(first, Customer)
    assert isinstance(third, Customer)
    assert isinstance(second, Problem)
    assert second.code == "customer_exists"


@pytest.mark.parametrize("number", [0, 3])
def test_as_many_answers_as_rows(platform: Platform, number: int) -> None:
    customers = platform.services.get(Crm).customers
    with platform.db.write() as session:
        rows = [{"ref": f"R-{index}"} for index in range(number)]
        assert len(customers.register_many(session, ACTOR, rows)) == number
