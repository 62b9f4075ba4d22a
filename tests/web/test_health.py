"""Watching: /healthz, /readyz and /metrics say what is so, to those who may know."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Flask
from prometheus_client.parser import text_string_to_metric_families

from dxp.api import Platform
from dxp.jobs.models import JobRow
from dxp.testing.client import DxpClient

Check = Callable[..., Any]
FAR = {"REMOTE_ADDR": "203.0.113.9"}
PROXIED = {"HTTP_X_FORWARDED_FOR": "203.0.113.9"}


def figures(text: str) -> dict[tuple[str, str], float]:
    """Values by name and labels."""
    return {
        (sample.name, ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_healthz_asks_nothing_of_the_database(
    app: Flask, client: DxpClient, count_queries: Callable[[], Any]
) -> None:
    with count_queries() as queries:
        response = client.get("/healthz")
    assert response.get_json() == {"status": "ok"}
    assert queries.count == 0


def test_readyz_tells_each_check_and_the_plugins_own(app: Flask, client: DxpClient) -> None:
    response = client.get("/readyz")
    assert response.status_code == 200
    checks = {check["name"]: check for check in response.get_json()["checks"]}
    assert {"database", "migrations", "jobs", "books"} == set(checks)
    assert checks["books"]["detail"] == "all on their shelves"


def test_a_backlog_that_nobody_works_off_is_not_ready(
    app: Flask, client: DxpClient, platform: Platform, check_problem: Check
) -> None:
    with platform.db.write() as session:
        job_id = platform.jobs.enqueue(session, "core.forget_idempotency_keys")
        session.get_one(JobRow, job_id).run_at = platform.clock.wall() - timedelta(hours=1)
    document = check_problem(client.get("/readyz"), 503, "not_ready")
    failing = [check for check in document["checks"] if not check["ok"]]
    assert [check["name"] for check in failing] == ["jobs"]
    assert failing[0]["advice"]


def test_a_database_that_is_behind_is_not_ready(
    app: Flask, client: DxpClient, monkeypatch: Any, check_problem: Check
) -> None:
    from dxp.web.core import health

    monkeypatch.setattr(health, "unfit", lambda _statuses: "The database is behind: core")
    document = check_problem(client.get("/readyz"), 503, "not_ready")
    failing = [check for check in document["checks"] if not check["ok"]]
    assert failing[0]["advice"] == "Run: dxp db upgrade"


def test_a_database_that_is_gone_is_not_ready(
    app: Flask, client: DxpClient, platform: Platform, monkeypatch: Any, check_problem: Check
) -> None:
    from sqlalchemy.exc import OperationalError

    def gone() -> Any:
        raise OperationalError("SELECT 1", {}, Exception("password of the database"))

    monkeypatch.setattr(platform.db, "read", gone)
    response = client.get("/readyz")
    document = check_problem(response, 503, "not_ready")
    assert [check["name"] for check in document["checks"]] == ["database"]
    assert b"password" not in response.data


def test_outside_of_the_machine_checks_are_told_without_details(
    app: Flask, client: DxpClient
) -> None:
    for environ in (FAR, PROXIED):
        checks = client.get("/readyz", environ_overrides=environ).get_json()["checks"]
        assert all(set(check) == {"name", "ok"} for check in checks)


def test_figures_count_requests_by_route_and_never_by_address(
    app: Flask, client: DxpClient
) -> None:
    client.get("/api/problems/not_found")
    client.get("/api/problems/conflict")
    client.get("/made/up/1")
    client.get("/made/up/2")
    found = figures(client.get("/metrics").get_data(as_text=True))
    route = "method=GET,route=/api/problems/<code>,status=200"
    assert found["dxp_request_seconds_count", route] == 2
    unmatched = "method=any,route=unmatched,status=404"
    assert found["dxp_request_seconds_count", unmatched] == 2


def test_figures_tell_of_jobs_and_of_failing_plugins(
    app: Flask, client: DxpClient, platform: Platform
) -> None:
    with platform.db.write() as session:
        platform.jobs.enqueue(session, "core.forget_idempotency_keys")
    platform.plugins.breaker.failed("books", "facts", LookupError("x"))
    found = figures(client.get("/metrics").get_data(as_text=True))
    assert found["dxp_jobs", "state=due"] == 1
    assert found["dxp_job_lag_seconds", ""] >= 0
    assert found["dxp_hook_failures_total", "hook=facts,plugin=books"] == 1
    assert found["process_resident_memory_bytes", ""] > 0


def test_figures_are_for_this_machine_and_for_who_has_the_permission(
    app: Flask, client: DxpClient, check_problem: Check
) -> None:
    assert client.get("/metrics").status_code == 200
    check_problem(client.get("/metrics", environ_overrides=FAR), 401, "unauthenticated")
    check_problem(client.get("/metrics", environ_overrides=PROXIED), 401, "unauthenticated")
    allowed = client.as_key("core.metrics.read")
    assert allowed.get("/metrics", environ_overrides=FAR).status_code == 200
    other = client.as_key("books.read")
    check_problem(other.get("/metrics", environ_overrides=FAR), 403, "missing_scope")
