"""Demo data: banners and stories of a small shop, in English, French, Arabic and Persian."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from dxp.api import DemoContext, DemoReport, HealthCheck
from dxp_cms.demo_texts import ARTICLES, BANNERS
from dxp_cms.services import Cms

TEXT_FIELDS = {"article": "body"}


def demo(ctx: DemoContext) -> DemoReport | None:
    """Content in `prepare`, so that slots find it; in `check` whether it is live."""
    if ctx.stage == "prepare":
        made = _load(ctx)
        return DemoReport(loaded={"entries": made} if made else {})
    if ctx.stage == "check":
        return DemoReport(checks=[_check(ctx)])
    return None


def _load(ctx: DemoContext) -> int:
    cms = ctx.platform.services.get(Cms)
    made = 0
    for type_name, entries in (("article", ARTICLES), ("banner", BANNERS)):
        for slug, entry in entries.items():
            with ctx.platform.db.write() as session:
                made += _ensure(ctx, cms, session, type_name=type_name, slug=slug, entry=entry)
    return made


def _ensure(
    ctx: DemoContext,
    cms: Cms,
    session: Session,
    *,
    type_name: str,
    slug: str,
    entry: Mapping[str, Any],
) -> int:
    default = ctx.platform.settings.locale.default
    if cms.reader.by_slug(session, type_name, slug, locale=default) is not None:
        return 0
    available = ctx.platform.settings.locale.available
    locales = {
        locale: _fields(type_name, values) | {"slug": slug}
        for locale, values in entry["locales"].items()
        if locale in available
    }
    document = {"shared": entry.get("shared", {}), "locales": locales}
    saved = cms.drafts.create(session, ctx.actor, type_name=type_name, document=document)
    for locale in locales:
        cms.publishing.publish(session, ctx.actor, entry_id=saved.entry.id, locale=locale)
    return 1


def _fields(type_name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of one language; paragraphs become rich text."""
    rich = TEXT_FIELDS.get(type_name)
    return {name: _rich_text(value) if name == rich else value for name, value in values.items()}


def _rich_text(paragraphs: list[str]) -> dict[str, Any]:
    return {
        "type": "doc",
        "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": text}]}
            for text in paragraphs
        ],
    }


def _check(ctx: DemoContext) -> HealthCheck:
    cms = ctx.platform.services.get(Cms)
    wanted = {("article", slug) for slug in ARTICLES} | {("banner", slug) for slug in BANNERS}
    locales = [
        locale
        for locale in ("en", "fr", "ar", "fa")
        if locale in ctx.platform.settings.locale.available
    ]
    with ctx.platform.db.read() as session:
        live = sum(
            cms.reader.by_slug(session, type_name, slug, locale=locale) is not None
            for type_name, slug in wanted
            for locale in locales
        )
    total = len(wanted) * len(locales)
    return HealthCheck(
        name="content",
        ok=live == total,
        detail=f"{live} of {total} pages live, in {len(locales)} languages",
        advice="" if live == total else "load again: dxp demo --load",
    )
