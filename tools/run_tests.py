"""Run the whole suite on SQLite, then all that uses a database again on PostgreSQL.

A service that is missing costs the tests that need it, and one line says so. With
DXP_REQUIRE_SERVICES=1 it fails the run instead.

The suite starts servers, kills them and races them, on machines that may be short of time.
A handful of failures is therefore run once more, alone: what fails again fails the run, and
what does not is named as unsteady. Hypothesis keeps a failing example, so a property that was
found broken fails again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# These look at files and never at a database, so once is enough.
WITHOUT_DATABASE = (
    "tests/tooling",
    "tests/docs",
    "tests/settings",
    "tests/conditions/test_growthbook.py",
    "tests/conditions/test_language.py",
    "tests/conditions/test_limits.py",
    "tests/conditions/test_time.py",
)
DEFAULTS = {
    "DXP_TEST_POSTGRES": "postgresql+psycopg://postgres@127.0.0.1:5432/test",
    "DXP_TEST_REDIS": "redis://127.0.0.1:6379/15",
    "DXP_TEST_RABBITMQ": "amqp://guest:guest@127.0.0.1:5672/",
    "DXP_TEST_CHROMIUM": "",
}


# More than these and the second look would only hide how broken the tree is.
FAILURES_LOOKED_AT_TWICE = 5


@dataclass(frozen=True)
class Service:
    """Something the tests need that is not a Python package."""

    title: str
    variable: str
    marker: str
    answers: Callable[[str], str | None]
    """Return None when it can be used, otherwise why not."""


def postgres_answers(url: str) -> str | None:
    """Connect and ask whether databases may be made."""
    import psycopg

    try:
        with psycopg.connect(url.replace("+psycopg", "", 1), connect_timeout=5) as connection:
            row = connection.execute(
                "select rolcreatedb or rolsuper from pg_roles where rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return first_line(error)
    return None if row and row[0] else "this role may not create databases"


def redis_answers(url: str) -> str | None:
    """Ping the server."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_connect_timeout=5) as client:
            client.ping()
    except redis.RedisError as error:
        return first_line(error)
    return None


def rabbitmq_answers(url: str) -> str | None:
    """Open and close a connection."""
    import pika

    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except (pika.exceptions.AMQPError, OSError) as error:
        return first_line(error)
    return None


def chromium_answers(path: str) -> str | None:
    """Look for the named executable, or one under its usual names."""
    for name in [path] if path else ["chromium", "chromium-browser", "google-chrome"]:
        if shutil.which(name):
            return None
    return f"{path} is not executable" if path else "no chromium on the PATH"


SERVICES = (
    Service("PostgreSQL", "DXP_TEST_POSTGRES", "postgres", postgres_answers),
    Service("Redis", "DXP_TEST_REDIS", "broker", redis_answers),
    Service("RabbitMQ", "DXP_TEST_RABBITMQ", "broker", rabbitmq_answers),
    Service("Chromium", "DXP_TEST_CHROMIUM", "browser", chromium_answers),
)


def main(extra: list[str]) -> int:
    """Run pytest once for each database that can be used; return the worst exit status."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    missing: list[Service] = []
    for service in SERVICES:
        reason = service.answers(os.environ[service.variable])
        if reason is not None:
            missing.append(service)
            print(
                f"Without {service.title} its tests are left out: {reason} "
                f"(set {service.variable} to where it is).",
                flush=True,
            )
    if missing and os.environ.get("DXP_REQUIRE_SERVICES") == "1":
        print("DXP_REQUIRE_SERVICES=1 asks for all of them, so nothing was run.", file=sys.stderr)
        return 1

    left_out = sorted({service.marker for service in missing})
    statuses = {"SQLite": run_suite("SQLite", None, left_out, extra)}
    if "postgres" not in left_out:
        url = os.environ["DXP_TEST_POSTGRES"]
        statuses["PostgreSQL"] = run_suite("PostgreSQL", url, left_out, extra)
    for title, status in statuses.items():
        if status and title != list(statuses)[-1]:
            print(f"The run on {title} failed too; its report is above.", file=sys.stderr)
    return max(statuses.values())


def run_suite(title: str, url: str | None, left_out: list[str], extra: list[str]) -> int:
    """Run pytest against one database and return its exit status."""
    environment = {key: value for key, value in os.environ.items() if key != "DXP_TEST_DATABASE"}
    once: list[str] = []
    if url is not None:
        environment["DXP_TEST_DATABASE"] = url
        once = [f"--ignore={path}" for path in WITHOUT_DATABASE]
    workers = os.environ.get("DXP_TEST_WORKERS") or str(min(os.cpu_count() or 1, 4))
    pytest = [sys.executable, "-m", "pytest", "-q"]
    parallel = ["-n", workers, "--dist", "worksteal"]
    chosen = [*once, *extra]
    if left_out:
        chosen += ["-m", " and ".join(f"not {marker}" for marker in left_out)]
    with tempfile.TemporaryDirectory(prefix="dxp-tests-") as folder:
        # A cache of its own: an earlier run's failures are none of this one's.
        cache = ["-o", f"cache_dir={folder}"]
        print(f"\n=== The suite on {title} ===", flush=True)
        status = subprocess.run(
            [*pytest, *parallel, *cache, *chosen], cwd=ROOT, env=environment, check=False
        ).returncode
        failed = failures(Path(folder))
        if status != 1 or not 0 < len(failed) <= FAILURES_LOOKED_AT_TWICE:
            return status
        print(f"\n=== What failed on {title}, once more and alone ===", flush=True)
        status = subprocess.run(
            [*pytest, *cache, "--last-failed", *chosen], cwd=ROOT, env=environment, check=False
        ).returncode
    if status == 0:
        print(
            "Unsteady: these failed at first and passed alone. Find out why:", *failed, sep="\n  "
        )
    return status


def failures(cache: Path) -> list[str]:
    """Return the names of the tests that pytest's cache in this folder remembers as failed."""
    try:
        return sorted(json.loads((cache / "v/cache/lastfailed").read_text(encoding="utf-8")))
    except FileNotFoundError:
        return []


def first_line(error: BaseException) -> str:
    """Return the start of an error's text, or its type when it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
