"""Events a second through the batch endpoint, beside a plain insert of the same rows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Table, insert

from bench.rounds import Contender, Run
from dxp.db import uuid7
from dxp.events import EventRow
from dxp.testing.apps import platform_of

if TYPE_CHECKING:
    from flask import Flask

BATCH = 1000
SOURCE = "bench"
_SCOPES = ("events.write", "crm.customers.read", "crm.customers.write", "crm.segments.manage")


class Shop:
    """An instance with customers and segments, and the events that they make.

    Attributes:
        segments: how many are live; fewer than were asked for when no plugin offers any.
    """

    def __init__(self, app: Flask, *, customers: int, segments: int) -> None:
        self._platform = platform_of(app)
        known = {permission.name for permission in self._platform.accounts.permissions.scopes()}
        self._client = app.test_client().as_key(  # type: ignore[attr-defined]
            *[scope for scope in _SCOPES if scope in known]
        )
        self._customers = [self._register(number) for number in range(customers)]
        self.segments = sum(self._make_segment(number) for number in range(segments))
        self._platform.jobs.tick()
        self._platform.jobs.run_pending()

    def contenders(self) -> tuple[Contender, Contender, Contender]:
        """The floor; the endpoint; and the endpoint with the jobs that follow, until memberships
        of segments are as the events say."""
        return (
            Contender(name="plain INSERT", prepare=self._insert),
            Contender(name="POST /api/v1/events", prepare=self._post),
            Contender(name="the same, and its jobs", prepare=self._post_and_follow),
        )

    def _register(self, number: int) -> uuid.UUID:
        answer = self._client.post("/api/v1/customers", json={"ref": f"bench-{number}"})
        assert answer.status_code == 201, answer.get_data(as_text=True)
        return uuid.UUID(answer.get_json()["id"])

    def _make_segment(self, number: int) -> bool:
        """Every other one by events in a window, so that each page view may change it."""
        condition: Mapping[str, Any] = {"crm.ref": f"bench-{number}"}
        if number % 2:
            views = {"type": "page.viewed", "count": {"$gte": number}, "within": f"{number}d"}
            condition = {"$event": views}
        body = {
            "key": f"bench-{number}",
            "names": {"en": f"Bench {number}"},
            "condition": condition,
            "status": "active",
        }
        answer = self._client.post("/api/v1/segments", json=body)
        assert answer.status_code in (201, 404), answer.get_data(as_text=True)
        return bool(answer.status_code == 201)

    def _views(self, kind: str, number: int) -> Sequence[tuple[str, int, str, Mapping[str, str]]]:
        """(id, number of the customer, moment, data) of each event of a batch."""
        now = self._platform.clock.now()
        return [
            (
                f"{kind}-{number}-{index}",
                (number * BATCH + index * 7) % len(self._customers),
                (now - timedelta(seconds=index)).isoformat(),
                {"path": f"/tea/{index % 50}", "title": "Tea"},
            )
            for index in range(BATCH)
        ]

    def _post(self, number: int) -> Run:
        return self._sending("post", number)

    def _post_and_follow(self, number: int) -> Run:
        self._platform.jobs.run_pending()
        send = self._sending("follow", number)

        def run() -> None:
            send()
            self._platform.jobs.run_pending()

        return run

    def _sending(self, kind: str, number: int) -> Run:
        events = [
            {
                "id": name,
                "type": "page.viewed",
                "source": SOURCE,
                "subject": {"ref": f"bench-{customer}"},
                "occurred_at": moment,
                "data": data,
            }
            for name, customer, moment, data in self._views(kind, number)
        ]
        body = orjson.dumps({"events": events})

        def run() -> None:
            answer = self._client.post("/api/v1/events", data=body, content_type="application/json")
            assert answer.get_json()["meta"]["accepted"] == BATCH

        return run

    def _insert(self, number: int) -> Run:
        now = self._platform.clock.now()
        table = EventRow.__table__
        assert isinstance(table, Table)
        rows = [
            {
                "id": uuid7(),
                "type": "page.viewed",
                "subject_id": self._customers[customer],
                "origin_id": None,
                "source": SOURCE,
                "external_id": name,
                "occurred_at": now - timedelta(seconds=index),
                "received_at": now,
                "data": {**data, "referrer": None},
            }
            for index, (name, customer, _at, data) in enumerate(self._views("plain", number))
        ]

        def run() -> None:
            with self._platform.db.engine.begin() as connection:
                connection.execute(insert(table), rows)

        return run
