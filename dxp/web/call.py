"""What a view gets: everything about the request that is not its input."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from dxp.auth.actors import Actor
from dxp.web.etag import Preconditions

if TYPE_CHECKING:
    from dxp.platform import Platform


@dataclass(frozen=True, kw_only=True)
class PageRequest:
    """The part of a list that was asked for.

    Attributes:
        binding: text that a cursor is valid for: the route, its filters and its sort.
    """

    limit: int
    cursor: str | None
    count: bool
    binding: str


@dataclass(frozen=True, kw_only=True)
class Reply:
    """An answer with more to it than data. Make it with `call.reply`."""

    data: Any = None
    status: int | None = None
    etag: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class Call:
    """One request, as a view sees it.

    Attributes:
        actor: who asks; an `Actor` of kind `anonymous` on public routes.
        locale: negotiated from `locale=` and Accept-Language.
        now: domain time at which the request began.
        request_id: also in the response, the logs and the audit.
        page: the part of the list that was asked for, on paged routes.
        about: the customer whom the answer tells of, when neither the actor nor `subject_id` in
            the address is that one; a stored answer goes with them when they are erased.
    """

    def __init__(
        self,
        *,
        session: Session | None,
        actor: Actor,
        platform: Platform,
        locale: str,
        now: datetime,
        request_id: str,
        page: PageRequest | None = None,
        preconditions: Preconditions | None = None,
    ) -> None:
        self._session = session
        self.actor = actor
        self.platform = platform
        self.locale = locale
        self.now = now
        self.request_id = request_id
        self.page = page
        self.preconditions = preconditions or Preconditions()
        self.tags: list[str] = []
        self.about: uuid.UUID | None = None

    @property
    def session(self) -> Session:
        """Reads on GET, writes on other methods; the frame opens and commits it."""
        if self._session is None:
            raise RuntimeError(
                "this route is registered with transaction=False, so it has no session; "
                "open call.platform.db.read() or .write() where the view needs one"
            )
        return self._session

    def reply(
        self,
        data: Any = None,
        *,
        status: int | None = None,
        etag: str | None = None,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
    ) -> Reply:
        """An answer with a status, validator or headers of its own.

        Args:
            data: for the response schema.
            etag: strong validator without quotes; when the client already has it, 304 is
                answered and `data` is not dumped.
            raw: the finished body, sent as it is instead of `data`.
        """
        return Reply(data=data, status=status, etag=etag, headers=dict(headers or {}), raw=raw)

    def has_current(self, etag: str) -> bool:
        """Whether the client already holds the representation with this validator.

        Ask before doing the work of making it; reply with the same `etag` and no data.
        """
        return self.preconditions.none_match(etag)

    def check_match(self, etag: str) -> None:
        """Refuse a write that began from another version than `etag`, the present one.

        Raises:
            PreconditionFailed: If-Match names another version (`precondition_failed`).
        """
        self.preconditions.match(etag)

    def cache_tags(self, *tags: str) -> None:
        """Name what the answer shows, so that a CDN can drop it when one of these changes."""
        self.tags.extend(tag for tag in tags if tag not in self.tags)
