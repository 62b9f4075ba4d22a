"""What content shows elsewhere in the admin: the dashboard's panel, and hits of the palette."""

from __future__ import annotations

from collections.abc import Sequence

from flask import url_for

from dxp.api import Fragment, FragmentContext, SearchContext, SearchDocument, gettext
from dxp_cms.permissions import ENTRIES_READ
from dxp_cms.services.listing import Wanted, newest
from dxp_cms.web.admin.languages import chosen_language
from dxp_cms.web.admin.pages import rows_of

MAX_ROWS = 6
MAX_TEXT = 200


def fragments_for(ctx: FragmentContext) -> Sequence[Fragment]:
    """On the dashboard: what was written or published last."""
    if ctx.slot != "admin.dashboard" or not ctx.actor.may(ENTRIES_READ):
        return ()
    found = newest(ctx.session, Wanted(), limit=MAX_ROWS)
    return (
        Fragment(
            key="cms.recent",
            title=gettext("Content changed last"),
            template="cms/_panel.html",
            values={"rows": rows_of(ctx, found, locale=chosen_language(ctx, None))},
            permission=ENTRIES_READ,
            order=20,
        ),
    )


def hits_for(ctx: SearchContext) -> Sequence[SearchDocument]:
    """Entries by title, found whatever the spelling of Arabic and Persian letters."""
    if not ctx.actor.may(ENTRIES_READ):
        return ()
    found = newest(ctx.session, Wanted(text=ctx.text[:MAX_TEXT]), limit=ctx.limit)
    return [
        SearchDocument(
            title=row["title"],
            url=url_for("cms.edit", entry_id=row["entry"].id),
            kind=gettext("Content"),
            subtitle=str(row["type"]),
            icon="file-earmark-text",
        )
        for row in rows_of(ctx, found, locale=chosen_language(ctx, None))
    ]
