"""The log says what happened, with the request's id, and never a secret."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from flask import Flask

from dxp.testing.client import DxpClient
from dxp.web.logs import REDACTED, redact

SECRETS = {
    "password": "hunter2",
    "new_password": "hunter2",
    "Authorization": "Bearer abc",
    "cookie": "dxp_session=abc",
    "access_token": "abc",
    "secret_key": "abc",
    "api_key": "abc",
    "totp": 123456,
    "code": "123456",
}


@pytest.mark.parametrize("name", SECRETS)
def test_what_is_named_like_a_secret_is_blanked(name: str) -> None:
    assert redact(None, "", {name: SECRETS[name]}) == {name: REDACTED}
    assert redact(None, "", {"x": {name: [SECRETS[name]]}}) == {"x": {name: [REDACTED]}}


@pytest.mark.parametrize(
    "text",
    [
        "key dxp_abcdefghijkl was refused",
        "Authorization: Bearer s3cr3t-value",
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
        "cannot reach postgresql://dxp:s3cr3t-value@db/dxp",
    ],
)
def test_what_looks_like_a_secret_is_blanked_in_any_text(text: str) -> None:
    shown = redact(None, "", {"event": text, "list": [text]})
    for found in (shown["event"], shown["list"][0]):
        assert REDACTED in found
        for secret in ("abcdefghijkl", "s3cr3t", "eyJzdWIi"):
            assert secret not in found


def test_ordinary_words_stay() -> None:
    event = {"event": "request", "path": "/api/v1/me", "status": 200, "problem_code": "not_found"}
    assert redact(None, "", dict(event)) == event


def test_each_request_has_a_line_with_its_id_and_its_actor(
    app: Flask, client: DxpClient, add_book: Callable[..., Any]
) -> None:
    keyed = client.as_key("books.read")
    path = f"/api/v1/books/{add_book()}"
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as lines:
        keyed.get(f"{path}?locale=fr", headers={"X-Request-Id": "request-17"})
    line = next(line for line in lines if line["event"] == "request")
    assert line["request_id"] == "request-17"
    assert line["path"] == path
    assert line["route"] == "/api/v1/books/<uuid:book_id>"
    assert line["query"] == ["locale"]
    assert line["status"] == 200
    assert line["actor"].startswith("key:")
    assert line["milliseconds"] > 0


def test_a_fault_is_logged_with_its_trace(app: Flask, client: DxpClient) -> None:
    with structlog.testing.capture_logs() as lines:
        client.get("/api/v1/books/crash")
    line = next(line for line in lines if line["event"] == "request_crashed")
    assert "till" in repr(line["exc_info"])


_PROGRAM = """
import logging, sys, structlog
from dxp.settings import LogSettings, Settings
from dxp.web.logs import configure_logging
configure_logging(Settings(log=LogSettings(level="info", format=sys.argv[1])))
structlog.contextvars.bind_contextvars(request_id="r-1")
structlog.get_logger("dxp.test").info("hello", password="hunter2", name="Ada")
structlog.get_logger("dxp.test").debug("not shown")
logging.getLogger("other").warning("Bearer %s", "s3cr3t")
logging.getLogger("werkzeug").info("not shown")
try:
    raise LookupError("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln")
except LookupError:
    structlog.get_logger("dxp.test").exception("failed")
"""


def run(form: str) -> list[str]:
    """The log of a process of its own: the set-up is for a whole process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, form],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_for_machines_each_line_is_a_json_object() -> None:
    lines = [json.loads(line) for line in run("json")]
    assert [line["event"] for line in lines] == ["hello", f"Bearer {REDACTED}", "failed"]
    first, second, third = lines
    assert first["password"] == REDACTED
    assert first["name"] == "Ada"
    assert first["request_id"] == second["request_id"] == "r-1"
    assert first["level"] == "info"
    assert first["timestamp"].endswith("Z")
    assert "LookupError" in third["exception"]
    assert "eyJ" not in third["exception"]


def test_for_people_secrets_are_blanked_too() -> None:
    text = "\n".join(run("console"))
    assert "hello" in text
    assert "hunter2" not in text
    assert "s3cr3t" not in text
    assert "not shown" not in text
