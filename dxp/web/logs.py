"""Structured logs: one line an event, with the request's id, and never a secret."""

from __future__ import annotations

import logging
import os
import re
import sys
import time
from collections.abc import MutableMapping
from typing import Any

import structlog
from flask import Response, request

from dxp.settings import Settings
from dxp.web.state import find_state

REDACTED = "[redacted]"
_SECRET_NAMES = re.compile(
    r"pass(word|phrase|wd)?$|secret|token|authorization|cookie|api_?key$|credential|totp|otp$|^code$",
    re.IGNORECASE,
)
_SECRET_TEXTS = re.compile(
    r"\bdxp_[A-Za-z0-9_-]{8,}"
    r"|\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*"
    r"|(?<=Bearer )\S+"
    r"|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
_QUIET = ("werkzeug", "waitress", "alembic", "dramatiq", "pika")
_MAX_DEPTH = 6
access_log = structlog.get_logger("dxp.access")
# One list for the life of the process: a logger that was used keeps the list it was given, so a
# later set-up changes what is in it.
_processors: list[Any] = []


def configure_logging(settings: Settings) -> None:
    """Send structlog's and the standard library's messages to stderr in one form.

    Called once by whoever starts a process: the server, a worker, the command line.
    """
    level = logging.getLevelName(settings.log.level.upper())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    _processors[:] = [
        structlog.stdlib.filter_by_level,
        *shared,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=_processors,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    json = settings.log.format == "json"
    ending: list[Any] = (
        [
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
        if json
        else [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty() and "NO_COLOR" not in os.environ
            ),
        ]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank what is named like a secret or looks like one. The last processor before the text."""
    for name, value in list(event.items()):
        event[name] = _clean(name, value, 0)
    return event


def _clean(name: str, value: Any, depth: int) -> Any:
    if isinstance(value, (str, bytes, int)) and _SECRET_NAMES.search(name) and value:
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXTS.sub(REDACTED, value)
    if depth < _MAX_DEPTH and isinstance(value, dict):
        return {key: _clean(str(key), item, depth + 1) for key, item in value.items()}
    if depth < _MAX_DEPTH and isinstance(value, (list, tuple)):
        return [_clean(name, item, depth + 1) for item in value]
    return value


def _told_path() -> str:
    """The path without codes and secrets that stand in it, such as that of a coupon."""
    path = request.path
    for name, value in (request.view_args or {}).items():
        if name == "code" or _SECRET_NAMES.search(name):
            path = path.replace(str(value), REDACTED)
    return path


def log_request(response: Response) -> None:
    """The access line. Of the query only the names are told: values may be e-mail addresses."""
    state = find_state()
    if state is None:
        return
    actor = state.identity.actor.key if state.identity is not None else "unknown"
    asset = (request.endpoint or "").endswith("static")
    (access_log.debug if asset else access_log.info)(
        "request",
        method=request.method,
        path=_told_path(),
        query=sorted(request.args.keys()),
        route=request.url_rule.rule if request.url_rule is not None else None,
        status=response.status_code,
        milliseconds=round((time.perf_counter() - state.started) * 1000, 1),
        bytes=response.content_length,
        actor=actor,
        client=request.remote_addr,
    )
