"""Real processes, killed at random moments: every committed event is delivered exactly once."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url, text

from dxp.jobs.brokers import namespace_of
from dxp.testing.apps import SECRET, make_settings

PLUGIN = Path(__file__).with_name("tally")
KILLS = 8
MOST_RINGS = 5000
PATIENCE_SECONDS = 240
# With brokers only where they are used: beside PostgreSQL.
TRANSPORTS: list[Any] = ["embedded"]
if os.environ.get("DXP_TEST_DATABASE"):
    TRANSPORTS += [
        pytest.param("redis", marks=pytest.mark.broker),
        pytest.param("rabbitmq", marks=pytest.mark.broker),
    ]

SETTINGS = """
[dxp]
environment = "test"
secret_key = {secret}
disabled_plugins = {disabled}

[database]
url = {database}

[jobs]
transport = {transport}
broker_url = {broker}
lease_seconds = 1.0
poll_seconds = 0.1
backoff_base_seconds = 0.1

[api]
rate_limit = "1000000/minute"

[log]
format = "json"
level = "warning"
"""


class Process:
    """One dxp process. `address` is that of a web process, when it serves."""

    def __init__(self, fleet: Fleet, kind: str, number: int) -> None:
        self.kind = kind
        self.log = fleet.folder / f"{kind}-{number}.log"
        arguments = ["serve", "--port", "0"] if kind == "web" else ["worker", "--threads", "2"]
        with self.log.open("w") as log:
            self.popen = subprocess.Popen(
                [sys.executable, "-c", "from dxp.cli.main import main; main()", *arguments],
                cwd=fleet.folder,
                env=fleet.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def address(self) -> str | None:
        found = re.search(r"dxp serves .* on (http://\S+)", self.log.read_text())
        return found and found.group(1)

    @property
    def ready(self) -> bool:
        assert self.popen.poll() is None, f"a process ended by itself:\n{self.log.read_text()}"
        return bool(self.address) if self.kind == "web" else "threads serve" in self.log.read_text()


class Tables:
    """What the database holds, seen from outside of dxp."""

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        with self._engine.begin() as connection:
            connection.execute(text("CREATE TABLE tally_ring (number INTEGER NOT NULL)"))
            connection.execute(text("CREATE TABLE tally_mark (number INTEGER NOT NULL)"))

    def close(self) -> None:
        self._engine.dispose()

    @property
    def rings(self) -> list[int]:
        return self._numbers("SELECT number FROM tally_ring ORDER BY number")

    @property
    def marks(self) -> list[int]:
        return self._numbers("SELECT number FROM tally_mark ORDER BY number")

    @property
    def unfinished(self) -> int:
        (count,) = self._numbers(
            "SELECT count(*) FROM dxp_job "
            "WHERE state IN ('ready', 'running') AND name = 'dxp.deliver_event'"
        )
        return count

    @property
    def dead(self) -> int:
        (count,) = self._numbers("SELECT count(*) FROM dxp_job WHERE state = 'dead'")
        return count

    def _numbers(self, statement: str) -> list[int]:
        with self._engine.connect() as connection:
            return list(connection.scalars(text(statement)))


class Fleet:
    """The processes of one installation."""

    def __init__(
        self, folder: Path, environ: dict[str, str], kinds: list[str], tables: Tables
    ) -> None:
        self.tables = tables
        self.folder = folder
        self.environ = environ
        self._numbers = itertools.count(1)
        self.processes: list[Process] = []
        self.killed: list[Process] = []
        for kind in kinds:
            self.spawn(kind)

    def spawn(self, kind: str) -> None:
        self.processes.append(Process(self, kind, next(self._numbers)))

    def kill(self, victim: Process) -> None:
        victim.popen.kill()
        victim.popen.wait()
        assert victim.popen.returncode == -signal.SIGKILL
        self.processes.remove(victim)
        self.killed.append(victim)

    def stop(self) -> list[int]:
        """End all in good order; returns their exit statuses."""
        for process in self.processes:
            process.popen.terminate()
        return [process.popen.wait(60) for process in self.processes]

    def close(self) -> None:
        for process in self.processes:
            process.popen.kill()
            process.popen.wait()


class Shop:
    """Rings bells through the API of whichever web process answers."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._numbers = iter(range(MOST_RINGS))
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.acknowledged: list[int] = []
        self._threads = [threading.Thread(target=self._ring) for _ in range(2)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ring(self) -> None:
        while not self._over.wait(0.02):
            web = [p.address for p in list(self._fleet.processes) if p.kind == "web" and p.address]
            if not web:
                continue
            with self._lock:
                number = next(self._numbers, None)
            if number is None:
                return
            request = urllib.request.Request(
                f"{random.choice(web)}/api/v1/tally/rings",
                data=json.dumps({"number": number}).encode(),
                headers={"Content-Type": "application/json"},
            )
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    assert answer.status == 201
            except (OSError, http.client.HTTPException):
                # The process was killed: the ring may have been committed, or not.
                continue
            self.acknowledged.append(number)


@pytest.fixture(params=TRANSPORTS)
def fleet(
    request: pytest.FixtureRequest, tmp_path: Path, blank_database: str, open_broker: Any
) -> Iterator[Fleet]:
    transport = request.param
    broker = None if transport == "embedded" else open_broker(transport)
    site = tmp_path / "site" / "dxp_tally-0.1.dist-info"
    site.mkdir(parents=True)
    (site / "METADATA").write_text("Metadata-Version: 2.1\nName: dxp-tally\nVersion: 0.1\n")
    (site / "entry_points.txt").write_text("[dxp.plugins]\ntally = dxp_tally.plugin:TallyPlugin\n")
    (tmp_path / "dxp.toml").write_text(
        SETTINGS.format(
            disabled=json.dumps(sorted(set(entry_points(group="dxp.plugins").names))),
            secret=json.dumps(SECRET),
            database=json.dumps(blank_database),
            transport=json.dumps("dramatiq" if broker else "embedded"),
            broker=json.dumps(broker.url if broker else ""),
        )
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DXP_")}
    environ["PYTHONPATH"] = os.pathsep.join([str(PLUGIN), str(site.parent)])
    kinds = ["web", "worker", "worker"] if broker else ["web", "web", "web"]
    subprocess.run(
        [sys.executable, "-c", "from dxp.cli.main import main; main()", "db", "upgrade"],
        cwd=tmp_path,
        env=environ,
        check=True,
        capture_output=True,
    )
    tables = Tables(blank_database)
    made = Fleet(tmp_path, environ, kinds, tables)
    yield made
    made.close()
    tables.close()
    if broker:
        settings = make_settings(data_dir=tmp_path, url=blank_database, overrides={})
        broker.forget(namespace_of(settings, make_url(blank_database).database or ""))


def wait_until(condition: Callable[[], bool]) -> None:
    """Poll; the limit only ends a test that would hang."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not happen"
        time.sleep(0.05)


@pytest.mark.slow
def test_killing_processes_at_random_loses_no_event_and_doubles_no_effect(fleet: Fleet) -> None:
    rng = random.Random(20261122)
    wait_until(lambda: all(process.ready for process in fleet.processes))
    shop = Shop(fleet)
    try:
        for _ in range(KILLS):
            # However slow the machine is, something is under way when the next one is killed.
            goal = len(fleet.tables.marks) + rng.randint(3, 25)
            wait_until(lambda goal=goal: len(fleet.tables.marks) >= goal)
            time.sleep(rng.uniform(0, 0.1))
            wait_until(lambda: any(process.ready for process in fleet.processes))
            victim = rng.choice([process for process in fleet.processes if process.ready])
            fleet.kill(victim)
            fleet.spawn(victim.kind)
    finally:
        shop.close()
    wait_until(lambda: fleet.tables.unfinished == 0)
    wait_until(lambda: all(process.ready for process in fleet.processes))
    statuses = fleet.stop()

    rings, marks = fleet.tables.rings, fleet.tables.marks
    assert set(shop.acknowledged) <= set(rings), "what was acknowledged is committed"
    assert marks == rings, "each committed event had its effect once"
    assert fleet.tables.dead == 0
    assert len(fleet.killed) == KILLS
    assert statuses == [0, 0, 0]
