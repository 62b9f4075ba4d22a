"""Idempotency-Key: a request that is sent twice acts once and is answered the same.

The answer is stored in the transaction of its effects, so either both are there or neither. A
refusal is an answer too: the view's changes are undone to a savepoint and the refusal is stored.
A fault (5xx) undoes everything and is not stored, so a retry runs again.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import orjson
from flask import Request, Response
from flask import request as flask_request
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from dxp.auth.actors import CustomerActor
from dxp.errors import BadRequest, Conflict, FieldError, Problem, Unprocessable
from dxp.jobs.types import Job, JobContext, Schedule
from dxp.privacy.erasure import Erasing
from dxp.sealing import seal, unseal
from dxp.web.call import Call
from dxp.web.models import IdempotencyKey
from dxp.web.problems import problem_response
from dxp.web.reading import read_bytes

if TYPE_CHECKING:
    from dxp.platform import Platform

HEADER = "Idempotency-Key"
_SEALING = "idempotency"
_SEALED = b"eyJ"  # how every compact JWE begins, and no JSON text
REPLAYED = "Idempotent-Replayed"
_FORM = re.compile(r"[\x21-\x7e]{1,255}\Z")
_KEPT_HEADERS = (
    "Content-Type",
    "Content-Language",
    "Cache-Control",
    "ETag",
    "Location",
    "Retry-After",
    "Vary",
)


@dataclass(frozen=True, kw_only=True)
class RequestKey:
    """The key that came with a request, and what the request was."""

    value: str
    fingerprint: str


def read_key(request: Request) -> RequestKey:
    """The key and the fingerprint of a request whose body was read, or refused, before.

    The order of JSON members does not matter.

    Raises:
        BadRequest: there is no key (`idempotency_key_missing`), or it is malformed.
    """
    value = request.headers.get(HEADER, "").strip()
    if not value:
        raise _bad(
            "idempotency_key_missing",
            f"The request was refused, because it has no {HEADER} and repeating it by accident "
            "must not act twice; send one, such as a random UUID, and the same when you retry",
        )
    if not _FORM.match(value):
        raise _bad(
            "idempotency_key_invalid",
            f"The request was refused, because its {HEADER} is longer than 255 characters or "
            "holds other than visible ASCII; send a random UUID",
        )
    # The body was read before, or refused; where none is taken, {} says as much as nothing.
    document = orjson.loads(read_bytes(request).strip() or b"{}")
    body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    query = request.query_string
    digest = hashlib.sha256(
        b"\n".join((request.method.encode(), request.path.encode(), query, body))
    )
    return RequestKey(value=value, fingerprint=digest.hexdigest())


def run_once(call: Call, key: RequestKey, run: Callable[[], Response]) -> Response:
    """Answer from the store, or run the view and store its answer with its effects.

    Raises:
        Conflict: the first request with this key still runs (`request_in_progress`).
        Unprocessable: the key came before with another request (`idempotency_key_reused`).
    """
    session, actor = call.session, call.actor.key
    _lock(session, actor, key.value)
    now = call.platform.clock.wall()
    stored = session.get(IdempotencyKey, (actor, key.value))
    if stored is not None and stored.expires_at > now:
        return _replay(call.platform, stored, key)
    if stored is not None:
        session.delete(stored)
        session.flush()
    try:
        with call.platform.db.savepoint(session):
            response = run()
    except Problem as problem:
        if problem.status >= 500:
            raise
        response = problem_response(problem)
    # Too many requests: a retry with the same key may well succeed later.
    if response.status_code < 500 and response.status_code != 429:
        hours = call.platform.settings.api.idempotency_hours
        session.add(
            IdempotencyKey(
                actor=actor,
                key=key.value,
                subject_id=_subject_of(call),
                fingerprint=key.fingerprint,
                status=response.status_code,
                headers={
                    name: response.headers[name]
                    for name in _KEPT_HEADERS
                    if name in response.headers
                },
                body=_sealed(call.platform, response.get_data()),
                created_at=now,
                expires_at=now + timedelta(hours=hours),
            )
        )
    return response


def _subject_of(call: Call) -> uuid.UUID | None:
    """The customer whom the answer tells of: who asks, or whom the address or the view names."""
    if call.about is not None:
        return call.about
    if isinstance(call.actor, CustomerActor):
        return call.actor.subject_id
    named = (flask_request.view_args or {}).get("subject_id")
    return named if isinstance(named, uuid.UUID) else None


def _sealed(platform: Platform, body: bytes) -> bytes:
    """Answers may hold what the database must not tell, such as a discount code."""
    return seal(platform.settings.secret(_SEALING), body).encode()


def _opened(platform: Platform, body: bytes) -> bytes:
    """The answer as it was; those of older versions were not sealed."""
    if not body.startswith(_SEALED):
        return body
    return unseal(platform.settings.secret(_SEALING), body.decode())


def _replay(platform: Platform, stored: IdempotencyKey, key: RequestKey) -> Response:
    if stored.fingerprint != key.fingerprint:
        raise Unprocessable(
            f"The request was refused, because its {HEADER} came before with another body or "
            "address; make a new key for each new request",
            code="idempotency_key_reused",
            errors=(
                FieldError(
                    code="idempotency_key_reused",
                    detail="Used for another request.",
                    parameter=HEADER,
                ),
            ),
        )
    response = Response(_opened(platform, stored.body), status=stored.status)
    del response.headers["Content-Type"]
    response.headers.update(stored.headers)
    response.headers[REPLAYED] = "true"
    return response


def _lock(session: Session, actor: str, key: str) -> None:
    """Hold the key until the transaction ends.

    SQLite has one writer at a time, which waits for the one before it; PostgreSQL runs them side
    by side, so the second is told to come again rather than kept waiting with a connection.
    """
    if session.get_bind().dialect.name != "postgresql":
        return
    digest = hashlib.sha256(f"idempotency\x00{actor}\x00{key}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    if not session.scalar(select(func.pg_try_advisory_xact_lock(number))):
        raise Conflict(
            f"The request was refused, because another with the same {HEADER} still runs; "
            "wait a second and send it again with the same key",
            code="request_in_progress",
            headers={"Retry-After": "1"},
        )


def _bad(code: str, detail: str) -> BadRequest:
    error = FieldError(code=code, detail=detail, parameter=HEADER)
    return BadRequest(detail, code=code, errors=(error,))


def forget_person(erasing: Erasing) -> None:
    """Delete the stored answers that tell of a person who is erased."""
    erasing.session.execute(
        delete(IdempotencyKey).where(IdempotencyKey.subject_id.in_(erasing.members))
    )


def forget_expired(ctx: JobContext) -> None:
    """Delete the stored answers whose time is over."""
    now = ctx.platform.clock.wall()
    ctx.session.execute(delete(IdempotencyKey).where(IdempotencyKey.expires_at <= now))


WEB_JOBS: tuple[Job | Schedule, ...] = (
    Job(name="core.forget_idempotency_keys", handler=forget_expired),
    Schedule(
        name="core.forget_idempotency_keys",
        cron="17 * * * *",
        job="core.forget_idempotency_keys",
    ),
)
