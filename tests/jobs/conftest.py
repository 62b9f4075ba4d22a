"""Platforms for tests of jobs, and a table in which handlers leave their marks."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select
from sqlalchemy.orm import Session

from dxp.jobs import Job, JobContext, JobRow
from dxp.platform import Platform
from dxp.testing.apps import platform_of
from dxp.testing.services import missing


@pytest.fixture
def make_platform(make_app: Callable[..., Flask]) -> Callable[..., Platform]:
    """`make_platform(poll_seconds=1)` sets; `make_platform(beside=other)` is a second process."""

    def make(*, beside: Platform | None = None, **jobs: Any) -> Platform:
        database = None
        if beside is not None:
            database = beside.db.engine.url.render_as_string(hide_password=False)
        return platform_of(make_app(plugins=(), database=database, jobs=jobs))

    return make


# Not in the platform's metadata, where other tests would find a table without an owner.
MARKS = Table(
    "tally_mark",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("note", String(200), nullable=False),
)


class Bench:
    """A platform with a table in which handlers leave marks, so that effects can be counted."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        with platform.db.engine.begin() as connection:
            MARKS.metadata.create_all(connection)

    def declare(
        self, handler: Callable[[JobContext], None] | None = None, **job: Any
    ) -> Callable[[JobContext], None]:
        """Declare the job `tally.mark`; its handler marks the payload's note unless given."""
        values = {"name": "tally.mark", "handler": handler or self.mark, **job}
        self.platform.jobs.declare(Job(**values))
        return values["handler"]

    def mark(self, ctx: JobContext) -> None:
        """A handler that marks its payload's note."""
        self.leave(ctx.session, ctx.payload["note"])

    def leave(self, session: Session, note: str) -> None:
        session.execute(insert(MARKS).values(note=note))

    def enqueue(self, *notes: str, name: str = "tally.mark", **options: Any) -> list[uuid.UUID]:
        """Commit one job for each note."""
        with self.platform.db.write() as session:
            payloads = [{"note": note} for note in notes]
            return self.platform.jobs.enqueue_many(session, name, payloads, **options)

    def run(self, limit: int | None = None) -> int:
        return self.platform.jobs.run_pending(limit)

    @property
    def marks(self) -> list[str]:
        """The notes that were committed, in order."""
        with self.platform.db.read() as session:
            return list(session.scalars(select(MARKS.c.note).order_by(MARKS.c.id)))

    @property
    def jobs(self) -> list[JobRow]:
        """All jobs that are not the core's own, oldest first."""
        with self.platform.db.read() as session:
            rows = self.platform.jobs.latest(session, limit=10_000)
        return [row for row in reversed(rows) if row.name.startswith("tally.")]

    @property
    def job(self) -> JobRow:
        """The only job."""
        (found,) = self.jobs
        return found

    @property
    def states(self) -> list[str]:
        return [row.state for row in self.jobs]


@pytest.fixture
def bench(platform: Platform) -> Bench:
    return Bench(platform)


@pytest.fixture
def make_bench(make_platform: Callable[..., Platform]) -> Callable[..., Bench]:
    """`make_bench(lease_seconds=1)` sets; `make_bench(beside=bench)` is a second process."""

    def make(*, beside: Bench | None = None, **jobs: Any) -> Bench:
        return Bench(make_platform(beside=beside and beside.platform, **jobs))

    return make


def wait_until(condition: Callable[[], bool], *, seconds: float = 120.0) -> None:
    """Wait for another thread; the limit only ends a test that would hang."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.01)


@pytest.fixture(name="wait_until")
def _wait_until() -> Callable[..., None]:
    return wait_until


class Redis:
    """What a test needs of Redis besides dramatiq."""

    def __init__(self) -> None:
        import redis

        self.url = os.environ.get("DXP_TEST_REDIS", "redis://127.0.0.1:6379/15")
        self.down = "redis://127.0.0.1:1/0"
        self._client = redis.Redis.from_url(self.url)
        try:
            self._client.ping()
        except redis.ConnectionError:
            missing("Redis", variable="DXP_TEST_REDIS")

    def forget(self, namespace: str) -> None:
        """Lose all messages."""
        for key in self._client.scan_iter(f"{namespace}*"):
            self._client.delete(key)

    def close(self) -> None:
        self._client.close()


class Rabbit:
    """What a test needs of RabbitMQ besides dramatiq."""

    def __init__(self) -> None:
        import pika

        self.url = os.environ.get("DXP_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
        self.down = "amqp://guest:guest@127.0.0.1:1/?connection_attempts=1&retry_delay=0"
        try:
            self._connection = pika.BlockingConnection(pika.URLParameters(self.url))
        except pika.exceptions.AMQPConnectionError:
            missing("RabbitMQ", variable="DXP_TEST_RABBITMQ")
        self._channel = self._connection.channel()

    def forget(self, namespace: str) -> None:
        """Lose all messages."""
        for name in ("default", "slow"):
            for kind in ("", ".DQ", ".XQ"):
                self._channel.queue_delete(f"{namespace}.{name}{kind}")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def open_broker() -> Iterator[Callable[[str], Redis | Rabbit]]:
    """`open_broker("redis")` or `open_broker("rabbitmq")`; skips when it does not answer."""
    opened: list[Redis | Rabbit] = []

    def make(name: str) -> Redis | Rabbit:
        opened.append(Redis() if name == "redis" else Rabbit())
        return opened[-1]

    yield make
    for broker in opened:
        broker.close()
