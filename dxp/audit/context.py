"""The id of the request being served, for entries that are recorded while it is."""

from __future__ import annotations

from contextvars import ContextVar

request_id: ContextVar[str | None] = ContextVar("dxp_request_id", default=None)
