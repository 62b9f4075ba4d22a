"""The embedded server: says where it is, finishes what it began, and tells why it cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from dxp.cli.serving import address_of, listen
from dxp.errors import ConfigurationError
from dxp.testing.apps import SECRET

# Serves one page that answers when a file appears.
SLOW = """
import sys, time
from pathlib import Path
from dxp.cli.serving import address_of, listen, run_waitress
from dxp.settings import Settings

folder = Path(sys.argv[1])

def application(environ, start_response):
    (folder / "begun").touch()
    while not (folder / "go").exists():
        time.sleep(0.01)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"finished"]

listening = listen("127.0.0.1", 0)
run_waitress(
    application, listening, Settings(), ready=lambda: print(address_of(listening), flush=True)
)
print("ended", flush=True)
"""


@contextmanager
def program(*arguments: str, **options: object) -> Iterator[subprocess.Popen[str]]:
    """A process that does not outlive its test."""
    running = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def until(path: Path) -> None:
    """Wait for a file."""
    for _ in range(12_000):
        if path.exists():
            return
        time.sleep(0.01)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_under_way_is_answered_before_the_server_ends(
    tmp_path: Path, number: signal.Signals
) -> None:
    answers: list[bytes] = []
    with program("-c", SLOW, str(tmp_path)) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        asking = threading.Thread(target=lambda: answers.append(urlopen(address).read()))
        asking.start()
        until(tmp_path / "begun")
        server.send_signal(number)
        (tmp_path / "go").touch()
        asking.join()
        out, error = server.communicate()
    assert answers == [b"finished"]
    assert (out, error, server.returncode) == ("ended\n", "", 0)


def test_after_the_signal_no_new_request_is_taken(tmp_path: Path) -> None:
    with program("-c", SLOW, str(tmp_path)) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        asking = threading.Thread(target=lambda: ask(address))
        asking.start()
        until(tmp_path / "begun")
        server.send_signal(signal.SIGTERM)
        refused = False
        for _ in range(12_000):
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
            except ConnectionError:
                refused = True
                break
            time.sleep(0.01)
        (tmp_path / "go").touch()
        asking.join()
    assert refused


def ask(address: str) -> None:
    """Keep a request under way; on a busy machine its time may run out before the answer."""
    with suppress(OSError):
        urlopen(address).read()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    with program("-c", SLOW, str(tmp_path)) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        opened = socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2])))
        with opened:
            opened.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            until(tmp_path / "begun")
            server.send_signal(signal.SIGTERM)
            # The first is being heeded as soon as nobody can connect any more.
            for _ in range(12_000):
                try:
                    socket.create_connection(opened.getpeername()).close()
                except ConnectionRefusedError:
                    break
                except ConnectionResetError:
                    pass  # it was queued just as the listener closed; the next one is refused
                time.sleep(0.01)
            server.send_signal(signal.SIGTERM)
            assert server.wait() == -signal.SIGTERM


def test_a_taken_port_is_told_with_a_remedy() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigurationError, match=f"Port {port} of 127.0.0.1 is taken"
        ) as caught:
            listen("127.0.0.1", port)
    assert f"dxp serve --port {port + 1}" in str(caught.value)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not one of this machine's"):
        listen("192.0.2.1", 0)


def test_the_address_can_be_opened_in_a_browser() -> None:
    with listen("0.0.0.0", 0) as everywhere:  # noqa: S104  # bound for a moment, without backlog
        assert address_of(everywhere).startswith("http://127.0.0.1:")
    with listen("::1", 0) as modern:
        assert address_of(modern).startswith("http://[::1]:")


@pytest.fixture
def environ(tmp_path: Path, blank_database: str) -> dict[str, str]:
    """The variables of an installation without plugins, whose tables are there."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DXP_")}
    variables |= {
        "DXP_DATA_DIR": str(tmp_path / "var"),
        "DXP_DATABASE__URL": blank_database,
        "DXP_SECRET_KEY": SECRET,
        "DXP_DISABLED_PLUGINS": ",".join(sorted(entry_points(group="dxp.plugins").names)),
    }
    upgrade = [sys.executable, "-m", "dxp", "db", "upgrade"]
    subprocess.run(upgrade, env=variables, cwd=tmp_path, check=True, capture_output=True)
    return variables


@contextmanager
def served(environ: dict[str, str], folder: Path) -> Iterator[str]:
    """The address of a server in a process of its own."""
    arguments = ("-m", "dxp", "serve", "--port", "0")
    with program(*arguments, env=environ, cwd=folder) as server:
        assert server.stdout is not None
        yield server.stdout.readline().split()[-1]


def test_serve_says_where_it_is_and_answers(tmp_path: Path, environ: dict[str, str]) -> None:
    arguments = ("-m", "dxp", "serve", "--port", "0")
    with program(*arguments, env=environ, cwd=tmp_path) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        address = first.split()[-1]
        assert first.startswith("dxp serves development on http://127.0.0.1:")
        assert f"{address}/admin/" in server.stdout.readline()
        assert f"{address}/api/docs" in server.stdout.readline()
        with urlopen(f"{address}/readyz") as answer:
            assert answer.status == 200
        server.terminate()
        out, _error = server.communicate()
    assert out.endswith("Stopped.\n")
    assert server.returncode == 0


def test_a_trace_of_a_proxy_reaches_dxp(tmp_path: Path, environ: dict[str, str]) -> None:
    with served(environ, tmp_path) as address:
        far = Request(f"{address}/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
        with pytest.raises(HTTPError, match="401"):
            urlopen(far)
        with urlopen(f"{address}/metrics") as near:
            assert near.status == 200


def test_what_the_server_itself_refuses_is_a_problem_too(tmp_path: Path) -> None:
    begin = b"POST /api/v1/events HTTP/1.1\r\n"
    cases = (
        (begin + b"Content-Length: 2999999999\r\n\r\n", 413, "body_too_large"),
        (begin + b"Content-Length: -5\r\n\r\n", 400, "bad_request"),
        (begin + b"X-Long: " + b"a" * 300_000 + b"\r\n\r\n", 431, "bad_request"),
    )
    with program("-c", SLOW, str(tmp_path)) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline().strip().rpartition(":")[2])
        for sent, status, code in cases:
            with socket.create_connection(("127.0.0.1", port)) as connection:
                connection.sendall(sent)
                answer = HTTPResponse(connection)
                answer.begin()
                document = json.loads(answer.read())
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.headers["X-Request-Id"] == document["request_id"]
            assert (answer.status, document["status"], document["code"]) == (status, status, code)


def test_serve_refuses_a_database_that_is_behind(tmp_path: Path, environ: dict[str, str]) -> None:
    fresh = {**environ, "DXP_DATABASE__URL": "sqlite:///fresh.sqlite3"}
    with program("-m", "dxp", "serve", "--port", "0", env=fresh, cwd=tmp_path) as server:
        _out, error = server.communicate()
    assert server.returncode == 2
    assert "dxp db upgrade" in error
    assert "Traceback" not in error


@pytest.mark.slow
@pytest.mark.skipif(find_spec("granian") is None, reason="granian is not installed")
def test_granian_serves_with_several_processes(tmp_path: Path, environ: dict[str, str]) -> None:
    with listen("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
    arguments = ("-m", "dxp", "serve", "--server", "granian", "--workers", "2")
    with program(*arguments, "--port", str(port), env=environ, cwd=tmp_path) as server:
        for _ in range(600):
            try:
                with urlopen(f"http://127.0.0.1:{port}/healthz") as answer:
                    assert answer.status == 200
                break
            except (OSError, HTTPException):
                assert server.poll() is None, server.communicate()
                time.sleep(0.1)
        else:
            raise AssertionError("granian never answered")
        server.terminate()
        server.communicate()
    assert server.returncode == 0
