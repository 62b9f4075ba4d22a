"""Errors that people see: each says what happened, why, and what to do.

A service raises a `Problem`; the web layer answers it as RFC 9457 problem+json, the admin as a
page or a toast, the command line as a message. Nothing below the web layer knows HTTP beyond
the status that a problem maps to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class DxpError(Exception):
    """Base of all errors that dxp raises on purpose."""


class ConfigurationError(DxpError):
    """A setting, a plugin or the set-up is wrong; the process refuses to start."""


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One fault in one place of the input.

    Exactly one of `pointer` (JSON pointer into the body) and `parameter` (name of a query or
    path parameter or header) says where.
    """

    code: str
    detail: str
    pointer: str | None = None
    parameter: str | None = None

    def as_dict(self) -> dict[str, str]:
        where = {"pointer": self.pointer, "parameter": self.parameter}
        return {k: v for k, v in where.items() if v is not None} | {
            "code": self.code,
            "detail": self.detail,
        }


class Problem(DxpError):
    """A refusal with a stable code. Subclasses fix the HTTP status.

    Args:
        detail: what happened, why, and what to do, in plain words.
        code: stable identifier, snake_case; defaults to the class's.
        errors: the faulty places of the input.
        headers: response headers that belong to the refusal, such as Retry-After.
        extra: further members of the problem document.
    """

    status = 500
    code = "internal_error"
    title = "Something went wrong"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or type(self).code
        self.errors = tuple(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})


class BadRequest(Problem):
    status, code, title = 400, "bad_request", "The request cannot be read"


class Unauthenticated(Problem):
    status, code, title = 401, "unauthenticated", "Who is asking is not known"


class Forbidden(Problem):
    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(Problem):
    status, code, title = 404, "not_found", "Not found"


class Conflict(Problem):
    status, code, title = 409, "conflict", "In conflict with the present state"


class PreconditionFailed(Problem):
    status, code, title = 412, "precondition_failed", "Somebody changed it meanwhile"


class TooLarge(Problem):
    status, code, title = 413, "too_large", "Too large"


class UnsupportedMediaType(Problem):
    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class Unprocessable(Problem):
    status, code, title = 422, "unprocessable", "The request is understood but refused"


class PreconditionRequired(Problem):
    status, code, title = 428, "precondition_required", "A precondition is missing"


class TooManyRequests(Problem):
    status, code, title = 429, "too_many_requests", "Too many requests"


class Unavailable(Problem):
    status, code, title = 503, "unavailable", "Not available at the moment"


class ServiceMissing(DxpError):
    """No enabled plugin provides a service that was asked for."""


def field_errors(
    messages: object, *, pointer: str = "", parameters: bool = False
) -> tuple[FieldError, ...]:
    """Flatten marshmallow's nested messages to one `FieldError` a fault.

    Args:
        messages: `ValidationError.messages`.
        pointer: JSON pointer of the value that was checked.
        parameters: name top-level keys as parameters instead of pointing into a body.
    """
    if isinstance(messages, Mapping):
        found: list[FieldError] = []
        for key, value in messages.items():
            here = pointer if key == "_schema" else f"{pointer}/{_escape(str(key))}"
            found.extend(field_errors(value, pointer=here, parameters=parameters))
        return tuple(found)
    if isinstance(messages, (list, tuple)):
        return tuple(
            error
            for item in messages
            for error in field_errors(item, pointer=pointer, parameters=parameters)
        )
    text = str(messages)
    code = _FIELD_CODES.get(text, "invalid")
    if parameters:
        return (FieldError(code=code, detail=text, parameter=pointer.lstrip("/").split("/")[0]),)
    return (FieldError(code=code, detail=text, pointer=pointer),)


_FIELD_CODES = {
    "Unknown field.": "unknown_field",
    "Missing data for required field.": "required",
    "Field may not be null.": "null",
}


def _escape(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")
