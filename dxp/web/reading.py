"""Reading a request's input: path, query, body. What does not fit is refused by name."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import orjson
from flask import Request, request
from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from dxp.errors import (
    BadRequest,
    FieldError,
    NotFound,
    Problem,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
    field_errors,
)
from dxp.web.sanity import INT64, check_document, check_loaded, check_members

if TYPE_CHECKING:
    from dxp.settings import Settings

PAGE_PARAMETERS = ("limit", "cursor", "count")
LOCALE_PARAMETER = "locale"
TRUTH = {"true": True, "1": True, "false": False, "0": False}


class FilterFamily(fields.String):
    """Query parameters that share a beginning, loaded as one dict by what follows it.

    `FilterFamily("field")` takes `filter[field.size]=42&filter[field.color]=red` and loads
    `{"size": "42", "color": "red"}`, for filters that are known only when the request comes.

    Args:
        name: what stands before the point.
    """

    def __init__(self, name: str, *, description: str) -> None:
        super().__init__(
            data_key=f"filter[{name}.*]",
            load_default=dict,
            metadata={"description": description},
        )
        self._beginning = f"filter[{name}."

    def key_of(self, parameter: str) -> str | None:
        """What follows the beginning in a parameter's name; None when it is not of the family."""
        if not (parameter.startswith(self._beginning) and parameter.endswith("]")):
            return None
        return parameter.removeprefix(self._beginning)[:-1]


class _Parser(FlaskParser):
    """webargs with our JSON reader, and our problems instead of its aborts."""

    def load_json(self, req: Request, schema: Schema) -> Any:
        return read_json(req)

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        assert isinstance(error.messages, dict)
        ((location, messages),) = error.messages.items()
        raise refuse(location, field_errors(messages, parameters=location == "query")) from error


_parser = _Parser()


def refuse(location: str, errors: Iterable[FieldError]) -> Problem:
    """The problem for faults found in the `query` (400) or in the `json` body (422)."""
    found = tuple(errors)
    if location == "query":
        names = ", ".join(dict.fromkeys(repr(error.parameter) for error in found))
        return BadRequest(
            f"The query was refused, because of the parameter {names}: "
            f"{' '.join(error.detail for error in found)} Correct it and ask again.",
            code="invalid_parameter",
            errors=found,
        )
    count = "a value does" if len(found) == 1 else f"{len(found)} values do"
    return Unprocessable(
        f"The body was refused, because {count} not fit; "
        "mend what `errors` points at and send it again",
        code="invalid_body",
        errors=found,
    )


def read_body(schema: Schema) -> Any:
    """The body as `schema` loads it.

    Raises:
        Problem: 400, 413, 415 or 422, by what is wrong with it.
    """
    loaded = _parser.parse(schema, request, location="json", unknown=RAISE)
    faults = [
        FieldError(code=code, detail=detail, pointer=pointer)
        for pointer, code, detail in check_loaded(loaded)
    ]
    if faults:
        raise refuse("json", faults)
    return loaded


def refuse_body(req: Request) -> None:
    """Refuse a body where none is taken; what a client sends would be ignored without a word.

    An empty object passes, because many clients cannot send nothing.

    Raises:
        BadRequest: there is something in it (`unexpected_body`).
        TooLarge: over the limit.
    """
    body = read_bytes(req).strip()
    if body and re.fullmatch(rb"\{\s*\}", body) is None:
        raise BadRequest(
            "The request was refused, because it has a body and this takes none, so what it says "
            "would not be done; leave the body out, or send {}",
            code="unexpected_body",
        )


def read_json(req: Request) -> Any:
    """The body as plain JSON, checked for what no store can hold."""
    if req.mimetype != "application/json" and not req.mimetype.endswith("+json"):
        sent = repr(req.mimetype) if req.mimetype else "none"
        raise UnsupportedMediaType(
            f"The body was not read, because its Content-Type is {sent}; "
            "send JSON with `Content-Type: application/json`",
            headers={"Accept": "application/json"},
        )
    charset = req.mimetype_params.get("charset", "utf-8")
    encoding = req.headers.get("Content-Encoding", "identity")
    if charset.lower().replace("_", "-") not in ("utf-8", "utf8") or encoding != "identity":
        raise UnsupportedMediaType(
            "The body was not read, because it is compressed or not in UTF-8; "
            "send plain UTF-8 without Content-Encoding",
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
        )
    body = read_bytes(req)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _malformed(body, error) from error
    errors = check_document(document)
    if errors:
        raise refuse("json", errors)
    check_members(body, document)
    return document


def _malformed(body: bytes, error: orjson.JSONDecodeError) -> BadRequest:
    if not body.strip():
        return BadRequest(
            "The body was not read, because it is empty; send a JSON object",
            code="malformed_json",
        )
    return BadRequest(
        f"The body is no valid JSON: {error.msg} at line {error.lineno}, column {error.colno}; "
        "correct it there and send it again",
        code="malformed_json",
        extra={"position": {"line": error.lineno, "column": error.colno, "offset": error.pos}},
    )


def read_bytes(req: Request) -> bytes:
    """The body, whole.

    Raises:
        TooLarge: over the limit. Werkzeug cuts a body of unknown length off there without a
            word, so one that fills the limit counts as over it.
    """
    body = req.get_data(cache=True)
    limit = req.max_content_length
    if req.content_length is None and limit is not None and len(body) >= limit:
        raise too_large(limit)
    return body


def check_size(req: Request) -> None:
    """Refuse a body over the limit before anything reads it.

    Raises:
        TooLarge: over `api.max_body_bytes`, or what the view allowed instead.
    """
    limit = req.max_content_length
    if limit is not None and (req.content_length or 0) > limit:
        raise too_large(limit)


def too_large(limit: int | None) -> TooLarge:
    """The refusal of a body over `limit` bytes."""
    bound = f"more than {limit} bytes" if limit is not None else "more than this server takes"
    return TooLarge(
        f"The body was not read, because it holds {bound}; send less at once, "
        "or raise api.max_body_bytes in the settings",
        code="body_too_large",
    )


@dataclass(frozen=True, kw_only=True)
class PageParameters:
    """`limit`, `cursor` and `count` as they were sent, checked."""

    limit: int
    cursor: str | None
    count: bool


def read_query(schema: Schema | None, *, paged: bool) -> dict[str, Any]:
    """The query as `schema` loads it, without the parameters that the frame itself reads.

    Raises:
        BadRequest: a parameter is unknown, misspelt or does not fit (`invalid_parameter`).
    """
    own = {LOCALE_PARAMETER, *(PAGE_PARAMETERS if paged else ())}
    names = {} if schema is None else _parameter_names(schema)
    families = _read_families(schema)
    alone = [name for name in request.args if not any(name in f.sent for f in families)]
    _refuse_unknown(alone, own | names.keys())
    nul = [name for name, value in request.args.items(multi=True) if "\x00" in value]
    if nul:
        raise refuse(
            "query",
            [
                FieldError(code="nul_character", detail="Holds a NUL character.", parameter=name)
                for name in nul
            ],
        )
    if schema is None:
        return {}
    loaded: dict[str, Any] = _parser.parse(schema, request, location="query", unknown=EXCLUDE)
    faults = [
        FieldError(code=code, detail=detail, parameter=_public_name(names, pointer))
        for pointer, code, detail in check_loaded(loaded)
    ]
    if faults:
        raise refuse("query", faults)
    return loaded | {family.attribute: family.values for family in families}


@dataclass(frozen=True, kw_only=True)
class _Family:
    """The parameters of one `FilterFamily` that were sent."""

    attribute: str
    sent: frozenset[str]
    values: Mapping[str, str]


def _read_families(schema: Schema | None) -> list[_Family]:
    found = []
    for attribute, field in schema.load_fields.items() if schema is not None else ():
        if isinstance(field, FilterFamily):
            keys = {name: field.key_of(name) for name in request.args}
            keyed = {name: key for name, key in keys.items() if key is not None}
            found.append(
                _Family(
                    attribute=attribute,
                    sent=frozenset(keyed),
                    values={key: request.args[name] for name, key in keyed.items()},
                )
            )
    return found


def read_page(settings: Settings) -> PageParameters:
    """The frame's own parameters of a paged list."""
    limits = settings.api
    text = request.args.get("limit")
    limit = limits.default_page_size
    if text is not None:
        limit = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        if not 1 <= limit <= limits.max_page_size:
            raise _bad_parameter(
                "limit", "out_of_range", f"Must be a number from 1 to {limits.max_page_size}."
            )
    count = request.args.get("count", "false")
    if count not in TRUTH:
        raise _bad_parameter("count", "invalid", "Must be true or false.")
    return PageParameters(limit=limit, cursor=request.args.get("cursor"), count=TRUTH[count])


def check_locale(settings: Settings) -> None:
    """Refuse a `locale=` that the platform does not have."""
    asked = request.args.get(LOCALE_PARAMETER)
    if asked is not None and asked not in settings.locale.available:
        known = ", ".join(settings.locale.available)
        raise _bad_parameter(LOCALE_PARAMETER, "unknown_locale", f"Must be one of {known}.")


def check_path(view_args: Mapping[str, Any]) -> None:
    """Refuse path parameters that cannot name anything that is stored.

    Raises:
        NotFound: a NUL character, or a number beyond 64 bits.
    """
    for value in view_args.values():
        beyond = isinstance(value, int) and value not in INT64
        if beyond or (isinstance(value, str) and "\x00" in value):
            raise not_found()


def not_found() -> NotFound:
    """The refusal of an address that leads nowhere."""
    return NotFound(
        "There is nothing at this address, because it or what it names does not exist; "
        "check it against /api/docs"
    )


def parse_uuid(text: str) -> uuid.UUID:
    """An id from a path.

    Raises:
        NotFound: it is no UUID, so nothing has it.
    """
    try:
        return uuid.UUID(text)
    except ValueError:
        raise not_found() from None


def _parameter_names(schema: Schema) -> dict[str, str]:
    """Attribute by public name, of the fields that are read."""
    return {
        field.data_key if field.data_key is not None else name: name
        for name, field in schema.load_fields.items()
    }


def _public_name(names: Mapping[str, str], pointer: str) -> str:
    attribute = pointer.strip("/").split("/")[0]
    return next((public for public, name in names.items() if name == attribute), attribute)


def _refuse_unknown(given: Iterable[str], known: Iterable[str]) -> None:
    allowed = sorted(known)
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise refuse("query", [_unknown_parameter(name, allowed) for name in unknown])


def _unknown_parameter(name: str, allowed: list[str]) -> FieldError:
    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(allowed)}."
    return FieldError(code="unknown_parameter", detail=f"Unknown parameter; {hint}", parameter=name)


def _bad_parameter(name: str, code: str, detail: str) -> Problem:
    return refuse("query", [FieldError(code=code, detail=detail, parameter=name)])
