"""Strong validators: 304 for readers who have it, 412 for writers who are behind (RFC 9110)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from werkzeug.datastructures import ETags

from dxp.errors import PreconditionFailed, PreconditionRequired


def etag_of(*parts: object) -> str:
    """A validator made of what determines a representation, such as (id, version, locale).

    Returns:
        32 hexadecimal digits, without quotes.
    """
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def etag_of_bytes(body: bytes) -> str:
    """A validator of the bytes themselves."""
    return hashlib.sha256(body).hexdigest()[:32]


@dataclass(kw_only=True)
class Preconditions:
    """The conditional headers of one request.

    Attributes:
        checked: whether a view compared If-Match with the present version.
    """

    if_match: ETags = field(default_factory=ETags)
    if_none_match: ETags = field(default_factory=ETags)
    checked: bool = False

    def none_match(self, etag: str) -> bool:
        """Whether If-None-Match names `etag`, compared weakly as the RFC asks."""
        return self.if_none_match.contains_weak(etag)

    def require_match(self) -> None:
        """Raises:
        PreconditionRequired: there is no If-Match (`precondition_required`).
        """
        if not self.if_match and not self.if_match.star_tag:
            raise PreconditionRequired(
                "The change was not made, because the request does not say which version it "
                "began from; GET the resource and send its ETag as If-Match"
            )

    def match(self, etag: str) -> None:
        """Raises:
        PreconditionFailed: If-Match names another version than `etag`.
        """
        self.checked = True
        if not self.if_match.contains(etag):
            raise PreconditionFailed(
                "The change was not made, because the resource has changed since the version "
                "named by If-Match; GET it again, merge, and send the new ETag"
            )
