"""Reading about one person, and the members of a segment, among few customers and among many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sqlalchemy import event, select

from bench.filling import WATCHED, fill, number_id
from bench.rounds import Contender, Run
from dxp.db import Base
from dxp.plugins.contexts import FactsContext
from dxp.plugins.spec import Plugin
from dxp.testing.apps import platform_of

if TYPE_CHECKING:
    from flask import Flask

FLAT = 1.33
"""A read is flat when it takes at most so many times as long among many as among few."""

REPEATS = 10
"""People who are read about in each round: other ones each time, until all were."""

FLOOR = "one row by its key (floor)"
_PAGES = 4
_SCOPES = ("crm.customers.read",)

Read = Callable[[int], object]


class Crowd:
    """An instance with so many customers, and what is read from it.

    Attributes:
        customers: how many there are.
    """

    def __init__(self, app: Flask, *, customers: int, advance: Callable[[int], None]) -> None:
        self.customers = customers
        self._platform = platform_of(app)
        fill(
            self._platform.db.engine.url.render_as_string(hide_password=False),
            customers=customers,
            advance=advance,
        )
        self._client = app.test_client().as_key(*_SCOPES)  # type: ignore[attr-defined]
        self._later = [self._cursor_of_a_later_page(person) for person in range(WATCHED)]

    def contenders(self) -> dict[str, Contender]:
        """What is measured, by name; the first is the floor: one row by its primary key."""
        reads: dict[str, Read] = {
            FLOOR: self._row,
            "timeline, first page": self._timeline,
            "timeline, orders only": lambda person: self._timeline(
                person, **{"filter[type]": "order.placed"}
            ),
            f"timeline, page {_PAGES + 1} by cursor": lambda person: self._timeline(
                person, cursor=self._later[person]
            ),
            "segments of a customer": lambda person: self._get(
                f"/api/v1/customers/{number_id('subject', person)}/segments"
            ),
            "facts of a customer, for conditions": self._facts,
            "members of a segment, first page": lambda person: self._get(
                f"/api/v1/segments/crowd-{person}/members"
            ),
        }
        return {
            name: Contender(name=name, prepare=self._repeating(read))
            for name, read in reads.items()
        }

    def plans(self, contender: Contender) -> Iterator[str]:
        """The statements of a read, each with how the database goes about it."""
        with self._noting() as statements:
            contender.prepare(0)()
        explain = "EXPLAIN QUERY PLAN" if self._platform.db.dialect == "sqlite" else "EXPLAIN"
        with self._platform.db.read() as session:
            for statement, parameters in dict(statements).items():
                rows = session.connection().exec_driver_sql(f"{explain} {statement}", parameters)
                yield "\n".join([statement, *(f"    {row[-1]}" for row in rows)])

    def _repeating(self, read: Read) -> Callable[[int], Run]:
        def prepare(number: int) -> Run:
            people = [(number * REPEATS + place) % WATCHED for place in range(REPEATS)]

            def run() -> None:
                for person in people:
                    read(person)

            return run

        return prepare

    def _row(self, person: int) -> object:
        table = Base.metadata.tables["crm_customer"]
        query = select(table).where(table.c.subject_id == number_id("subject", person))
        with self._platform.db.read() as session:
            return session.execute(query).one()

    def _timeline(self, person: int, **query: str) -> Any:
        address = f"/api/v1/customers/{number_id('subject', person)}/timeline"
        return self._get(f"{address}?{urlencode(query)}" if query else address)

    def _get(self, address: str) -> Any:
        answer = self._client.get(address)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def _facts(self, person: int) -> object:
        """What a request that selects content asks: the segments are one of the facts."""
        with self._platform.db.read() as session:
            context = FactsContext(
                session=session,
                platform=self._platform,
                subject_ids=[number_id("subject", person)],
                now=self._platform.clock.now(),
            )
            return self._platform.plugins.call(Plugin.facts, context)

    def _cursor_of_a_later_page(self, person: int) -> str:
        cursor = ""
        for _page in range(_PAGES):
            answer = self._timeline(person, **({"cursor": cursor} if cursor else {}))
            cursor = answer["page"]["next"]
        return cursor

    @contextmanager
    def _noting(self) -> Iterator[list[tuple[str, Any]]]:
        """Collect the statements that ask for something, with their parameters."""
        noted: list[tuple[str, Any]] = []

        def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
            if statement.lstrip().upper().startswith(("SELECT", "WITH")):
                noted.append((statement, parameters))

        engine = self._platform.db.engine
        event.listen(engine, "before_cursor_execute", note)
        try:
            yield noted
        finally:
            event.remove(engine, "before_cursor_execute", note)
