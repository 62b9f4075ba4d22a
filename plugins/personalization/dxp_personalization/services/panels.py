"""What the plugin shows on pages of others."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from sqlalchemy import or_, select

from dxp.api import SearchContext, SearchDocument
from dxp.api import gettext as _
from dxp_personalization.models import Slot
from dxp_personalization.permissions import READ


def search_documents(ctx: SearchContext) -> Sequence[SearchDocument]:
    """Slots whose key or title holds the text."""
    if not ctx.actor.may(READ) or not ctx.text.strip():
        return ()
    text = ctx.text.strip()
    rows = ctx.session.execute(
        select(Slot.key, Slot.title)
        .where(
            or_(
                Slot.key.icontains(text, autoescape=True),
                Slot.title.icontains(text, autoescape=True),
            )
        )
        .order_by(Slot.key)
        .limit(ctx.limit)
    )
    return [
        SearchDocument(
            title=row.title,
            subtitle=row.key,
            url=f"/admin/personalization/slots/{quote(row.key)}",
            kind=_("Slot"),
            icon="bullseye",
        )
        for row in rows
    ]
