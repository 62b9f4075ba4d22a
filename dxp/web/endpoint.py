"""The declaration of one operation of the API: what it takes, answers and may refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from marshmallow import Schema

from dxp.errors import ConfigurationError
from dxp.web.access import Access
from dxp.web.frame import SAFE_METHODS, Mode
from dxp.web.problem_codes import ProblemCode, ProblemCodes

SchemaLike = type[Schema] | Schema
Transaction = bool | Literal["read", "write"]


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Made by `ApiBlueprint.endpoint`, whose arguments these are."""

    name: str
    method: str
    rule: str
    summary: str
    access: Access
    body: SchemaLike | None = None
    query: SchemaLike | None = None
    response: SchemaLike | None = None
    status: int = 200
    also: tuple[int, ...] = ()
    idempotent: bool = False
    paged: bool = False
    etag: bool = False
    transaction: Transaction = True
    private: bool | None = None
    problems: tuple[str | ProblemCode, ...] = ()
    description: str | None = None
    content_type: str = "application/json"

    def __post_init__(self) -> None:
        if self.safe and self.body is not None:
            raise self._wrong("takes a body, which GET may not; use query= instead")
        if self.safe and self.idempotent:
            raise self._wrong("is idempotent by its method; drop idempotent=True")
        if self.safe and self.transaction == "write":
            raise self._wrong("asks to write, which a safe method may not; use POST")
        if self.idempotent and self.mode != "write":
            raise self._wrong(
                "stores its response with its effects, which takes a transaction; "
                "drop transaction= or idempotent=True"
            )
        if self.paged and self.method != "GET":
            raise self._wrong("is paged, which only GET can be; drop paged=True")

    def _wrong(self, what: str) -> ConfigurationError:
        return ConfigurationError(f"{self.method} {self.rule} ({self.name}) {what}")

    @property
    def safe(self) -> bool:
        return self.method in SAFE_METHODS

    @property
    def mode(self) -> Mode:
        """The session that the view gets."""
        if self.transaction is False:
            return "none"
        if self.transaction is True:
            return "read" if self.safe else "write"
        return self.transaction

    @property
    def guards_versions(self) -> bool:
        """Whether a write must say which version it began from."""
        return self.etag and not self.safe

    def cache_control(self, method: str) -> str:
        """What caches may do by default with a successful answer."""
        if method not in SAFE_METHODS:
            return "no-store"
        private = self.access.customers if self.private is None else self.private
        if private:
            return "private, no-store"
        if not self.etag:
            return "no-store"
        return "public, no-cache" if self.private is False else "private, no-cache"

    def codes(self, known: ProblemCodes) -> dict[int, list[ProblemCode]]:
        """The problems that may be answered, by status."""
        names: list[str] = ["bad_request", "invalid_parameter", "too_many_requests"]
        names += ["internal_error", "unavailable", "unauthenticated", "unknown_credential"]
        names += ["key_unknown", "key_expired", "key_revoked"]
        names += ["token_invalid", "token_expired", "token_revoked", "body_too_large"]
        if not self.access.public:
            names += ["forbidden", "missing_scope", "missing_permission", "origin_not_allowed"]
        if not self.safe:
            names += ["csrf_failed"]
        if "<" in self.rule:
            names += ["not_found"]
        if self.paged:
            names += ["invalid_cursor"]
        if self.body is not None:
            names += ["malformed_json", "json_too_deep", "number_out_of_range"]
            names += ["duplicate_member"]
            names += ["unsupported_media_type", "invalid_body"]
        elif not self.safe:
            names += ["unexpected_body"]
        if self.guards_versions:
            names += ["precondition_failed", "precondition_required"]
        if self.idempotent:
            names += ["idempotency_key_missing", "idempotency_key_invalid"]
            names += ["idempotency_key_reused", "request_in_progress"]
        names += [item if isinstance(item, str) else item.code for item in self.problems]
        found: dict[int, list[ProblemCode]] = {}
        for name in dict.fromkeys(names):
            code = known.find(name)
            if code is None:
                raise self._wrong(
                    f"may answer the problem {name!r}, which nobody declared; give "
                    "problems= or ApiBlueprint(codes=…) a ProblemCode with its status, title, "
                    "explanation and remedy"
                )
            found.setdefault(code.status, []).append(code)
        return dict(sorted(found.items()))
