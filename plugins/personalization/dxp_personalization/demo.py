"""Demo data: the home page's hero, for strangers, for people with points, for a birthday."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from dxp.api import DemoContext, DemoReport, HealthCheck, NotFound, Platform, Problem
from dxp.contracts import PublishedContent
from dxp_personalization.services import Personalization

SLOT = "home.hero"
# Candidate -> (slug of a banner, what else is said of it).
CANDIDATES: dict[str, tuple[str, dict[str, Any]]] = {
    "welcome": ("welcome", {"fallback": True}),
    "member": (
        "member-week",
        {"condition": {"loyalty.points_available": {"$gte": 100}}, "priority": 10},
    ),
    "birthday": (
        "birthday-gift",
        {
            "condition": {"loyalty.has_birthday_gift": True},
            "priority": 20,
            "tags": ["birthday-gift"],
        },
    ),
}


def demo(ctx: DemoContext) -> DemoReport | None:
    """The slot after the content is there; then a check that it answers a stranger."""
    if ctx.stage == "load":
        return _load(ctx)
    if ctx.stage == "check":
        return DemoReport(checks=[_check(ctx.platform)])
    return None


def _load(ctx: DemoContext) -> DemoReport:
    service = ctx.platform.services.get(Personalization)
    content = ctx.platform.services.find(PublishedContent)
    locale = ctx.platform.settings.locale.default
    with ctx.platform.db.write() as session:
        try:
            service.slots.get(session, SLOT)
        except NotFound:
            service.slots.create(
                session, ctx.actor, {"key": SLOT, "title": "Home page, hero", "size": 1}
            )
        made = 0
        for key, (slug, data) in CANDIDATES.items():
            entry = None
            if content is not None:
                entry = content.by_slug(session, "banner", slug, locale=locale)
            if entry is None or _is_there(service, session, key):
                continue
            service.slots.put_candidate(
                session, ctx.actor, slot_key=SLOT, key=key, data={"content_id": entry.id, **data}
            )
            made += 1
    return DemoReport(loaded={"candidates of the home page": made} if made else {})


def _is_there(service: Personalization, session: Session, key: str) -> bool:
    slot = service.slots.get(session, SLOT)
    return any(candidate.key == key for candidate in service.slots.candidates(session, slot))


def _check(platform: Platform) -> HealthCheck:
    service = platform.services.get(Personalization)
    with platform.db.read() as session:
        try:
            answer = service.decisions.decide(
                session,
                subject_id=None,
                anonymous_id=None,
                slots=[{"key": SLOT}],
                context={},
                now=platform.clock.now(),
                log=False,
            )
        except Problem as error:
            return HealthCheck(
                name="home page", ok=False, detail=str(error), advice="dxp demo --load"
            )
    decision = answer["decisions"][0]
    shown = [item["candidate"] for item in decision["items"]]
    return HealthCheck(
        name="home page",
        ok=True,
        detail=f"a stranger sees {', '.join(shown) or 'nothing'} ({decision['source']})",
    )
