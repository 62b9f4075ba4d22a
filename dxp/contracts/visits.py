"""What visitors of a site do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from dxp.contracts.payload import EventPayload


@dataclass(frozen=True, kw_only=True)
class PageViewed(EventPayload):
    """A visitor looked at a page of a site.

    Attributes:
        path: of the page, without host and query, such as `/tea/green`.
        title: of the page, as the visitor saw it.
        referrer: host that the visitor came from, such as `search.example`.
    """

    type: ClassVar[str] = "page.viewed"
    path: str
    title: str | None = None
    referrer: str | None = None
